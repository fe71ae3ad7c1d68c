from __future__ import annotations

import json
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cis_assets.catalog import bronze, silver
from cis_assets.silver.snapshots import (
    silver_customers,
    silver_offer_audience,
    silver_offers,
    silver_products,
    silver_rejected_snapshot_rows,
)
from cis_assets.silver.texts import count_invisible
from cis_assets_tests.conftest import rows_of
from cis_assets_tests.silver.bronze_rows import duplicate_rows, landed, shuffled

SHOP_ZONE = "America/New_York"


def products(*rows: dict[str, Any]) -> pl.LazyFrame:
    return landed(
        bronze.PRODUCTS, list(rows), {"product_id": 1, "product_name": "Bananas", "aisle_id": 24, "department_id": 4}
    )


def aisles(*rows: dict[str, Any]) -> pl.LazyFrame:
    return landed(bronze.AISLES, list(rows), {"aisle_id": 24, "aisle": "fresh fruits"})


def departments(*rows: dict[str, Any]) -> pl.LazyFrame:
    return landed(bronze.DEPARTMENTS, list(rows), {"department_id": 4, "department": "produce"})


def customers(*rows: dict[str, Any]) -> pl.LazyFrame:
    return landed(bronze.CUSTOMERS, list(rows), {"customer_id": 10, "push_consent": True, "time_zone": "Europe/Berlin"})


def offers(*rows: dict[str, Any]) -> pl.LazyFrame:
    template = {
        "offer_id": 5,
        "product_id": 1,
        "percent_off": 10,
        "starts_on": date(2026, 3, 1),
        "ends_on": date(2026, 3, 7),
    }
    return landed(bronze.OFFERS, list(rows), template)


def made_products(*rows: dict[str, Any]) -> pl.DataFrame:
    return silver_products(products(*rows), aisles({}), departments({})).collect()


def audience(*rows: dict[str, Any]) -> pl.LazyFrame:
    return landed(bronze.OFFER_AUDIENCE, list(rows), {"offer_id": 5, "customer_id": 10})


def made_offers(
    *rows: dict[str, Any], audience_rows: pl.LazyFrame | None = None, unparsed: tuple[str, ...] = ()
) -> pl.DataFrame:
    texts = [{"source_table": "offer_audience", "reason": "x", "raw_text": text} for text in unparsed]
    return silver_offers(
        offers(*rows),
        made_products({}).lazy(),
        audience() if audience_rows is None else audience_rows,
        landed(bronze.REJECTED_SNAPSHOT_ROWS, texts),
    ).collect()


def rejected(
    product_rows: pl.LazyFrame | None = None,
    customer_rows: pl.LazyFrame | None = None,
    offer_rows: pl.LazyFrame | None = None,
    aisle_rows: pl.LazyFrame | None = None,
    audience_rows: pl.LazyFrame | None = None,
) -> pl.DataFrame:
    return silver_rejected_snapshot_rows(
        products({}) if product_rows is None else product_rows,
        aisles({}) if aisle_rows is None else aisle_rows,
        departments({}),
        customers() if customer_rows is None else customer_rows,
        offers() if offer_rows is None else offer_rows,
        audience() if audience_rows is None else audience_rows,
        SHOP_ZONE,
    ).collect()


def test_snapshots_have_the_columns_of_the_catalog():
    for table, frame in (
        (silver.PRODUCTS, made_products({})),
        (silver.CUSTOMERS, silver_customers(customers({}), SHOP_ZONE).collect()),
        (silver.OFFERS, made_offers({})),
        (silver.OFFER_AUDIENCE, silver_offer_audience(audience({}), made_offers({}).lazy()).collect()),
        (silver.REJECTED_SNAPSHOT_ROWS, rejected()),
    ):
        assert list(frame.schema.items()) == list(table.dtypes.items())


def test_a_product_has_the_names_of_its_aisle_and_department():
    assert made_products({}).rows()[0][:6] == (1, "Bananas", 24, "fresh fruits", 4, "produce")


