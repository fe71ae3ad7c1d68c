"""Each eligible customer gets one finished message: filled, within its length, at the right time."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from cis_assets.catalog.gold import NOTIFICATION_CONTEXTS, NOTIFICATION_COPY, NOTIFICATIONS
from cis_assets.notifications.messages import MessageError, notifications
from cis_assets.notifications.policy import NotificationPolicy

AS_OF = date(2026, 3, 2)
POLICY = NotificationPolicy()
KEY = "dairy eggs|restock|evening|warm|plain"
CONTEXT = {
    "as_of_date": AS_OF,
    "customer_id": 1,
    "context_key": KEY,
    "segment_id": 3,
    "segment_name": "weekly",
    "product_id": 100,
    "product_name": "Whole Milk",
    "department": "dairy eggs",
    "occasion": "restock",
    "tone": "warm",
    "send_date": date(2026, 3, 3),
    "weekday": "Tuesday",
    "daypart": "evening",
    "send_hour": 17,
    "time_zone": "America/New_York",
    "recency_days": 5,
    "order_count": 9,
    "product_recency_days": 5,
    "product_orders": 9,
    "usual_gap_days": 5.0,
    "offer_id": None,
    "percent_off": None,
}
LONG = "Keep " + "the good things close and " * 3 + "bring {product} home this {weekday}."


Frame = pl.DataFrame | pl.LazyFrame


def contexts(*changes: dict) -> pl.DataFrame:
    return pl.DataFrame([CONTEXT | change for change in changes], schema=NOTIFICATION_CONTEXTS.dtypes)


def copy(*bodies: str, key: str = KEY, as_of: date = AS_OF, title: str = "Hello, {weekday}") -> pl.DataFrame:
    rows = [
        {
            "as_of_date": as_of,
            "copy_id": f"{key}-{number}",
            "context_key": key,
            "variant": number,
            "title": title,
            "body": body,
            "generator": "template",
            "model": None,
            "prompt_version": "phrases-9",
            "attempts": 0,
            "verdict": "accepted",
        }
        for number, body in enumerate(bodies, start=1)
    ]
    return pl.DataFrame(rows, schema=NOTIFICATION_COPY.dtypes)


def sent(given: Frame, words: Frame, seed: int = 7, policy: NotificationPolicy = POLICY) -> pl.DataFrame:
    return notifications(given, words, seed=seed, policy=policy)


def test_a_message_holds_the_filled_copy_and_its_facts() -> None:
    frame = sent(contexts({}), copy("Restock {product} this {weekday} {daypart}."))
    assert frame.schema == NOTIFICATIONS.dtypes
    assert frame.row(0, named=True) == {
        "as_of_date": AS_OF,
        "customer_id": 1,
        "send_at": datetime(2026, 3, 3, 22, tzinfo=UTC),
        "title": "Hello, Tuesday",
        "body": "Restock Whole Milk this Tuesday evening.",
        "product_id": 100,
        "offer_id": None,
        "segment_id": 3,
        "copy_id": f"{KEY}-1",
        "generator": "template",
    }


def test_an_offer_is_filled_in_figures_and_named_by_its_number() -> None:
    offered = {"offer_id": 55, "percent_off": 15}
    frame = sent(contexts(offered), copy("Enjoy {offer} {product} this {weekday}."))
    assert frame.select("body", "offer_id").row(0) == ("Enjoy 15% off Whole Milk this Tuesday.", 55)
    unmentioned = sent(contexts(offered), copy("Enjoy {product} this {weekday}."))
    assert unmentioned["offer_id"].item() is None


def test_a_product_named_like_a_slot_is_not_filled_again() -> None:
    frame = sent(contexts({"product_name": '{offer} "50%" \\1'}), copy("Get {product} this {weekday}."))
    assert frame["body"].item() == 'Get {offer} "50%" \\1 this Tuesday.'


def test_customers_share_the_variants_evenly_and_choices_are_repeatable() -> None:
    many = contexts(*({"customer_id": number} for number in range(3000)))
    words = copy("Get {product} {weekday}.", "Order {product} {weekday}.", "Add {product} {weekday}.")
    frame = sent(many, words)
    counts = frame["copy_id"].value_counts()["count"]
    assert counts.len() == 3
    assert all(count > 900 for count in counts)
    assert sent(many.reverse().lazy(), words.reverse().lazy()).equals(frame)
    some = sent(many.filter(pl.col("customer_id") % 7 == 3), words)
    assert some.equals(frame.filter(pl.col("customer_id") % 7 == 3))


def test_the_choice_depends_on_seed_and_send_date() -> None:
    many = contexts(*({"customer_id": number} for number in range(500)))
    words = copy("Get {product} {weekday}.", "Order {product} {weekday}.")
    first = sent(many, words)["copy_id"]
    other_seed = sent(many, words, seed=8)["copy_id"]
    other_day = sent(many.with_columns(send_date=date(2026, 3, 4)), words)["copy_id"]
    assert 150 < (first != other_seed).sum() < 350
    assert 150 < (first != other_day).sum() < 350


def splitmix(number: int) -> int:
    """SplitMix64 on Python's own integers."""
    bits = 2**64
    number = (number + 0x9E3779B97F4A7C15) % bits
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) % bits
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) % bits
    return number ^ (number >> 31)


