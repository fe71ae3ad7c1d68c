"""The public release "The Instacart Online Grocery Shopping Dataset 2017" as dated landing files.

The release has no calendar dates: it says for each order of a customer the weekday (0-6), the hour and the days
since the order before, capped at 30. Dates are made from that; two things must be assumed and can be set:

- Which weekday 0 is. The release does not say; volume peaks on 0 and 1, so Saturday is taken by default.
- When a customer ordered last. Each customer's last landed order is placed in the four weeks that end with `end`, on
  the weekday the release gives, in a week chosen by the customer's id.

A gap under 30 days is exact. A gap of 30 stands for 30 or more, and becomes the smallest number of days from 30 on that
leads to the order's weekday. Orders of the `test` set have no lines; they are counted and left out. The release
says nothing of consent, prices, time zones or offers: consent is landed as given, the others are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

from cis_assets.landing import contract
from cis_assets.landing.source import LandedDay
from cis_assets.partitions import EPOCH, day_number

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_GAP_CAP = 30
_WEEKS_OF_LAST_ORDERS = 4
# Epoch day 0 was a Thursday.
_EPOCH_WEEKDAY = EPOCH.weekday()

# Copies of the release circulate with these other names for its columns.
_ALIASES = {
    "customer_id": "user_id",
    "order_day_of_week": "order_dow",
    "day_of_week": "order_dow",
    "order_hour": "order_hour_of_day",
    "hour_of_day": "order_hour_of_day",
    "days_since_prior": "days_since_prior_order",
    "days_since_last_order": "days_since_prior_order",
    "cart_order": "add_to_cart_order",
    "name": "product_name",
}


class InstacartError(ValueError):
    """The folder does not hold the release as expected; the message names the file."""


@dataclass(frozen=True)
class InstacartOptions:
    """Where the release's CSV files are, the day its story ends, and the weekday that its `order_dow` 0 stands for."""

    source: Path
    end: date
    weekday_zero: str = "saturday"

    def __post_init__(self) -> None:
        if self.weekday_zero not in WEEKDAYS:
            raise InstacartError(f"Weekday {self.weekday_zero!r} is none of {', '.join(WEEKDAYS)}.")
        if not self.source.is_dir():
            raise InstacartError(f"{self.source} is no folder: give the one that holds orders.csv of the release.")


