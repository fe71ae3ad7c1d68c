"""Eligible customers on the day after a snapshot, and the facts of their messages, on any engine.

Copy does not belong here, nor limits on messages per customer over several days.

A customer is eligible if all of these hold: the customer agreed to push notifications (see `consent`), the last order is
not older than the policy allows, the favorite product is in the shop (not delisted), and an occasion applies on the send
date. Days count up to the send date. The first occasion that applies is taken:

* `win_back`: days since the last order >= 2 x usual gap, and at least 21. A customer with one order has no usual gap.
* `usual_day`: the send date is the customer's favorite weekday, 3 or more orders, the last at least 3 days ago.
* `restock`: the favorite product family was in 2 or more orders. The days since its last purchase are at least 3 and at
  least its usual interval: usual gap x orders / orders with the family.

The usual gap is the median number of days between the customer's orders.

Tone: `gentle` for win_back; otherwise `inviting` for up to 3 orders or if no product was bought twice; otherwise
`brisk` for frequent orders (frequency score 4 or 5) with small baskets (8 items or fewer on average); otherwise `warm`.

The message is sent an hour before the customer's favorite hour, but within the waking hours of the policy. The
daypart follows from the send hour: morning before 12, afternoon before 17, evening after.
"""

from datetime import date, timedelta

import narwhals as nw

from cis_assets.catalog.gold import NOTIFICATION_CONTEXTS
from cis_assets.catalog.snapshots import as_of_rows
from cis_assets.notifications.consent import has_consent
from cis_assets.notifications.offer_terms import best_offers, offers_in_words
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.product_names import shorten_product_names
from cis_assets.segmentation.order_windows import conform
from cis_assets.time_zones import iana_zones

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_WIN_BACK_GAPS = 2.0
_WIN_BACK_MIN_DAYS = 21
_USUAL_DAY_MIN_ORDERS = 3
_USUAL_DAY_MIN_DAYS = 3
_RESTOCK_MIN_PURCHASES = 2
_RESTOCK_MIN_DAYS = 3
_FEW_ORDERS = 3
_FREQUENT_SCORE = 4
_SMALL_BASKET = 8.0
_HOURS_AHEAD = 1
_AFTERNOON_FROM = 12
_EVENING_FROM = 17


def notification_contexts(
    eligible: nw.LazyFrame,
    products: nw.LazyFrame,
    offers: nw.LazyFrame,
    audience: nw.LazyFrame,
    *,
    as_of: date,
    policy: NotificationPolicy,
) -> nw.LazyFrame:
    """One row per customer to write to, unsorted, with the columns of gold/notification_contexts.

    `eligible` is what `eligible_customers` selects for `as_of`; `products`, `offers` and `audience` are silver tables. All
    four are on one engine. An eligible customer whose favorite product may not be named gets no message
    (`count_unnamed_products`).
    """
    send_date = as_of + timedelta(days=1)
    named = eligible.filter(nw.col("naming_fault").is_null())
    told = best_offers(named, offers_in_words(offers, products, send_date, policy), audience)
    known_zone = nw.col("time_zone").is_in(sorted(iana_zones()))
    rows = (
        named.join(told, on="customer_id", how="left")
        .with_columns(tone=_tone(), daypart=_daypart())
        .with_columns(
            as_of_date=nw.lit(as_of),
            send_date=nw.lit(send_date),
            weekday=nw.lit(WEEKDAYS[send_date.isoweekday() - 1]),
            time_zone=nw.when(known_zone).then(nw.col("time_zone")).otherwise(nw.lit(policy.time_zone)),
            context_key=_context_key(),
        )
        .rename(
            {
                "favourite_product_id": "product_id",
                "favourite_product_recency_days": "product_recency_days",
                "favourite_product_orders": "product_orders",
                "median_gap_days": "usual_gap_days",
            }
        )
    )
    return conform(NOTIFICATION_CONTEXTS, shorten_product_names(rows, policy.product_name_max_length))


def count_unnamed_products(eligible: nw.LazyFrame) -> nw.LazyFrame:
    """Count the eligible customers who get no message because their product may not be named, by `naming_fault`."""
    unnamed = eligible.filter(~nw.col("naming_fault").is_null())
    # Engines count in integers of different sizes.
    return unnamed.group_by("naming_fault").agg(customers=nw.len()).with_columns(nw.col("customers").cast(nw.Int64))


