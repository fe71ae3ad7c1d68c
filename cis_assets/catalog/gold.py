"""Gold: customer features, segments, patterns and messages, one snapshot per day. Movements are in `gold_movements`.

A snapshot of a day uses no order after that day. It uses the trailing window of `CIS_HISTORY_DAYS` days.
"""

import dataframely as dy

from cis_assets.catalog.gold_movements import COHORT_RETENTION, SEGMENT_MIGRATION, SEGMENT_PREFERENCES
from cis_assets.catalog.gold_notifications import NOTIFICATION_CONTEXTS, NOTIFICATION_COPY, NOTIFICATIONS
from cis_assets.catalog.gold_predictions import (
    MODEL_EVALUATIONS,
    NEXT_ORDER,
    PREDICTION_MODELS,
    PRODUCT_RECOMMENDATIONS,
)
from cis_assets.catalog.snapshot_schema import SegmentSnapshot as _SegmentSnapshot
from cis_assets.catalog.snapshot_schema import Snapshot as _Snapshot
from cis_assets.catalog.snapshot_schema import snapshot as _snapshot
from cis_assets.catalog.table import Table

_WEEKDAY = "ISO weekday, 1 = Monday to 7 = Sunday."
_NULL_BEFORE = "Null in older snapshots."
_CAPPED_GAPS = "Gaps that the source caps rank after all others."


class CustomerFeatures(_Snapshot):
    """Order behavior of each customer in the trailing window."""

    customer_id = dy.Int64(description="Customer number.")
    recency_days = dy.Int32(min=0, description="Days since the last order.")
    order_count = dy.Int32(min=1, description="Orders in the window.")
    tenure_days = dy.Int32(min=0, description="Days since the first order in the window.")
    mean_gap_days = dy.Float64(nullable=True, description="Mean days between consecutive orders; null with one order.")
    median_gap_days = dy.Float64(
        nullable=True, description="Median days between consecutive orders; null with one order."
    )
    std_gap_days = dy.Float64(
        nullable=True, description="Population standard deviation of the days between orders; null with one order."
    )
    mean_basket_size = dy.Float64(description="Mean lines per order.")
    distinct_product_count = dy.Int32(description="Different products bought.")
    reorder_share = dy.Float64(
        min=0.0,
        max=1.0,
        description="Share of bought products that the customer had bought in an earlier order of the window.",
    )
    department_count = dy.Int32(description="Different departments bought from.")
    favourite_weekday = dy.Int32(min=1, max=7, description=f"Weekday with most orders (ties: the earlier). {_WEEKDAY}")
    favourite_hour = dy.Int32(min=0, max=23, description="Hour with most orders (ties: the earlier).")
    favourite_product_id = dy.Int64(
        description="Product that stands for the favourite product family, the family in most orders (ties: bought last, "
        "then the smaller id): of its products the one in most lines (ties: bought last, then the smaller id). A family is a "
        "display name, else a product name within its aisle, in any case."
    )
    favourite_product_orders = dy.Int32(description="Orders with a product of the favourite product family.")
    favourite_product_recency_days = dy.Int32(
        description="Days since a product of the favourite product family was last bought."
    )
    favourite_department_id = dy.Int64(description="Department with most lines (ties: the smaller id).")
    weekend_share = dy.Float64(min=0.0, max=1.0, description="Share of orders placed on Saturday or Sunday.")
    total_spend = dy.Float64(
        nullable=True, description="Spend in the window, to the cent; null if a line of the window has no price."
    )
    mean_order_spend = dy.Float64(
        nullable=True, description="Mean spend per order; null if a line of the window has no price."
    )
    # These columns have no rules: Sail takes minutes and gigabytes to combine the rules of many nullable columns.
    first_order_date = dy.Date(nullable=True, description=f"Date of the first order in the window. {_NULL_BEFORE}")
    cadence_days = dy.Float64(
        nullable=True,
        description=f"Usual days between orders: median of the n latest gaps of the window, at most 20, shrunk: (n x median + 3 x "
        f"7.5) / (n + 3). {_CAPPED_GAPS} {_NULL_BEFORE}",
    )
    gap_p75_days = dy.Float64(
        nullable=True,
        description="75th percentile of the same gaps, shrunk: (n x percentile + 3 x 12) / (n + 3). The percentile is the "
        f"smallest gap that 75% of the gaps do not exceed. {_NULL_BEFORE}",
    )
    gap_p90_days = dy.Float64(
        nullable=True,
        description=f"90th percentile of the same gaps, likewise: (n x percentile + 3 x 20) / (n + 3). {_NULL_BEFORE}",
    )
    capped_gap_share = dy.Float64(
        nullable=True,
        description="Share of the gaps that the source caps (gap_is_minimum of silver/orders), so they may be longer than every "
        "figure here says; null with one order.",
    )
    regularity = dy.Float64(
        nullable=True,
        description="mean_gap_days / (mean_gap_days + std_gap_days): 1 with equal gaps, 0.5 with random ones; null with fewer "
        "than three orders, or if all are of one day.",
    )
    order_trend = dy.Float64(
        nullable=True,
        description="Orders per day in the last quarter of the window, divided by orders per day from the first order to the day "
        "before that quarter; null if these are fewer days than a quarter.",
    )
    basket_trend = dy.Float64(
        nullable=True,
        description="Lines per order in the same two parts, divided likewise; null also without an order in the last quarter.",
    )
    morning_share = dy.Float64(nullable=True, description=f"Share of orders placed from 5:00 to 11:59. {_NULL_BEFORE}")
    afternoon_share = dy.Float64(
        nullable=True, description=f"Share of orders placed from 12:00 to 16:59. {_NULL_BEFORE}"
    )
    evening_share = dy.Float64(
        nullable=True,
        description=f"Share of orders placed from 17:00 to 21:59; the rest is night. {_NULL_BEFORE}",
    )
    variety = dy.Float64(
        nullable=True,
        description="Effective number of departments: 1 / sum of the squared shares of lines by department, so 3 if lines are "
        f"spread evenly over three. {_NULL_BEFORE}",
    )
    price_level = dy.Float64(
        nullable=True, description="total_spend per order line; null if a line of the window has no price."
    )


