from __future__ import annotations

import duckdb
import narwhals as nw
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.catalog import silver
from cis_assets.catalog.product_families import family_numbers

_Named = tuple[str | None, str, str]


def _families(*names: _Named) -> list[int]:
    """The family ids of products 1, 2 and so on, by display name, aisle and product name."""
    rows = [
        {"product_id": number, "display_name": shown, "aisle": aisle, "product_name": name}
        for number, (shown, aisle, name) in enumerate(names, start=1)
    ]
    products = pl.LazyFrame(rows, schema=silver.PRODUCTS.dtypes)
    return family_numbers(nw.from_native(products)).to_native().collect().sort("product_id")["family_id"].to_list()


def test_products_of_one_display_name_are_a_family_in_every_aisle():
    assert _families(("Oat Milk", "dairy", "OATMLK 1"), ("OAT MILK", "drinks", "OATMLK 2")) == [1, 1]


def test_products_without_display_name_are_a_family_within_their_aisle():
    assert _families((None, "tea", "Mint"), (None, "tea", "mint"), (None, "candy", "Mint")) == [1, 1, 3]


def test_a_display_name_is_no_aisle_and_product_name():
    assert _families(("tea mint", "x", "y"), (None, "tea", "mint"), ("mint", "tea", "z")) == [1, 2, 3]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ΣΊΣΥΦΟΣ", "σίσυφος", "İced", "i\u0307ced", "iced", "Straße", "Tea", None]),
            st.just("a"),
            st.sampled_from("bBc"),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_another_engine_finds_the_same_families(names: list[_Named]):
    with duckdb.connect() as connection:
        rows = pl.DataFrame(
            [(number, *name) for number, name in enumerate(names, start=1)],
            schema={"product_id": pl.Int64, "display_name": pl.String, "aisle": pl.String, "product_name": pl.String},
            orient="row",
        )
        found = family_numbers(nw.from_native(connection.from_arrow(rows.to_arrow()))).to_native().pl()
    assert found.sort("product_id")["family_id"].to_list() == _families(*names)
