"""Any sequence of writes leaves the table that a plain dictionary would hold, on every way in: engine and Dagster run."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import dataframely as dy
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cis_assets.catalog import Table
from cis_assets.dates import DateRange
from cis_assets.defs.partitions import ONE_RUN
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.delta_table import exists
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.io_manager import LakeIOManager
from cis_assets.lake.lake import Lake
from cis_assets.lake.resource import LakeResource
from cis_assets.lake.slices import WHOLE, Slice
from cis_assets_tests.partitions import ORDER_DATES

pytestmark = pytest.mark.slow

FIRST = date(2026, 1, 1)
DAYS = 6
REGIONS = ("north", "it's south", "west")
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class _Sales(dy.Schema):
    """Sales of a shelf on a day in a region."""

    sold_on = dy.Date(description="Day.")
    region = dy.String(description="Region.")
    shelf = dy.Int64(description="Shelf.")
    sales = dy.Float64(nullable=True, min=0.0, description="Sales.")


TABLE = Table("test", "sales", _Sales, "sale", ("shelf",), ("sold_on", "region"), may_be_empty=True)
BY_DAY = Table("test", "by_day", _Sales, "sale", ("region", "shelf"), ("sold_on",), may_be_empty=True)

Row = tuple[date, str, int, float | None]


@dataclass(frozen=True)
class Write:
    """One write: its mode, its window of days, its regions (none: all of them), and rows within that slice."""

    mode: str
    days: DateRange
    regions: tuple[str, ...]
    rows: tuple[Row, ...]

    def where(self) -> Slice:
        regions = {"region": self.regions} if self.regions else {}
        return Slice.of(sold_on=self.days, **regions)


@dataclass
class DictionaryTable:
    """What the table should hold: rows by partition, and the partitions that were appended."""

    rows: dict[tuple[date, str], list[Row]] = field(default_factory=lambda: defaultdict(list))
    appended: set[tuple[date, str]] = field(default_factory=set)

    def apply(self, write: Write) -> None:
        cells = [(day, region) for day in write.days for region in (write.regions or REGIONS)]
        if write.mode == "replace":
            for cell in cells:
                self.rows[cell] = [row for row in write.rows if row[:2] == cell]
        elif write.mode == "append":
            for cell in cells:
                if cell not in self.appended:
                    self.rows[cell] += [row for row in write.rows if row[:2] == cell]
            self.appended |= set(cells)
        else:
            news = {row[:3]: row for row in write.rows}
            for cell in cells:
                present = {row[:3] for row in self.rows[cell]}
                self.rows[cell] = [news.get(row[:3], row) for row in self.rows[cell]]
                self.rows[cell] += [row for key, row in news.items() if key not in present and key[:2] == cell]

    def read(self, days: DateRange, regions: tuple[str, ...] = REGIONS) -> list[Row]:
        return in_order(
            row for (day, region), rows in self.rows.items() if day in days and region in regions for row in rows
        )


def in_order(rows) -> list[Row]:
    return sorted(rows, key=str)


@st.composite
def windows(draw) -> DateRange:
    first = draw(st.integers(0, DAYS - 1))
    last = draw(st.integers(first, DAYS - 1))
    return DateRange(FIRST + timedelta(days=first), FIRST + timedelta(days=last))


@st.composite
def writes(draw, modes: tuple[str, ...] = ("replace", "append", "merge"), *, by_region: bool = True) -> Write:
    days = draw(windows())
    regions = tuple(draw(st.lists(st.sampled_from(REGIONS), unique=True, max_size=2))) if by_region else ()
    cells = st.tuples(
        st.sampled_from(list(days)),
        st.sampled_from(regions or REGIONS),
        st.integers(1, 3),
        st.none() | st.integers(0, 9).map(float),
    )
    rows = draw(st.lists(cells, max_size=6, unique_by=lambda row: row[:3]))
    return Write(draw(st.sampled_from(modes)), days, regions, tuple(rows))


def frame(rows: tuple[Row, ...], parts: int = 1) -> LazyChunks:
    """The rows in a number of parts, as an asset that computes a long range hands them over."""
    schema = {name: column.dtype for name, column in _Sales.columns().items()}
    return LazyChunks.of(pl.DataFrame(rows[part::parts], schema=schema, orient="row") for part in range(parts))


@SLOW
@given(plan=st.lists(writes(), min_size=1, max_size=6), read=windows(), parts=st.integers(1, 3))
def test_writes_of_every_mode_in_any_order_leave_what_a_dictionary_would_hold(
    plan: list[Write], read: DateRange, parts: int
):
    engine, model = PolarsEngine(), DictionaryTable()
    with tempfile.TemporaryDirectory() as folder:
        location = TableLocation(str(Path(folder, "sales")))
        for write in plan:
            rows, where = frame(write.rows, parts), write.where()
            if write.mode == "replace":
                engine.replace(TABLE, location, where, rows)
            elif write.mode == "append":
                cells = [(day, region) for day in write.days for region in (write.regions or REGIONS)]
                batches = {
                    f"{day}|{region}": Slice.of(sold_on=DateRange(day, day), region=(region,)) for day, region in cells
                }
                engine.append(TABLE, location, where, batches, rows)
            else:
                engine.merge(TABLE, location, where, rows)
            model.apply(write)
            assert exists(location)
            for part in (WHOLE, Slice.of(sold_on=read), Slice.of(sold_on=read, region=REGIONS[1:])):
                regions = dict(part.conditions).get("region", REGIONS)
                days = dict(part.conditions).get("sold_on", DateRange(FIRST, FIRST + timedelta(days=DAYS)))
                stored = engine.scan_polars(TABLE, location, part).collect().rows()
                assert in_order(stored) == model.read(days, regions)  # pyright: ignore[reportArgumentType]


class SalesIOManager(LakeIOManager):
    @staticmethod
    def tables():
        return {BY_DAY.path: BY_DAY}


def run(lake: str, write: Write, seen: list[Row]) -> None:
    """One run of a range of days: an asset that writes, and one that reads the day before its days to their last."""

    @dg.asset(
        key=["test", "by_day"],
        partitions_def=ORDER_DATES,
        backfill_policy=ONE_RUN,
        metadata={"partition_expr": "sold_on", "lake_mode": write.mode},
    )
    def sales() -> pl.DataFrame:
        return frame(write.rows).whole().collect()

    @dg.asset(
        partitions_def=ORDER_DATES,
        backfill_policy=ONE_RUN,
        ins={"sales": dg.AssetIn(["test", "by_day"], partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1))},
    )
    def reader(sales: pl.LazyFrame) -> None:
        seen.extend(sales.collect().rows())

    dg.materialize(
        [sales, reader],
        resources={"io_manager": SalesIOManager(lake=LakeResource(uri=lake))},
        tags={
            "dagster/asset_partition_range_start": str(write.days.first),
            "dagster/asset_partition_range_end": str(write.days.last),
        },
        instance=dg.DagsterInstance.ephemeral(),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )


@settings(SLOW, max_examples=20)
@given(plan=st.lists(writes(by_region=False), min_size=1, max_size=4))
def test_runs_of_dagster_in_any_order_leave_and_read_what_a_dictionary_would_hold(plan: list[Write]):
    model = DictionaryTable()
    with tempfile.TemporaryDirectory() as folder:
        for write in plan:
            seen: list[Row] = []
            run(folder, write, seen)
            model.apply(write)
            window = DateRange(write.days.first - timedelta(days=1), write.days.last)
            assert in_order(seen) == model.read(window)
        stored = Lake(folder).scan(BY_DAY).collect().rows()
        assert in_order(stored) == model.read(DateRange(FIRST, FIRST + timedelta(days=DAYS)))
