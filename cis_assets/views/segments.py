"""Customer segments, and the model that defines them."""

from datetime import date

import polars as pl

from cis_assets.catalog import gold
from cis_assets.lake.lake import Lake
from cis_assets.views.tables import require_snapshot


def list_segments(lake: Lake, as_of: date | None = None) -> pl.DataFrame:
    """List the segment profiles of a snapshot (default: the newest)."""
    require_snapshot(lake, as_of)
    return lake.snapshot(gold.SEGMENT_PROFILES, as_of).sort("segment_id").collect()


def has_segment_model(lake: Lake) -> bool:
    """Whether a segment model was trained."""
    return lake.exists(gold.SEGMENT_MODEL) and lake.figures(gold.SEGMENT_MODEL).total.rows > 0
