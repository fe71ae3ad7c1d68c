"""Column lineage: the upstream columns that each column copies or is computed from.

Columns that only select, join, group or order rows are no origins. So counts, constants, snapshot days and file names
have no origin. The reasons of rejected rows are left out, because rules of many columns can give them.
"""

from collections.abc import Mapping
from typing import NamedTuple

from cis_assets.catalog import bronze, gold, silver
from cis_assets.catalog.table import ORDER_DATE, Table


class ColumnRef(NamedTuple):
    """A column of a lake table (`silver/orders`) or of landing files (`landing/orders`)."""

    table: str
    column: str


Origins = tuple[ColumnRef, ...]
ByColumn = Mapping[str, Origins]

_SEEN = ("first_seen", "last_seen", "delisted_at")
_NOT_LANDED = (ORDER_DATE, "source_file", "source_line", *_SEEN)
_LANDED_DAYS = (bronze.ORDERS, bronze.ORDER_ITEMS)
_LANDED_SNAPSHOTS = (
    bronze.PRODUCTS,
    bronze.AISLES,
    bronze.DEPARTMENTS,
    bronze.CUSTOMERS,
    bronze.OFFERS,
    bronze.OFFER_AUDIENCE,
)


def _of(table: Table, *columns: str) -> Origins:
    return tuple(ColumnRef(table.path, column) for column in columns)


def _every_column_of(*tables: Table) -> Origins:
    return tuple(ColumnRef(table.path, column) for table in tables for column in table.dtypes)


def _same(table: Table, *columns: str) -> dict[str, Origins]:
    """Columns copied from `table` under the same names."""
    return {column: _of(table, column) for column in columns}


def _landed(table: Table) -> dict[str, Origins]:
    """The columns of a bronze table that come from the landing files of the same name."""
    return {
        column: (ColumnRef(f"landing/{table.name}", column),) for column in table.dtypes if column not in _NOT_LANDED
    }


def _landed_rows(*tables: Table) -> Origins:
    return tuple(ref for table in tables for refs in _landed(table).values() for ref in refs)


_LINES = {
    **_same(bronze.ORDER_ITEMS, "order_date", "order_id", "product_id", "add_to_cart_order", "unit_price"),
    **_same(bronze.ORDERS, "customer_id", "order_hour"),
    **_same(silver.PRODUCTS, "department_id"),
}

