"""The IO manager of Delta tables: it finds the slice that an asset reads or writes, and refuses what would lose data.

A write to a partitioned table always has the partitions of its run as its predicate. A frame must have the catalog's
columns and types. Engines (`engines/`) read and write the rows; dagster-deltalake words the query that the UI shows.

The metadata `lake_mode` of an asset chooses how it writes: `replace` its slice (the default), `append` each partition (or,
without partitions, each run with its retries) exactly once, or `merge` rows by the catalog's key. The metadata `held_by`
names the tables that quarantine dates, unless the asset returns `QuarantinedRows`. Of a quarantined date, nothing is
written and no materialization is reported; the other dates of the run are written.
"""

from collections.abc import Mapping
from typing import Any, Literal

import dagster as dg
import narwhals as nw
import polars as pl
from pydantic import Field

from cis_assets.catalog import TABLES, Table
from cis_assets.dates import DateRange
from cis_assets.errors import OperatorError
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.dagster_internals import leave_partitions_as_they_are, query_text
from cis_assets.lake.damage import name_unreadable_files
from cis_assets.lake.engines.engine import Engine
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.engines.spark_engine import SparkEngine
from cis_assets.lake.metadata import describe_write
from cis_assets.lake.partition_slices import RunSlice, run_slice
from cis_assets.lake.progress import WriteProgress
from cis_assets.lake.quarantine import QUARANTINED_BY, QuarantinedRows, quarantined_dates, quarantined_partitions
from cis_assets.lake.resource import LakeResource
from cis_assets.lake.slices import WHOLE, Slice, rows_in
from cis_assets.lake.statistics import table_figures

_PARTITIONS_NAMED = 5
_ENGINES = {"polars": PolarsEngine, "spark": SparkEngine}
_Frame = pl.LazyFrame | pl.DataFrame | nw.LazyFrame


class WriteModeError(OperatorError):
    """An asset names an unknown `lake_mode`."""


class UnknownTableError(OperatorError):
    """An asset key is not a table of the catalog."""


class FrameTypeError(OperatorError):
    """An asset returns or asks for something that is not a frame of a table."""


