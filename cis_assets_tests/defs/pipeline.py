"""A small shop carried through the asset graph, for tests: landing files made once, runs on an ephemeral instance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl

from cis_assets.catalog import TABLES, Table, gold
from cis_assets.dates import DateRange
from cis_assets.definitions import build_definitions
from cis_assets.defs.tables import asset_key
from cis_assets.lake.lake import Lake
from cis_assets.settings import Settings, read_settings
from cis_assets.sources.landing_writer import land
from cis_assets.sources.sample import SampleOptions, SampleSource

INGEST = dg.AssetSelection.groups("bronze", "silver", "quality")
# Their training takes seconds, and baselines serve without it.
OF_TRAINING = (gold.PREDICTION_MODELS, gold.MODEL_EVALUATIONS)
MODELS = dg.AssetSelection.assets(*(asset_key(table) for table in OF_TRAINING))
GOLD = dg.AssetSelection.groups("gold", "dashboard") - MODELS
MADE_TABLES = {path: table for path, table in TABLES.items() if table not in OF_TRAINING}
"""The tables that INGEST and GOLD make."""


@dataclass(frozen=True)
class Shop:
    """A lake and a landing folder, and the settings that name them."""

    settings: Settings

    @property
    def lake(self) -> Lake:
        return Lake(self.settings.lake_uri)

    def run(self, selection: dg.AssetSelection, days: DateRange, *, must_succeed: bool = True, **settings):
        """Materialize a selection for a range of days in one run."""
        definitions = build_definitions(self.settings.model_copy(update=settings))
        keys = selection.required_multi_asset_neighbors().resolve(definitions.resolve_asset_graph())
        job = definitions.resolve_implicit_global_asset_job_def().get_subset(asset_selection=keys)
        with dg.DagsterInstance.ephemeral() as instance:
            return job.execute_in_process(
                instance=instance,
                tags={
                    "dagster/asset_partition_range_start": str(days.first),
                    "dagster/asset_partition_range_end": str(days.last),
                },
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=must_succeed,
            )

    def rows(self, table: Table) -> pl.DataFrame:
        """All rows of a table in an order of their own, lists and all."""
        stored = self.lake.scan(table).collect()
        key = [pl.struct(pl.all()).struct.json_encode()]
        return stored.sort(by=key)


def shop_at(folder: Path, landing: Path | None = None) -> Shop:
    return Shop(read_settings(lake_uri=str(folder / "lake"), landing_uri=str(landing or folder / "landing")))


def land_sample(landing: Path | str, *, end: date, customers: int = 80, days: int = 45) -> DateRange:
    options = SampleOptions(end=end, customers=customers, days=days, dirty_share=0.01)
    report = land(SampleSource(options), str(landing))
    return DateRange(report.first, report.last)
