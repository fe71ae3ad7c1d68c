"""Copy that claims more than the facts support, or that cannot be filled, is refused with the reason."""

from __future__ import annotations

import string
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.validator import validate
from cis_assets.notifications.wording import CopyContext, Wording

POLICY = NotificationPolicy()
TITLE = "Running low?"
BODY = "Bring your favorite {product} back to your kitchen this {weekday}."
OFFER_BODY = "Enjoy {offer} {product} this {weekday}."


def context(daypart: str = "evening", tone: str = "warm", has_offer: bool = False, terms: str = "") -> CopyContext:
    return CopyContext("key", "dairy eggs", "restock", daypart, tone, has_offer, terms)


@pytest.mark.parametrize("terms", ["order percent", "department amount minimum", "product coupon"])
@pytest.mark.parametrize(
    ("body", "is_accepted"),
    [
        ("Restock {product} this {weekday} with {offer}.", True),
        ("Time for {product}? Enjoy {offer} this {weekday}.", True),
        ("Enjoy {offer} {product} this {weekday}.", False),
        ("Enjoy {product} {offer} this {weekday}.", False),
        ("Get {offer} on {product} this {weekday}.", False),
        ("Get {product} and {offer} for your pantry.", False),
        ("Get {product} with {offer} on your order.", False),
        ("Get {product} with up to {offer}.", False),
        ("Get {product} with a coupon and {offer}.", False),
    ],
)
def test_the_words_of_an_offer_with_terms_are_not_changed(body: str, is_accepted: bool, terms: str) -> None:
    one = context(has_offer=True, terms=terms)
    assert (validate(Wording("A thought", body), one, NotificationPolicy()) == ()) == is_accepted


def verdict(body: str = BODY, title: str = TITLE, **facts: Any) -> str:
    """The reasons against the copy, in one text; empty if it is accepted."""
    return " ".join(validate(Wording(title, body), context(**facts), POLICY))


@pytest.mark.parametrize(
    ("body", "has_offer"),
    [
        (BODY, False),
        (OFFER_BODY, True),
        ("Restock {product} with {offer} this {daypart}. One tap does it!", True),
        ("Get {offer} your favorite {product} this {weekday}.", True),
        ("Refresh your {weekday} with a cool sip of {product}. Order now.", False),
        ("{weekday}s go well with {product} – crème de la crème & more…", False),
        ("Tonight's plan: {product}. Your cart is just a tap away.", False),
        ("Could {product} be just the thing this {weekday} evening?", False),
    ],
)
def test_good_copy_is_accepted(body: str, has_offer: bool) -> None:
    assert verdict(body, has_offer=has_offer) == ""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("Try {product} at {price} today.", "unknown slot named 'price'"),
        ("Try { product } today.", "unknown slot named ' product '"),
        ("Try {product} {{weekday}} today.", "braces that enclose no slot"),
        ("Try {product} {weekday today.", "braces that enclose no slot"),
        ("Try {product} and {product} today.", "uses the slot 'product' more than once"),
        ("Add to your cart this {weekday}.", "does not name the product"),
        ("Try {product} 2 times today.", "digit two"),
        ("Try {product} ² times today.", "superscript two"),
        ("Try {product} ٣ times today.", "arabic-indic digit three"),
        ("Try {product}, % today.", "percent sign"),
        ("Try {product} for $ today.", "dollar sign"),
        ("Try {product} for € today.", "euro sign"),
        ("Try {product} today 🥕", "carrot"),
        ("Try {product}\ntoday.", "code 10"),
        ("Try {product}\u200b today.", "zero width space"),
        ("Try {product} with саre today.", "cyrillic small letter"),
        ("Try {product} at shop.example today.", "web address"),
        ("Try {product} at www today.", "web address"),
        ("Try {product} NOW today.", "shouts"),
        ("Try {product} today!!", "more than one exclamation mark"),
        ("Wow! Try {product} today!", "more than one exclamation mark"),
        ("", "has no words"),
        ("{product}", "has no words"),
        (" Try {product} today.", "stray spaces"),
        ("Try  {product} today.", "stray spaces"),
        ("Get ten percent less on {product}.", "discount, a price or a gift"),
        ("Get {product} at half price today.", "discount, a price or a gift"),
        ("Get {product} at half-price today.", "discount, a price or a gift"),
        ("Get twenty off {product} today.", "discount, a price or a gift"),
        ("Get {product}, two for one today.", "discount, a price or a gift"),
        ("Grab {product} and save on your order.", "discount, a price or a gift"),
        ("Grab {product} FREE today.", "discount, a price or a gift"),
        ("Grab {product} with frée extras.", "discount, a price or a gift"),
        ("A gift with {product} today.", "discount, a price or a gift"),
        ("The best deals on {product} today.", "discount, a price or a gift"),
        ("A discounted {product} today.", "discount, a price or a gift"),
        ("Cheaper {product} today.", "discount, a price or a gift"),
        ("Our offer: {product} today.", "discount, a price or a gift"),
        ("We guarantee you'll love {product}.", "guarantees something"),
        ("Hurry, {product} today.", "creates urgency about stock or time"),
        ("Try {product} while supplies last.", "creates urgency about stock or time"),
        ("Last chance for {product}.", "creates urgency about stock or time"),
        ("Try {product}, today only.", "creates urgency about stock or time"),
        ("{product}, back in stock today.", "creates urgency about stock or time"),
        ("{product} delivered today.", "delivery"),
        ("Try healthy {product} today.", "quality of the product"),
        ("Try {product} this Tuesday.", "weekday or a season"),
        ("Try {product} this Tues.", "weekday or a season"),
        ("Try {product} this weekend.", "weekday or a season"),
        ("Mondays go with {product}.", "weekday or a season"),
        ("Good morning! Try {product}.", "mentions the morning, but is sent in the evening"),
        ("Try {product} this Afternoon.", "mentions the afternoon, but is sent in the evening"),
        ("Enjoy {offer} {product} today.", "but there is no offer"),
        ("Try a {product} today.", "must agree with {product}"),
        ("{product} is here today.", "must agree with {product}"),
        ("{product}'s day is {weekday}.", "must agree with {product}"),
        ("Try {product}s today.", "joins a slot to a word"),
        ("Try my{product} today.", "joins a slot to a word"),
        ("Try {product} " + "and then some " * 9 + "today.", "the limit is 120"),
    ],
)
def test_bad_copy_is_refused_with_the_reason(body: str, reason: str) -> None:
    assert reason in verdict(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (BODY, "does not mention the offer"),
        ("{product} with {offer} off today.", "changes what {offer} means"),
        ("Get {product} and {offer} your order.", "changes what {offer} means"),
        ("Get {product} and {offer} on the whole cart.", "changes what {offer} means"),
        ("Get up to {offer} {product}.", "changes what {offer} means"),
        ("Save with {offer} {product}.", "discount, a price or a gift"),
        ("Get {offer} {product} all week.", "creates urgency about stock or time"),
    ],
)
def test_an_offer_is_mentioned_only_through_its_slot_and_for_what_it_is(body: str, reason: str) -> None:
    assert reason in verdict(body, has_offer=True)


