"""Copy around an offer neither stretches nor narrows it, whatever words it takes to do so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.validator import validate
from cis_assets.notifications.wording import CopyContext, Wording
from cis_assets.writers import phrases

POLICY = NotificationPolicy(message_max_length=240)
TERMS = "order percent minimum"


def faults(body: str, terms: str = "", title: str = "A thought") -> tuple[str, ...]:
    return validate(
        Wording(title, body), CopyContext("key", "produce", "restock", "evening", "warm", True, terms), POLICY
    )


@pytest.mark.parametrize(
    "body",
    [
        "{offer} for your whole basket, {product} too.",
        "Everything gets {offer}, even {product}.",
        "Enjoy {offer} sitewide, also {product}.",
        "Get {product} and {offer} on all your groceries.",
        "Get {product} and {offer} on every item.",
        "Get {offer} any order with {product}.",
        "Spend a little, get {offer} with {product}.",
        "All produce: {offer}. Try {product}.",
        "Your cart: {offer}. Try {product}.",
        "Get {offer} {product} and your cart this {weekday}.",
        "Get {offer} {product} and milk this {weekday}.",
        "Get your basket at {offer}, {product} first.",
        "Get {offer} with {product} this {weekday}.",
        "Get {offer} {product} this {weekday}. It counts for your order.",
        "Get {offer} {product} this {weekday}. The rest as well.",
        "Get {offer} {product} this {weekday}. So are your snacks.",
        "Get {offer} {product} this {weekday}. Your shop gets it.",
        "Good news for your cart. {offer} {product} this {weekday}.",
    ],
)
def test_a_percentage_on_the_product_is_not_stretched(body: str) -> None:
    assert faults(body)


@pytest.mark.parametrize(
    "body",
    [
        "{offer} applies to {product} alone.",
        "This {weekday}: {offer}, {product} only.",
        "This {weekday}: {offer}. Just for {product}.",
        "On {product} this {weekday}: {offer}.",
        "{product} with {offer}, no minimum.",
        "{product} with {offer}, whatever you spend.",
        "{product} with {offer}. No need to spend.",
        "{product} with {offer}. No code needed.",
        "{product} with {offer}, however small your cart.",
        "{product} with {offer}. Small carts are welcome.",
        "{product} with {offer}. Buy as little as you like.",
    ],
)
def test_an_offer_with_terms_is_not_narrowed_and_keeps_its_condition(body: str) -> None:
    assert faults(body, TERMS)


@pytest.mark.parametrize(
    "title", ["Everything this {weekday}", "All your groceries", "No minimum", "Our cart, {offer}"]
)
def test_a_title_does_not_stretch_the_offer_of_its_body(title: str) -> None:
    assert faults("Get {offer} {product} this {weekday}.", title=title)


@pytest.mark.parametrize(
    ("body", "terms"),
    [
        ("Add {offer} {product} to your basket this {daypart}.", ""),
        ("If you'd like, there's {offer} {product} this {weekday}. No rush.", ""),
        ("Make dinner simple: {offer} {product} this {weekday}.", ""),
        ("Fill your fridge with {product} and {offer} this {weekday}.", ""),
        ("Stock up on {product} this {weekday} with {offer}. Your cart is a tap away.", TERMS),
    ],
)
def test_plain_words_beside_an_offer_are_accepted(body: str, terms: str) -> None:
    assert faults(body, terms) == ()


def test_every_phrase_of_the_template_is_plain() -> None:
    simple = [*phrases.SHORT_OFFER_BODIES, *(body for bodies in phrases.OFFER_WHOLE_BODIES.values() for body in bodies)]
    simple += [
        f"{opening} {ask}"
        for tone, openings in phrases.OFFER_OPENINGS.items()
        for opening in openings
        for ask in phrases.ASKS[tone]
    ]
    found = {(body, faults(body)) for body in simple} | {(body, faults(body, TERMS)) for body in phrases.TERMS_BODIES}
    words = "beside {offer}", "may change", "after {offer}", "joins {offer}"
    assert not {(body, each) for body, each in found if any(word in reason for reason in each for word in words)}


@given(st.from_regex(r"[b-z]{5,9}", fullmatch=True).map(lambda word: f"q{word}"), st.sampled_from(["", TERMS]))
def test_an_unknown_word_beside_an_offer_is_refused(word: str, terms: str) -> None:
    assert faults("Get {product} this {weekday} with {offer}.", terms) == ()
    assert faults(f"Get {{product}} this {{weekday}}, {word}, with {{offer}}.", terms)
