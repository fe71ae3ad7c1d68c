"""What the engine relies on beyond the transformations, on Apache Spark itself."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import narwhals as nw
import polars as pl
import pytest

from cis_assets.catalog import TABLES, Table, silver
from cis_assets.dates import DateRange
from cis_assets.lake.delta_table import open_or_create
from cis_assets.lake.engines import spark_engine
from cis_assets.lake.engines.engine import OutsideSliceError, TableLocation
from cis_assets.lake.slices import Slice
from cis_assets.lake.stored_schema import COMPAT
from cis_assets_tests.frames import table_frame

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

pytestmark = pytest.mark.jvm

DAY = date(2026, 1, 1)
WHERE = Slice.of(order_date=DateRange(DAY, DAY))


def test_a_row_outside_the_slice_stops_the_computation_and_is_named(jvm_spark: SparkSession, tmp_path: Path):
    target = open_or_create(silver.ORDERS, TableLocation(str(tmp_path / "orders")))
    rows = table_frame(silver.ORDERS, [{"order_date": DAY}, {"order_date": date(2026, 1, 2)}])
    frame = jvm_spark.createDataFrame(rows.to_arrow(compat_level=COMPAT))
    guarded = spark_engine._guard(silver.ORDERS, WHERE, frame)
    assert guarded.schema == frame.schema
    assert spark_engine._guard(silver.ORDERS, WHERE, frame.where("order_date = '2026-01-01'")).toArrow().num_rows == 1
    with (
        pytest.raises(
            OutsideSliceError, match="a row with order_date 2026-01-02 was about to be written to 2026-01-01"
        ),
        spark_engine._translate_errors(silver.ORDERS, WHERE, frame, target),
    ):
        guarded.toArrow()


def test_rows_that_are_looked_at_first_are_kept(jvm_spark: SparkSession):
    rows = jvm_spark.range(3)
    with spark_engine._persisted(rows):
        assert rows.storageLevel.useMemory
    assert not rows.storageLevel.useMemory


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_the_types_of_every_table_come_back_as_they_are(table: Table, jvm_spark: SparkSession):
    frame = jvm_spark.createDataFrame(table_frame(table, [{}]).to_arrow(compat_level=COMPAT))
    found = nw.from_native(frame)
    assert found.collect_schema().to_polars() == table.dtypes
    assert isinstance(found.collect(backend="polars").to_native(), pl.DataFrame)