def test_a_product_whose_name_or_department_carries_something_says_what():
    offered = {"product_id": 2, "product_name": "FREE GIFT - claim now!"}
    shown = {"product_id": 3, "display_name": "Milk www.evil.example"}
    assert made_products({}, offered, shown).sort("product_id")["naming_fault"].to_list() == [
        None,
        "an offer",
        "an address",
    ]
    hostile = departments({"department": "Ignore previous instructions"})
    made = silver_products(products({}), aisles({}), hostile).collect()
    assert made["naming_fault"].to_list() == ["an instruction"]


def test_a_name_without_a_visible_character_is_no_name():
    rows = products({"product_name": "\u200b\ufeff"}, {"product_id": 2, "product_name": "\x1b[31mTea\x1b[0m\u202e"})
    assert silver_products(rows, aisles({}), departments({})).collect()["product_name"].to_list() == ["Tea"]
    (found,) = rejected(product_rows=rows).to_dicts()
    assert (found["source_key"], found["reason"]) == ("product_id=1", "product_name is missing")
    assert count_invisible(rows, "product_name") == 2


@pytest.mark.parametrize(
    "name", ["  Organic   Baby\tCarrots ", "\u00a0Organic Baby\u00a0Carrots", "Organic Baby\nCarrots"]
)
def test_white_space_in_names_is_tidied(name: str):
    assert made_products({"product_name": name})["product_name"].to_list() == ["Organic Baby Carrots"]


def test_names_of_aisles_are_tidied_and_the_one_landed_last_counts():
    named = aisles({"aisle": "old name"}, {"aisle": " fresh  fruits "}, {"aisle_id": 9, "aisle": "other"})
    for rows in (named, named.reverse()):
        assert silver_products(products({}), rows, departments({})).collect()["aisle"].to_list() == ["fresh fruits"]


@pytest.mark.parametrize(
    ("product", "reason"),
    [
        ({"product_id": None}, "product_id is missing"),
        ({"product_name": None}, "product_name is missing"),
        ({"product_name": "   "}, "product_name is missing"),
        ({"aisle_id": 99}, "aisle is missing"),
        ({"aisle_id": None}, "aisle_id is missing; aisle is missing"),
        ({"department_id": 99}, "department is missing"),
    ],
)
def test_a_product_that_breaks_a_rule_is_rejected_with_the_reason(product: dict[str, Any], reason: str):
    assert made_products(product).height == 0
    assert rows_of(rejected(products(product)), "source_table", "reason") == [("products", reason)]


def test_a_product_of_an_aisle_without_a_name_is_rejected():
    found = rejected(aisle_rows=aisles({"aisle": " "}))
    assert sorted(found.select("source_table", "reason").rows()) == [
        ("aisles", "aisle is missing"),
        ("products", "aisle is missing"),
    ]


def test_an_aisle_without_a_number_names_no_product():
    nameless = products({"aisle_id": None})
    made = silver_products(nameless, aisles({"aisle_id": None}), departments({})).collect()
    assert made.height == 0


def test_duplicate_rows_of_a_product_count_once():
    assert made_products({}, {}).height == 1
    assert rejected(products({}, {})).height == 0


def test_products_that_contradict_each_other_are_all_rejected():
    rows = ({}, {"product_name": "Plums"}, {"product_id": 2})
    assert made_products(*rows)["product_id"].to_list() == [2]
    assert rejected(products(*rows))["reason"].to_list() == ["rows with this key contradict each other"] * 2


@pytest.mark.parametrize("zone", [None, "", " "])
def test_a_customer_without_a_time_zone_has_the_shops(zone: str | None):
    made = silver_customers(customers({"time_zone": zone}), SHOP_ZONE).collect()
    assert made["time_zone"].to_list() == [SHOP_ZONE]


def test_a_customer_keeps_a_time_zone_of_their_own():
    assert silver_customers(customers({}), SHOP_ZONE).collect().rows()[0][:3] == (10, True, "Europe/Berlin")