class CustomerHabits(_Snapshot):
    """The slow habits of each customer, which segments are made of; they change only if recent orders contradict them."""

    customer_id = dy.Int64(description="Customer number.")
    order_count = dy.Int32(min=1, description="Orders up to the day, in all of silver.")
    gap_days = dy.Float64(
        nullable=True,
        min=0.5,
        description="Usual days between orders: the mean of the gaps since the habit began, each at most 60; null with one "
        "order. From the fifth order on, gap and basket stay until the mean of either is 42% above or 30% below its value.",
    )
    basket_size = dy.Float64(
        min=1.0, description="Usual lines per order: the mean since the habit began, with the same rule."
    )
    since = dy.Date(
        description="Order date that the habit began with: the oldest of the window that ends with the last order, or the first of "
        "28 days whose orders contradicted the orders before them."
    )
    recent_gap_days = dy.Float64(
        nullable=True,
        min=0.0,
        description="Mean gap before the orders of the last 28 days, each at most 60; null without such a gap. Drift is measured on "
        "it.",
    )
    recent_basket_size = dy.Float64(
        nullable=True, min=0.0, description="Mean lines of the orders of the last 28 days; null without one."
    )


class CustomerLifecycle(_Snapshot):
    """Where each customer is in the cycle between two orders: one of seven stages, by the customer's own gaps.

    Customers without an order in the trailing window have no row.
    """

    customer_id = dy.Int64(description="Customer number.")
    stage = dy.String(
        description="With fewer than 3 orders ever: new up to 42 days after the first, then tried. Others by the days since "
        "the last order, each stage from: active 0, due cadence_days, overdue the 75th percentile of the gaps, lapsing the 90th "
        "and at least 14 days, lapsed three times the 90th and at least 42 days. CIS_LIFECYCLE_... change the numbers. The "
        "percentiles are shrunk as in gold/customer_features. No stage begins before the one before it."
    )
    since = dy.Date(
        description="First of the days in a row, up to the snapshot, on which the customer was in the stage by this rule."
    )
    days_since_order = dy.Int32(min=0, description="Days since the last order.")
    cadence_days = dy.Float64(
        min=0.0,
        description="Usual days between orders as of the last order: the formula of gold/customer_features on the 20 latest gaps "
        "of all of silver. So it stays until the next order.",
    )