def test_choices_are_the_same_on_every_machine() -> None:
    words = copy(*(f"{word} {{product}} {{weekday}}." for word in ("Get", "Order", "Add", "Tap for", "Find")))
    frame = sent(contexts(*({"customer_id": number} for number in range(100))), words, seed=7)
    day = (date(2026, 3, 3) - date(1970, 1, 1)).days
    draws = [splitmix(number ^ splitmix(day ^ splitmix(7))) >> 1 for number in range(100)]
    assert frame["copy_id"].to_list() == [f"{KEY}-{draw % 5 + 1}" for draw in draws]


def test_the_next_variant_replaces_one_that_is_too_long() -> None:
    many = contexts(*({"customer_id": number, "product_name": "p" * 30} for number in range(60)))
    medium, short = "Order {product} and more this {weekday}.", "Get {product} this {weekday}."
    drawn = sent(many, copy("Add {product}.", medium, short))["copy_id"].to_list()
    given = sent(many, copy(LONG, medium, short))["copy_id"].to_list()
    assert drawn.count(f"{KEY}-1") > 5
    assert given == [f"{KEY}-2" if copy_id == f"{KEY}-1" else copy_id for copy_id in drawn]


def test_a_message_may_be_as_long_as_the_limit_and_no_longer() -> None:
    words = copy("Get {product} this {weekday}.")
    fitting = NotificationPolicy(message_max_length=len("Get Whole Milk this Tuesday."))
    assert sent(contexts({}), words, policy=fitting)["body"].item() == "Get Whole Milk this Tuesday."
    tighter = NotificationPolicy(message_max_length=fitting.message_max_length - 1)
    assert sent(contexts({}), words, policy=tighter)["body"].item() == "Get Whole… this Tuesday."


def test_where_no_variant_fits_the_shortest_is_sent_with_a_shorter_name() -> None:
    longer = LONG.replace("Keep", "Always keep")
    name = "Slow Churned Vanilla Ice Cream"
    frame = sent(contexts({"product_name": name}, {"customer_id": 2}), copy(longer, LONG))
    body = frame["body"][0]
    assert len(body) <= POLICY.message_max_length
    assert body.endswith("bring Ice Cream home this Tuesday.")
    assert frame["copy_id"][0] == f"{KEY}-2"
    assert frame["customer_id"].to_list() == [1, 2]


def test_copy_that_leaves_no_room_is_refused_rather_than_cut() -> None:
    with pytest.raises(MessageError, match="leaves no room for a product name within 60 characters"):
        sent(contexts({}), copy(LONG), policy=NotificationPolicy(message_max_length=60))


def test_a_context_without_copy_is_an_error_rather_than_a_lost_customer() -> None:
    with pytest.raises(MessageError, match="gold/notification_copy lacks 1 of the contexts, for example other"):
        sent(contexts({}, {"customer_id": 2, "context_key": "other"}), copy("Get {product} {weekday}."))


def test_a_slot_without_a_value_is_an_error_rather_than_a_lost_customer() -> None:
    with pytest.raises(MessageError, match="has a slot without a value in its context"):
        sent(contexts({}), copy("Enjoy {offer} {product} {weekday}."))


def test_days_are_kept_apart() -> None:
    next_day = date(2026, 3, 3)
    both = contexts({}, {"as_of_date": next_day, "weekday": "Wednesday", "send_date": date(2026, 3, 4)})
    words = pl.concat([copy("Get {product} {weekday}."), copy("Order {product} {weekday}.", as_of=next_day)])
    assert sent(both, words)["body"].to_list() == ["Get Whole Milk Tuesday.", "Order Whole Milk Wednesday."]


def test_no_eligible_customers_means_no_messages() -> None:
    assert sent(NOTIFICATION_CONTEXTS.empty(), NOTIFICATION_COPY.empty()).equals(NOTIFICATIONS.empty())


@pytest.mark.parametrize(
    ("day", "hour", "time_zone", "moment"),
    [
        (date(2026, 7, 1), 9, "Europe/Madrid", datetime(2026, 7, 1, 7, tzinfo=UTC)),
        (date(2026, 1, 1), 9, "Europe/Madrid", datetime(2026, 1, 1, 8, tzinfo=UTC)),
        (date(2026, 7, 1), 8, "Asia/Kolkata", datetime(2026, 7, 1, 2, 30, tzinfo=UTC)),
        # The clocks skip 2:00 in New York: 3:00 there is 7:00 UTC.
        (date(2026, 3, 8), 2, "America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
        # 1:00 comes twice in New York: the first is 5:00 UTC.
        (date(2026, 11, 1), 1, "America/New_York", datetime(2026, 11, 1, 5, tzinfo=UTC)),
        # The clocks skip midnight in Beirut: 1:00 there is 22:00 UTC of the day before.
        (date(2026, 3, 29), 0, "Asia/Beirut", datetime(2026, 3, 28, 22, tzinfo=UTC)),
    ],
)
def test_the_send_hour_is_in_the_customers_time_zone(day: date, hour: int, time_zone: str, moment: datetime) -> None:
    frame = sent(
        contexts({"send_date": day, "send_hour": hour, "time_zone": time_zone}), copy("Get {product} {weekday}.")
    )
    assert frame["send_at"].item() == moment


def test_an_unknown_time_zone_is_named() -> None:
    with pytest.raises(MessageError, match="have an unknown time zone 'Mars/Base'"):
        sent(contexts({"time_zone": "Mars/Base"}), copy("Get {product} {weekday}."))
