"""Which lines of the package's transactions are purchases, when they were made, and at which price.

- The timestamps are in UTC without saying so. In New York's time the weeks of the package begin on Mondays at midnight,
  no order is on Christmas Day, and the shop is quiet at night; so New York's time gives dates and hours.
- A line of a coupon is no purchase: a product of the department COUPON, or one that products.parquet does not have, at no value.
- A line without a quantity or without a sales value (given away, or taken back) is no purchase at a price.
- A line of fuel is one fill-up, whatever its quantity, which is a volume in a unit that the package does not name.
- The unit price is the sales value divided by the quantity: what the shop received, after its own discounts.
- The package does not say in which order products went into the cart; the order of the file is taken.

Lines that do not land are counted by reason.
"""

from pathlib import Path

import polars as pl

from cis_assets.sources.complete_journey.files import read_file

TIME_ZONE = "America/New_York"
FUEL = ("FUEL", "GASOLINE-REG UNLEADED")

_COLUMNS: dict[str, pl.DataType] = {
    "household_id": pl.Int64(),
    "basket_id": pl.Int64(),
    "product_id": pl.Int64(),
    "quantity": pl.Int64(),
    "sales_value": pl.Float64(),
    "transaction_timestamp": pl.Datetime("us"),
}
_HALF_A_CENT = 0.005
_PRICE_DIGITS = 6


def read_lines(folder: Path, products: pl.DataFrame) -> pl.DataFrame:
    """Read the transactions, each with the reason why it does not land; null for lines that land.

    Returns basket_id, household_id, order_date, order_hour, product_id, quantity, unit_price, sales_value, reason, in the
    order of date, time and basket, and within a basket in the order of the file.
    """
    department, product_type = pl.col("department"), pl.col("product_type")
    is_fuel = (department == FUEL[0]) | (product_type == FUEL[1])
    has_value = pl.col("sales_value") >= _HALF_A_CENT
    is_unknown = department.is_null()
    reason = (
        pl.when((department == "COUPON") | (is_unknown & ~has_value))
        .then(pl.lit("coupons"))
        .when(is_unknown)
        .then(pl.lit("products that products.parquet does not have"))
        .when(pl.col("quantity") <= 0)
        .then(pl.lit("items with a quantity of 0"))
        .when(~has_value)
        .then(pl.lit("items with a sales value of 0"))
    )
    quantity = pl.when(is_fuel.fill_null(False)).then(1).otherwise("quantity")
    local_time = pl.col("transaction_timestamp").dt.replace_time_zone("UTC").dt.convert_time_zone(TIME_ZONE)
    return (
        read_file(folder, "transactions", _COLUMNS)
        .join(
            products.select("product_id", "department", "product_type"),
            on="product_id",
            how="left",
            maintain_order="left",
        )
        .sort("transaction_timestamp", "basket_id", maintain_order=True)
        .select(
            "basket_id",
            "household_id",
            local_time.dt.date().alias("order_date"),
            local_time.dt.hour().cast(pl.Int32).alias("order_hour"),
            "product_id",
            quantity.cast(pl.Int32).alias("quantity"),
            pl.when(quantity > 0)
            .then((pl.col("sales_value") / quantity).round_sig_figs(_PRICE_DIGITS))
            .alias("unit_price"),
            "sales_value",
            reason.alias("reason"),
        )
    )