CARRIED: Mapping[str, ByColumn] = {
    **{table.path: _landed(table) for table in (*_LANDED_DAYS, *_LANDED_SNAPSHOTS)},
    silver.PRODUCTS.path: _same(
        bronze.PRODUCTS, "product_id", "aisle_id", "department_id", "product_key", "unit_cost", "in_stock"
    ),
    silver.CUSTOMERS.path: _same(bronze.CUSTOMERS, "customer_id", "push_consent"),
    silver.OFFERS.path: _same(
        bronze.OFFERS,
        "offer_id",
        "product_id",
        "percent_off",
        "starts_on",
        "ends_on",
        "amount_off",
        "department_id",
        "minimum_spend",
        "budget",
    ),
    silver.OFFER_AUDIENCE.path: _same(bronze.OFFER_AUDIENCE, "offer_id", "customer_id"),
    silver.ORDERS.path: _same(
        bronze.ORDERS, "order_date", "order_id", "customer_id", "order_hour", "order_key", "gap_is_minimum"
    ),
    silver.ORDER_ITEMS.path: _LINES,
    silver.RETURNED_ITEMS.path: _LINES,
    silver.REJECTED_ROWS.path: {
        "order_date": (*_of(bronze.ORDERS, "order_date"), *_of(bronze.ORDER_ITEMS, "order_date")),
    },
    gold.CUSTOMER_FEATURES.path: {
        "customer_id": _of(silver.ORDERS, "customer_id"),
        "first_order_date": _of(silver.ORDERS, "order_date"),
        "favourite_weekday": _of(silver.ORDERS, "order_weekday"),
        "favourite_hour": _of(silver.ORDERS, "order_hour"),
        "favourite_product_id": _of(silver.ORDER_ITEMS, "product_id"),
        "favourite_department_id": _of(silver.ORDER_ITEMS, "department_id"),
    },
    gold.CUSTOMER_HABITS.path: _same(silver.ORDERS, "customer_id"),
    gold.CUSTOMER_LIFECYCLE.path: _same(silver.ORDERS, "customer_id"),
    gold.SEGMENT_MODEL.path: {"trained_as_of": _of(gold.CUSTOMER_HABITS, "as_of_date")},
    gold.CUSTOMER_SEGMENTS.path: {
        **_same(gold.CUSTOMER_FEATURES, "as_of_date", "customer_id"),
        "model_version": _of(gold.SEGMENT_MODEL, "version"),
    },
    gold.SEGMENT_PROFILES.path: {
        **_same(gold.CUSTOMER_SEGMENTS, "segment_id", "segment_name"),
    },
    gold.ORDER_PATTERNS.path: {
        **_same(gold.CUSTOMER_SEGMENTS, "segment_id", "segment_name"),
        **_same(silver.ORDERS, "order_weekday", "order_hour"),
    },
    gold.ORDER_FREQUENCY.path: _same(gold.CUSTOMER_SEGMENTS, "segment_id", "segment_name"),
    gold.PREDICTION_MODELS.path: {"trained_as_of": _of(silver.ORDERS, "order_date")},
    gold.MODEL_EVALUATIONS.path: {"trained_as_of": _of(silver.ORDERS, "order_date")},
    gold.NEXT_ORDER.path: {
        **_same(silver.ORDERS, "customer_id"),
        "model_version": _of(gold.PREDICTION_MODELS, "trained_as_of"),
    },
    gold.PRODUCT_RECOMMENDATIONS.path: {
        **_same(silver.ORDERS, "customer_id"),
        "product_id": (*_of(silver.ORDER_ITEMS, "product_id"), *_of(silver.PRODUCTS, "product_id")),
        "product_family": _of(silver.PRODUCTS, "product_id"),
        "model_version": _of(gold.PREDICTION_MODELS, "trained_as_of"),
    },
    gold.NOTIFICATION_CONTEXTS.path: {
        **_same(gold.CUSTOMER_FEATURES, "customer_id", "recency_days", "order_count"),
        **_same(gold.CUSTOMER_SEGMENTS, "segment_id", "segment_name"),
        **_same(silver.PRODUCTS, "department"),
        **_same(silver.OFFERS, "offer_id", "percent_off", "amount_off", "minimum_spend"),
        "offer_kind": _of(silver.OFFERS, "kind"),
        "offer_scope": _of(silver.OFFERS, "scope"),
        "product_id": _of(gold.CUSTOMER_FEATURES, "favourite_product_id"),
        "product_recency_days": _of(gold.CUSTOMER_FEATURES, "favourite_product_recency_days"),
        "product_orders": _of(gold.CUSTOMER_FEATURES, "favourite_product_orders"),
        "usual_gap_days": _of(gold.CUSTOMER_FEATURES, "median_gap_days"),
    },
    gold.NOTIFICATION_COPY.path: _same(gold.NOTIFICATION_CONTEXTS, "as_of_date", "context_key"),
    gold.NOTIFICATIONS.path: {
        **_same(gold.NOTIFICATION_CONTEXTS, "as_of_date", "customer_id", "product_id", "segment_id"),
        **_same(gold.NOTIFICATION_COPY, "copy_id", "generator"),
    },
}
"""Table -> column -> the columns that its values are copied from, for some rows; missing where no row matches.

Several origins of one column give the values of different rows.
"""

