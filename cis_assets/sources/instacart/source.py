"""The public release "The Instacart Online Grocery Shopping Dataset 2017" as dated landing files.

The release has no calendar dates. For each order it has the weekday (0-6), the hour, and the days since the customer's
previous order, capped at 30. Dates are computed from these and two assumptions:

- Weekday 0 is Saturday by default, because volume peaks on 0 and 1. An option sets another weekday.
- Each customer's last order is in the four weeks up to `end`, on its weekday, in a week chosen by the customer's id.

A gap under 30 days is exact. A gap of 30 means 30 or more, and becomes the smallest such gap that leads to the order's
weekday; `gap_is_minimum` marks these orders. Orders of the `test` set have no lines; they are counted and left out. The release has no consent, prices, time
zones or offers: every customer lands with consent, and the others are left out.

Does not belong here: how the release's files are written (`files.py`).
"""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path

import polars as pl

from cis_assets.dates import day_number
from cis_assets.landing.contract import AISLES, DEPARTMENTS, OFFERS, ORDERS, PRODUCTS
from cis_assets.sources.instacart.files import InstacartError, InstacartFiles
from cis_assets.sources.source import LandedDay

__all__ = ["WEEKDAYS", "InstacartError", "InstacartSource", "place_orders"]

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SETS = ["prior", "train", "test"]
_GAP_CAP = 30
_WEEKS_OF_LAST_ORDERS = 4

_ORDER_COLUMNS: dict[str, pl.DataType] = {
    "order_id": pl.Int64(),
    "user_id": pl.Int64(),
    "eval_set": pl.String(),
    "order_number": pl.Int32(),
    "order_dow": pl.Int32(),
    "order_hour_of_day": pl.Int32(),
    "days_since_prior_order": pl.Int32(),
}
_LINE_COLUMNS: dict[str, pl.DataType] = {
    "order_id": pl.Int64(),
    "product_id": pl.Int32(),
    "add_to_cart_order": pl.Int32(),
}


class InstacartSource:
    """Reads the release and yields one order date at a time; implements `LandingSource`.

    `folder` holds the release, `end` is the last date of its calendar, and `weekday_zero` the weekday of `order_dow` 0.
    """

    name = "instacart"

    def __init__(self, folder: Path, end: date, weekday_zero: str = "saturday") -> None:
        if weekday_zero.lower() not in WEEKDAYS:
            raise InstacartError(f"Weekday {weekday_zero!r} is not one of {', '.join(WEEKDAYS)}.")
        self._end = end
        self._weekday_zero = weekday_zero
        self._files = InstacartFiles(folder)
        self.lines_left_out = 0
        """Lines without an order, known after `days` has begun. The original release has none."""

    def snapshots(self) -> Mapping[str, pl.DataFrame]:
        products = self._files.read(
            "products", {name: PRODUCTS.columns[name] for name in PRODUCTS.required}, may_be_missing={"product_name"}
        )
        customers = self.dated_orders.select("customer_id").unique().sort("customer_id")
        return {
            "products": products.with_columns(
                # The release writes a quote inside a name as \"", which leaves the backslash behind.
                pl.col("product_name").str.replace_all('\\"', '"', literal=True).str.strip_chars()
            ),
            "aisles": self._files.read("aisles", AISLES.columns),
            "departments": self._files.read("departments", DEPARTMENTS.columns),
            "customers": customers.with_columns(push_consent=pl.lit(True), time_zone=pl.lit(None, pl.String)),
            "offers": pl.DataFrame(schema=OFFERS.columns),
        }

    def days(self) -> Iterator[LandedDay]:
        """Yield the order dates, oldest first, with the lines of their orders."""
        orders, lines = self.dated_orders, self._sorted_lines()
        by_date = orders.group_by("order_date", maintain_order=True).len()
        order_ends = by_date["len"].cum_sum()
        line_ends = lines["order_place"].search_sorted(order_ends)
        start = line_start = 0
        for day, end, line_end in zip(by_date["order_date"], order_ends, line_ends, strict=True):
            its_orders = orders.slice(start, end - start)
            its_lines = lines.slice(line_start, line_end - line_start)
            order_id = its_orders["order_id"].gather(its_lines["order_place"] - start)
            yield LandedDay(
                day,
                its_orders.select(*ORDERS.columns),
                its_lines.select(order_id, pl.col("product_id").cast(pl.Int64), "add_to_cart_order"),
            )
            start, line_start = end, line_end

    @property
    def day_count(self) -> int:
        return self.dated_orders["order_date"].n_unique()

    @cached_property
    def test_orders(self) -> int:
        """The number of orders in the `test` set, which have no lines and are left out."""
        return self._orders.filter(pl.col("eval_set") == "test").height

    @cached_property
    def contradicting_gaps(self) -> int:
        """The number of orders whose gap leads to another weekday. The original release has none."""
        gap = pl.col("days_since_prior_order")
        return self._orders.sort("user_id", "order_number").filter(gap < _GAP_CAP, gap % 7 != _days_to_weekday()).height

    @cached_property
    def dated_orders(self) -> pl.DataFrame:
        """Orders with lines: order_id, customer_id, order_hour, order_date, order_number, order_dow, gap_is_minimum.

        Sorted by date, customer and order number, so that orders of one customer and hour land in their order.
        """
        return place_orders(self._orders, self._end, self._weekday_zero)

    @cached_property
    def _orders(self) -> pl.DataFrame:
        orders = self._files.read("orders", _ORDER_COLUMNS, may_be_missing={"days_since_prior_order"})
        for name, known in (("eval_set", _SETS), ("order_dow", list(range(7)))):
            strange = orders.filter(~pl.col(name).is_in(known))[name]
            if strange.len():
                raise InstacartError(
                    f"{self._files.path('orders')} has the {name} {strange[0]} in {strange.len()} of its rows; "
                    f"known are {', '.join(map(str, known))}."
                )
        return orders

    def _sorted_lines(self) -> pl.DataFrame:
        """Read the lines of the dated orders: order_place (in `dated_orders`, from 0), product_id, add_to_cart_order.

        Sorted by order and position. There are 33 million in the full release, so an order is known by its place,
        which is smaller than its id and sorts by date.
        """
        places = self.dated_orders.lazy().select("order_id").with_row_index("order_place")
        lines = pl.concat(
            self._files.read(
                f"order_products__{part}",
                _LINE_COLUMNS,
                may_be_missing={"order_place"},
                reshape=lambda lines: lines.join(places, on="order_id", how="left").select(
                    "order_place", "product_id", "add_to_cart_order"
                ),
            )
            for part in ("prior", "train")
        )
        self.lines_left_out = lines["order_place"].null_count()
        return lines.drop_nulls("order_place").sort("order_place", "add_to_cart_order")


