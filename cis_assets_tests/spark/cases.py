"""Every engine-neutral transformation with rows to try it on: histories with ties, gaps, repeats and missing prices."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from types import ModuleType
from typing import Any, TypeVar, get_type_hints

import narwhals as nw
import numpy as np
import polars as pl

from cis_assets import catalog, notifications, predictions, quality, segmentation
from cis_assets.catalog import Table, bronze, gold, product_families, silver
from cis_assets.catalog import snapshots as snapshot_slices
from cis_assets.dates import day_number, trailing_window
from cis_assets.notifications import consent, contexts, offer_terms, product_names
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.predictions import basket_history, basket_recommendations, evaluation, next_order
from cis_assets.predictions.next_order_model import NextOrderModel
from cis_assets.predictions.next_order_training import NextOrderOptions, train_next_order
from cis_assets.predictions.order_history import OrderHistory
from cis_assets.quality import reorders
from cis_assets.segmentation import (
    cadence,
    cohorts,
    customer_features,
    lifecycle,
    migration,
    patterns,
    preferences,
    profiles,
)
from cis_assets.segmentation import favourite_product as favourites
from cis_assets.segmentation import habits as habit_values
from cis_assets.segmentation import order_windows as windows
from cis_assets.segmentation import pair_keys as packed_pairs
from cis_assets.segmentation.assignment import assign_segments
from cis_assets.segmentation.versions import add_challenger
from cis_assets_tests.segmentation.histories import FIRST_DAY, History, Line, Order, history
from cis_assets_tests.segmentation.shoppers import train

Rows = Mapping[str, pl.DataFrame]
On = Callable[[Table], nw.LazyFrame]

AS_OF = FIRST_DAY + timedelta(days=60)
HISTORY_DAYS = 45
_CUSTOMERS = 90
# Beyond those, customers with a single order.
_NEWCOMERS = 12
_POLICY = NotificationPolicy(time_zone="America/Chicago")
_NAMES = (
    "Yogurt",
    "Peas, Organic (Frozen)",
    "Signature Recipes Four Cheese Alfredo Pasta Sauce",
    "Caffeine Free Cola Made in a Very Small Factory",
    "No Salt Added Whole Kernel Golden Sweet Corn, 15 Ounces",
    "Crème Brûlée à la Française with Caramelised Cane Sugar",
    "Fresh Squeezed No Pulp Florida\u00a0Orange Juice Drink",
    "x" * 50,
    "100% Juice & Nothing Else for the whole $1 (family)",
)


def history_rows() -> dict[str, pl.DataFrame]:
    """Rows by table path: silver as if made from a random history, gold as polars makes it from there."""
    made = _with_capped_gaps(history(list(_orders(np.random.default_rng(11)))))
    features = _on_polars(
        _features,
        {silver.ORDERS.path: made.orders, silver.ORDER_ITEMS.path: made.order_items, silver.PRODUCTS.path: _products()},
    )
    habits = habit_values.customer_habits(nw.from_native(made.orders.lazy()), [AS_OF], HISTORY_DAYS)
    return {
        silver.ORDERS.path: made.orders,
        silver.ORDER_ITEMS.path: made.order_items,
        silver.PRODUCTS.path: _products(),
        silver.CUSTOMERS.path: _consents(),
        silver.OFFERS.path: _offers(),
        silver.OFFER_AUDIENCE.path: _audience(),
        gold.CUSTOMER_FEATURES.path: _with_another_day(features),
        gold.CUSTOMER_SEGMENTS.path: _with_another_day(assign_segments(features.lazy(), habits.lazy(), _model(habits))),
        gold.CUSTOMER_HABITS.path: _with_another_day(habits),
    }


def _orders(random: np.random.Generator) -> Iterator[Order]:
    newcomers = range(_CUSTOMERS + 1, _CUSTOMERS + _NEWCOMERS + 1)
    for customer in [*random.integers(1, _CUSTOMERS + 1, 1200).tolist(), *newcomers]:
        lines = tuple(
            Line(
                product_id=int(random.integers(1, 30)),
                department_id=int(random.integers(1, 5)),
                # Customers 1 to 30 sometimes buy what has no price.
                price=None
                if customer <= 30 and random.random() < 0.05
                else round(float(random.integers(1, 999)) / 100, 2),
            )
            for _ in range(int(random.integers(1, 7)))
        )
        yield Order(customer, int(random.integers(0, 70)), lines, hour=int(random.choice([0, 7, 9, 9, 18, 23])))


def _with_capped_gaps(made: History) -> History:
    capped = pl.when(pl.col("order_id") % 11 != 0).then(pl.col("order_id") % 7 == 0)
    return replace(made, orders=made.orders.with_columns(gap_is_minimum=capped))


def _products() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "product_id": number,
                "product_name": _NAMES[number % len(_NAMES)],
                "aisle_id": number % 7,
                "aisle": f"aisle {number % 7}",
                "department_id": number % 4 + 1,
                "department": ("produce", "dairy eggs", "snacks", "café & more")[number % 4],
                "display_name": ("Shown", "SHOWN ΣΊΣΥΦΟΣ", "shown σίσυφος", "İced", "i̇ced")[number % 5]
                if number % 4 == 0
                else None,
                "in_stock": (None, True, False)[number % 3] if number > 20 else None,
            }
            for number in range(1, 30)
        ],
        schema=silver.PRODUCTS.dtypes,
    )


def _consents() -> pl.DataFrame:
    zones = ("Asia/Tokyo", "Nowhere", "Europe/Madrid", "UTC")
    return pl.DataFrame(
        [
            {"customer_id": number, "push_consent": number % 5 > 0, "time_zone": zones[number % 4]}
            for number in range(1, _CUSTOMERS + _NEWCOMERS)
        ],
        schema=silver.CUSTOMERS.dtypes,
    )


def _offers() -> pl.DataFrame:
    day = AS_OF + timedelta(days=1)
    return pl.DataFrame(
        [
            {
                "offer_id": number,
                "product_id": number % 20 + 1 if number % 7 > 1 else None,
                "percent_off": number % 3 * 10 + 5 if number % 5 > 1 else None,
                "starts_on": day + timedelta(number % 3 - 1),
                "ends_on": day + timedelta(number % 4),
                "kind": ("coupon", "amount", "percent", "percent", "percent")[number % 5],
                "scope": ("order", "department", "product")[min(number % 7, 2)],
                "amount_off": number + 0.05 * (number % 2) if number % 5 == 1 else None,
                "department_id": number % 4 + 1 if number % 7 == 1 else None,
                "minimum_spend": 20.5 if number % 4 == 0 else None,
                "code": ("SAVE", "no good", None)[number % 3],
                "has_audience": number % 7 < 2,
            }
            for number in range(1, 60)
        ],
        schema=silver.OFFERS.dtypes,
    )


def _audience() -> pl.DataFrame:
    pairs = [(offer, customer) for offer in range(1, 60) for customer in range(offer % 3, 120, 5)]
    return pl.DataFrame(pairs, schema=silver.OFFER_AUDIENCE.dtypes, orient="row")


def _with_another_day(snapshot: pl.DataFrame) -> pl.DataFrame:
    """A snapshot and, beside it, one of the next day that nobody asks for."""
    return pl.concat([snapshot, snapshot.with_columns(pl.col("as_of_date") + pl.duration(days=1))])


def _shortened(on: On) -> nw.LazyFrame:
    return product_names.shorten_product_names(on(silver.PRODUCTS), 24)


@cache
def _next_order_model() -> NextOrderModel:
    orders = [
        Order(customer, day, (Line(1),))
        for customer in range(1, 60)
        for day in range(customer % 7, 60, 2 + customer % 9)
    ]
    read = OrderHistory.of_rows(history(orders).orders)
    return train_next_order(read, AS_OF, NextOrderOptions(trees=5))


def _lines_of(found: basket_history.BasketHistory) -> pl.DataFrame:
    names = ("customer", "family", "order", "position", "product")
    return pl.DataFrame({name: getattr(found, name) for name in names})


def _evaluation(on: On, of: Callable[..., Any]) -> pl.DataFrame:
    options = evaluation.PredictionOptions(next_order=NextOrderOptions(HISTORY_DAYS, trees=5))
    found = of(on(silver.ORDERS), on(silver.ORDER_ITEMS), on(silver.PRODUCTS), AS_OF, options)
    return found.evaluations


def _model(habits: pl.DataFrame) -> pl.DataFrame:
    return add_challenger(gold.SEGMENT_MODEL.empty(), train(habits, segments_min=3, segments_max=3).rows)


def _migration(on: On) -> pl.DataFrame:
    habits = habit_values.customer_habits(on(silver.ORDERS), [AS_OF], HISTORY_DAYS)
    days = [AS_OF - timedelta(days=1), AS_OF]
    return migration.segment_migration(on(silver.ORDERS), _model(habits), days, HISTORY_DAYS, 3_000_000)


def _eligible(on: On, products: nw.LazyFrame | None = None) -> nw.LazyFrame:
    inputs = (
        on(gold.CUSTOMER_FEATURES),
        on(gold.CUSTOMER_SEGMENTS),
        on(silver.PRODUCTS) if products is None else products,
        on(silver.CUSTOMERS),
    )
    return contexts.eligible_customers(*inputs, as_of=AS_OF, policy=_POLICY)


def _contexts(on: On) -> nw.LazyFrame:
    snapshots = (on(table) for table in (silver.PRODUCTS, silver.OFFERS, silver.OFFER_AUDIENCE))
    return contexts.notification_contexts(_eligible(on), *snapshots, as_of=AS_OF, policy=_POLICY)


def _unnamed(on: On) -> nw.LazyFrame:
    fault = nw.when(nw.col("product_id") % 2 == 0).then(nw.lit("an offer"))
    return contexts.count_unnamed_products(_eligible(on, on(silver.PRODUCTS).with_columns(naming_fault=fault)))


def _consenting(on: On) -> nw.LazyFrame:
    return consent.consenting_customers(on(silver.CUSTOMERS), bronze.LANDED_SNAPSHOTS.empty().lazy())


def _said(on: On) -> nw.LazyFrame:
    said = offer_terms.offers_in_words(on(silver.OFFERS), on(silver.PRODUCTS), AS_OF + timedelta(days=1), _POLICY)
    return said.select("offer_id", "offer_words", "offer_terms", "target", "rank", "rank_number")


def _best_offers(on: On) -> nw.LazyFrame:
    said = offer_terms.offers_in_words(on(silver.OFFERS), on(silver.PRODUCTS), AS_OF + timedelta(days=1), _POLICY)
    customers = on(gold.CUSTOMER_FEATURES).filter(nw.col("as_of_date") == nw.lit(AS_OF, dtype=nw.Date))
    people = customers.with_columns(department_id=nw.col("favourite_department_id"))
    return offer_terms.best_offers(people, said, on(silver.OFFER_AUDIENCE))


def _profiles(on: On) -> pl.DataFrame:
    model = _model(history_rows()[gold.CUSTOMER_HABITS.path].filter(pl.col("as_of_date") == AS_OF))
    inputs = [on(table) for table in (gold.CUSTOMER_FEATURES, gold.CUSTOMER_SEGMENTS)]
    lines, products = on(silver.ORDER_ITEMS), on(silver.PRODUCTS)
    return profiles.profile_segments(*inputs, model, lines, products, as_of=AS_OF, history_days=HISTORY_DAYS)  # pyright: ignore[reportCallIssue]


def _families(on: On) -> nw.LazyFrame:
    return product_families.family_numbers(on(silver.PRODUCTS))


def _features(on: On) -> nw.LazyFrame:
    return customer_features.customer_features(
        on(silver.ORDERS), on(silver.ORDER_ITEMS), _families(on), AS_OF, HISTORY_DAYS
    )


def _with_key(on: On) -> nw.LazyFrame:
    ranges = packed_pairs.number_ranges(on(silver.ORDER_ITEMS), ["product_id"])
    rows, key = packed_pairs.with_pair_key("product_id", on(silver.ORDER_ITEMS), ranges)
    return rows.select("order_id", "add_to_cart_order", *key)


_WINDOW = {"as_of": AS_OF, "history_days": HISTORY_DAYS}

CASES: Mapping[str, Callable[[On], Any]] = {
    "catalog.product_families.family_numbers": _families,
    "segmentation.customer_features.customer_features": _features,
    "segmentation.favourite_product.favourite_product": lambda on: favourites.favourite_product(
        on(silver.ORDERS),
        on(silver.ORDER_ITEMS),
        on(silver.ORDER_ITEMS)
        .group_by("customer_id", "product_id")
        .agg(nw.len().alias("rows"), nw.col("day_number").max().alias("last_day")),
        _families(on),
        day_number(AS_OF),
        packed_pairs.NO_RANGES,
    ),
    "segmentation.favourite_product.family_range": lambda on: pl.DataFrame(
        [favourites.family_range(_families(on), packed_pairs.NumberRange(3, 20))._asdict()]
    ),
    "segmentation.customer_features.customer_features_in_chunks": lambda on: nw.concat(
        customer_features.customer_features_in_chunks(
            on(silver.ORDERS), on(silver.ORDER_ITEMS), _families(on), AS_OF, HISTORY_DAYS, 20_000_000
        )
    ),
    "segmentation.pair_keys.number_ranges": lambda on: pl.DataFrame(
        [one._asdict() for one in packed_pairs.number_ranges(on(silver.ORDER_ITEMS), ["product_id"]).values()]
    ),
    "segmentation.pair_keys.with_pair_key": _with_key,
    "segmentation.pair_keys.group_by_customer_and": lambda on: packed_pairs.group_by_customer_and(
        "product_id",
        on(silver.ORDER_ITEMS),
        packed_pairs.number_ranges(on(silver.ORDER_ITEMS), ["product_id"]),
        nw.col("day_number").max().alias("last_day"),
    ).select("customer_id", "product_id", "last_day"),
    "segmentation.order_windows.customer_bounds": lambda on: pl.DataFrame(
        {"bound": windows.customer_bounds(on(silver.ORDERS), 3)}
    ),
    "segmentation.order_windows.customer_groups": lambda on: windows.customer_groups(on(silver.ORDERS), [5, 9])[1],
    "quality.reorders.mark_reorders": lambda on: reorders.mark_reorders(on(silver.ORDER_ITEMS)),
    "segmentation.order_windows.snapshot_window": lambda on: windows.snapshot_window(
        on(silver.ORDERS), trailing_window(AS_OF, HISTORY_DAYS)
    ),
    "segmentation.order_windows.gaps_between_orders": lambda on: windows.gaps_between_orders(on(silver.ORDERS)),
    "segmentation.order_windows.newest_order_date": lambda on: windows.newest_order_date(on(silver.ORDERS), AS_OF),
    "segmentation.order_windows.first_by": lambda on: windows.first_by(
        on(silver.ORDERS), "customer_id", descending=["item_count", "day_number"], ascending="order_id"
    ),
    "segmentation.order_windows.conform": lambda on: windows.conform(silver.ORDERS, on(silver.ORDERS)),
    "segmentation.patterns.order_patterns": lambda on: patterns.order_patterns(
        on(silver.ORDERS), on(gold.CUSTOMER_SEGMENTS), **_WINDOW
    ),
    "segmentation.patterns.order_frequency": lambda on: patterns.order_frequency(
        on(silver.ORDERS), on(gold.CUSTOMER_SEGMENTS), **_WINDOW
    ),
    "segmentation.profiles.segment_means": lambda on: profiles.segment_means(
        on(gold.CUSTOMER_FEATURES), on(gold.CUSTOMER_SEGMENTS), as_of=AS_OF
    ),
    "segmentation.profiles.segment_product_counts": lambda on: profiles.segment_product_counts(
        on(silver.ORDER_ITEMS), on(gold.CUSTOMER_SEGMENTS), on(silver.PRODUCTS), **_WINDOW
    ),
    "segmentation.profiles.profile_segments": _profiles,
    "segmentation.cadence.cadences": lambda on: cadence.cadences(windows.gaps_between_orders(on(silver.ORDERS))),
    "segmentation.lifecycle.customer_lifecycle": lambda on: lifecycle.customer_lifecycle(
        on(silver.ORDERS), [AS_OF], HISTORY_DAYS, lifecycle.LifecycleRules()
    ),
    "segmentation.lifecycle.customer_lifecycle_in_chunks": lambda on: pl.concat(
        chunk.collect()
        for chunk in lifecycle.customer_lifecycle_in_chunks(
            on(silver.ORDERS), [AS_OF], HISTORY_DAYS, lifecycle.LifecycleRules(), 3_000_000
        )
    ),
    "segmentation.preferences.segment_buyers": lambda on: preferences.segment_buyers(
        on(silver.ORDER_ITEMS), snapshot_slices.segment_members(on(gold.CUSTOMER_SEGMENTS), AS_OF), "department_id"
    ),
    "segmentation.preferences.segment_preferences": lambda on: preferences.segment_preferences(
        on(silver.ORDER_ITEMS), on(gold.CUSTOMER_SEGMENTS), on(silver.PRODUCTS), as_of=AS_OF
    ),
    "segmentation.cohorts.cohort_retention": lambda on: cohorts.cohort_retention(on(silver.ORDERS), [AS_OF]),
    "segmentation.cohorts.first_orders_by_month": lambda on: cohorts.first_orders_by_month(on(silver.ORDERS)),
    "segmentation.migration.segment_migration": _migration,
    "segmentation.habits.daily_habits": lambda on: pl.concat(
        habit_values.daily_habits(on(silver.ORDERS), [AS_OF], HISTORY_DAYS)
    ),
    "segmentation.habits.groups_of_customers": lambda on: habit_values.groups_of_customers(
        on(silver.ORDERS), 5_000_000
    )[1],
    "segmentation.habits.customer_habits": lambda on: habit_values.customer_habits(
        on(silver.ORDERS), [AS_OF], HISTORY_DAYS
    ),
    "segmentation.habits.customer_habits_in_chunks": lambda on: pl.concat(
        chunk.collect()
        for chunk in habit_values.customer_habits_in_chunks(on(silver.ORDERS), [AS_OF], HISTORY_DAYS, 3_000_000)
    ),
    "predictions.next_order.next_order": lambda on: next_order.next_order(
        on(silver.ORDERS), _next_order_model(), [AS_OF], HISTORY_DAYS
    ),
    "predictions.next_order.next_order_in_chunks": lambda on: pl.concat(
        chunk.collect()
        for chunk in next_order.next_order_in_chunks(
            on(silver.ORDERS), _next_order_model().rows(), [AS_OF], HISTORY_DAYS, 5_000_000
        )
    ),
    "catalog.snapshots.as_of_rows": lambda on: snapshot_slices.as_of_rows(on(gold.CUSTOMER_FEATURES), AS_OF),
    "catalog.snapshots.segment_members": lambda on: snapshot_slices.segment_members(on(gold.CUSTOMER_SEGMENTS), AS_OF),
    "notifications.consent.consenting_customers": _consenting,
    "notifications.contexts.count_unnamed_products": _unnamed,
    "notifications.contexts.eligible_customers": _eligible,
    "notifications.contexts.notification_contexts": _contexts,
    "notifications.offer_terms.offers_in_words": _said,
    "notifications.offer_terms.best_offers": _best_offers,
    "notifications.product_names.shorten_product_names": _shortened,
    "predictions.basket_history.sampled_history": lambda on: _lines_of(
        basket_history.sampled_history(
            on(silver.ORDERS), on(silver.ORDER_ITEMS), on(silver.PRODUCTS), day_number(AS_OF), 20
        )
    ),
    "predictions.basket_recommendations.product_recommendations": lambda on: (
        basket_recommendations.product_recommendations(
            on(silver.ORDERS),
            on(silver.ORDER_ITEMS),
            basket_history.FamilyIndex.read(on(silver.PRODUCTS)),
            basket_recommendations.BasketServing(),
            [AS_OF],
            HISTORY_DAYS,
        )
    ),
    "predictions.basket_recommendations.product_recommendations_in_chunks": lambda on: pl.concat(
        chunk.collect()
        for chunk in basket_recommendations.product_recommendations_in_chunks(
            on(silver.ORDERS),
            on(silver.ORDER_ITEMS),
            on(silver.PRODUCTS),
            gold.PREDICTION_MODELS.empty(),
            [AS_OF],
            HISTORY_DAYS,
            7_000_000,
        )
    ),
    "predictions.evaluation.evaluate_predictions": lambda on: _evaluation(on, evaluation.evaluate_predictions),
    "predictions.evaluation.train_predictions": lambda on: _evaluation(on, evaluation.train_predictions),
}
"""Transformation, named as below cis_assets -> what it makes of the tables that a function brings."""


def engine_neutral_transformations() -> set[str]:
    """The public functions of the domain that take a narwhals frame."""
    return {
        f"{function.__module__}.{name}".removeprefix("cis_assets.")
        for package in (catalog, quality, segmentation, predictions, notifications)
        for module in _modules(package)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_") and _takes_narwhals(function)
    }


def _modules(package: ModuleType) -> list[ModuleType]:
    return [
        importlib.import_module(found.name) for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]


def _takes_narwhals(function: Callable) -> bool:
    hints = [hint for name, hint in get_type_hints(function).items() if name != "return"]
    return any(
        hint is nw.LazyFrame or (isinstance(hint, TypeVar) and nw.LazyFrame in hint.__constraints__) for hint in hints
    )


def in_polars(result: Any) -> Any:
    """A frame in polars, sorted by whatever is no float (in the order of its columns); anything else as it is."""
    if isinstance(result, nw.LazyFrame):
        result = result.collect(backend="polars").to_native()
    if not isinstance(result, pl.DataFrame):
        return result
    return result.sort(
        [name for name, dtype in result.schema.items() if not dtype.is_float() and not dtype.is_nested()]
    )


def polars_result(case: str, rows: Rows) -> Any:
    return _on_polars(CASES[case], rows)


def _on_polars(transform: Callable[[On], Any], rows: Rows) -> Any:
    return in_polars(transform(lambda table: nw.from_native(rows[table.path].lazy())))
