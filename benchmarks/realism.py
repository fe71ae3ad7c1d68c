"""Prints how much the generated sample resembles real shops: `python -m benchmarks.realism [--days N] ADDRESS...`

Each address is a lake with silver tables, or a folder with the public Instacart release. Products count by family. Gaps that a
source caps, as Instacart does, count as the least that they can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import click
import narwhals as nw
import numpy as np
import polars as pl

from benchmarks.recency_segments import daily_change
from cis_assets.catalog import silver
from cis_assets.catalog.product_families import product_family
from cis_assets.dates import day_number
from cis_assets.lake.lake import Lake
from cis_assets.sources.instacart.source import InstacartSource
from cis_assets.sources.sample import SampleOptions, SampleSource
from cis_assets.sources.source import LandingSource

_END = date(2025, 10, 31)
_NEARNESS = 0.20
# Customers with fewer orders show no habits.
_FEWEST_GAPS, _FEWEST_ORDERS = 5, 10
# A product is a habit of half of a history if so many of its orders have it.
_FEWEST_PURCHASES = 3
_ORDER = ["customer_id", "day_number", "order_of_day"]


def read_lake(uri: str) -> pl.DataFrame:
    """The lines of a lake: customer_id, day_number, order_hour, order_of_day, family; one per order and family."""
    lake = Lake(uri)
    items = lake.scan(silver.ORDER_ITEMS).select(*_ORDER, "order_hour", "product_id")
    return _by_family(items, lake.scan(silver.PRODUCTS))


def read_source(source: LandingSource) -> pl.DataFrame:
    """The lines that a source of landing files would land, as `read_lake` gives them."""
    snapshots, days = source.snapshots(), list(source.days())
    orders = pl.concat(day.orders.with_columns(day_number=pl.lit(day_number(day.order_date))) for day in days)
    place = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("customer_id", "day_number")
    items = pl.concat(day.order_items.select("order_id", "product_id") for day in days)
    lines = items.join(orders.with_columns(order_of_day=place), on="order_id").lazy()
    products = snapshots["products"].join(snapshots["aisles"], on="aisle_id")
    return _by_family(lines, products.lazy().with_columns(display_name=pl.lit(None, pl.String)))


def _by_family(lines: pl.LazyFrame, products: pl.LazyFrame) -> pl.DataFrame:
    families = nw.from_native(products).select("product_id", family=product_family()).to_native()
    kept = lines.join(families.cast({"family": pl.Categorical}), on="product_id").select(
        *_ORDER, "order_hour", "family"
    )
    return kept.unique().sort(*_ORDER, "family").collect()


def figures(lines: pl.DataFrame) -> dict[str, float]:
    """The figures of a shop by name; every one of them is a number that `python -m benchmarks.realism` compares."""
    orders = lines.group_by(_ORDER).agg(pl.col("order_hour").first(), basket=pl.len()).sort(_ORDER)
    gap = pl.col("day_number").diff().over("customer_id")
    orders = orders.with_columns(
        gap=gap, place=pl.int_range(pl.len()).over("customer_id"), n=pl.len().over("customer_id")
    )
    lines = lines.join(orders.select(*_ORDER, "place", "n"), on=_ORDER)
    return {
        "customers": orders["customer_id"].n_unique(),
        "orders per customer": orders["customer_id"].value_counts()["count"].median(),
        **_gaps(orders),
        "basket, median": orders["basket"].median(),
        "basket, variation within a customer": _variation_within_customer(orders, "basket"),
        "orders in the customer's own hour": _share_in_own_hour(orders),
        "reorder share": 1 - lines.select("customer_id", "family").unique().height / lines.height,
        **_turnover(lines),
        "precision of personal frequency at 1": _precision_of_frequency(lines),
        "daily change of segments with recency": daily_change(lines),
    }  # pyright: ignore[reportReturnType]


def _gaps(orders: pl.DataFrame) -> dict[str, float]:
    gaps = orders["gap"].drop_nulls().to_numpy()
    median, upper, most = np.quantile(gaps, [0.5, 0.75, 0.9], method="nearest").tolist()
    return {
        "gap in days, median": median,
        "gap, 75th percentile / median": upper / median,
        "gap, 90th percentile / median": most / median,
        "gap, variation within a customer": _variation_within_customer(orders, "gap"),
    }


def _variation_within_customer(orders: pl.DataFrame, name: str) -> float:
    """The median coefficient of variation of customers."""
    known = (
        orders.filter(pl.col("n") > _FEWEST_GAPS).group_by("customer_id").agg(pl.col(name).std() / pl.col(name).mean())
    )
    return known[name].median()  # pyright: ignore[reportReturnType]


def _share_in_own_hour(orders: pl.DataFrame) -> float:
    hours = orders.filter(pl.col("n") >= _FEWEST_ORDERS).group_by("customer_id", "order_hour").len()
    return hours.group_by("customer_id").agg(pl.col("len").max() / pl.col("len").sum())["len"].mean()  # pyright: ignore


def _turnover(lines: pl.DataFrame) -> dict[str, float]:
    """Of the products bought often in one half of a customer's orders, the share that the other half lacks."""
    known = lines.filter(pl.col("n") >= _FEWEST_ORDERS)
    halves = known.group_by("customer_id", "family").agg(
        first=(pl.col("place") < pl.col("n") // 2).sum(), second=(pl.col("place") >= pl.col("n") // 2).sum()
    )
    given_up = halves.filter(pl.col("first") >= _FEWEST_PURCHASES)["second"] == 0
    taken_up = halves.filter(pl.col("second") >= _FEWEST_PURCHASES)["first"] == 0
    return {"products given up": given_up.mean(), "products taken up": taken_up.mean()}  # pyright: ignore


def _precision_of_frequency(lines: pl.DataFrame) -> float:
    """The share of customers whose last basket has the product of most of their earlier orders (ties: the latest)."""
    known = lines.filter(pl.col("n") >= _FEWEST_GAPS)
    earlier, last = known.filter(pl.col("place") < pl.col("n") - 1), known.filter(pl.col("place") == pl.col("n") - 1)
    counts = earlier.group_by("customer_id", "family").agg(
        pl.len(), pl.col("place").max(), pl.col("family").cast(pl.String).first().alias("name")
    )
    guess = counts.sort("len", "place", "name", descending=[True, True, False]).unique(
        "customer_id", keep="first", maintain_order=True
    )
    hits = guess.join(last, on=["customer_id", "family"], how="semi").height
    return hits / guess.height


def lies_between(value: float, real: list[float]) -> bool:
    """Whether a value is between the real ones, or within 20% of the nearer."""
    return min(real) * (1 - _NEARNESS) <= value <= max(real) * (1 + _NEARNESS)


def print_table(shops: Mapping[str, Mapping[str, float]]) -> None:
    """Print a line per figure and a column per shop; the first shop is the sample, which is compared to the others."""
    click.echo(f"{'':40}" + "".join(f"{name:>16}" for name in shops))
    sample, *real = shops.values()
    for name, value in sample.items():
        others = [shop[name] for shop in real]
        misses = name not in ("customers", "orders per customer") and real and not lies_between(value, others)
        click.echo(
            f"{name:40}" + "".join(f"{each:16.3g}" for each in (value, *others)) + ("  misses" if misses else "")
        )


@click.command()
@click.argument("addresses", nargs=-1)
@click.option("--customers", default=2000, show_default=True)
@click.option("--days", default=365, show_default=True, help="Order dates of the sample.")
def main(addresses: tuple[str, ...], customers: int, days: int) -> None:
    """Compare the sample with the shops at ADDRESSES."""
    shops = {"sample": figures(read_source(SampleSource(SampleOptions(end=_END, customers=customers, days=days))))}
    for address in addresses:
        is_release = (Path(address) / "orders.csv").is_file()
        lines = read_source(InstacartSource(Path(address), _END)) if is_release else read_lake(address)
        shops["Instacart" if is_release else Path(address).name] = figures(lines)
    print_table(shops)


if __name__ == "__main__":
    main()
