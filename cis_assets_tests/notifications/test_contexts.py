"""Who is eligible, on what occasion, when, in which tone and with which offer, equal on every engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import duckdb
import narwhals as nw
import polars as pl
import pytest

from cis_assets.catalog.gold import CUSTOMER_FEATURES, CUSTOMER_SEGMENTS, NOTIFICATION_CONTEXTS
from cis_assets.catalog.silver import CUSTOMERS, OFFER_AUDIENCE, OFFERS, PRODUCTS
from cis_assets.catalog.table import Table
from cis_assets.notifications.contexts import eligible_customers, notification_contexts
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.settings import read_settings

MONDAY = date(2026, 3, 2)
TUESDAY = 2
WEDNESDAY = 3
POLICY = NotificationPolicy(time_zone="America/Chicago")

USUAL_DAY = {
    "as_of_date": MONDAY,
    "customer_id": 1,
    "recency_days": 6,
    "order_count": 10,
    "tenure_days": 70,
    "mean_gap_days": 7.0,
    "median_gap_days": 7.0,
    "std_gap_days": 0.0,
    "mean_basket_size": 12.0,
    "distinct_product_count": 40,
    "reorder_share": 0.5,
    "department_count": 5,
    "favourite_weekday": TUESDAY,
    "favourite_hour": 18,
    "favourite_product_id": 100,
    "favourite_product_orders": 9,
    "favourite_product_recency_days": 6,
    "favourite_department_id": 16,
    "weekend_share": 0.0,
    "total_spend": None,
    "mean_order_spend": None,
}
NO_OCCASION = USUAL_DAY | {"favourite_weekday": WEDNESDAY, "recency_days": 2, "favourite_product_recency_days": 2}
RESTOCK = USUAL_DAY | {"favourite_weekday": WEDNESDAY, "favourite_product_recency_days": 13}


def rows(table: Table, *given: dict) -> pl.DataFrame:
    return pl.DataFrame(list(given), schema=table.dtypes) if given else table.empty()


def segment(customer_id: int = 1, frequency_score: int = 3) -> dict:
    return {
        "as_of_date": MONDAY,
        "customer_id": customer_id,
        "segment_id": 2,
        "segment_name": "weekly stock-up",
        "distance": 0.5,
        "recency_score": 3,
        "frequency_score": frequency_score,
        "monetary_score": 3,
        "rfm_segment": "loyal",
        "model_version": 1,
    }


def product(product_id: int = 100, name: str = "Classic Vanilla Yogurt") -> dict:
    return {
        "product_id": product_id,
        "product_name": name,
        "aisle_id": 1,
        "aisle": "yogurt",
        "department_id": 16,
        "department": "dairy eggs",
    }


def customer(customer_id: int = 1, consent: bool = True, time_zone: str = "Europe/Madrid") -> dict:
    return {"customer_id": customer_id, "push_consent": consent, "time_zone": time_zone}


def offer(offer_id: int, percent: int, first: int, last: int, product_id: int = 100) -> dict:
    """An offer from `first` to `last` days after the send date."""
    send_date = MONDAY + timedelta(days=1)
    return {
        "offer_id": offer_id,
        "product_id": product_id,
        "percent_off": percent,
        "starts_on": send_date + timedelta(days=first),
        "ends_on": send_date + timedelta(days=last),
        "kind": "percent",
        "scope": "product",
        "has_audience": False,
    }


def on_polars(frame: pl.DataFrame) -> nw.LazyFrame:
    return nw.from_native(frame.lazy())


def on_duckdb(frame: pl.DataFrame) -> nw.LazyFrame:
    return nw.from_native(duckdb.from_arrow(frame.to_arrow()))


def contexts(
    *features: dict,
    segments: list[dict] | None = None,
    products: list[dict] | None = None,
    customers: list[dict] | None = None,
    offers: list[dict] | None = None,
    audience: list[dict] | None = None,
    policy: NotificationPolicy = POLICY,
    engine: Callable[[pl.DataFrame], nw.LazyFrame] = on_polars,
) -> pl.DataFrame:
    ids = [row["customer_id"] for row in features]
    known = engine(rows(PRODUCTS, *(products if products is not None else [product()])))
    eligible = eligible_customers(
        engine(rows(CUSTOMER_FEATURES, *features)),
        engine(rows(CUSTOMER_SEGMENTS, *(segments if segments is not None else [segment(i) for i in ids]))),
        known,
        engine(rows(CUSTOMERS, *(customers if customers is not None else [customer(i) for i in ids]))),
        as_of=MONDAY,
        policy=policy,
    )
    lazy = notification_contexts(
        eligible,
        known,
        engine(rows(OFFERS, *(offers or []))),
        engine(rows(OFFER_AUDIENCE, *(audience or []))),
        as_of=MONDAY,
        policy=policy,
    )
    return lazy.collect(backend="polars").to_native().sort("customer_id")


def test_a_row_carries_the_facts_of_the_message_in_the_catalogs_columns() -> None:
    frame = contexts(USUAL_DAY)
    assert frame.schema == NOTIFICATION_CONTEXTS.dtypes
    assert frame.row(0, named=True) == {
        "as_of_date": MONDAY,
        "customer_id": 1,
        "context_key": "dairy eggs|usual_day|evening|warm|plain",
        "segment_id": 2,
        "segment_name": "weekly stock-up",
        "product_id": 100,
        "product_name": "Classic Vanilla Yogurt",
        "department": "dairy eggs",
        "occasion": "usual_day",
        "tone": "warm",
        "send_date": date(2026, 3, 3),
        "weekday": "Tuesday",
        "daypart": "evening",
        "send_hour": 17,
        "time_zone": "Europe/Madrid",
        "recency_days": 6,
        "order_count": 10,
        "product_recency_days": 6,
        "product_orders": 9,
        "usual_gap_days": 7.0,
        "offer_id": None,
        "percent_off": None,
        "offer_kind": None,
        "offer_scope": None,
        "amount_off": None,
        "minimum_spend": None,
        "offer_words": None,
    }


@pytest.mark.parametrize(
    ("features", "occasion"),
    [
        (USUAL_DAY, "usual_day"),
        (USUAL_DAY | {"order_count": 2, "favourite_product_orders": 1}, None),
        (NO_OCCASION | {"favourite_weekday": TUESDAY, "recency_days": 2}, "usual_day"),
        (NO_OCCASION | {"favourite_weekday": TUESDAY, "recency_days": 1}, None),
        (NO_OCCASION, None),
        # 7 days x 10 orders / 5 orders with the product: every 14 days.
        (RESTOCK | {"favourite_product_orders": 5}, "restock"),
        (RESTOCK | {"favourite_product_orders": 5, "favourite_product_recency_days": 12}, None),
        (RESTOCK | {"favourite_product_orders": 1, "favourite_product_recency_days": 90}, None),
        (RESTOCK | {"median_gap_days": 0.0}, None),
        (RESTOCK | {"favourite_product_orders": 10, "median_gap_days": 1.0, "favourite_product_recency_days": 1}, None),
        (
            RESTOCK | {"favourite_product_orders": 10, "median_gap_days": 1.0, "favourite_product_recency_days": 2},
            "restock",
        ),
        (USUAL_DAY | {"recency_days": 19}, "usual_day"),
        (USUAL_DAY | {"recency_days": 20}, "win_back"),
        (RESTOCK | {"recency_days": 58, "median_gap_days": 30.0, "favourite_product_orders": 1}, None),
        (RESTOCK | {"recency_days": 59, "median_gap_days": 30.0, "favourite_product_orders": 1}, "win_back"),
        (NO_OCCASION | {"order_count": 1, "recency_days": 19, "median_gap_days": None}, None),
        (NO_OCCASION | {"order_count": 1, "recency_days": 20, "median_gap_days": None}, "win_back"),
    ],
)
def test_a_customer_without_an_occasion_is_not_eligible(features: dict, occasion: str | None) -> None:
    assert contexts(features)["occasion"].to_list() == ([occasion] if occasion else [])


def test_only_customers_who_agreed_are_eligible() -> None:
    several = [USUAL_DAY | {"customer_id": number} for number in (1, 2, 3)]
    frame = contexts(*several, customers=[customer(1, consent=False), customer(2)])
    assert frame["customer_id"].to_list() == [2]


def test_lapsed_customers_are_not_eligible() -> None:
    at_limit = USUAL_DAY | {"recency_days": 120}
    beyond = USUAL_DAY | {"recency_days": 121, "customer_id": 2}
    assert contexts(at_limit, beyond)["customer_id"].to_list() == [1]


def test_a_customer_whose_favorite_product_is_unknown_is_not_eligible() -> None:
    assert contexts(USUAL_DAY | {"favourite_product_id": 999}).is_empty()


@pytest.mark.parametrize(
    ("features", "frequency_score", "tone"),
    [
        (USUAL_DAY | {"recency_days": 30}, 5, "gentle"),
        (USUAL_DAY | {"order_count": 3, "favourite_product_orders": 3}, 5, "inviting"),
        (USUAL_DAY | {"favourite_product_orders": 1, "mean_basket_size": 2.0}, 5, "inviting"),
        (USUAL_DAY | {"mean_basket_size": 8.0}, 4, "brisk"),
        (USUAL_DAY | {"mean_basket_size": 8.0}, 3, "warm"),
        (USUAL_DAY | {"mean_basket_size": 8.1}, 5, "warm"),
    ],
)
def test_tone_follows_from_behaviour(features: dict, frequency_score: int, tone: str) -> None:
    assert contexts(features, segments=[segment(frequency_score=frequency_score)])["tone"].item() == tone


@pytest.mark.parametrize(
    ("favourite_hour", "send_hour", "daypart"),
    [
        (0, 8, "morning"),
        (9, 8, "morning"),
        (12, 11, "morning"),
        (13, 12, "afternoon"),
        (17, 16, "afternoon"),
        (18, 17, "evening"),
        (21, 20, "evening"),
        (23, 20, "evening"),
    ],
)
def test_messages_are_sent_an_hour_ahead_within_waking_hours(favourite_hour: int, send_hour: int, daypart: str) -> None:
    frame = contexts(USUAL_DAY | {"favourite_hour": favourite_hour})
    assert frame.select("send_hour", "daypart").row(0) == (send_hour, daypart)


@pytest.mark.parametrize(
    ("given", "used"), [("", POLICY.time_zone), ("Mars/Base", POLICY.time_zone), ("Asia/Tokyo", "Asia/Tokyo")]
)
def test_a_time_zone_that_is_missing_or_unknown_is_the_one_of_the_policy(given: str, used: str) -> None:
    assert contexts(USUAL_DAY, customers=[customer(time_zone=given)])["time_zone"].item() == used


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        ([offer(1, 10, 0, 0)], (1, 10)),
        ([offer(1, 10, -9, -1), offer(2, 90, 1, 9)], (None, None)),
        ([offer(1, 10, -1, 1), offer(2, 30, -1, 1), offer(3, 20, -1, 1)], (2, 30)),
        ([offer(9, 30, -1, 1), offer(4, 30, -5, 0), offer(5, 30, 0, 5)], (4, 30)),
        ([offer(1, 10, -1, 1, product_id=101)], (None, None)),
    ],
)
def test_the_best_offer_live_on_the_send_date_is_mentioned(offers: list[dict], chosen: tuple) -> None:
    frame = contexts(USUAL_DAY, offers=offers)
    assert frame.select("offer_id", "percent_off").rows() == [chosen]
    assert frame["context_key"].item().endswith("|offer" if chosen[0] else "|plain")


ORDER = {"scope": "order", "product_id": None}
DEPARTMENT = {"scope": "department", "product_id": None, "department_id": 16}
AMOUNT = {"kind": "amount", "percent_off": None, "amount_off": 5.0}
COUPON = {"kind": "coupon", "percent_off": None}


@pytest.mark.parametrize(
    ("changes", "words", "terms"),
    [
        ({}, "10% off", "offer"),
        (ORDER, "10% off your order", "order percent"),
        (ORDER | {"minimum_spend": 30.0}, "10% off your order if you spend €30", "order percent minimum"),
        (DEPARTMENT, "10% off dairy eggs", "department percent"),
        (AMOUNT, "€5 off this product", "product amount"),
        (AMOUNT | {"amount_off": 12.5}, "€12.50 off this product", "product amount"),
        (AMOUNT | {"amount_off": 0.05} | ORDER, "€0.05 off your order", "order amount"),
        (COUPON, "a coupon for this product", "product coupon"),
        (COUPON | ORDER | {"code": "TAKE5"}, "a coupon for your order, code TAKE5", "order coupon"),
        ({"code": "SAVE_10"}, "10% off this product, code SAVE_10", "product percent"),
        (
            AMOUNT | ORDER | {"code": "C0-DE", "minimum_spend": 99.0},
            "€5 off your order if you spend €99, code C0-DE",
            "order amount minimum",
        ),
    ],
    ids=str,
)
def test_the_words_of_an_offer_say_its_kind_scope_condition_and_code(changes: dict, words: str, terms: str) -> None:
    policy = NotificationPolicy(currency="€")
    for engine in (on_polars, on_duckdb):
        frame = contexts(USUAL_DAY, offers=[offer(1, 10, 0, 0) | changes], policy=policy, engine=engine)
        assert frame["offer_words"].item() == words
        assert frame["context_key"].item().endswith(f"|{terms}")


def test_an_offer_whose_words_are_too_long_is_not_mentioned() -> None:
    long_name = product() | {"department": "d" * 60}
    frame = contexts(
        USUAL_DAY, products=[long_name], offers=[offer(1, 10, 0, 0) | DEPARTMENT, offer(2, 5, 0, 0) | ORDER]
    )
    assert frame["offer_id"].to_list() == [2]
    short = NotificationPolicy(message_max_length=60)
    assert contexts(USUAL_DAY, offers=[offer(2, 5, 0, 0) | ORDER], policy=short)["offer_id"].to_list() == [None]


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "SUMMER 25"},
        {"code": "SPAR€5"},
        {"code": "go to evil.example"},
        {"code": "A" * 21},
        COUPON | ORDER | {"code": "A-LONG-CODE", "minimum_spend": 19.99},
        AMOUNT | {"amount_off": 4.999},
        AMOUNT | {"amount_off": 0.004},
        AMOUNT | {"minimum_spend": 0.004},
        {"minimum_spend": 9.996},
    ],
    ids=str,
)
def test_an_offer_is_told_with_its_code_and_to_the_cent_or_not_at_all(changes: dict) -> None:
    for engine in (on_polars, on_duckdb):
        assert contexts(USUAL_DAY, offers=[offer(1, 10, 0, 0) | changes], engine=engine)["offer_id"].to_list() == [None]
    told = contexts(USUAL_DAY, offers=[offer(1, 10, 0, 0) | changes, offer(2, 5, 0, 0)])
    assert told["offer_id"].to_list() == [2]


def test_an_offer_on_another_department_is_not_mentioned() -> None:
    elsewhere = offer(1, 10, 0, 0) | DEPARTMENT | {"department_id": 4}
    assert contexts(USUAL_DAY, offers=[elsewhere])["offer_id"].to_list() == [None]


def test_the_most_specific_offer_is_mentioned() -> None:
    wide, middle = offer(1, 50, 0, 0) | ORDER, offer(2, 40, 0, 0) | DEPARTMENT
    assert contexts(USUAL_DAY, offers=[wide, middle])["offer_id"].to_list() == [2]
    assert contexts(USUAL_DAY, offers=[wide, middle, offer(3, 5, 0, 0)])["offer_id"].to_list() == [3]


def test_only_customers_of_the_audience_hear_of_an_offer() -> None:
    offers = [offer(1, 30, 0, 0) | {"has_audience": True}, offer(2, 10, 0, 0)]
    audience = [{"offer_id": 1, "customer_id": 2}, {"offer_id": 9, "customer_id": 1}]
    people = [USUAL_DAY | {"customer_id": number} for number in (1, 2)]
    assert contexts(*people, offers=offers, audience=audience)["offer_id"].to_list() == [2, 1]
    assert contexts(*people, offers=offers[:1])["offer_id"].to_list() == [None, None]


def test_a_product_is_named_as_the_shop_shows_it() -> None:
    named = contexts(USUAL_DAY, products=[product() | {"display_name": "Vanilla Yogurt"}])
    assert named["product_name"].to_list() == ["Vanilla Yogurt"]


def test_a_product_that_is_not_in_stock_is_not_named() -> None:
    assert contexts(USUAL_DAY, products=[product() | {"in_stock": False}]).is_empty()
    assert contexts(USUAL_DAY, products=[product() | {"in_stock": True}]).height == 1


def test_settings_become_the_policy() -> None:
    settings = read_settings(
        quiet_before_hour=9,
        quiet_from_hour=20,
        lapsed_after_days=50,
        time_zone="Asia/Tokyo",
        message_max_length=90,
    )
    assert NotificationPolicy.from_settings(settings) == NotificationPolicy(9, 20, 50, "Asia/Tokyo", 90)


def test_product_names_take_a_third_of_a_short_message() -> None:
    assert NotificationPolicy(message_max_length=60).product_name_max_length == 20
    assert NotificationPolicy(message_max_length=240).product_name_max_length == 32


def test_duckdb_and_polars_agree() -> None:
    names = [
        "Yogurt",
        "Peas, Organic (Frozen)",
        "Greek Strained Yogurt with Peach and a lot more of it",
        "Crème Brûlée " * 4,
        "x" * 50,
        "Fresh Squeezed No Pulp Florida\u00a0Orange Juice Drink",
    ]
    features, segments, customers = [], [], []
    for number in range(1, 121):
        features.append(
            USUAL_DAY
            | {
                "customer_id": number,
                "recency_days": number * 7 % 41,
                "order_count": number % 11 + 1,
                "median_gap_days": None if number % 7 == 0 else float(number % 5 * 3),
                "favourite_weekday": number % 7 + 1,
                "favourite_hour": number % 24,
                "favourite_product_id": number % 6,
                "favourite_product_orders": number % 7 // 2 + 1,
                "favourite_product_recency_days": number * 7 % 41 + number % 3,
                "mean_basket_size": float(number % 13),
            }
        )
        segments.append(segment(number, number % 5 + 1))
        customers.append(customer(number, number % 3 > 0, ["Asia/Tokyo", "", "Nowhere"][number % 3]))
    products = [product(number, name) for number, name in enumerate(names)]
    offers = [
        offer(number, number % 3 * 10 + 5, number % 3 - 1, number % 4, product_id=number % 3) for number in range(9)
    ]
    offers += [
        offer(20, 10, -1, 1, product_id=1) | {"kind": "coupon", "percent_off": None, "code": "TRY-1"},
        offer(21, 10, -1, 1) | {"scope": "order", "product_id": None, "minimum_spend": 29.9, "has_audience": True},
    ]
    audience = [{"offer_id": 21, "customer_id": number} for number in range(1, 121, 4)]
    given = {
        "segments": segments,
        "products": products,
        "customers": customers,
        "offers": offers,
        "audience": audience,
    }
    by_polars = contexts(*features, **given, engine=on_polars)
    by_duckdb = contexts(*features, **given, engine=on_duckdb)
    assert by_polars.height > 20
    assert by_polars["occasion"].n_unique() == 3
    assert by_polars["offer_id"].null_count() not in (0, by_polars.height)
    assert by_duckdb.equals(by_polars)
