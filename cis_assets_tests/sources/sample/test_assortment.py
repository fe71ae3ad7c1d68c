"""The invented assortment: as large, as varied and as awkward to quote as a real one."""

from __future__ import annotations

import csv
import io

import numpy as np
import polars as pl
import pytest

from cis_assets.landing.contract import AISLES, DEPARTMENTS, PRODUCTS
from cis_assets.sources.sample.assortment import Assortment, assortment
from cis_assets.sources.sample.assortment_words import DEPARTMENT_NAMES

SMALL_WORDS = {"and", "in", "of", "on", "the", "with", "to", "de"}


@pytest.fixture(scope="module")
def shelf() -> Assortment:
    return assortment()


def test_frames_have_the_contract_columns_and_types(shelf: Assortment) -> None:
    assert list(shelf.products.schema.items()) == [(name, PRODUCTS.columns[name]) for name in PRODUCTS.required]
    assert dict(shelf.aisles.schema) == AISLES.columns
    assert dict(shelf.departments.schema) == DEPARTMENTS.columns


def test_about_600_products_stand_in_over_100_aisles_of_21_departments(shelf: Assortment) -> None:
    assert 570 <= shelf.products.height <= 640
    assert shelf.aisles.height > 100
    assert shelf.departments.height == 21
    assert set(shelf.products["department_id"]) == set(range(1, 22))


def test_ids_and_names_are_unique(shelf: Assortment) -> None:
    for frame in (shelf.products, shelf.aisles, shelf.departments):
        assert all(frame[name].is_unique().all() for name in frame.columns[:2])
    assert shelf.products["product_name"].str.to_lowercase().is_unique().all()


def test_each_aisle_belongs_to_one_department_and_holds_products(shelf: Assortment) -> None:
    per_aisle = shelf.products.group_by("aisle_id").agg(pl.col("department_id").n_unique())
    assert set(per_aisle["aisle_id"]) == set(shelf.aisles["aisle_id"])
    assert (per_aisle["department_id"] == 1).all()


def test_product_names_are_tidy_title_case_and_short_enough_for_a_message(shelf: Assortment) -> None:
    for name in shelf.products["product_name"]:
        assert name == " ".join(name.split())
        assert len(name) <= 45
        words = [word.lstrip('"') for word in name.split()]
        assert all(word[0].isupper() or word[0].isdigit() or word in SMALL_WORDS for word in words), name


def test_names_exercise_quoting_and_encoding(shelf: Assortment) -> None:
    names = shelf.products["product_name"].to_list()
    assert sum("," in name for name in names) >= 10
    assert sum('"' in name for name in names) >= 2
    assert sum(not name.isascii() for name in names) >= 5
    text = io.StringIO(shelf.products.write_csv())
    assert [row["product_name"] for row in csv.DictReader(text)] == names


def test_no_name_promises_a_discount_or_a_price(shelf: Assortment) -> None:
    names = shelf.products["product_name"]
    assert not names.str.contains(r"[%$€£]|(?i)\b(free shipping|off|sale|discount)\b").any()
    assert names.filter(names.str.contains(r"\d")).str.contains(r'^\d+" ').all()


def test_what_the_sample_needs_is_there_for_every_product(shelf: Assortment) -> None:
    count = shelf.products.height
    assert shelf.list_price.size == shelf.rhythm_days.size == shelf.popularity.size == shelf.department.size == count
    assert (shelf.list_price > 0).all()
    assert (shelf.rhythm_days > 0).all()
    assert shelf.popularity.sum() == pytest.approx(1)
    assert (shelf.department + 1 == shelf.products["department_id"].to_numpy()).all()


def test_produce_leads_and_special_departments_stay_small(shelf: Assortment) -> None:
    shares = np.bincount(shelf.department, shelf.popularity)
    by_name = dict(zip(DEPARTMENT_NAMES, shares, strict=True))
    assert max(by_name, key=by_name.__getitem__) == "produce"
    assert by_name["alcohol"] < 0.01
    assert by_name["missing"] + by_name["other"] < 0.01


def test_few_products_sell_much_and_many_sell_little(shelf: Assortment) -> None:
    falling = np.sort(shelf.popularity)[::-1]
    assert 0.30 < falling[: falling.size // 10].sum() < 0.60
    assert falling[0] < 0.03
