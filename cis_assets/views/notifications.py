"""Notifications of a snapshot, with the facts behind them."""

from datetime import date

import polars as pl

from cis_assets.catalog import gold
from cis_assets.lake.lake import Lake
from cis_assets.views.tables import require_snapshot

_NO_FACTS = ("as_of_date", "product_id", "offer_id", "segment_id")


def list_notifications(lake: Lake, limit: int, as_of: date | None = None) -> pl.DataFrame:
    """List messages of a snapshot (default: the newest) with their contexts, one of each occasion and tone in turn."""
    require_snapshot(lake, as_of)
    facts = lake.snapshot(gold.NOTIFICATION_CONTEXTS, as_of).drop(_NO_FACTS)
    turn = pl.int_range(pl.len()).over("occasion", "tone", pl.col("offer_id").is_null(), order_by="customer_id")
    return (
        lake.snapshot(gold.NOTIFICATIONS, as_of)
        .join(facts, on="customer_id")
        .with_columns(turn=turn)
        .sort("turn", "occasion", "tone", "customer_id")
        .head(limit)
        .drop("turn")
        .collect()
    )
