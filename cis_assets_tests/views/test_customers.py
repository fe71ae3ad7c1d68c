from __future__ import annotations

import pytest

from cis_assets.catalog import gold, silver
from cis_assets.views.customers import UnknownCustomerError, describe_customer
from cis_assets.views.snapshots import SnapshotAbsentError
from cis_assets_tests.conftest import day
from cis_assets_tests.views.conftest import SmallLake

DAY = day("2025-10-31")


@pytest.fixture
def shop(lake: SmallLake) -> SmallLake:
    """Customer 1 with seven orders of tea, the last with milk too; customer 2 with features only."""
    lake.add(
        silver.PRODUCTS,
        {"product_id": 1, "product_name": "TEA BLK 40CT", "display_name": "Tea"},
        {"product_id": 2, "product_name": "Milk", "display_name": None},
    )
    bought = [(number, 1, 1) for number in range(1, 8)] + [(7, 2, 2), (6, 99, 2)]
    items = [
        {
            "customer_id": 1,
            "order_id": number,
            "order_date": day(f"2025-10-{number:02}"),
            "order_of_day": 1,
            "order_hour": 9,
            "product_id": product,
            "add_to_cart_order": place,
        }
        for number, product, place in bought
    ]
    lake.add(silver.ORDER_ITEMS, *items)
    lake.add(
        gold.CUSTOMER_FEATURES,
        {"as_of_date": DAY, "customer_id": 1, "favourite_product_id": 1},
        {"as_of_date": DAY, "customer_id": 2, "favourite_product_id": 3},
    )
    lake.add(gold.CUSTOMER_SEGMENTS, {"as_of_date": DAY, "customer_id": 1, "segment_name": "Weekly"})
    lake.add(gold.CUSTOMER_LIFECYCLE, {"as_of_date": DAY, "customer_id": 1, "stage": "due", "since": day("2025-10-30")})
    lake.add(gold.NOTIFICATIONS, {"as_of_date": DAY, "customer_id": 1})
    return lake


def test_a_customer_has_features_segment_stage_last_orders_and_messages(shop: SmallLake):
    found = describe_customer(shop, 1)
    assert found["features"]["favourite_product"] == "Tea"
    assert found["segment"]["segment_name"] == "Weekly"
    assert (found["lifecycle"]["stage"], found["lifecycle"]["since"]) == ("due", day("2025-10-30"))
    assert [order["order_date"] for order in found["orders"]] == [
        day(f"2025-10-{number:02}") for number in (7, 6, 5, 4, 3)
    ]
    assert found["orders"][0]["products"] == ["Tea*", "Milk"]
    # The shop has no product 99 any more.
    assert found["orders"][1]["products"] == ["Tea*", "product 99"]
    assert [row["customer_id"] for row in found["notifications"]] == [1]


def test_predictions_come_with_names_and_reasons_in_words(shop: SmallLake):
    row = {"as_of_date": DAY, "customer_id": 1, "probability": 0.5, "served": "ranker"}
    shop.add(gold.NEXT_ORDER, {"as_of_date": DAY, "customer_id": 1, "probability_7d": 0.25})
    shop.add(
        gold.PRODUCT_RECOMMENDATIONS,
        row | {"rank": 11, "product_id": 2, "reason_code": "bought_with", "reason_numbers": [1]},
        row | {"rank": 1, "product_id": 1, "reason_code": "in_recent_orders", "reason_numbers": [6, 8]},
    )
    found = describe_customer(shop, 1)
    assert found["next_order"]["probability_7d"] == 0.25
    assert [(each["rank"], each["product_name"], each["reason"]) for each in found["recommendations"]] == [
        (1, "Tea", "in 6 of the last 8 orders"),
        (11, "Milk", "often bought with Tea"),
    ]


def test_what_a_customer_does_not_have_is_empty(shop: SmallLake):
    found = describe_customer(shop, 2, DAY)
    assert found["features"]["favourite_product"] is None
    assert (found["segment"], found["lifecycle"], found["orders"], found["notifications"]) == ({}, {}, [], [])


def test_an_older_lake_has_no_stages_and_no_predictions(lake: SmallLake):
    lake.add(gold.CUSTOMER_FEATURES, {"as_of_date": DAY, "customer_id": 1})
    for table in (silver.PRODUCTS, silver.ORDER_ITEMS, gold.CUSTOMER_SEGMENTS, gold.NOTIFICATIONS):
        lake.add(table)
    found = describe_customer(lake, 1)
    assert (found["lifecycle"], found["next_order"], found["recommendations"]) == ({}, {}, [])


def test_a_customer_outside_the_snapshot_is_refused(shop: SmallLake):
    with pytest.raises(UnknownCustomerError, match="Customer 3 has no order"):
        describe_customer(shop, 3)
    with pytest.raises(SnapshotAbsentError, match="no snapshot as of 2025-10-30"):
        describe_customer(shop, 1, day("2025-10-30"))