_DAY_OF_ORDER = _of(silver.ORDERS, "day_number")
_GAPS = _of(silver.ORDERS, "day_number", "gap_is_minimum")
_OF_DAY = {
    "day_number": _of(bronze.ORDERS, "order_date"),
    "order_of_day": _of(bronze.ORDERS, "order_hour", "source_file", "source_line"),
}
_RHYTHM = _of(silver.ORDERS, "day_number", "order_of_day", "item_count", "gap_is_minimum")
_FAMILIES = _of(silver.PRODUCTS, "display_name", "product_name", "aisle", "aisle_id")
_BASKETS = (
    *_of(silver.ORDERS, "day_number", "order_of_day", "order_weekday", "order_hour", "item_count"),
    *_of(silver.ORDER_ITEMS, "product_id", "add_to_cart_order"),
    *_FAMILIES,
)
_MODEL = _of(gold.PREDICTION_MODELS, "feature", "threshold", "missing_goes_left", "left", "right", "value", "ids")
_TRAINED = tuple(dict.fromkeys((*_RHYTHM, *_BASKETS)))
_SERVED = _of(gold.PREDICTION_MODELS, "served")
_CLUSTERED = _of(gold.CUSTOMER_HABITS, "gap_days", "basket_size")
_CENTERS = _of(gold.SEGMENT_MODEL, "feature_is_log", "feature_mean", "feature_scale", "centroid")
_PLACE = (*_CLUSTERED, *_CENTERS, *_of(gold.CUSTOMER_HABITS, "order_count"))
_PLACE_BY_ORDERS = (*_DAY_OF_ORDER, *_of(silver.ORDERS, "item_count"), *_CENTERS)
_OCCASION = _of(
    gold.CUSTOMER_FEATURES,
    *("recency_days", "order_count", "median_gap_days", "favourite_weekday"),
    *("favourite_product_orders", "favourite_product_recency_days"),
)
_TONE = (
    *_OCCASION,
    *_of(gold.CUSTOMER_FEATURES, "mean_basket_size"),
    *_of(gold.CUSTOMER_SEGMENTS, "frequency_score"),
)
_SEND_HOUR = _of(gold.CUSTOMER_FEATURES, "favourite_hour")
_WORDS = _of(gold.NOTIFICATION_CONTEXTS, "context_key", "department", "occasion", "daypart", "tone", "offer_id")
_SLOTS = _of(gold.NOTIFICATION_CONTEXTS, "product_name", "weekday", "daypart", "percent_off", "offer_words")