class SegmentModel(dy.Schema):
    """All versions of the segmentation, one row per version and segment, with everything that assigning a customer needs."""

    version = dy.Int32(min=1, description="Number of the version, in order of training.")
    state = dy.String(
        description="champion: serves new snapshots; challenger: trained, serves nothing; retired: a former champion, or a "
        "challenger that a later training replaced."
    )
    trained_as_of = dy.Date(description="Snapshot of customer_habits that the version was trained on.")
    serves_from = dy.Date(
        nullable=True,
        description="First day whose snapshots it serves, up to the day of the next promotion; the first version also "
        "serves all earlier days. Null if it was never promoted.",
    )
    reason = dy.String(description="Why the version was trained or promoted.")
    segment_id = dy.Int32(min=1, description="Stable number of the segment, never reused. 0 means new customers.")
    segment_name = dy.String(description="Name of the segment, from its center.")
    segment_marks = dy.String(description="What marks the segment, beside the average customer's values.")
    origin = dy.String(
        description="How the segment follows from the champion at training: first, continued, merged with, split from or born."
    )
    feature_names = dy.List(dy.String(), description="Habits in the order of the lists below.")
    feature_fill = dy.List(dy.Float64(), description="Value used for a missing habit (the training median).")
    feature_is_log = dy.List(dy.Bool(), description="Whether log(1 + x) is applied.")
    feature_mean = dy.List(dy.Float64(), description="Mean, subtracted after the logarithm.")
    feature_scale = dy.List(dy.Float64(), description="Standard deviation, the divisor after that.")
    recent_edges = dy.List(
        dy.Float64(),
        description="Nine deciles of recent_gap_days, then of recent_basket_size, at training. Drift is measured on them.",
    )
    recent_shares = dy.List(
        dy.Float64(),
        description="Shares of the training's customers in the ten classes between them and without a value, gap then basket.",
    )
    centroid = dy.List(dy.Float64(), description="Center of the segment in scaled habits.")
    centroid_values = dy.List(dy.Float64(), description="Center of the segment in the units of the habits.")
    customer_count = dy.Int64(description="Customers of the segment at training.")
    segment_count = dy.Int32(description="Number of segments of the version.")
    jaccard = dy.Float64(
        description="Stability: mean Jaccard similarity of the segment in 20 bootstraps; under 0.6 do not trust it, from 0.75 "
        "it is stable."
    )
    silhouette = dy.Float64(description="Mean silhouette coefficient of the version, -1 to 1, on a seeded sample.")
    inertia = dy.Float64(description="Sum of squared distances of customers to the centers of their segments.")
    seed = dy.Int64(description="Seed of the initializations.")


class SegmentCandidates(dy.Schema):
    """The numbers of segments that each training tried, with their quality."""

    version = dy.Int32(min=1, description="Version of gold/segment_model that was chosen from them.")
    centers = dy.String(
        description="Where the centers are from: searched, or champion (those of the champion, as they are)."
    )
    segment_count = dy.Int32(min=1, description="Number of segments tried.")
    is_chosen = dy.Bool(description="Whether the version has these segments.")
    faults = dy.List(dy.String(), description="Requirements that are missed; the fewest are chosen.")
    least_jaccard = dy.Float64(description="Stability of the least stable segment, 0 to 1.")
    mean_jaccard = dy.Float64(description="Mean stability of the segments, 0 to 1.")
    silhouette = dy.Float64(description="Mean silhouette coefficient, -1 to 1.")
    smallest_share = dy.Float64(description="Share of the customers in the smallest segment.")
    largest_share = dy.Float64(description="Share of the customers in the largest segment.")
    inertia = dy.Float64(description="Sum of squared distances of the customers of the search to their centers.")


class CustomerSegments(_Snapshot):
    """Segment and RFM scores of each customer."""

    customer_id = dy.Int64(description="Customer number.")
    segment_id = dy.Int32(
        description="Segment of gold/segment_model; 0, New customers, with fewer than four orders up to the day."
    )
    segment_name = dy.String(description="Name of the segment.")
    model_version = dy.Int32(min=1, description="Version of gold/segment_model that placed the customer.")
    trained_as_of = dy.Date(
        description="Snapshot that the version was trained on: later than as_of_date for days before the first version."
    )
    distance = dy.Float64(
        nullable=True, min=0.0, description="Distance to the center of the segment in scaled habits; null in segment 0."
    )
    margin = dy.Float64(
        nullable=True,
        min=0.0,
        description="How much farther the next center is; null in segment 0 and if there is one segment.",
    )
    recency_score = dy.Int32(min=1, max=5, description="Quintile of recency, 5 = ordered most recently.")
    frequency_score = dy.Int32(min=1, max=5, description="Quintile of order count, 5 = most orders.")
    monetary_score = dy.Int32(
        min=1, max=5, description="Quintile of spend (of lines bought if there are no prices), 5 = most."
    )
    rfm_segment = dy.String(
        description="RFM segment in words, from the recency score and the mean of the other two, rounded up."
    )


