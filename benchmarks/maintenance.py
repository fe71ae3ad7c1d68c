"""`python -m benchmarks.maintenance`: the gain of maintenance, and of ordering files by customer.

The layouts have the same rows and compression; only the order of rows and the size of row groups differ. The reads are
those of the platform: the rows of one customer (`cis show customer`), and whole days (gold).
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean, median

import click
import polars as pl
import pyarrow.parquet as pq
from deltalake import DeltaTable, WriterProperties

from benchmarks.lake.order_lines import prepare
from benchmarks.lake.workload import Workload
from cis_assets.catalog import Table, gold, silver
from cis_assets.dates import DateRange
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.maintenance import maintain
from cis_assets.lake.slices import Slice

_TABLES = (silver.ORDER_ITEMS, silver.ORDERS, gold.CUSTOMER_FEATURES)
_CUSTOMERS = (7, 1_234, 31_337, 50_000, 77_777, 99_999, 150_001)
_ROUNDS = 3
_RETENTION_HOURS = 168
_MB = 1e6


@dataclass(frozen=True)
class Layout:
    """A way of laying out the rows of a day in files; None leaves them as the platform wrote them."""

    name: str
    row_group: int | None = None
    ordered: bool = True

    def apply(self, table: Table, lake: Lake) -> None:
        if not self.ordered:
            return
        properties = WriterProperties(compression="SNAPPY", max_row_group_size=self.row_group)
        DeltaTable(lake.location(table).uri).optimize.z_order(["customer_id"], writer_properties=properties)


LAYOUTS = (
    Layout("as written", ordered=False),
    Layout("z_order customer_id"),
    Layout("z_order, row groups of 5,000", row_group=5_000),
)


@click.command()
@click.option("--days", default=120, show_default=True, help="Daily partitions.")
@click.option("--rows", default=45_000, show_default=True, help="Generated order lines per day.")
@click.option("--lake", "existing", help="Folder of a lake whose tables are copied, instead of generated lines.")
@click.option("--files", default=6, show_default=True, help="Files per day before maintenance.")
def main(days: int, rows: int, existing: str | None, files: int) -> None:
    """Measure reads before and after maintenance, and with files ordered by customer."""
    with tempfile.TemporaryDirectory(prefix="maintenance-benchmark-") as temporary:
        source = Lake(existing) if existing else _generated(Path(temporary, "generated"), days, rows)
        _small_files(source, Path(temporary, "small"), days, files)
        for table in _TABLES:
            if source.exists(table):
                _layouts(table, source, Path(temporary, "layouts"))


def _generated(folder: Path, days: int, rows: int) -> Lake:
    workload = Workload(str(folder), days, rows, 0)
    prepare(workload)
    lake = Lake(str(folder / "lake"))
    lines = LazyChunks.of(pl.scan_parquet(workload.day_file(day)) for day in workload.table_days())
    span = DateRange(workload.table_days()[0], workload.table_days()[-1])
    PolarsEngine().replace(silver.ORDER_ITEMS, lake.location(silver.ORDER_ITEMS), Slice.of(order_date=span), lines)
    return lake


def _small_files(source: Lake, folder: Path, days: int, files: int) -> None:
    """Append the newest days in several parts, a file of each day in each, and read them before and after maintenance."""
    table, lake = silver.ORDER_ITEMS, Lake(str(folder))
    newest = sorted(source.figures(table).days)[-days:]
    span = DateRange(newest[0], newest[-1])
    where = Slice.of(order_date=span)
    for part in range(files):
        lines = [source.scan(table, month).filter(pl.col("order_id") % files == part) for month in span.chunks(30)]
        PolarsEngine().append(table, lake.location(table), where, {f"part {part}": where}, LazyChunks.of(lines))
    before = _reads(table, lake)
    rows = lake.figures(table).total.rows
    began = time.perf_counter()
    done = maintain(table, lake.location(table), _RETENTION_HOURS)
    took = time.perf_counter() - began
    after = _reads(table, lake)
    click.echo(f"{table.path}: {len(newest)} days, {rows:,} rows; maintained in {took:.1f} s")
    for name, state, reads in (("before", done.before, before), ("after", done.after, after)):
        click.echo(f"  {name:7} {state.files:6,} files {state.bytes / _MB:8.1f} MB  {_in_words(*reads)}")


def _layouts(table: Table, source: Lake, folder: Path) -> None:
    lakes = {layout: Lake(str(folder / str(place))) for place, layout in enumerate(LAYOUTS)}
    applied = {}
    for layout, lake in lakes.items():
        shutil.copytree(source.location(table).uri, lake.location(table).uri)
        began = time.perf_counter()
        layout.apply(table, lake)
        applied[layout] = time.perf_counter() - began
    # Layout after layout in each round, so that a busy moment of the machine meets them all.
    rounds = [{layout: _reads(table, lake) for layout, lake in lakes.items()} for _ in range(_ROUNDS)]
    click.echo(f"{table.path}: {source.figures(table).total.rows:,} rows in {source.figures(table).total.files} files")
    for layout, lake in lakes.items():
        point, whole = (median(reads[layout][place] for reads in rounds) for place in (0, 1))
        size = lake.figures(table).total.bytes / _MB
        click.echo(
            f"  {layout.name:30} {size:8.1f} MB  {_row_groups(table, lake):6,} row groups  {_in_words(point, whole)}"
            f"  one customer cannot skip {_unskippable(table, lake) / _MB:6.1f} MB  written again in {applied[layout]:.1f} s"
        )
    shutil.rmtree(folder)


def _reads(table: Table, lake: Lake) -> tuple[float, float]:
    """Seconds for the rows of one customer, and for a pass over whole days."""
    point = median(_seconds(partial(_rows_of, customer, table, lake)) for customer in _CUSTOMERS)
    numbers = [name for name, dtype in table.dtypes.items() if dtype.is_numeric()]
    whole = median(
        _seconds(lambda: lake.scan(table).select(pl.col(numbers).sum()).collect(engine="streaming")) for _ in range(3)
    )
    return point, whole


def _rows_of(customer: int, table: Table, lake: Lake) -> pl.DataFrame:
    return lake.scan(table).filter(pl.col("customer_id") == customer).collect()


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _in_words(point: float, whole: float) -> str:
    return f"one customer {point * 1000:6.0f} ms  all rows {whole * 1000:6.0f} ms"


def _metadata(table: Table, lake: Lake) -> list[pq.FileMetaData]:
    return [pq.read_metadata(path) for path in DeltaTable(lake.location(table).uri).file_uris()]


def _row_groups(table: Table, lake: Lake) -> int:
    return sum(file.num_row_groups for file in _metadata(table, lake))


def _unskippable(table: Table, lake: Lake) -> float:
    """Bytes of the row groups whose bounds do not rule a customer out, on average over some customers."""
    groups = [group for file in _metadata(table, lake) for group in _bounds(file)]
    return mean(_bytes_around(customer, groups) for customer in _CUSTOMERS)


def _bounds(file: pq.FileMetaData) -> Iterable[tuple[int, int, int]]:
    place = file.schema.names.index("customer_id")
    for number in range(file.num_row_groups):
        group = file.row_group(number)
        statistics = group.column(place).statistics
        size = sum(group.column(column).total_compressed_size for column in range(group.num_columns))
        yield statistics.min, statistics.max, size


def _bytes_around(customer: int, groups: Sequence[tuple[int, int, int]]) -> int:
    return sum(size for lowest, highest, size in groups if lowest <= customer <= highest)


if __name__ == "__main__":
    main()