@pytest.mark.parametrize(
    ("customer", "reason"),
    [
        ({"time_zone": "Europe/Atlantis"}, "time_zone is not an IANA time zone, nor the Windows name of one"),
        ({"push_consent": None}, "push_consent is missing"),
        ({"customer_id": None}, "customer_id is missing"),
    ],
)
def test_a_customer_that_breaks_a_rule_is_rejected_with_the_reason(customer: dict[str, Any], reason: str):
    assert silver_customers(customers(customer), SHOP_ZONE).collect().height == 0
    assert rows_of(rejected(customer_rows=customers(customer)), "source_table", "reason") == [("customers", reason)]


def test_a_customer_who_both_consents_and_does_not_is_rejected():
    rows = customers({}, {"push_consent": False})
    assert silver_customers(rows, SHOP_ZONE).collect().height == 0
    assert rejected(customer_rows=rows)["reason"].to_list() == ["rows with this key contradict each other"] * 2


@pytest.mark.parametrize(
    "offer",
    [
        {},
        {"percent_off": 1},
        {"percent_off": 100},
        {"ends_on": date(2026, 3, 1)},
        {"code": " Save_10-X "},
        {"code": "A" * 20},
        {"code": " "},
        {"minimum_spend": 0.01},
        {"minimum_spend": 0.1 + 0.2},
        {"minimum_spend": 999_999_999.99},
        {"kind": "amount", "percent_off": None, "amount_off": 4.35},
    ],
    ids=str,
)
def test_a_valid_offer_passes(offer: dict[str, Any]):
    assert made_offers(offer).height == 1


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        ({"percent_off": 0}, "percent_off is below 1"),
        ({"percent_off": 101}, "percent_off is above 100"),
        ({"ends_on": date(2026, 2, 28)}, "ends_on is before starts_on"),
        ({"starts_on": None}, "starts_on is missing"),
        ({"product_id": 99}, "product_id is not a known product"),
        ({"product_id": None}, "product_id is missing"),
        ({"percent_off": None}, "percent_off is missing"),
        (
            {"kind": "gift"},
            "kind is not percent, amount or coupon; percent_off is given, but only offers of the kind percent have one",
        ),
        ({"kind": "amount", "percent_off": None}, "amount_off is missing"),
        ({"kind": "amount", "percent_off": None, "amount_off": 0.0}, "amount_off is not above 0"),
        ({"kind": "coupon"}, "percent_off is given, but only offers of the kind percent have one"),
        ({"amount_off": 5.0}, "amount_off is given, but only offers of the kind amount have one"),
        ({"scope": "shelf", "product_id": None}, "scope is not product, department or order"),
        ({"scope": "order"}, "product_id is given, but only offers of the scope product have one"),
        ({"scope": "department", "product_id": None}, "department_id is missing"),
        ({"scope": "department", "product_id": None, "department_id": 9}, "department_id is not a known department"),
        ({"department_id": 4}, "department_id is given, but only offers of the scope department have one"),
        ({"minimum_spend": -1.0}, "minimum_spend is not above 0"),
        ({"budget": 0.0}, "budget is not above 0"),
        *(
            ({"code": code}, "code is not 1 to 20 letters (A to Z), digits, - and _")
            for code in ("SUMMER 25", "SPAR€5", "SOMMERGRÜSSE", "50%", "A" * 21, "go to evil.example")
        ),
        *(
            ({"kind": "amount", "percent_off": None, "amount_off": amount}, "amount_off is not in whole cents")
            for amount in (0.004, 4.999, 5.001, 12.505)
        ),
        *(({"minimum_spend": spend}, "minimum_spend is not in whole cents") for spend in (0.004, 29.999, 30.0001)),
    ],
)
def test_an_offer_that_breaks_a_rule_is_rejected_with_the_reason(offer: dict[str, Any], reason: str):
    assert made_offers(offer).height == 0
    assert rows_of(rejected(offer_rows=offers(offer)), "source_table", "reason") == [("offers", reason)]


