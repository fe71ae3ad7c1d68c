"""A message claims no more than its offer: whatever the offer, its words, and the copy around them."""

from __future__ import annotations

import re
from datetime import date, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_assets.notifications.copy import distinct_contexts, write_copy_of_days
from cis_assets.notifications.messages import notifications
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.writers.template import TemplateWriter
from cis_assets_tests.notifications.test_contexts import MONDAY, RESTOCK, USUAL_DAY, contexts

POLICY = NotificationPolicy(currency="$")
_MONEY = st.integers(1, 99_999).map(lambda cents: cents / 100)


@st.composite
def _offers(draw: st.DrawFn) -> dict:
    kind, scope = (
        draw(st.sampled_from(["percent", "amount", "coupon"])),
        draw(st.sampled_from(["product", "department", "order"])),
    )
    return {
        "offer_id": draw(st.integers(1, 50)),
        "kind": kind,
        "scope": scope,
        "percent_off": draw(st.integers(1, 100)) if kind == "percent" else None,
        "amount_off": draw(_MONEY) if kind == "amount" else None,
        "product_id": 100 if scope == "product" else None,
        "department_id": 16 if scope == "department" else None,
        "minimum_spend": draw(st.none() | _MONEY),
        "code": draw(st.none() | st.sampled_from(["TAKE5", "A-VERY-LONG-CODE-123", "50% OFF http://evil.example"])),
        "starts_on": MONDAY + timedelta(days=draw(st.integers(-1, 2))),
        "ends_on": MONDAY + timedelta(days=draw(st.integers(0, 3))),
        "has_audience": draw(st.booleans()),
    }


def _messages(offers: list[dict], audience: list[dict], people: list[dict]) -> pl.DataFrame:
    facts = contexts(*people, offers=offers, audience=audience, policy=POLICY)
    writer = TemplateWriter(7)
    copy = write_copy_of_days(facts.lazy(), writer, fallback=writer, policy=POLICY, variants=3, attempts=1)
    return notifications(facts, copy, seed=7, policy=POLICY)


def _money(amount: float) -> str:
    return f"${amount:.2f}".removesuffix(".00")


@given(
    st.lists(_offers(), max_size=4, unique_by=lambda offer: offer["offer_id"]),
    st.sets(st.tuples(st.integers(1, 50), st.integers(1, 3)), max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_a_message_says_its_offer_as_it_is_and_claims_nothing_else(offers: list[dict], audience: set) -> None:
    people = [USUAL_DAY, RESTOCK | {"customer_id": 2}, USUAL_DAY | {"customer_id": 3, "order_count": 3}]
    pairs = [{"offer_id": offer, "customer_id": number} for offer, number in sorted(audience)]
    by_id = {offer["offer_id"]: offer for offer in offers}
    for message in _messages(offers, pairs, people).iter_rows(named=True):
        text = f"{message['title']} {message['body']}"
        offer = by_id.get(message["offer_id"])
        assert len(message["body"]) <= POLICY.message_max_length
        if offer is None:
            assert not re.search(r"[%$]|\boff\b|coupon|\bcode\b|spend", text)
            continue
        assert offer["starts_on"] <= date(2026, 3, 3) <= offer["ends_on"]
        assert not offer["has_audience"] or (offer["offer_id"], message["customer_id"]) in audience
        number = {
            "percent": f"{offer['percent_off']}% off",
            "amount": f"{_money(offer['amount_off'] or 0)} off",
            "coupon": "a coupon for",
        }[offer["kind"]]
        simple = offer["kind"] == "percent" and offer["scope"] == "product"
        simple = simple and offer["minimum_spend"] is None and offer["code"] is None
        if simple:
            assert "your order" not in text
            assert number in text
        else:
            place = {"product": "this product", "department": "dairy eggs", "order": "your order"}[offer["scope"]]
            assert f"{number} {place}" in message["body"]
        assert ("%" in text) == (offer["kind"] == "percent")
        assert (f"if you spend {_money(offer['minimum_spend'] or 0)}" in text) == (offer["minimum_spend"] is not None)
        assert ("spend" in text) == (offer["minimum_spend"] is not None)
        named = re.search(r"\bcode (\S+?)[.,]", text)
        assert (named and named[1]) == offer["code"]
        assert "evil" not in text


def test_copy_is_written_for_the_terms_of_an_offer() -> None:
    [simple, on_order] = distinct_contexts(
        pl.concat(
            contexts(USUAL_DAY, offers=[offer])
            for offer in (
                {"offer_id": 1, "product_id": 100, "percent_off": 10, "kind": "percent", "scope": "product", **_LIVE},
                {"offer_id": 1, "percent_off": 10, "kind": "percent", "scope": "order", "minimum_spend": 9.0, **_LIVE},
            )
        )
    )
    assert (simple.terms, on_order.terms) == ("", "order percent minimum")


_LIVE = {"starts_on": MONDAY, "ends_on": MONDAY + timedelta(days=9), "has_audience": False}
