"""This platform's assets of bronze and silver for a range of dates, run by Dagster or called one after another."""

from __future__ import annotations

import os
from typing import Any, cast, get_type_hints

import dagster as dg
import polars as pl

from benchmarks.ingest.workload import FIRST_DAY, Workload
from cis_assets.catalog import TABLES
from cis_assets.cli.instance import dagster_instance
from cis_assets.dates import DateRange
from cis_assets.definitions import build_definitions
from cis_assets.defs.ingest import bronze_assets as bronze
from cis_assets.defs.ingest import silver_assets as silver
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.quarantine import QuarantinedRows
from cis_assets.lake.slices import WHOLE, Slice
from cis_assets.settings import read_settings

_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


class Platform:
    """The assets, with the lake and the Dagster instance that they write to; the snapshots, which no date is part of, are there already."""

    def __init__(self, workload: Workload, lake: str, home: str) -> None:
        configured = read_settings(lake_uri=lake, landing_uri=workload.landing, first_order_date=FIRST_DAY)
        self._resources: dict[str, Any] = dict(build_definitions(configured).resources or {})
        self._assets: list[dg.AssetsDefinition] = [
            each
            for each in (*bronze.build_assets(configured), *silver.build_assets(configured))
            if isinstance(each, dg.AssetsDefinition)
        ]
        self._lake = Lake(lake)
        self._days = workload.order_dates()
        self._engine = PolarsEngine()
        os.environ["DAGSTER_HOME"] = home
        self._instance = dagster_instance()
        self._run([each for each in self._assets if each.partitions_def is None])

    def materialize(self) -> None:
        """A run of Dagster's, with every event that it writes."""
        tags = dict(zip(_RANGE, (str(self._days[0]), str(self._days[-1])), strict=True))
        self._run([each for each in self._assets if each.partitions_def], tags=tags)

    def call(self) -> None:
        """The functions of the assets in their order, and the engine of the IO manager."""
        graph = dg.Definitions(assets=self._assets, resources=self._resources).resolve_asset_graph()
        dated = {each.node_def.name: each for each in self._assets if each.partitions_def}
        for key in graph.toposorted_asset_keys:
            asset = next((each for each in dated.values() if key in each.keys), None)
            if asset:
                self._call(dated.pop(asset.node_def.name))

    def _run(self, wanted: list[dg.AssetsDefinition], **arguments: Any) -> None:
        dg.materialize(
            self._assets,
            selection=dg.AssetSelection.assets(*wanted).without_checks(),
            instance=self._instance,
            resources=self._resources,
            # Nobody looks at the console; `cis` leaves its logger out too.
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
            **arguments,
        )

    def _call(self, asset: dg.AssetsDefinition) -> None:
        days = DateRange(self._days[0], self._days[-1])
        function = cast(Any, asset.op.compute_fn).decorated_fn
        wanted = get_type_hints(function).keys()
        given: dict[str, Any] = {
            name: self._read("/".join(key.path), days)
            for name, key in asset.keys_by_input_name.items()
            if name in wanted
        }
        given |= {name: resource for name, resource in self._resources.items() if name in wanted}
        span = dg.PartitionKeyRange(str(days.first), str(days.last))
        with dg.build_asset_context(partition_key_range=span, instance=self._instance) as context:
            made = asset(context, **given) if "context" in wanted else asset(**given)
            if isinstance(made, LazyChunks | pl.LazyFrame):
                self._replace(asset.key, days, made)
            else:
                for output in made:  # pyright: ignore[reportGeneralTypeIssues]
                    self._replace(asset.keys_by_output_name[output.output_name], days, output.value)

    def _read(self, path: str, days: DateRange) -> pl.LazyFrame:
        table = TABLES[path]
        where = Slice.of_days(table, days) if table.partition_by else WHOLE
        return self._engine.scan_polars(table, self._lake.location(table), where)

    def _replace(self, key: dg.AssetKey, days: DateRange, made: Any) -> None:
        table = TABLES["/".join(key.path)]
        rows = made.rows if isinstance(made, QuarantinedRows) else made
        chunks = rows if isinstance(rows, LazyChunks) else LazyChunks.of([rows])
        self._engine.replace(table, self._lake.location(table), Slice.of_days(table, days), chunks)
