from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import narwhals as nw
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog.gold import SEGMENT_PROFILES
from cis_assets.segmentation.centers import SegmentModelError
from cis_assets.segmentation.profiles import profile_segments
from cis_assets_tests.segmentation.shoppers import AS_OF, customers, silver_lines, silver_products
from cis_assets_tests.segmentation.test_patterns import members

OnEngine = Callable[[pl.DataFrame], nw.LazyFrame]

PRODUCTS = silver_products(
    {
        1: ("Bananas", "produce"),
        2: ("Apples", "produce"),
        3: ("Milk", "dairy eggs"),
        4: ("Yogurt", "dairy eggs"),
        5: ("Bread", "bakery"),
        6: ("Cola", "beverages"),
        7: ("Chips", "snacks"),
        8: ("Peas", "frozen"),
    }
)


@pytest.fixture
def model(planted_model: pl.DataFrame) -> pl.DataFrame:
    return planted_model.with_columns(version=pl.lit(1, pl.Int32))


def profile(
    on_engine: OnEngine,
    features: pl.DataFrame,
    segments: pl.DataFrame,
    model: pl.DataFrame,
    lines: pl.DataFrame,
    history_days: int = 30,
    products: pl.DataFrame = PRODUCTS,
) -> pl.DataFrame:
    return profile_segments(
        on_engine(features),
        on_engine(segments),
        model,
        on_engine(lines),
        on_engine(products),
        as_of=AS_OF,
        history_days=history_days,
    )


def test_means_and_shares_are_those_of_the_segment_s_customers(on_engine: OnEngine, model: pl.DataFrame) -> None:
    features = customers(
        [
            {"recency_days": 2, "mean_gap_days": 4.0, "total_spend": 10.0},
            {"recency_days": 4, "mean_gap_days": None, "total_spend": 30.0},
            {"recency_days": 9, "mean_gap_days": 6.0, "total_spend": None},
            {"recency_days": 89, "mean_gap_days": None},
        ]
    )
    profiles = profile(on_engine, features, members({1: 0, 2: 0, 3: 0, 4: 2}), model, silver_lines([]))
    assert dict(profiles.schema) == SEGMENT_PROFILES.dtypes
    assert SEGMENT_PROFILES.schema.is_valid(profiles)
    assert profiles["segment_id"].to_list() == [0, 2]
    assert profiles["customer_count"].to_list() == [3, 1]
    assert profiles["customer_share"].to_list() == [0.75, 0.25]
    assert profiles["mean_recency_days"].to_list() == [5.0, 89.0]
    assert profiles["mean_gap_days"].to_list() == [5.0, None]
    assert profiles["mean_total_spend"].to_list() == [20.0, None]
    assert profiles["segment_marks"].to_list() == ["fewer than 4 orders so far", model["segment_marks"][1]]


def test_shares_are_of_customers_with_an_order_in_90_days_and_the_others_stand_beside(
    on_engine: OnEngine, model: pl.DataFrame
) -> None:
    features = customers([{"recency_days": days} for days in (0, 89, 90, 89, 400, 300)])
    profiles = profile(on_engine, features, members({1: 0, 2: 0, 3: 0, 4: 1, 5: 1, 6: 2}), model, silver_lines([]))
    assert profiles["customer_count"].to_list() == [3, 2, 1]
    assert profiles["quiet_customers"].to_list() == [1, 1, 1]
    assert profiles["customer_share"].to_list() == [0.666667, 0.333333, 0.0]
    alone = profile(on_engine, customers([{"recency_days": 90}]), members({1: 1}), model, silver_lines([]))
    assert alone["customer_share"].to_list() == [0.0]


def test_what_a_segment_buys_most_comes_first_and_ties_go_by_name_and_number(
    on_engine: OnEngine, model: pl.DataFrame
) -> None:
    bought = [3, 3, 3, 4, 2, 1, 1, 5, 6, 7, 8]
    lines = silver_lines([(1, 1, product) for product in bought] + [(2, 1, 8)])
    profiles = profile(on_engine, customers([{}, {}]), members({1: 0, 2: 1}), model, lines)
    assert profiles["top_products"].to_list() == [["Milk", "Bananas", "Apples", "Yogurt", "Bread"], ["Peas"]]
    assert profiles["top_departments"].to_list() == [
        ["dairy eggs", "produce", "bakery", "beverages", "frozen"],
        ["frozen"],
    ]


def test_products_of_one_family_are_listed_once_under_the_name_for_people(
    on_engine: OnEngine, model: pl.DataFrame
) -> None:
    named = pl.when(pl.col("product_id").is_in([5, 6])).then(pl.lit("Fresh Fruit")).otherwise("display_name")
    lines = silver_lines([(1, 1, product) for product in (5, 5, 6, 6, 3, 3, 3)])
    products = PRODUCTS.with_columns(display_name=named)
    profiles = profile(on_engine, customers([{}]), members({1: 0}), model, lines, products=products)
    assert profiles["top_products"].to_list() == [["Fresh Fruit", "Milk"]]


def test_lines_outside_the_window_are_not_looked_at(on_engine: OnEngine, model: pl.DataFrame) -> None:
    lines = silver_lines([(1, -1, 3), (1, -1, 3), (1, 30, 4), (1, 30, 4), (1, 0, 1), (1, 29, 1)])
    profiles = profile(on_engine, customers([{}]), members({1: 0}), model, lines)
    assert profiles["top_products"].to_list() == [["Bananas"]]


def test_other_snapshots_are_not_looked_at(on_engine: OnEngine, model: pl.DataFrame) -> None:
    later = AS_OF + timedelta(days=1)
    features = pl.concat([customers([{"recency_days": 1}]), customers([{"recency_days": 50}], later)])
    segments = pl.concat([members({1: 0}), members({1: 3}, later)])
    profiles = profile(on_engine, features, segments, model, silver_lines([(1, 0, 1)]))
    assert profiles.select("as_of_date", "segment_id", "mean_recency_days").rows() == [(AS_OF, 0, 1.0)]


def test_a_segment_that_buys_nothing_in_the_window_has_empty_lists(on_engine: OnEngine, model: pl.DataFrame) -> None:
    profiles = profile(on_engine, customers([{}]), members({1: 0}), model, silver_lines([(1, 99, 1)]))
    assert profiles["top_products"].to_list() == [[]]
    assert profiles["top_departments"].to_list() == [[]]


def test_customers_placed_by_an_unknown_version_are_refused(on_engine: OnEngine, model: pl.DataFrame) -> None:
    newer = model.with_columns(version=pl.lit(2, pl.Int32))
    with pytest.raises(SegmentModelError, match=r"segment 3 of version 1.*materialize customer_segments"):
        profile(on_engine, customers([{}]), members({1: 3}), newer, silver_lines([]))
    with pytest.raises(SegmentModelError, match="segment 77 of version 1"):
        profile(on_engine, customers([{}]), members({1: 77}), model, silver_lines([]))


def test_polars_and_duckdb_describe_planted_customers_alike(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_segments: pl.DataFrame, planted_model: pl.DataFrame
) -> None:
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    lines = silver_lines([(1 + n % 400, n % 50, 1 + n * n % 8) for n in range(4000)])
    polars, duck = (
        profile(put, planted_customers[0], planted_segments, planted_model, lines)
        for put in (
            lambda frame: nw.from_native(frame.lazy()),
            lambda frame: nw.from_native(connection.from_arrow(frame.to_arrow())),
        )
    )
    assert polars.height == 5
    assert_frame_equal(polars, duck, abs_tol=1e-9)
