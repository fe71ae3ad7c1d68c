"""Gold: how customers move between segments, how cohorts stay, and what segments prefer to buy. `gold` lists these tables."""

import dataframely as dy

from cis_assets.catalog.snapshot_schema import SegmentSnapshot as _SegmentSnapshot
from cis_assets.catalog.snapshot_schema import Snapshot as _Snapshot
from cis_assets.catalog.snapshot_schema import snapshot as _snapshot
from cis_assets.catalog.table import AS_OF_DATE, Table


class SegmentPreferences(_SegmentSnapshot):
    """What each segment buys more or less than the average customer, among customers with an order in the last 90 days."""

    kind = dy.String(description="department, or product (of one family: the same name for customers).")
    item_id = dy.Int64(description="Number of the department, or the smallest of the products of a family.")
    item_name = dy.String(description="Name of the department, or the name that customers see of that product.")
    buyers = dy.Int64(min=30, description="Customers of the segment who bought it in the last 90 days, at least 30.")
    buyer_share = dy.Float64(
        min=0.0, max=1.0, description="buyers / customers of the segment with an order in the last 90 days."
    )
    buyer_index = dy.Float64(
        min=0.0,
        description="100 x buyer_share / the same share of all customers: 100 is the average, 200 means twice as many "
        "buyers. Of products, each segment lists the 100 highest indices (ties: more buyers, then the smaller number).",
    )


class SegmentMigration(_Snapshot):
    """How customers moved between the segments of 28 days before and those of the day. Customers who stayed have rows too.

    The rows with a from_segment_id add up to the customers of 28 days before, those with a to_segment_id to those of the day.
    """

    from_segment_id = dy.Int32(
        nullable=True, description="Segment 28 days before, by the version that served that day; null for arrivals."
    )
    from_segment_name = dy.String(nullable=True, description="Name of that segment on that day.")
    to_segment_id = dy.Int32(
        nullable=True, description="Segment of the day, by the version that serves it; null for departures."
    )
    to_segment_name = dy.String(nullable=True, description="Name of that segment on the day.")
    cause = dy.String(
        description="stayed: the same segment; behavior: the version that served 28 days before moves the customer too; "
        "promotion: only another version does; arrival: no customer of the snapshot 28 days before; departure: no "
        "customer of the day, so no order in the trailing window."
    )
    customers = dy.Int64(min=1, description="Customers of this move.")


class CohortRetention(_Snapshot):
    """Which share of the customers who first ordered in a month ordered again in each later month, from all of silver.

    The first cohort also has the customers who were there before the data begins.
    """

    cohort_month = dy.Date(description="First day of the month of the customer's first order.")
    months_since = dy.Int32(min=0, description="Months from cohort_month to the month that is looked at, from 0.")
    customers = dy.Int64(min=1, description="Customers of the cohort.")
    retained = dy.Int64(min=0, description="Customers of the cohort with an order in that month, up to the day.")
    share = dy.Float64(min=0.0, max=1.0, description="retained / customers.")
    is_incomplete = dy.Bool(
        description="Whether the day is in that month and not its last one, so retained may still grow."
    )


SEGMENT_PREFERENCES = _snapshot(
    "segment_preferences",
    SegmentPreferences,
    "segment, department or product, as of a day",
    ("segment_id", "kind", "item_id"),
)
# Without a key, because arrivals and departures have a segment on one side only.
SEGMENT_MIGRATION = Table(
    "gold",
    "segment_migration",
    SegmentMigration,
    "segment 28 days before, segment of the day, cause, as of a day",
    partition_by=(AS_OF_DATE,),
    may_be_empty=True,
)
COHORT_RETENTION = _snapshot(
    "cohort_retention",
    CohortRetention,
    "cohort month, months since, as of a day",
    ("cohort_month", "months_since"),
    may_be_empty=False,
)
