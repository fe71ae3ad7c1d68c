"""The share of customers who order again after a snapshot, by lifecycle stage: whether the stages tell customers apart."""

from __future__ import annotations

from itertools import pairwise

import polars as pl

from cis_assets.catalog import AS_OF_DATE, ORDER_DATE
from cis_assets.segmentation.lifecycle import STAGES

SOON_DAYS, LATER_DAYS = 7, 28
FEWEST_CUSTOMERS = 50
"""A share of fewer customers is too uncertain to be judged."""
LEAST_FALL = 0.1
"""The share within `LATER_DAYS` must fall by this much from each of these stages to the next."""

_FALLING = ("overdue", "lapsing", "lapsed")


def return_rates(lifecycle: pl.LazyFrame, orders: pl.LazyFrame) -> pl.DataFrame:
    """Per stage: customers, within_7_days, within_28_days. Stages without a customer are left out.

    An order after a gap that the source caps is no return, because its real date may be later.

    `lifecycle` has rows of gold/customer_lifecycle, also of several days; `orders` has rows of silver/orders of at least
    the 28 days after each of them.
    """
    ordered = orders.select("customer_id", "gap_is_minimum", pl.col(ORDER_DATE).alias("next_order")).sort("next_order")
    followed = lifecycle.sort(AS_OF_DATE).join_asof(
        ordered,
        left_on=AS_OF_DATE,
        right_on="next_order",
        by="customer_id",
        strategy="forward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    days = (pl.col("next_order") - pl.col(AS_OF_DATE)).dt.total_days()
    known = ~pl.col("gap_is_minimum").fill_null(False)
    shares = [
        ((days <= limit) & known).fill_null(False).mean().alias(_within(limit)) for limit in (SOON_DAYS, LATER_DAYS)
    ]
    rates = followed.group_by("stage").agg(pl.len().cast(pl.Int64).alias("customers"), *shares).collect()
    return pl.DataFrame({"stage": STAGES}).join(rates, on="stage", maintain_order="left")


def find_weak_steps(rates: pl.DataFrame) -> list[str]:
    """The steps between stages at which the share within 28 days falls by less than `LEAST_FALL`, in words.

    Steps from or to a stage of fewer than `FEWEST_CUSTOMERS` are not judged.
    """
    enough = rates.filter(pl.col("customers") >= FEWEST_CUSTOMERS)
    shares = dict(enough.select("stage", _within(LATER_DAYS)).iter_rows())
    steps = [(before, after) for before, after in pairwise(_FALLING) if before in shares and after in shares]
    return [
        f"from {before} ({shares[before]:.0%}) to {after} ({shares[after]:.0%})"
        for before, after in steps
        if shares[before] - shares[after] < LEAST_FALL
    ]


def _within(days: int) -> str:
    return f"within_{days}_days"
