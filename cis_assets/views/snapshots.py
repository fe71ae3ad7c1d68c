"""Snapshots of all customers: segments and the model that defines them, and notifications with the facts behind them."""

from datetime import date

import polars as pl

from cis_assets.catalog import Table, bronze, gold
from cis_assets.errors import OperatorError
from cis_assets.lake.lake import Lake
from cis_assets.landing.contract import CUSTOMERS
from cis_assets.landing.folder import LandingFolder
from cis_assets.landing.snapshot_files import list_snapshots
from cis_assets.segmentation.rfm import rfm_table

_NO_FACTS = ("as_of_date", "product_id", "offer_id", "segment_id")


class SnapshotAbsentError(OperatorError):
    """The day has no snapshot."""


def require_snapshot(lake: Lake, as_of: date | None) -> None:
    """Raise SnapshotAbsentError if `as_of` names a day without a snapshot."""
    if as_of and as_of not in lake.figures(gold.CUSTOMER_FEATURES).days:
        raise SnapshotAbsentError(f"There is no snapshot as of {as_of}: run `cis snapshot {as_of}`.")


def find_unread_customers(lake: Lake, folder: LandingFolder) -> str | None:
    """Name the newest customers snapshot in landing if the lake has not read it; None if it has, or if there is none."""
    landed = list_snapshots(folder, CUSTOMERS)
    if not landed:
        return None
    known = lake.scan(bronze.LANDED_SNAPSHOTS) if lake.exists(bronze.LANDED_SNAPSHOTS) else None
    newest = landed[-1]
    is_newest = (pl.col("source_table") == CUSTOMERS.name) & (pl.col("arrived_at") >= newest.arrived_at)
    is_read = known is not None and known.select(is_newest.any()).collect().item()
    return None if is_read else newest.name


def list_segments(lake: Lake, as_of: date | None = None) -> pl.DataFrame:
    """List the segment profiles of a snapshot (default: the newest)."""
    require_snapshot(lake, as_of)
    return lake.snapshot(gold.SEGMENT_PROFILES, as_of).sort("segment_id").collect()


def list_rfm_segments(lake: Lake, as_of: date | None = None) -> pl.DataFrame:
    """List all RFM segments with the scores that they stand for and their customers (default: in the newest snapshot)."""
    require_snapshot(lake, as_of)
    placed = lake.snapshot(gold.CUSTOMER_SEGMENTS, as_of).select("as_of_date", "rfm_segment").collect()
    if placed.is_empty():
        return rfm_table().clear()
    counted = placed.group_by("rfm_segment").agg(customers=pl.len().cast(pl.Int64))
    return (
        rfm_table()
        .join(counted, on="rfm_segment", how="left", maintain_order="left")
        .with_columns(pl.col("customers").fill_null(0))
        .select(
            pl.lit(placed["as_of_date"][0]).alias("as_of_date"),
            pl.all(),
            (pl.col("customers") / placed.height).alias("share"),
        )
    )


def has_rows(lake: Lake, table: Table) -> bool:
    """Whether a table exists and has a row, as the tables of models have after a training."""
    return lake.exists(table) and lake.figures(table).total.rows > 0


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