COMPUTED: Mapping[str, ByColumn] = {
    bronze.REJECTED_ROWS.path: {"raw_text": _landed_rows(*_LANDED_DAYS)},
    bronze.REJECTED_SNAPSHOT_ROWS.path: {"raw_text": _landed_rows(*_LANDED_SNAPSHOTS)},
    silver.PRODUCTS.path: {
        "product_name": _of(bronze.PRODUCTS, "product_name"),
        "aisle": _of(bronze.AISLES, "aisle"),
        "department": _of(bronze.DEPARTMENTS, "department"),
        **_same(bronze.PRODUCTS, "display_name", *_SEEN),
        "naming_fault": (
            *_of(bronze.PRODUCTS, "product_name", "display_name"),
            *_of(bronze.DEPARTMENTS, "department"),
        ),
    },
    silver.CUSTOMERS.path: _same(bronze.CUSTOMERS, "time_zone", "locale", "customer_key", *_SEEN),
    silver.OFFERS.path: {
        **{name: _of(bronze.OFFERS, name) for name in ("kind", "scope", "code")},
        "has_audience": (
            *_of(bronze.OFFER_AUDIENCE, "offer_id"),
            *_of(bronze.REJECTED_SNAPSHOT_ROWS, "raw_text"),
            *_of(bronze.LANDED_SNAPSHOTS, "fault"),
        ),
    },
    silver.ORDERS.path: {
        **_OF_DAY,
        "order_weekday": _of(bronze.ORDERS, "order_date"),
        "distinct_product_count": _of(bronze.ORDER_ITEMS, "product_id"),
        "spend": _of(bronze.ORDER_ITEMS, "quantity", "unit_price"),
    },
    silver.ORDER_ITEMS.path: {**_OF_DAY, "quantity": _of(bronze.ORDER_ITEMS, "quantity")},
    silver.RETURNED_ITEMS.path: {**_OF_DAY, "returned_quantity": _of(bronze.ORDER_ITEMS, "quantity")},
    silver.REJECTED_ROWS.path: {
        "source_key": (*_of(bronze.ORDERS, "order_id"), *_of(bronze.ORDER_ITEMS, "order_id", "add_to_cart_order")),
        "row_json": _every_column_of(bronze.ORDERS, bronze.ORDER_ITEMS),
    },
    silver.REJECTED_SNAPSHOT_ROWS.path: {
        "source_key": (
            *_of(bronze.PRODUCTS, "product_id"),
            *_of(bronze.CUSTOMERS, "customer_id"),
            *_of(bronze.OFFERS, "offer_id"),
            *_of(bronze.OFFER_AUDIENCE, "offer_id", "customer_id"),
        ),
        "row_json": _every_column_of(bronze.PRODUCTS, bronze.CUSTOMERS, bronze.OFFERS, bronze.OFFER_AUDIENCE),
    },
    gold.CUSTOMER_FEATURES.path: {
        "recency_days": _DAY_OF_ORDER,
        "tenure_days": _DAY_OF_ORDER,
        "mean_gap_days": _DAY_OF_ORDER,
        "median_gap_days": _DAY_OF_ORDER,
        "std_gap_days": _DAY_OF_ORDER,
        "mean_basket_size": _of(silver.ORDERS, "item_count"),
        "distinct_product_count": _of(silver.ORDER_ITEMS, "product_id"),
        "reorder_share": (*_of(silver.ORDERS, "distinct_product_count"), *_of(silver.ORDER_ITEMS, "product_id")),
        "department_count": _of(silver.ORDER_ITEMS, "department_id"),
        "favourite_product_orders": _of(silver.ORDER_ITEMS, "day_number", "order_id"),
        "favourite_product_recency_days": _of(silver.ORDER_ITEMS, "day_number"),
        "weekend_share": _of(silver.ORDERS, "order_weekday"),
        "total_spend": _of(silver.ORDERS, "spend"),
        "mean_order_spend": _of(silver.ORDERS, "spend"),
        **dict.fromkeys(("cadence_days", "gap_p75_days", "gap_p90_days"), _GAPS),
        "capped_gap_share": _of(silver.ORDERS, "gap_is_minimum"),
        "regularity": _DAY_OF_ORDER,
        "order_trend": _DAY_OF_ORDER,
        "basket_trend": _of(silver.ORDERS, "day_number", "item_count"),
        **dict.fromkeys(("morning_share", "afternoon_share", "evening_share"), _of(silver.ORDERS, "order_hour")),
        "variety": _of(silver.ORDER_ITEMS, "department_id"),
        "price_level": _of(silver.ORDERS, "spend", "item_count"),
    },
    gold.CUSTOMER_LIFECYCLE.path: {
        "stage": _GAPS,
        "since": _GAPS,
        "days_since_order": _DAY_OF_ORDER,
        "cadence_days": _GAPS,
    },
    gold.CUSTOMER_HABITS.path: {
        "order_count": _of(silver.ORDERS, "order_id"),
        "gap_days": _DAY_OF_ORDER,
        "basket_size": _of(silver.ORDERS, "item_count"),
        "since": _DAY_OF_ORDER,
        "recent_gap_days": _DAY_OF_ORDER,
        "recent_basket_size": (*_DAY_OF_ORDER, *_of(silver.ORDERS, "item_count")),
    },
    gold.SEGMENT_MODEL.path: {
        **dict.fromkeys(
            (
                *("segment_name", "segment_marks", "customer_count", "segment_count", "silhouette", "inertia"),
                *("feature_fill", "feature_mean", "feature_scale", "jaccard", "centroid", "centroid_values"),
            ),
            _CLUSTERED,
        ),
        **dict.fromkeys(
            ("recent_edges", "recent_shares"), _of(gold.CUSTOMER_HABITS, "recent_gap_days", "recent_basket_size")
        ),
    },
    gold.CUSTOMER_SEGMENTS.path: {
        "segment_id": (*_PLACE, *_of(gold.SEGMENT_MODEL, "segment_id")),
        "segment_name": (*_PLACE, *_of(gold.SEGMENT_MODEL, "segment_name")),
        "distance": _PLACE,
        "margin": _PLACE,
        "recency_score": _of(gold.CUSTOMER_FEATURES, "recency_days"),
        "frequency_score": _of(gold.CUSTOMER_FEATURES, "order_count"),
        "monetary_score": _of(gold.CUSTOMER_FEATURES, "total_spend", "mean_basket_size", "order_count"),
        "rfm_segment": _of(gold.CUSTOMER_FEATURES, "recency_days", "order_count", "total_spend", "mean_basket_size"),
    },
    gold.SEGMENT_PROFILES.path: {
        "segment_marks": _of(gold.SEGMENT_MODEL, "segment_marks"),
        "customer_share": _of(gold.CUSTOMER_FEATURES, "recency_days"),
        "quiet_customers": _of(gold.CUSTOMER_FEATURES, "recency_days"),
        "mean_recency_days": _of(gold.CUSTOMER_FEATURES, "recency_days"),
        "mean_order_count": _of(gold.CUSTOMER_FEATURES, "order_count"),
        "mean_gap_days": _of(gold.CUSTOMER_FEATURES, "mean_gap_days"),
        "mean_basket_size": _of(gold.CUSTOMER_FEATURES, "mean_basket_size"),
        "mean_reorder_share": _of(gold.CUSTOMER_FEATURES, "reorder_share"),
        "mean_weekend_share": _of(gold.CUSTOMER_FEATURES, "weekend_share"),
        "mean_total_spend": _of(gold.CUSTOMER_FEATURES, "total_spend"),
        "top_departments": _of(silver.PRODUCTS, "department"),
        "top_products": _of(silver.PRODUCTS, "display_name", "product_name", "aisle"),
    },
    gold.SEGMENT_PREFERENCES.path: {
        **_same(gold.CUSTOMER_SEGMENTS, "segment_id", "segment_name"),
        "item_id": (
            *_of(silver.ORDER_ITEMS, "department_id", "product_id"),
            *_of(silver.PRODUCTS, "display_name", "product_name", "aisle"),
        ),
        "item_name": _of(silver.PRODUCTS, "department", "display_name", "product_name"),
    },
    gold.SEGMENT_MIGRATION.path: {
        **{
            f"{side}_{name}": (*_PLACE_BY_ORDERS, *_of(gold.SEGMENT_MODEL, name))
            for side in ("from", "to")
            for name in ("segment_id", "segment_name")
        },
        "cause": (*_PLACE_BY_ORDERS, *_of(gold.SEGMENT_MODEL, "segment_id")),
    },
    gold.COHORT_RETENTION.path: dict.fromkeys(("cohort_month", "months_since"), _of(silver.ORDERS, "order_date")),
    gold.ORDER_FREQUENCY.path: {
        "gap_days": _DAY_OF_ORDER,
        "capped_order_count": _of(silver.ORDERS, "gap_is_minimum"),
    },
    gold.PREDICTION_MODELS.path: {
        **dict.fromkeys(("feature", "threshold", "missing_goes_left", "left", "right", "value", "served"), _TRAINED),
        "ids": (*_of(silver.PRODUCTS, "product_id"), *_FAMILIES),
    },
    gold.MODEL_EVALUATIONS.path: dict.fromkeys(("slice", "value", "low", "high", "served", "n"), _TRAINED),
    gold.NEXT_ORDER.path: {
        **dict.fromkeys(
            ("expected_order_date", "probability_7d", "probability_28d", "expected_orders_90d"), (*_RHYTHM, *_MODEL)
        ),
        **dict.fromkeys(("served", "served_28d", "served_90d"), _SERVED),
    },
    gold.PRODUCT_RECOMMENDATIONS.path: {
        **dict.fromkeys(("rank", "probability", "reason_code"), (*_BASKETS, *_MODEL)),
        "dueness": (*_DAY_OF_ORDER, *_of(silver.ORDER_ITEMS, "product_id"), *_FAMILIES),
        "reason_numbers": (*_BASKETS, *_MODEL),
        "served": _SERVED,
    },
    gold.NOTIFICATION_CONTEXTS.path: {
        "context_key": (
            *_of(silver.PRODUCTS, "department"),
            *_TONE,
            *_SEND_HOUR,
            *_of(silver.OFFERS, "offer_id", "kind", "scope", "minimum_spend", "code"),
        ),
        "product_name": _of(silver.PRODUCTS, "product_name", "display_name"),
        "offer_words": (
            *_of(silver.OFFERS, "kind", "scope", "percent_off", "amount_off", "minimum_spend", "code"),
            *_of(silver.PRODUCTS, "department"),
        ),
        "occasion": _OCCASION,
        "tone": _TONE,
        "daypart": _SEND_HOUR,
        "send_hour": _SEND_HOUR,
        "time_zone": _of(silver.CUSTOMERS, "time_zone"),
    },
    gold.NOTIFICATION_COPY.path: {"copy_id": _WORDS, "title": _WORDS, "body": _WORDS},
    gold.NOTIFICATIONS.path: {
        "send_at": _of(gold.NOTIFICATION_CONTEXTS, "send_date", "send_hour", "time_zone"),
        "title": (*_of(gold.NOTIFICATION_COPY, "title"), *_SLOTS),
        "body": (*_of(gold.NOTIFICATION_COPY, "body"), *_SLOTS),
        "offer_id": (*_of(gold.NOTIFICATION_CONTEXTS, "offer_id"), *_of(gold.NOTIFICATION_COPY, "title", "body")),
    },
}
"""Table -> column -> the columns that its values are computed from."""

LINEAGE: Mapping[str, ByColumn] = {
    path: {**CARRIED.get(path, {}), **COMPUTED.get(path, {})} for path in sorted(CARRIED.keys() | COMPUTED.keys())
}
"""Table -> column -> its origins; a column without origins has no entry."""