class LakeIOManager(dg.ConfigurableIOManager):
    """Persists assets as the Delta tables `<lake>/<layer>/<table>`."""

    lake: LakeResource
    engine: Literal["polars", "spark"] = Field(default="polars", description="Engine that scans and replaces slices.")

    @staticmethod
    def tables() -> Mapping[str, Table]:
        """The tables that it may read and write, by path."""
        return TABLES

    def handle_output(self, context: dg.OutputContext, obj: _Frame | LazyChunks | QuarantinedRows) -> None:
        inputs = ("/".join(dep.asset_key.path) for dep in context.asset_spec.deps)
        with name_unreadable_files(
            self.lake.lake().location(self.tables()[path]) for path in inputs if path in self.tables()
        ):
            self._write(context, obj)

    def _write(self, context: dg.OutputContext, obj: _Frame | LazyChunks | QuarantinedRows) -> None:
        table = self._table(context)
        run = run_slice(table, context)
        query = query_text(table, run.whole, None)
        chunks = _chunks(table, obj.rows if isinstance(obj, QuarantinedRows) else obj)
        for chunk in chunks.frames:
            table.refuse_other_schema(dict(chunk.collect_schema().to_polars()))
        quarantined = self._quarantined_partitions(context, table, run, obj)
        if quarantined:
            context.log.warning(f"{table.path}: quarantined, and left as before: {_name_first(quarantined)}.")
            run = run.without(quarantined)
            leave_partitions_as_they_are(context, run.partitions.keys())
            chunks = LazyChunks(tuple(rows_in(chunk, run.whole) for chunk in chunks.frames))
        if table.partition_date:
            chunks = LazyChunks(chunks.frames, WriteProgress(table, len(run.partitions), context.log.info).observe)
        engine, location = self._engine(), self.lake.lake().location(table)
        mode = (context.definition_metadata or {}).get("lake_mode", "replace")
        if mode == "replace":
            written = engine.replace(table, location, run.whole, chunks)
        elif mode == "append":
            written = engine.append(table, location, run.whole, _batches(context, run), chunks)
        elif mode == "merge":
            written = engine.merge(table, location, run.whole, chunks)
        else:
            raise WriteModeError(f"{table.path}: lake_mode {mode!r} is unknown; use replace, append or merge.")
        context.add_output_metadata(
            {
                "rows_written": written.rows,
                **describe_write(context, table, table_figures(table, written.table), run),
                "Query": query,
                "dagster/table_name": f"{table.layer}.{table.name}",
            }
        )

    def load_input(self, context: dg.InputContext) -> _Frame:
        table, wanted = self._table(context), context.dagster_type.typing_type
        if wanted not in (nw.LazyFrame, pl.LazyFrame, pl.DataFrame, Any):
            raise FrameTypeError(f"{table.path} can be read as a LazyFrame or a DataFrame, not as {wanted}.")
        engine = self._engine() if wanted is nw.LazyFrame else PolarsEngine()
        metadata, location = context.definition_metadata or {}, self.lake.lake().location(table)
        if metadata.get("may_be_absent") and not self.lake.lake().exists(table):
            frame = engine.empty(table)
        else:
            frame = engine.scan(table, location, run_slice(table, context).whole, metadata.get("columns"))
        if wanted is nw.LazyFrame:
            return frame
        native = frame.to_native()
        if wanted is not pl.DataFrame:
            return native
        with name_unreadable_files([self.lake.lake().location(table)]):
            return native.collect(engine="streaming")

    def _engine(self) -> Engine:
        return _ENGINES[self.engine]()

    def _table(self, context: dg.InputContext | dg.OutputContext) -> Table:
        if not context.has_asset_key:
            raise UnknownTableError(f"{context.name} is not an asset, and only assets are tables of the catalog.")
        path = "/".join(context.asset_key.path)
        if path not in self.tables():
            raise UnknownTableError(f"{path} is not a table of the catalog: describe it in cis_assets/catalog first.")
        return self.tables()[path]

    def _quarantined_partitions(self, context: dg.OutputContext, table: Table, run: RunSlice, obj: object) -> set[str]:
        """Name the partitions of the run with a quarantined date; QuarantinedDatesError if these are all."""
        held_by = (context.definition_metadata or {}).get(QUARANTINED_BY, ())
        if table.partition_date is None or not run.partitions or not (held_by or isinstance(obj, QuarantinedRows)):
            return set()
        days = run.days()
        if isinstance(obj, QuarantinedRows):
            return quarantined_partitions(table, days, obj.quarantined)
        span = DateRange(min(map(min, days.values())), max(map(max, days.values())))
        return quarantined_partitions(table, days, quarantined_dates(self.lake.lake(), held_by, span))


def _chunks(table: Table, obj: object) -> LazyChunks:
    if isinstance(obj, pl.LazyFrame | pl.DataFrame | nw.LazyFrame):
        return LazyChunks.of([obj])
    if not isinstance(obj, LazyChunks):
        raise FrameTypeError(f"The asset of {table.path} must return a frame or LazyChunks, not {type(obj).__name__}.")
    return obj


def _name_first(partitions: set[str]) -> str:
    first = sorted(partitions)[:_PARTITIONS_NAMED]
    further = f" and {len(partitions) - len(first)} more" if len(partitions) > len(first) else ""
    return ", ".join(first) + further


def _batches(context: dg.OutputContext, run: RunSlice) -> dict[str, Slice]:
    """Name the batches of an append in the table's log: each partition, or the run together with its retries."""
    asset = context.asset_key.to_user_string()
    if run.partitions:
        return {f"{asset}/{key}": where for key, where in run.partitions.items()}
    dagster_run = context.step_context.dagster_run
    return {f"{asset}/run {dagster_run.root_run_id or dagster_run.run_id}": WHOLE}
