"""The rows that a snapshot of the segments consists of, on any engine.

Belongs here: picking a snapshot out of a table that holds many, and the members of its segments. Does not belong here:
windows of orders (see `segmentation.order_windows`) and what is computed from these rows.
"""

from __future__ import annotations

from datetime import date

import narwhals as nw

from cis_assets.catalog import AS_OF_DATE


def as_of_rows(snapshots: nw.LazyFrame, as_of: date) -> nw.LazyFrame:
    """Rows of the snapshot as of the day."""
    return snapshots.filter(nw.col(AS_OF_DATE) == nw.lit(as_of, dtype=nw.Date))


def segment_members(segments: nw.LazyFrame, as_of: date) -> nw.LazyFrame:
    """`customer_id`, `segment_id`, `segment_name` of the snapshot as of the day in gold/customer_segments."""
    return as_of_rows(segments, as_of).select("customer_id", "segment_id", "segment_name")
