"""Coupons as offers of the kind `coupon`, for the households of their campaign and for nobody else.

A coupon has no amount, so its offer has no number. One offer stands for the coupons of a campaign on a product; a
product with several coupons in a campaign has one.

Campaigns of Type A are left out: each household received 16 coupons out of a pool, and the package does not say which.
A household would hear of coupons that it does not have. In campaigns of Type B and C everybody received all coupons.
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cis_assets.sources.complete_journey.files import read_file

_POOL_TYPE = "Type A"
# Above every product id, so that an offer shows its campaign and product.
_CAMPAIGN_FACTOR = 1_000_000_000


@dataclass(frozen=True)
class Coupons:
    """The landing snapshots `offers` and `offer_audience`, and what was left out."""

    offers: pl.DataFrame
    audience: pl.DataFrame
    campaigns: int
    pool_campaigns: int
    unknown_products: int


def read_coupons(folder: Path, products: pl.DataFrame) -> Coupons:
    """Read the coupons of the campaigns in which every household received all coupons."""
    campaigns = read_file(
        folder,
        "campaign_descriptions",
        {
            "campaign_id": pl.Int64(),
            "campaign_type": pl.String(),
            "start_date": pl.Date(),
            "end_date": pl.Date(),
        },
    )
    coupons = read_file(folder, "coupons", {"campaign_id": pl.Int64(), "product_id": pl.Int64()})
    households = read_file(folder, "campaigns", {"campaign_id": pl.Int64(), "household_id": pl.Int64()})
    given_to_all = campaigns.filter(pl.col("campaign_type") != _POOL_TYPE)
    # An offer without an audience would be for everybody.
    with_households = given_to_all.join(households, on="campaign_id", how="semi")
    on_products = coupons.unique().join(with_households, on="campaign_id")
    known = on_products.join(products, on="product_id", how="semi").with_columns(
        offer_id=pl.col("campaign_id") * _CAMPAIGN_FACTOR + pl.col("product_id")
    )
    return Coupons(
        offers=known.sort("offer_id").select(
            "offer_id",
            "product_id",
            pl.col("start_date").alias("starts_on"),
            pl.col("end_date").alias("ends_on"),
            kind=pl.lit("coupon"),
            scope=pl.lit("product"),
        ),
        audience=known.select("offer_id", "campaign_id")
        .join(households.unique(), on="campaign_id")
        .select("offer_id", customer_id="household_id")
        .sort("offer_id", "customer_id"),
        campaigns=known["campaign_id"].n_unique(),
        pool_campaigns=campaigns.height - given_to_all.height,
        unknown_products=on_products.height - known.height,
    )