def eligible_customers(
    features: nw.LazyFrame,
    segments: nw.LazyFrame,
    products: nw.LazyFrame,
    customers: nw.LazyFrame,
    *,
    as_of: date,
    policy: NotificationPolicy,
) -> nw.LazyFrame:
    """One row per eligible customer, with the facts of the message and the `naming_fault` of the favorite product.

    `features` and `segments` are rows of gold/customer_features and gold/customer_segments; rows of other days than
    `as_of` are ignored. `products` is silver/products, `customers` is what `consenting_customers` selects of
    silver/customers. All four are on one engine. A customer without a row in `customers`, or whose favorite product is not
    in `products`, delisted, or not in stock, is not eligible.
    """
    send_date = as_of + timedelta(days=1)
    placed = as_of_rows(segments, as_of).select("customer_id", "segment_id", "segment_name", "frequency_score")
    reachable = customers.filter(has_consent()).select("customer_id", "time_zone")
    in_shop = products.filter(nw.col("delisted_at").is_null() & nw.col("in_stock").fill_null(True))
    named = in_shop.select(
        nw.col("product_id").alias("favourite_product_id"),
        nw.coalesce("display_name", "product_name").alias("product_name"),
        "department",
        "department_id",
        "naming_fault",
    )
    return (
        as_of_rows(features, as_of)
        .join(placed, on="customer_id", how="inner")
        .join(reachable, on="customer_id", how="inner")
        .join(named, on="favourite_product_id", how="inner")
        .filter(nw.col("recency_days") <= policy.lapsed_after_days)
        .with_columns(occasion=_occasion(send_date.isoweekday()), send_hour=_send_hour(policy))
        .filter(~nw.col("occasion").is_null())
    )


def _occasion(send_weekday: int) -> nw.Expr:
    days = nw.col("recency_days") + 1
    product_days = nw.col("favourite_product_recency_days") + 1
    orders = nw.col("order_count")
    purchases = nw.col("favourite_product_orders")
    gap = nw.col("median_gap_days")
    win_back = (days >= _WIN_BACK_MIN_DAYS) & (days >= gap.fill_null(0.0) * _WIN_BACK_GAPS)
    usual_day = (
        (nw.col("favourite_weekday") == send_weekday)
        & (orders >= _USUAL_DAY_MIN_ORDERS)
        & (days >= _USUAL_DAY_MIN_DAYS)
    )
    # Multiplied out, because engines differ in division.
    due = (gap.fill_null(0.0) > 0.0) & (product_days * purchases >= gap * orders)
    restock = due & (purchases >= _RESTOCK_MIN_PURCHASES) & (product_days >= _RESTOCK_MIN_DAYS)
    return (
        nw.when(win_back)
        .then(nw.lit("win_back"))
        .otherwise(nw.when(usual_day).then(nw.lit("usual_day")).otherwise(nw.when(restock).then(nw.lit("restock"))))
    )


def _tone() -> nw.Expr:
    few = (nw.col("order_count") <= _FEW_ORDERS) | (nw.col("favourite_product_orders") < _RESTOCK_MIN_PURCHASES)
    quick = (nw.col("frequency_score") >= _FREQUENT_SCORE) & (nw.col("mean_basket_size") <= _SMALL_BASKET)
    by_habit = nw.when(few).then(nw.lit("inviting")).otherwise(_choice(quick, "brisk", "warm"))
    return nw.when(nw.col("occasion") == "win_back").then(nw.lit("gentle")).otherwise(by_habit)


def _send_hour(policy: NotificationPolicy) -> nw.Expr:
    hour = nw.col("favourite_hour") - _HOURS_AHEAD
    first, last = policy.quiet_before_hour, policy.quiet_from_hour - 1
    not_too_late = nw.when(hour > last).then(nw.lit(last)).otherwise(hour)
    return nw.when(hour < first).then(nw.lit(first)).otherwise(not_too_late)


def _daypart() -> nw.Expr:
    hour = nw.col("send_hour")
    later = _choice(hour < _EVENING_FROM, "afternoon", "evening")
    return nw.when(hour < _AFTERNOON_FROM).then(nw.lit("morning")).otherwise(later)


def _context_key() -> nw.Expr:
    offer = nw.col("offer_terms").fill_null("plain")
    parts = (nw.col("department"), nw.col("occasion"), nw.col("daypart"), nw.col("tone"), offer)
    return nw.concat_str(*parts, separator="|")


def _choice(condition: nw.Expr, yes: str, no: str) -> nw.Expr:
    return nw.when(condition).then(nw.lit(yes)).otherwise(nw.lit(no))