@pytest.mark.parametrize(
    "title", ["Save today", "Hello, Friday", "A deal", "x" * 41, "{product} and more today", "", "Hi 5"]
)
def test_titles_follow_the_same_rules(title: str) -> None:
    reasons = validate(Wording(title, BODY), context(), POLICY)
    assert reasons
    assert all(reason.startswith("The title") for reason in reasons)


@pytest.mark.parametrize("tone", ["inviting", "gentle"])
def test_a_habit_is_not_mentioned_in_tones_for_customers_without_one(tone: str) -> None:
    assert "mentions a habit" in verdict("Get your favourite {product} this {weekday}.", tone=tone)
    assert "mentions a habit" in verdict("Your usual {product}, this {weekday}.", tone=tone)


@pytest.mark.parametrize(
    ("daypart", "word"), [("morning", "morning"), ("afternoon", "afternoon"), ("evening", "tonight")]
)
def test_only_the_daypart_of_sending_may_be_named(daypart: str, word: str) -> None:
    body = f"Good to have: {{product}}, this {{weekday}} or {word}."
    assert verdict(body, daypart=daypart) == ""
    others = [other for other in ("morning", "afternoon", "evening") if other != daypart]
    assert all(verdict(body, daypart=other) for other in others)


def test_the_length_limit_counts_the_longest_slot_values() -> None:
    room = POLICY.message_max_length - POLICY.product_name_max_length - len("Wednesday") - len("Try  this .")
    padded = "Try {product} this {weekday}.".replace("Try", "Try" + " ok" * (room // 3))
    assert verdict(padded) == ""
    assert verdict(padded.replace("Try", "Try ok"))


@given(st.text(max_size=140))
def test_any_text_gets_a_verdict_and_none_without_the_product_is_accepted(text: str) -> None:
    judged = verdict(text)
    assert judged or "{product}" in text


@given(st.characters(exclude_characters=string.ascii_letters + " .,!?'’‘“”\"-–—:;…&(){}"))
def test_no_character_but_latin_letters_and_plain_punctuation_passes(character: str) -> None:
    judged = verdict(f"Try {{product}} a{character}b this {{weekday}}.")
    base = unicodedata.normalize("NFD", character)[0]
    if not (base.isascii() and base.isalpha()):
        assert judged


@given(
    st.sampled_from(
        ["free", "discount", "save", "deal", "gift", "percent", "price", "hurry", "guaranteed", "Tuesday", "coupon"]
    ),
    st.sampled_from(
        [str.lower, str.upper, str.title, lambda word: f"({word})", lambda word: f"{word}'s", lambda word: f"“{word}”"]
    ),
    st.booleans(),
)
def test_no_disguise_of_a_banned_word_passes(word: str, disguise, has_offer: bool) -> None:
    body = OFFER_BODY if has_offer else BODY
    assert verdict(f"{body[:-1]}, {disguise(word)}.", has_offer=has_offer)