class InstacartSource:
    """Reads the release and yields landing frames, one order date at a time."""

    def __init__(self, options: InstacartOptions) -> None:
        self._options = options

    def snapshots(self) -> Mapping[str, pl.DataFrame]:
        products = self._read("products", ["product_id", "product_name", "aisle_id", "department_id"])
        return {
            "products": products.with_columns(
                # The release writes a quote inside a name as \"", which leaves the backslash behind.
                pl.col("product_name").str.replace_all('\\"', '"', literal=True).str.strip_chars(),
                *(pl.col(name).cast(pl.Int64) for name in ("product_id", "aisle_id", "department_id")),
            ).collect(),
            "aisles": self._read("aisles", ["aisle_id", "aisle"]).cast({"aisle_id": pl.Int64}).collect(),
            "departments": self._read("departments", ["department_id", "department"]).cast({"department_id": pl.Int64}).collect(),
            "customers": self.dated_orders.select("customer_id").unique().sort("customer_id").select(
                "customer_id", push_consent=pl.lit(True), time_zone=pl.lit(None, pl.String)
            ),
            "offers": pl.DataFrame(schema=contract.OFFERS.columns),
        }

    def days(self) -> Iterator[LandedDay]:
        orders = self.dated_orders
        order_columns, item_columns = list(contract.ORDERS.columns), ["order_id", "product_id", "add_to_cart_order"]
        items = self._dated_items()
        orders_by_day = orders.partition_by("order_date", as_dict=True, maintain_order=True)
        lines_by_day = items.group_by("order_date", maintain_order=True).len()
        starts = {day: (start, length) for day, start, length in zip(
            lines_by_day["order_date"], lines_by_day["len"].cum_sum() - lines_by_day["len"], lines_by_day["len"], strict=True
        )}
        for (day,), its_orders in sorted(orders_by_day.items()):
            start, length = starts.get(day, (0, 0))
            yield LandedDay(day, its_orders.select(order_columns), items.slice(start, length).select(item_columns))

    @property
    def day_count(self) -> int:
        return self.dated_orders["order_date"].n_unique()

    @cached_property
    def test_orders(self) -> int:
        """Orders of the `test` set, which have no lines and are left out."""
        return self._orders.filter(pl.col("eval_set") == "test").height

    @cached_property
    def dated_orders(self) -> pl.DataFrame:
        """Orders with lines: order_id, customer_id, order_hour, order_date, order_number, order_dow.

        Sorted by date, customer and order number, so that orders of one customer and hour land in their order.
        """
        return place_orders(self._orders, self._options.end, self._options.weekday_zero)

    @cached_property
    def _orders(self) -> pl.DataFrame:
        columns = ["order_id", "user_id", "eval_set", "order_number", "order_dow", "order_hour_of_day", "days_since_prior_order"]
        orders = self._read("orders", columns).with_columns(
            pl.col("order_id", "user_id").cast(pl.Int64),
            pl.col("order_number", "order_dow", "order_hour_of_day").cast(pl.Int32),
            # Written as 15.0 in the release.
            pl.col("days_since_prior_order").cast(pl.Float64).cast(pl.Int32),
        )
        try:
            return orders.collect()
        except pl.exceptions.InvalidOperationError as error:
            raise InstacartError(f"{self._options.source / 'orders.csv'} holds a value of the wrong type: {str(error).splitlines()[0]}") from None

    def _dated_items(self) -> pl.DataFrame:
        """All lines as order_date, order_id, product_id, add_to_cart_order, sorted by date, order, position."""
        columns = ["order_id", "product_id", "add_to_cart_order"]
        lines = pl.concat([self._read(f"order_products__{part}", columns) for part in ("prior", "train")])
        dates = self.dated_orders.lazy().select("order_id", "order_date")
        # Small integers: at the release's full size there are 33 million lines.
        small = lines.select(pl.col("order_id").cast(pl.Int64), pl.col("product_id", "add_to_cart_order").cast(pl.Int32))
        return small.join(dates, on="order_id").collect(engine="streaming").sort("order_date", "order_id", "add_to_cart_order")

    def _read(self, name: str, columns: list[str]) -> pl.LazyFrame:
        """The named columns of a file of the release, as text; `NULL` and empty are missing."""
        path = next((path for ending in ("csv", "csv.gz") if (path := self._options.source / f"{name}.{ending}").is_file()), None)
        if path is None:
            raise InstacartError(f"{self._options.source} has no {name}.csv, which the release has.")
        scan = pl.scan_csv(path, infer_schema=False, null_values=["", "NULL"], glob=False)
        header = scan.collect_schema().names()
        renamed = {found: _ALIASES.get(found.strip().lower(), found.strip().lower()) for found in header}
        missing = [column for column in columns if column not in renamed.values()]
        if missing:
            raise InstacartError(f"{path} has no column {' and no column '.join(missing)}; its header is {','.join(header)}.")
        return scan.rename(renamed).select(columns)


def place_orders(orders: pl.DataFrame, end: date, weekday_zero: str) -> pl.DataFrame:
    """Give the release's orders calendar dates; `test` orders are left out.

    `orders` has order_id, user_id, eval_set, order_number, order_dow (0-6), order_hour_of_day and
    days_since_prior_order (null for a first order, capped at 30). Returns order_id, customer_id, order_hour, order_date,
    order_number, order_dow, sorted by date, customer and order number.
    """
    placed = orders.filter(pl.col("eval_set") != "test").sort("user_id", "order_number")
    dow, gap = pl.col("order_dow"), pl.col("days_since_prior_order")
    step = (dow - dow.shift(1).over("user_id")) % 7
    beyond_cap = _GAP_CAP + (step - _GAP_CAP) % 7
    placed = placed.with_columns(
        day=pl.when(gap >= _GAP_CAP).then(beyond_cap).otherwise(gap).fill_null(0).cum_sum().over("user_id")
    )
    weekday_of_zero = WEEKDAYS.index(weekday_zero)
    # The last order's weekday, then the days from it forward to the end's weekday, then whole weeks by the customer's id.
    last_weekday = (dow.last().over("user_id") + weekday_of_zero) % 7
    back = (end.weekday() - last_weekday) % 7 + 7 * (pl.col("user_id") % _WEEKS_OF_LAST_ORDERS)
    last_day = day_number(end) - back
    return (
        placed.with_columns(
            order_date=(last_day - (pl.col("day").last().over("user_id") - pl.col("day"))).cast(pl.Int32).cast(pl.Date)
        )
        .select("order_id", pl.col("user_id").alias("customer_id"), pl.col("order_hour_of_day").alias("order_hour"),
                "order_date", "order_number", "order_dow")
        .sort("order_date", "customer_id", "order_number")
    )  # fmt: skip


def weekday_of(order_dow: int, weekday_zero: str) -> int:
    """ISO weekday (1-7) that an `order_dow` stands for."""
    return (WEEKDAYS.index(weekday_zero) + order_dow) % 7 + 1
