from __future__ import annotations

from collections.abc import Callable

import narwhals as nw
import polars as pl
import pytest

from cis_assets.segmentation.assignment import assign_segments
from cis_assets.segmentation.model import train_segment_model
from cis_assets_tests.segmentation.shoppers import KINDS, planted


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
    return train_segment_model(planted_customers[0], segments_min=3, segments_max=8, seed=7)


@pytest.fixture(scope="session")
def planted_segments(planted_customers: tuple[pl.DataFrame, list[str]], planted_model: pl.DataFrame) -> pl.DataFrame:
    return assign_segments(planted_customers[0], planted_model)
