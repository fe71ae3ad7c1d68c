from __future__ import annotations

from collections.abc import Callable

import narwhals as nw
import polars as pl
import pytest

from cis_assets.catalog.gold import SEGMENT_MODEL
from cis_assets.segmentation.assignment import assign_segments
from cis_assets.segmentation.versions import add_challenger
from cis_assets_tests.segmentation.shoppers import KINDS, habits_of, planted, train


@pytest.fixture(params=["polars", "duckdb"])
def on_engine(request: pytest.FixtureRequest) -> Callable[[pl.DataFrame], nw.LazyFrame]:
    """Puts a polars frame on the engine under test."""
    if request.param == "polars":
        return lambda frame: nw.from_native(frame.lazy())
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    return lambda frame: nw.from_native(connection.from_arrow(frame.to_arrow()))


@pytest.fixture(scope="session")
def planted_customers() -> tuple[pl.DataFrame, list[str]]:
    """400 customers of the five kinds, 40 to 120 of each, and their kinds."""
    return planted(dict(zip(KINDS, (120, 100, 80, 60, 40), strict=True)))


@pytest.fixture(scope="session")
def planted_model(planted_customers: tuple[pl.DataFrame, list[str]]) -> pl.DataFrame:
    """The four kinds with habits, as the first version."""
    return add_challenger(SEGMENT_MODEL.empty(), train(habits_of(planted_customers[0])).rows)


@pytest.fixture(scope="session")
def planted_segments(planted_customers: tuple[pl.DataFrame, list[str]], planted_model: pl.DataFrame) -> pl.DataFrame:
    features = planted_customers[0]
    return assign_segments(features.lazy(), habits_of(features).lazy(), planted_model)
