"""The Delta IO manager: decides which slice of which table an asset reads or writes, and refuses what would lose data.

It stands on dagster-deltalake's table slices and connections, and replaces the parts that choose what is
overwritten: a write to a partitioned table always carries the partitions of its run as its predicate, a frame must
have the catalog's columns and types, and a table that is not there is only ever created, never guessed from a failed
open. How rows are read and written is the engine's business (`engines/`).

An asset's metadata `lake_mode` chooses how it writes: `replace` its slice (the default), `append` each partition (or,
without partitions, each run with its retries) exactly once, or `merge` rows by the catalog's key. Its metadata `held_by`
names the tables that hold dates back (`quarantined_dates.py`): of a held date nothing is written, and no materialization is
reported; the other dates of the run go on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from typing import Any, Literal

import narwhals as nw
import polars as pl
from dagster import ConfigurableIOManagerFactory, InputContext, OutputContext, TimeWindow
from dagster_deltalake.io_manager import DeltaLakeDbClient, TableConnection
from pydantic import Field

from cis_assets.catalog import TABLES, Table
from cis_assets.dates import DateRange
from cis_assets.errors import OperatorError
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.dagster_internals import (
    DbIOManager,
    DbTypeHandler,
    TablePartitionDimension,
    TableSlice,
    report_partitions,
)
from cis_assets.lake.engines.engine import Engine, TableLocation
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.engines.spark_engine import SparkEngine
from cis_assets.lake.lake import location_of
from cis_assets.lake.metadata import describe_write
from cis_assets.lake.partition_slices import RunSlice, run_slice
from cis_assets.lake.progress import WriteProgress
from cis_assets.lake.quarantine import QUARANTINED_BY, QuarantinedDatesError, described, quarantined_dates
from cis_assets.lake.slices import WHOLE, Slice, Value, rows_in
from cis_assets.lake.statistics import table_figures
from cis_assets.storage.addresses import join, storage_options

_HELD_NAMED = 5
_ENGINES = {"polars": PolarsEngine, "spark": SparkEngine}


class WriteModeError(OperatorError):
    """An asset asks for a way of writing that there is not."""


class UnknownTableError(OperatorError):
    """An asset key names no table of the catalog."""


class LakeIOManager(ConfigurableIOManagerFactory):
    """Persists assets as the Delta tables `<lake_uri>/<layer>/<table>`; credentials come from the environment."""

    lake_uri: str = Field(description="Root of the lake: a folder or an abfss:// address.")
    engine: Literal["polars", "spark"] = Field("polars", description="Engine that scans and replaces slices.")

    @staticmethod
    def tables() -> Mapping[str, Table]:
        """The tables it may read and write, by path."""
        return TABLES

    def create_io_manager(self, context: Any) -> DbIOManager:
        return _LakeDbIOManager(
            self.tables(),
            type_handlers=[LakeTypeHandler(_ENGINES[self.engine](), self.tables())],
            db_client=LakeDbClient(),
            database="lake",
            io_manager_name="LakeIOManager",
            default_load_type=pl.LazyFrame,
        )


class _LakeDbIOManager(DbIOManager):
    """dagster-deltalake's IO manager, told by the catalog which table and slice are meant.

    Its own way widens partitions to the range around them and fails for ranges over two dimensions.
    """

    def __init__(self, tables: Mapping[str, Table], **arguments: Any) -> None:
        super().__init__(**arguments)
        self._tables = tables

    def _get_table_slice(self, context: InputContext | OutputContext, output_context: OutputContext) -> TableSlice:
        table = _table_of(self._tables, context)
        return TableSlice(
            table=table.name,
            schema=table.layer,
            database=self._database,
            columns=(context.definition_metadata or {}).get("columns"),
            partition_dimensions=[
                TablePartitionDimension(column, _shown(wanted))
                for column, wanted in run_slice(table, context).whole.conditions
            ],
        )


def _table_of(tables: Mapping[str, Table], context: InputContext | OutputContext) -> Table:
    if not context.has_asset_key:
        raise UnknownTableError(f"{context.name} is no asset, and only assets are tables of the catalog.")
    path = "/".join(context.asset_key.path)
    if path not in tables:
        raise UnknownTableError(f"{path} is no table of the catalog; describe it in cis_assets/catalog first.")
    return tables[path]


def _shown(wanted: DateRange | tuple[Value, ...]) -> TimeWindow | Sequence[str]:
    """A condition in dagster-deltalake's terms, from which it makes the query that the UI shows."""
    if not isinstance(wanted, DateRange):
        return [str(value) for value in wanted]
    return TimeWindow(datetime.combine(wanted.first, time()), datetime.combine(wanted.last + timedelta(days=1), time()))


class LakeDbClient(DeltaLakeDbClient):
    """Connects a table slice to its location in the lake."""

    @staticmethod
    @contextmanager
    def connect(context: Any, table_slice: TableSlice) -> Iterator[TableConnection]:
        root = context.resource_config["lake_uri"]
        yield TableConnection(
            table_uri=join(root, f"{table_slice.schema}/{table_slice.table}"),
            storage_options=storage_options(root),
            table_config=None,
        )

    @staticmethod
    def get_table_name(table_slice: TableSlice) -> str:
        return f"{table_slice.schema}.{table_slice.table}"


