"""Ids of natural keys: the same everywhere and always, and never one for two keys."""

from __future__ import annotations

import subprocess
import sys

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_assets.catalog import silver
from cis_assets.silver.orders import judge_orders
from cis_assets.sources.invoice_lines.ids import id_of, keys_and_ids, natural_key, refuse_collisions, stable_id
from cis_assets.sources.invoice_lines.mapping import InvoiceLinesError
from cis_assets_tests.silver.bronze_rows import lines, orders

KINDS = st.sampled_from(["order", "product", "customer"])
KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("kind", "key", "number"),
    [
        ("order", "C536379", 5609070827822669115),
        ("product", "85123A", 5354960780496982601),
        ("product", "85123a", 5926369201198323199),
        ("customer", "85123A", 1289736659852225510),
        ("product", "Gläser", 7333541198065904220),
    ],
)
def test_an_id_stays_what_it_always_was(kind: str, key: str, number: int):
    assert stable_id(kind, key) == number


@given(KINDS, KEYS)
def test_an_id_is_a_positive_number_of_63_bits(kind: str, key: str):
    assert 1 <= stable_id(kind, key) <= 2**63 - 1


def test_an_id_is_the_same_in_another_process():
    words = "from cis_assets.sources.invoice_lines.ids import stable_id; print(stable_id('product', '85123A'))"
    told = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout
    assert int(told) == stable_id("product", "85123A")


@given(KEYS)
def test_kinds_of_keys_have_ids_of_their_own(key: str):
    assert len({stable_id(kind, key) for kind in ("order", "product", "customer", "aisle", "department")}) == 5


@settings(deadline=None)
@given(st.lists(KEYS, unique=True, max_size=40))
def test_every_key_comes_back_from_its_id(keys: list[str]):
    found = keys_and_ids("product", pl.Series("sku", keys, dtype=pl.String), "hash")
    by_id = dict(found.select("product_id", "product_key").iter_rows())
    assert [by_id[stable_id("product", key)] for key in keys] == keys


@given(st.integers(0, 2**63 - 1), st.integers(0, 3))
def test_where_numbers_are_kept_a_number_is_its_own_id_however_it_is_written(number: int, zeros: int):
    text = f"{number}.{'0' * zeros}" if zeros else str(number)
    assert (id_of("customer", text, "number"), natural_key(text, "number")) == (number, str(number))


@pytest.mark.parametrize("text", ["007", "-7", "+7", "7.5", "7.", ".0", "1e3", "C7", "7 ", "９", str(2**63)])
def test_where_numbers_are_kept_any_other_text_becomes_an_id(text: str):
    assert (id_of("customer", text, "number"), natural_key(text, "number")) == (stable_id("customer", text), text)


@given(KINDS, KEYS)
def test_where_all_keys_are_hashed_a_key_is_kept_as_it_is(kind: str, key: str):
    assert (id_of(kind, key, "hash"), natural_key(key, "hash")) == (stable_id(kind, key), key)


def test_missing_keys_get_no_id_and_repeated_ones_one():
    found = keys_and_ids("product", pl.Series("sku", ["a", None, "b", "a"]), "hash")
    assert found["product_key"].to_list() == ["a", "b"]


def test_two_spellings_of_a_number_are_one_key_and_no_collision():
    found = keys_and_ids("customer", pl.Series("customer", ["17850", "17850.0"]), "number")
    assert found["customer_id"].to_list() == [17850, 17850]


def test_two_keys_with_one_id_are_refused_by_name():
    rows = pl.DataFrame({"product_key": ["b", "a"], "product_id": [1, 1]})
    words = r"^The products 'a' and 'b' would get the same id 1, so nothing was landed"
    with pytest.raises(InvoiceLinesError, match=words):
        refuse_collisions("product", rows)


def test_a_kept_number_that_is_the_id_of_another_key_is_refused():
    taken = stable_id("order", "C1")
    with pytest.raises(InvoiceLinesError, match=f"The orders '{taken}' and 'C1' would get the same id {taken}"):
        keys_and_ids("order", pl.Series("invoice", ["C1", str(taken)]), "number")


def test_the_same_key_may_stand_with_its_id_more_than_once():
    refuse_collisions("product", pl.DataFrame({"product_key": ["a", "a"], "product_id": [1, 1]}))


def test_the_shops_key_of_an_order_stands_in_silver():
    products = pl.LazyFrame({"product_id": [1], "department_id": [7]})
    rows = orders({"order_key": "C7"}, {"order_id": 2})
    made = judge_orders(rows, lines({}, {"order_id": 2}), products).silver_orders().sort("order_id").collect()
    assert made["order_key"].to_list() == ["C7", None]
    assert made.columns == list(silver.ORDERS.dtypes)


def test_orders_of_one_id_and_two_keys_contradict_each_other():
    products = pl.LazyFrame({"product_id": [1], "department_id": [7]})
    rows = orders({"order_key": "A"}, {"order_key": "B"})
    assert judge_orders(rows, lines({}), products).silver_orders().collect().is_empty()
