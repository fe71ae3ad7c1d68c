from __future__ import annotations

from collections import Counter

import narwhals as nw
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cis_assets.segmentation.pair_keys import NumberRange, group_by_customer_and, number_ranges

LEAST, GREATEST = -(2**63), 2**63 - 1
NUMBERS = st.one_of(
    st.integers(-3, 3), st.sampled_from([LEAST, GREATEST, 2**31, -(2**31)]), st.integers(LEAST, GREATEST)
)
SCHEMA = {"customer_id": pl.Int64, "product_id": pl.Int64}


def frame_of(pairs: list[tuple[int, int]]) -> nw.LazyFrame:
    return nw.from_native(pl.LazyFrame(pairs, schema=SCHEMA, orient="row"))


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=20))
@example([(0, 0), (2**21 - 1, 2**32 - 2)])
@example([(0, 0), (2**21, 2**32 - 2)])
@example([(LEAST, 5), (LEAST + 7, 5)])
def test_pairs_are_counted_as_they_are_whatever_their_numbers(pairs: list[tuple[int, int]]):
    rows = frame_of(pairs)
    counted = group_by_customer_and("product_id", rows, number_ranges(rows, ["product_id"]), nw.len().alias("rows"))
    found = counted.select("customer_id", "product_id", "rows").to_native().collect()
    assert dict(found.schema) == {**SCHEMA, "rows": pl.UInt32}
    assert sorted(found.rows()) == sorted((*pair, count) for pair, count in Counter(pairs).items())


@pytest.mark.parametrize(("greatest", "keys"), [(2**21 - 1, 1), (2**21, 2)], ids=["fits", "does not"])
def test_pairs_are_one_number_where_that_fits(greatest: int, keys: int):
    rows = frame_of([(0, 0), (greatest, 2**32 - 2)])
    ranges = number_ranges(rows, ["product_id"])
    assert ranges["customer_id"] == NumberRange(0, greatest + 1)
    grouped = group_by_customer_and("product_id", rows, ranges, nw.len().alias("rows")).to_native()
    (group_by,) = [line for line in grouped.explain().splitlines() if "BY [" in line]
    assert group_by.count("col(") - group_by.split("BY [")[0].count("col(") == keys


def test_nothing_is_known_of_numbers_that_are_not_there():
    assert number_ranges(frame_of([]), ["product_id"]) == {}
