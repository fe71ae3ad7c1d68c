"""Rows of one snapshot of a gold table, on any engine.

Windows of orders (see `segmentation.order_windows`) and computations do not belong here.
"""

from datetime import date

import narwhals as nw

from cis_assets.catalog import AS_OF_DATE


def as_of_rows(snapshots: nw.LazyFrame, as_of: date) -> nw.LazyFrame:
    """Select the rows of the snapshot of a day."""
    return snapshots.filter(nw.col(AS_OF_DATE) == nw.lit(as_of, dtype=nw.Date))


def segment_members(segments: nw.LazyFrame, as_of: date) -> nw.LazyFrame:
    """Select `customer_id`, `segment_id` and `segment_name` of a day from gold/customer_segments."""
    return as_of_rows(segments, as_of).select("customer_id", "segment_id", "segment_name")