class LakeTypeHandler(DbTypeHandler):
    """Checks frames against the catalog and hands slices to the engine."""

    def __init__(self, engine: Engine, tables: Mapping[str, Table]) -> None:
        self._engine = engine
        self._tables = tables

    @property
    def supported_types(self) -> Sequence[type[object]]:
        return [pl.LazyFrame, pl.DataFrame, nw.LazyFrame, LazyChunks]

    def handle_output(
        self,
        context: OutputContext,
        table_slice: TableSlice,
        obj: pl.LazyFrame | pl.DataFrame | nw.LazyFrame | LazyChunks,
        connection: TableConnection,
    ) -> Mapping[str, Any]:
        table = _table_of(self._tables, context)
        parts = obj if isinstance(obj, LazyChunks) else LazyChunks.of([obj])
        for part in parts.frames:
            table.refuse_other_schema(_polars_schema(part))
        run = run_slice(table, context)
        held = _quarantined_partitions(context, table, run)
        if held:
            run = _leave_out(context, table, run, held)
            parts = LazyChunks(tuple(rows_in(part, run.whole) for part in parts.frames))
        if table.partition_date:
            progress = WriteProgress(table, len(run.partitions), context.log.info)
            parts = LazyChunks(parts.frames, progress.see)
        location = _location(context, table)
        mode = (context.definition_metadata or {}).get("lake_mode", "replace")
        if mode == "replace":
            written = self._engine.replace(table, location, run.whole, parts)
        elif mode == "append":
            written = self._engine.append(table, location, run.whole, _batches(context, run), parts)
        elif mode == "merge":
            written = self._engine.merge(table, location, run.whole, parts)
        else:
            raise WriteModeError(f"{table.path}: lake_mode {mode!r} is none of replace, append and merge.")
        figures = table_figures(table, written.table)
        return {"rows_written": written.rows, **describe_write(context, table, figures, run)}

    def load_input(
        self, context: InputContext, table_slice: TableSlice, connection: TableConnection
    ) -> pl.LazyFrame | pl.DataFrame | nw.LazyFrame:
        table = _table_of(self._tables, context)
        wanted = context.dagster_type.typing_type
        engine = self._engine if wanted is nw.LazyFrame else PolarsEngine()
        frame = engine.scan(table, _location(context, table), run_slice(table, context).whole, table_slice.columns)
        if wanted is nw.LazyFrame:
            return frame
        native = frame.to_native()
        return native.collect(engine="streaming") if wanted is pl.DataFrame else native


def _quarantined_partitions(context: OutputContext, table: Table, run: RunSlice) -> set[str]:
    """The partitions of the run that are held back; QuarantinedDatesError if they are all there are."""
    held_by = (context.definition_metadata or {}).get(QUARANTINED_BY, ())
    if not held_by or not run.partitions or table.partition_date is None:
        return set()
    days = run.days(table.partition_date)
    span = DateRange(min(each.first for each in days.values()), max(each.last for each in days.values()))
    reasons = quarantined_dates(str((context.resource_config or {})["lake_uri"]), held_by, span)
    held = {key: [day for day in each if day in reasons] for key, each in days.items()}
    if all(held.values()):
        of_run = {day: reason for day, reason in reasons.items() if any(day in each for each in days.values())}
        raise QuarantinedDatesError(f"Nothing was written to {table.path}. {described(of_run)}")
    return {key for key, found in held.items() if found}


def _leave_out(context: OutputContext, table: Table, run: RunSlice, held: Collection[str]) -> RunSlice:
    """The run without partitions that are held back, which Dagster is not told to be made either."""
    context.log.warning(f"{table.path}: held back, and left as before: {_listed(held)}.")
    left = run.without(table, held)
    report_partitions(context, left.partitions)
    return left


def _listed(partitions: Collection[str]) -> str:
    first = sorted(partitions)[:_HELD_NAMED]
    further = f" and {len(partitions) - len(first)} more" if len(partitions) > len(first) else ""
    return ", ".join(first) + further


def _batches(context: OutputContext, run: RunSlice) -> dict[str, Slice]:
    """The names under which an append is entered in the table's log: of each partition, or of the run and its retries."""
    asset = context.asset_key.to_user_string()
    if run.partitions:
        return {f"{asset}/{key}": where for key, where in run.partitions.items()}
    dagster_run = context.step_context.dagster_run
    return {f"{asset}/run {dagster_run.root_run_id or dagster_run.run_id}": WHOLE}


def _location(context: InputContext | OutputContext, table: Table) -> TableLocation:
    return location_of(str((context.resource_config or {})["lake_uri"]), table)


def _polars_schema(frame: nw.LazyFrame) -> dict[str, Any]:
    return dict(frame.collect_schema().to_polars())
