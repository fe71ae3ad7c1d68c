"""The Delta IO manager: decides which slice of which table an asset reads or writes, and refuses what would lose data.

It stands on dagster-deltalake's table slices and connections, and replaces the parts that choose what is
overwritten: a slice is always a window of days (one day or a range), a write to a partitioned table always
carries that window as its predicate, a frame must have the catalog's columns and types, and a table that
is not there is only ever created, never guessed from a failed open. How rows are read and written is the
engine's business (`engines/`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any, Literal

import narwhals as nw
import polars as pl
from dagster import ConfigurableIOManagerFactory, InputContext, OutputContext
from dagster._core.definitions.partitions.utils import TimeWindow
from dagster._core.storage.db_io_manager import DbIOManager, DbTypeHandler, TableSlice
from dagster_deltalake.io_manager import DeltaLakeDbClient, TableConnection
from pydantic import Field

from cis_assets.catalog import TABLES, Table
from cis_assets.engines.engine import Engine, TableLocation
from cis_assets.engines.parts import LazyParts
from cis_assets.engines.polars_engine import PolarsEngine
from cis_assets.errors import OperatorError
from cis_assets.lake.metadata import describe_write
from cis_assets.lake.statistics import table_figures
from cis_assets.lake.storage import join, storage_options
from cis_assets.partitions import DateRange

_ENGINES = {"polars": PolarsEngine}


class UnknownTableError(OperatorError):
    """An asset key names no table of the catalog."""


class LakeIOManager(ConfigurableIOManagerFactory):
    """Persists assets as the Delta tables `<lake_uri>/<layer>/<table>`; credentials come from the environment."""

    lake_uri: str = Field(description="Root of the lake: a folder or an abfss:// address.")
    engine: Literal["polars"] = Field("polars", description="Engine that scans and replaces slices.")

    def create_io_manager(self, context: Any) -> DbIOManager:
        return DbIOManager(
            type_handlers=[LakeTypeHandler(_ENGINES[self.engine]())],
            db_client=LakeDbClient(),
            database="lake",
            io_manager_name="LakeIOManager",
            default_load_type=pl.LazyFrame,
        )


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

    @staticmethod
    def get_select_statement(table_slice: TableSlice) -> str:
        days = slice_days(table_slice)
        where = (
            ""
            if days is None
            else f" WHERE {_table(table_slice).partition_by} BETWEEN '{days.first}' AND '{days.last}'"
        )
        # Shown in the UI, run by nobody.
        return f"SELECT * FROM {table_slice.schema}.{table_slice.table}{where}"  # noqa: S608


class LakeTypeHandler(DbTypeHandler):
    """Checks frames against the catalog and hands slices to the engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def supported_types(self) -> Sequence[type[object]]:
        return [pl.LazyFrame, pl.DataFrame, nw.LazyFrame, LazyParts]

    def handle_output(
        self,
        context: OutputContext,
        table_slice: TableSlice,
        obj: pl.LazyFrame | pl.DataFrame | nw.LazyFrame | LazyParts,
        connection: TableConnection,
    ) -> Mapping[str, Any]:
        table = _table(table_slice)
        days = _days_of(table, table_slice)
        parts = obj if isinstance(obj, LazyParts) else LazyParts.of([obj])
        for part in parts.frames:
            table.refuse_other_schema(_polars_schema(part))
        location = _location(connection)
        self._engine.replace(table, location, days, parts)
        return describe_write(context, table, table_figures(table, location, days), days)

    def load_input(
        self, context: InputContext, table_slice: TableSlice, connection: TableConnection
    ) -> pl.LazyFrame | pl.DataFrame | nw.LazyFrame:
        table = _table(table_slice)
        frame = self._engine.scan(table, _location(connection), _days_of(table, table_slice), table_slice.columns)
        wanted = context.dagster_type.typing_type
        if wanted is nw.LazyFrame:
            return frame
        native = frame.to_native()
        return native.collect(engine="streaming") if wanted is pl.DataFrame else native


def slice_days(table_slice: TableSlice) -> DateRange | None:
    """The days a slice covers, both ends included; None for a table without partitions.

    Raises ValueError for partitions other than one window of time, which no table of the catalog has.
    """
    dimensions = table_slice.partition_dimensions or ()
    if not dimensions:
        return None
    window = dimensions[0].partitions
    if len(dimensions) > 1 or not isinstance(window, TimeWindow):
        raise ValueError(
            f"{table_slice.schema}/{table_slice.table}: only one window of days can be read or written at a time."
        )
    return DateRange(_day(window.start), _day(window.end) - timedelta(days=1))


def _day(moment: Any) -> date:
    return moment.date()


def _days_of(table: Table, table_slice: TableSlice) -> DateRange | None:
    days = slice_days(table_slice)
    if (days is None) != (table.partition_by is None):
        raise ValueError(
            f"{table.path} is partitioned by {table.partition_by or 'nothing'} in the catalog, "
            f"but its asset has {'no partitions' if days is None else 'daily partitions'}."
        )
    return days


def _table(table_slice: TableSlice) -> Table:
    path = f"{table_slice.schema}/{table_slice.table}"
    if path not in TABLES:
        raise UnknownTableError(f"{path} is no table of the catalog; describe it in cis_assets/catalog first.")
    return TABLES[path]


def _location(connection: TableConnection) -> TableLocation:
    return TableLocation(connection.table_uri, connection.storage_options)


def _polars_schema(frame: nw.LazyFrame) -> dict[str, Any]:
    return dict(frame.collect_schema().to_polars())