class SegmentProfiles(_SegmentSnapshot):
    """Profile of each segment: size, means, top departments and products."""

    segment_marks = dy.String(description="How the segment differed from the average customer at training.")
    customer_count = dy.Int64(description="Customers of the segment.")
    quiet_customers = dy.Int64(min=0, description="Of these, customers without an order in the last 90 days.")
    customer_share = dy.Float64(
        min=0.0,
        max=1.0,
        description="Share of all customers with an order in the last 90 days: (customer_count - quiet_customers) / their "
        "sum over segments; 0 if there are none.",
    )
    mean_recency_days = dy.Float64(description="Mean days since the last order.")
    mean_order_count = dy.Float64(description="Mean orders in the window.")
    mean_gap_days = dy.Float64(
        nullable=True,
        description="Mean of the customers' mean days between orders; null if no customer has two orders.",
    )
    mean_basket_size = dy.Float64(description="Mean of the customers' lines per order.")
    mean_reorder_share = dy.Float64(description="Mean of the customers' reorder shares.")
    mean_weekend_share = dy.Float64(description="Mean share of weekend orders.")
    mean_total_spend = dy.Float64(nullable=True, description="Mean spend in the window; null without prices.")
    top_departments = dy.List(dy.String(), description="Departments with most lines, most first.")
    top_products = dy.List(dy.String(), description="Product families in most lines, most first.")


class OrderPatterns(_SegmentSnapshot):
    """Orders of each segment in the window by weekday and hour."""

    order_weekday = dy.Int32(min=1, max=7, description=_WEEKDAY)
    order_hour = dy.Int32(min=0, max=23, description="Hour of the day, 0 to 23.")
    order_count = dy.Int64(min=1, description="Orders of the window.")


class OrderFrequency(_SegmentSnapshot):
    """Orders of each segment in the window by days since the customer's previous order."""

    gap_days = dy.Int32(min=0, description="Days since the customer's previous order.")
    order_count = dy.Int64(min=1, description="Orders of the window.")
    capped_order_count = dy.Int64(
        min=0,
        description="Of these, orders whose gap the source caps (gap_is_minimum of silver/orders), so it may be longer.",
    )


CUSTOMER_FEATURES = _snapshot(
    "customer_features", CustomerFeatures, "customer, as of a day", ("customer_id",), may_be_empty=False
)
CUSTOMER_HABITS = _snapshot(
    "customer_habits", CustomerHabits, "customer, as of a day", ("customer_id",), may_be_empty=False
)
CUSTOMER_LIFECYCLE = _snapshot(
    "customer_lifecycle", CustomerLifecycle, "customer, as of a day", ("customer_id",), may_be_empty=False
)
SEGMENT_MODEL = Table("gold", "segment_model", SegmentModel, "segment of a version", ("version", "segment_id"))
SEGMENT_CANDIDATES = Table(
    "gold",
    "segment_candidates",
    SegmentCandidates,
    "number of segments tried for a version",
    ("version", "centers", "segment_count"),
)
CUSTOMER_SEGMENTS = _snapshot(
    "customer_segments", CustomerSegments, "customer, as of a day", ("customer_id",), may_be_empty=False
)
# In snapshots from before `quiet_customers`, the share is that of all customers.
SEGMENT_PROFILES = _snapshot(
    "segment_profiles",
    SegmentProfiles,
    "segment, as of a day",
    ("segment_id",),
    may_be_empty=False,
    quiet_customers=0,
)
ORDER_PATTERNS = _snapshot(
    "order_patterns",
    OrderPatterns,
    "segment, weekday, hour, as of a day",
    ("segment_id", "order_weekday", "order_hour"),
    may_be_empty=False,
)
ORDER_FREQUENCY = _snapshot(
    "order_frequency",
    OrderFrequency,
    "segment, gap in days, as of a day",
    ("segment_id", "gap_days"),
    capped_order_count=0,
)
TABLES = (
    CUSTOMER_FEATURES,
    CUSTOMER_HABITS,
    CUSTOMER_LIFECYCLE,
    SEGMENT_CANDIDATES,
    SEGMENT_MODEL,
    CUSTOMER_SEGMENTS,
    SEGMENT_PROFILES,
    SEGMENT_PREFERENCES,
    SEGMENT_MIGRATION,
    COHORT_RETENTION,
    ORDER_PATTERNS,
    ORDER_FREQUENCY,
    PREDICTION_MODELS,
    MODEL_EVALUATIONS,
    NEXT_ORDER,
    PRODUCT_RECOMMENDATIONS,
    NOTIFICATION_CONTEXTS,
    NOTIFICATION_COPY,
    NOTIFICATIONS,
)