def place_orders(orders: pl.DataFrame, end: date, weekday_zero: str) -> pl.DataFrame:
    """Give the release's orders calendar dates; `test` orders are left out.

    `orders` has order_id, user_id, eval_set, order_number, order_dow (0-6), order_hour_of_day and
    days_since_prior_order (null for a first order, capped at 30). Returns order_id, customer_id, order_hour,
    order_date, order_number, order_dow, gap_is_minimum, sorted by date, customer and order number.
    """
    placed = (
        orders.sort("user_id", "order_number")
        .with_columns(gap=_days_since_prior())
        .with_columns(day=pl.col("gap").cum_sum().over("user_id"))
        .filter(pl.col("eval_set") != "test")
    )
    before_last = pl.col("day").last().over("user_id") - pl.col("day")
    # The customer's last order: 0-6 days before the end by its weekday, and 0-3 weeks by the customer's id.
    weekday = pl.col("order_dow").last().over("user_id") + WEEKDAYS.index(weekday_zero.lower())
    last_before_end = (end.weekday() - weekday) % 7 + 7 * (pl.col("user_id") % _WEEKS_OF_LAST_ORDERS)
    days_before_end = before_last + last_before_end
    return placed.select(
        "order_id",
        pl.col("user_id").alias("customer_id"),
        pl.col("order_hour_of_day").alias("order_hour"),
        (day_number(end) - days_before_end).cast(pl.Int32).cast(pl.Date).alias("order_date"),
        "order_number",
        "order_dow",
        gap_is_minimum=pl.col("days_since_prior_order").fill_null(0) >= _GAP_CAP,
    ).sort("order_date", "customer_id", "order_number")


def _days_since_prior() -> pl.Expr:
    """Days since the customer's previous order, 0 for the first. A missing gap counts as less than a week."""
    gap = pl.col("days_since_prior_order")
    beyond_cap = _GAP_CAP + (_days_to_weekday() - _GAP_CAP) % 7
    return pl.when(gap >= _GAP_CAP).then(beyond_cap).otherwise(gap.fill_null(_days_to_weekday())).fill_null(0)


def _days_to_weekday() -> pl.Expr:
    """Days from the weekday of the customer's previous order to this one (0-6), null for the first order."""
    dow = pl.col("order_dow")
    return (dow - dow.shift(1).over("user_id")) % 7
