"""`cis show`: how the rows of a table are told to a person."""

from __future__ import annotations

import pytest

from cis_assets.cli.show import _explain

_ROW = {
    "customer_id": 5,
    "segment_name": "Occasional",
    "product_name": "White Milk",
    "product_orders": 2,
    "order_count": 3,
    "product_recency_days": 4,
    "recency_days": 4,
    "occasion": "restock",
    "tone": "warm",
    "weekday": "Monday",
    "send_hour": 9,
    "time_zone": "America/New_York",
    "generator": "template",
}


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        ({"offer_id": None, "percent_off": None, "offer_words": None}, "; no offer; "),
        ({"offer_id": 7, "percent_off": 10, "offer_words": None}, "; offer 7: 10% off; "),
        (
            {"offer_id": 7, "percent_off": None, "offer_words": "a coupon for this product"},
            "; offer 7: a coupon for this product; ",
        ),
    ],
)
def test_the_facts_of_a_message_name_its_offer_as_the_message_does(offer: dict, words: str):
    assert words in _explain({**_ROW, **offer})