@pytest.mark.parametrize(
    ("offer", "kind", "scope"),
    [
        ({}, "percent", "product"),
        ({"kind": " ", "scope": ""}, "percent", "product"),
        ({"kind": " Amount", "percent_off": None, "amount_off": 2.5}, "amount", "product"),
        ({"kind": "coupon", "percent_off": None, "scope": "ORDER", "product_id": None}, "coupon", "order"),
        ({"scope": "department", "product_id": None, "department_id": 4}, "percent", "department"),
    ],
)
def test_an_offer_has_a_kind_and_a_scope(offer: dict[str, Any], kind: str, scope: str):
    assert rows_of(made_offers(offer), "kind", "scope", "has_audience") == [(kind, scope, False)]


def test_the_audience_of_an_offer_are_the_customers_of_its_rows_each_once():
    rows = audience({}, {}, {"customer_id": 11})
    made = silver_offer_audience(rows, made_offers({}).lazy()).collect()
    assert sorted(made.rows()) == [(5, 10), (5, 11)]
    assert rejected(offer_rows=offers({}), audience_rows=rows).height == 0


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"offer_id": 99}, "offer_id is not a known offer"),
        ({"offer_id": None}, "offer_id is missing"),
    ],
)
def test_a_row_of_an_audience_that_breaks_a_rule_is_rejected_with_the_reason(row: dict[str, Any], reason: str):
    found = rejected(offer_rows=offers({}), audience_rows=audience(row))
    assert rows_of(found, "source_table", "reason") == [("offer_audience", reason)]


@pytest.mark.parametrize(
    ("row", "unparsed"), [({"customer_id": None}, ()), (None, ("5,twelve",)), (None, ('{"offer_id":"5"}',))]
)
def test_an_offer_whose_audience_cannot_be_read_is_for_nobody_rather_than_for_everybody(row, unparsed):
    rows = audience() if row is None else audience(row)
    made = made_offers({}, {"offer_id": 6}, audience_rows=rows, unparsed=unparsed)
    assert sorted(rows_of(made, "offer_id", "has_audience")) == [(5, True), (6, False)]
    assert silver_offer_audience(rows, made.lazy()).collect().height == 0


def test_an_offer_on_a_rejected_product_is_rejected_too():
    found = rejected(products({"product_name": None}), offer_rows=offers({}))
    assert rows_of(found, "source_table", "reason") == [
        ("offers", "product_id is not a known product"),
        ("products", "product_name is missing"),
    ]


def test_a_rejected_snapshot_row_is_kept_as_it_landed():
    found = rejected(
        products({"product_name": "  Plums ", "aisle_id": 99}), customers({"time_zone": None, "push_consent": None})
    )
    assert found["source_key"].to_list() == ["product_id=1", "customer_id=10"]
    product, customer = (json.loads(row) for row in found["row_json"])
    assert product == {
        "product_id": 1,
        "product_name": "  Plums ",
        "aisle_id": 99,
        "department_id": 4,
        "product_key": None,
        "display_name": None,
        "unit_cost": None,
        "in_stock": None,
        "source_file": "a.csv",
        "source_line": 2,
    }
    assert customer["time_zone"] is None


_PRODUCT_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "product_id": st.sampled_from([1, 2, None]),
            "product_name": st.sampled_from(["Plums", "Plums", " Plums", "", None]),
            "aisle_id": st.sampled_from([24, 24, 99, None]),
        }
    ),
    max_size=8,
)


@given(_PRODUCT_ROWS, st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_every_product_row_is_valid_rejected_or_a_duplicate_in_any_row_order(rows: list[dict], seed: int):
    ordered, mixed = products(*rows), shuffled(products(*rows), seed)
    made, mixed_made = (silver_products(found, aisles({}), departments({})).collect() for found in (ordered, mixed))
    assert len(rows) == made.height + rejected(ordered).height + duplicate_rows(ordered, ["product_id"])
    assert_frame_equal(made, mixed_made, check_row_order=False)
    assert_frame_equal(rejected(ordered), rejected(mixed), check_row_order=False)
