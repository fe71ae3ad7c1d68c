"""What a message says of an offer: its kind, scope, condition and code in words, and which offer a customer hears of.

The words are complete by themselves, so that copy around them cannot change what the offer is on. They are never shortened:
an offer whose words are too long, or cannot be said as they are, is not mentioned.
"""

import re
from collections.abc import Sequence
from datetime import date

import narwhals as nw

from cis_assets.catalog.silver import CENT_TOLERANCE, OFFER_CODE
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.segmentation.order_windows import first_by

SIMPLE = "offer"
"""The terms of a percentage on the product alone: the only offer that copy may write right before a product."""
_KINDS = ("percent", "amount", "coupon")
_SCOPES = {"product": "this product", "department": None, "order": "your order"}
_WHOLE_ORDER = 0
"""The target of offers on the order, where others have the product or the department."""
_TERMS = re.compile(r"(product|department|order) (percent|amount|coupon)( minimum)?")


def describe_terms(terms: str) -> str:
    """Describe the terms of a context (such as `order amount minimum`) for a writer."""
    found = _TERMS.fullmatch(terms)
    if found is None:
        return "a percentage off the product alone"
    scope, kind, minimum = found.groups()
    on = {"product": "the product alone", "department": "one department", "order": "the whole order"}[scope]
    what = {"percent": "a percentage off", "amount": "an amount off", "coupon": "a coupon for"}[kind]
    return f"{what} {on}{', from a minimum spend' if minimum else ''}"


def offers_in_words(
    offers: nw.LazyFrame, products: nw.LazyFrame, send_date: date, policy: NotificationPolicy
) -> nw.LazyFrame:
    """The offers of silver that are live on a day and can be said: offer_id, their places, `offer_words`, `offer_terms`.

    `target` is the product or department that the offer is on. `rank` and `rank_number` say which of several offers is
    told: the largest.
    """
    live = offers.filter((nw.col("starts_on") <= nw.lit(send_date)) & (nw.col("ends_on") >= nw.lit(send_date)))
    sayable = products.filter(nw.col("naming_fault").is_null())
    names = sayable.select("department_id", "department").group_by("department_id").agg(nw.col("department").min())
    live = live.join(names, on="department_id", how="left")
    kind, scope = nw.col("kind"), nw.col("scope")
    is_simple = (
        (scope == "product") & (kind == "percent") & nw.col("minimum_spend").is_null() & nw.col("code").is_null()
    )
    number = _choose(
        kind,
        {
            "percent": nw.concat_str(nw.col("percent_off").cast(nw.String), nw.lit("% off")),
            "amount": nw.concat_str(_money("amount_off", policy.currency), nw.lit(" off")),
        },
        nw.lit("a coupon for"),
    )
    place = _choose(
        scope,
        {"product": nw.lit(_SCOPES["product"]), "department": nw.col("department")},
        nw.lit(_SCOPES["order"]),
    )
    has_minimum = ~nw.col("minimum_spend").is_null()
    condition = nw.concat_str(nw.lit(" if you spend "), _money("minimum_spend", policy.currency))
    has_code = ~nw.col("code").is_null()
    words = nw.concat_str(
        *(number, nw.lit(" "), place, nw.when(has_minimum).then(condition).otherwise(nw.lit(""))),
        nw.when(has_code).then(nw.concat_str(nw.lit(", code "), nw.col("code"))).otherwise(nw.lit("")),
    )
    terms = nw.concat_str(scope, nw.lit(" "), kind, nw.when(has_minimum).then(nw.lit(" minimum")).otherwise(nw.lit("")))
    said = live.filter(*(_is_whole_cents(name) for name in ("amount_off", "minimum_spend"))).with_columns(
        offer_words=nw.when(is_simple).then(number).otherwise(words),
        offer_terms=nw.when(is_simple).then(nw.lit(SIMPLE)).otherwise(terms),
        rank=_rank(scope, tuple(_SCOPES)) * (len(_KINDS) + 1) + _rank(kind, _KINDS),
        target=_choose(
            scope,
            {"product": nw.col("product_id"), "department": nw.col("department_id")},
            nw.lit(_WHOLE_ORDER, dtype=nw.Int64),
        ),
        rank_number=nw.when(kind == "amount")
        .then(nw.col("amount_off"))
        .otherwise(nw.col("percent_off").cast(nw.Float64))
        .fill_null(0.0),
    )
    fits = (nw.col("offer_terms") == SIMPLE) | (nw.col("offer_words").str.len_chars() <= policy.offer_max_length)
    return said.filter(fits, nw.col("code").is_null() | nw.col("code").str.contains(OFFER_CODE))


def best_offers(customers: nw.LazyFrame, said: nw.LazyFrame, audience: nw.LazyFrame) -> nw.LazyFrame:
    """One offer per customer_id: the most specific, then percentages before amounts and coupons, then the largest.

    `customers` has customer_id, favourite_product_id and department_id; `audience` is silver/offer_audience.
    """
    # One join for all scopes, because engines plan deep queries slowly: what an offer is on is its target.
    target = _choose(
        nw.col("scope"),
        {"product": nw.col("favourite_product_id"), "department": nw.col("department_id")},
        nw.lit(_WHOLE_ORDER, dtype=nw.Int64),
    )
    targets = (
        customers.select("customer_id", "favourite_product_id", "department_id")
        .join(said.select("scope").unique(), how="cross")
        .select("customer_id", "scope", target=target)
    )
    columns = ("customer_id", "offer_id")
    candidates = targets.join(said, on=["scope", "target"], how="inner")
    listed = audience.select(*columns).unique().with_columns(is_listed=nw.lit(True))
    heard = candidates.join(listed, on=list(columns), how="left").filter(
        ~nw.col("has_audience") | nw.col("is_listed").fill_null(False)
    )
    best = first_by(heard, "customer_id", descending=["rank", "rank_number"], ascending="offer_id")
    return best.select(
        *columns,
        *("percent_off", "amount_off", "minimum_spend", "offer_words", "offer_terms"),
        offer_kind=nw.col("kind"),
        offer_scope=nw.col("scope"),
    )


def _choose(value: nw.Expr, texts: dict[str, nw.Expr], other: nw.Expr) -> nw.Expr:
    for name, text in texts.items():
        other = nw.when(value == name).then(text).otherwise(other)
    return other


def _rank(value: nw.Expr, names: Sequence[str]) -> nw.Expr:
    """The first name has the largest rank."""
    return _choose(value, {name: nw.lit(len(names) - place) for place, name in enumerate(names)}, nw.lit(0))


def _is_whole_cents(column: str) -> nw.Expr:
    """Whether an amount can be said to the cent; silver rejects others, and no amount is told rounded."""
    cents = nw.col(column) * 100
    rounded = cents.round(0)
    return nw.col(column).is_null() | ((rounded >= 1) & ((cents - rounded).abs() < CENT_TOLERANCE * 100))


def _money(column: str, currency: str) -> nw.Expr:
    """An amount in figures, with cents only if there are some: 5 or 12.50."""
    cents = (nw.col(column) * 100).round(0).cast(nw.Int64)
    # Remainders, because engines differ in whole division.
    small = cents % 100
    whole = ((cents - small) / 100).round(0).cast(nw.Int64).cast(nw.String)
    tens = ((small - small % 10) / 10).round(0).cast(nw.Int64).cast(nw.String)
    with_cents = nw.concat_str(whole, nw.lit("."), tens, (small % 10).cast(nw.String))
    return nw.concat_str(nw.lit(currency), nw.when(small == 0).then(whole).otherwise(with_cents))
