"""Made-up customers and orders that the tests of segmentation and dashboard share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from cis_assets.catalog.gold import CUSTOMER_FEATURES, SEGMENT_MODEL
from cis_assets.catalog.silver import ORDER_ITEMS, ORDERS, PRODUCTS
from cis_assets.dates import day_number
from cis_assets.segmentation.model import Training, TrainingOptions, train_segment_model

AS_OF = date(2026, 3, 1)
OPTIONS = {"segments_min": 3, "segments_max": 8, "seed": 7}

_ORDINARY = {
    "recency_days": 5,
    "order_count": 20,
    "tenure_days": 300,
    "mean_gap_days": 14.0,
    "median_gap_days": 14.0,
    "std_gap_days": 3.0,
    "mean_basket_size": 10.0,
    "distinct_product_count": 40,
    "reorder_share": 0.5,
    "department_count": 8,
    "favourite_weekday": 6,
    "favourite_hour": 10,
    "favourite_product_id": 1,
    "favourite_product_orders": 5,
    "favourite_product_recency_days": 5,
    "favourite_department_id": 1,
    "weekend_share": 0.4,
    "total_spend": None,
    "mean_order_spend": None,
}

KINDS = {
    "weekly": {
        "recency_days": 4,
        "order_count": 50,
        "tenure_days": 350,
        "mean_gap_days": 7,
        "mean_basket_size": 22,
        "reorder_share": 0.75,
    },
    "top-up": {
        "recency_days": 1,
        "order_count": 115,
        "tenure_days": 350,
        "mean_gap_days": 3,
        "mean_basket_size": 6,
        "reorder_share": 0.7,
    },
    "rare": {
        "recency_days": 25,
        "order_count": 9,
        "tenure_days": 330,
        "mean_gap_days": 38,
        "mean_basket_size": 7,
        "reorder_share": 0.25,
    },
    "gone": {
        "recency_days": 150,
        "order_count": 22,
        "tenure_days": 350,
        "mean_gap_days": 9,
        "mean_basket_size": 12,
        "reorder_share": 0.5,
    },
    "new": {
        "recency_days": 4,
        "order_count": 3,
        "tenure_days": 18,
        "mean_gap_days": 7,
        "mean_basket_size": 10,
        "reorder_share": 0.15,
    },
}


def customers(rows: Sequence[Mapping[str, object]], as_of: date = AS_OF) -> pl.DataFrame:
    """Rows of gold/customer_features, ids 1, 2, ...: an ordinary customer each, but for the values given."""
    filled = [
        {"as_of_date": as_of, "customer_id": number, **_ORDINARY, **row} for number, row in enumerate(rows, start=1)
    ]
    return pl.DataFrame(filled, schema=CUSTOMER_FEATURES.dtypes)


def planted(sizes: Mapping[str, int], seed: int = 1, as_of: date = AS_OF) -> tuple[pl.DataFrame, list[str]]:
    """Customers scattered by a few percent around the kinds above, in mixed order, and the kind of each (by id)."""
    random = np.random.default_rng(seed)
    kinds = random.permutation([kind for kind, size in sizes.items() for _ in range(size)]).tolist()
    rows = []
    for kind in kinds:
        scattered = {name: float(value * random.lognormal(0, 0.06)) for name, value in KINDS[kind].items()}
        for name in ("recency_days", "order_count", "tenure_days"):
            scattered[name] = max(1, round(scattered[name]))
        rows.append({**scattered, "reorder_share": min(scattered["reorder_share"], 1.0)})
    return customers(rows, as_of), kinds


def habits_of(features: pl.DataFrame) -> pl.DataFrame:
    """Rows of gold/customer_habits of customers whose habits equal their mean gap and basket."""
    return features.select(
        "as_of_date",
        "customer_id",
        "order_count",
        pl.col("mean_gap_days").alias("gap_days"),
        pl.col("mean_basket_size").alias("basket_size"),
        pl.col("as_of_date").alias("since"),
        pl.col("mean_gap_days").alias("recent_gap_days"),
        pl.col("mean_basket_size").alias("recent_basket_size"),
    )


def train(habits: pl.DataFrame, models: pl.DataFrame | None = None, **options: int) -> Training:
    """Train on a snapshot of habits, with three to eight segments unless said otherwise."""
    known = SEGMENT_MODEL.empty() if models is None else models
    return train_segment_model(habits, known, TrainingOptions(**{**OPTIONS, **options}))


def silver_orders(rows: Sequence[tuple[int, int, int]]) -> pl.DataFrame:
    """Rows of silver/orders from (customer_id, days before AS_OF, hour); orders of a day are numbered as given."""
    orders, of_day = [], {}
    for order_id, (customer_id, days_before, hour) in enumerate(rows, start=1):
        day = AS_OF - timedelta(days=days_before)
        of_day[customer_id, day] = of_day.get((customer_id, day), 0) + 1
        orders.append(
            {
                "order_date": day,
                "order_id": order_id,
                "customer_id": customer_id,
                "order_hour": hour,
                "order_weekday": day.isoweekday(),
                "day_number": day_number(day),
                "order_of_day": of_day[customer_id, day],
                "item_count": 1,
                "distinct_product_count": 1,
            }
        )
    return pl.DataFrame(orders, schema=ORDERS.dtypes)


def silver_lines(rows: Sequence[tuple[int, int, int]]) -> pl.DataFrame:
    """Rows of silver/order_items from (customer_id, days before AS_OF, product_id)."""
    lines = [
        {
            "order_date": AS_OF - timedelta(days=days_before),
            "order_id": number,
            "customer_id": customer_id,
            "product_id": product_id,
            "department_id": 1,
            "day_number": day_number(AS_OF) - days_before,
            "order_hour": 10,
            "order_of_day": 1,
            "add_to_cart_order": 1,
            "quantity": 1,
        }
        for number, (customer_id, days_before, product_id) in enumerate(rows, start=1)
    ]
    return pl.DataFrame(lines, schema=ORDER_ITEMS.dtypes)


def silver_products(names: Mapping[int, tuple[str, str]]) -> pl.DataFrame:
    """Rows of silver/products from product_id -> (product name, department)."""
    rows = [
        {
            "product_id": product_id,
            "product_name": name,
            "aisle_id": 1,
            "aisle": "aisle",
            "department_id": 1,
            "department": department,
        }
        for product_id, (name, department) in names.items()
    ]
    return pl.DataFrame(rows, schema=PRODUCTS.dtypes)
