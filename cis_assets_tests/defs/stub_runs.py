"""Runs of stub jobs: they have the names, asset keys and partitions of the platform and compute nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import dagster as dg

from cis_assets.catalog import Table, gold, quality, silver
from cis_assets.defs.partitions import ONE_RUN
from cis_assets.defs.tables import asset_key
from cis_assets_tests.partitions import ORDER_DATES

SILVER = (silver.ORDER_ITEMS, silver.ORDERS)
INGESTED = (*SILVER, quality.DATE_CHECKS)
GOLD = tuple(table for table in gold.TABLES if table.partition_by)


class StubFailedError(Exception):
    """What the stub of an asset fails with."""


def stub(table: Table, *, fails: bool = False) -> dg.AssetsDefinition:
    @dg.asset(key=asset_key(table), partitions_def=ORDER_DATES, backfill_policy=ONE_RUN)
    def made() -> None:
        if fails:
            raise StubFailedError(f"{table.path} refuses.")

    return made


def stub_job(name: str, tables: Sequence[Table], failing: Collection[Table] = ()) -> dg.JobDefinition:
    assets = [stub(table, fails=table in failing) for table in tables]
    job = dg.define_asset_job(name, selection=[asset.key for asset in assets])
    return dg.Definitions(assets=assets, jobs=[job], executor=dg.in_process_executor).resolve_job_def(name)


def run(
    instance: dg.DagsterInstance,
    name: str,
    tables: Sequence[Table],
    first: str,
    last: str | None = None,
    *,
    failing: Collection[Table] = (),
    tags: Mapping[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """Execute a stub for a day, or for the range from one to another."""
    days = (
        {"dagster/partition": first}
        if last is None
        else {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    )
    return stub_job(name, tables, failing).execute_in_process(
        instance=instance,
        tags={**days, **(tags or {})},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )


def note_run(
    instance: dg.DagsterInstance, job: dg.JobDefinition, status: dg.DagsterRunStatus, tags: Mapping[str, str]
) -> dg.DagsterRun:
    """Create a run with a status, without executing it."""
    return instance.create_run_for_job(job, status=status, tags=tags)
