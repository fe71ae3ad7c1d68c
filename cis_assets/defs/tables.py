"""What Dagster shows of a table: key, group, kinds, owner, description and columns, all from the catalog."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache, wraps
from inspect import isgeneratorfunction
from typing import Any

import dagster as dg

from cis_assets.catalog import TABLES, Table, bronze, quality
from cis_assets.defs.partitions import ONE_RUN, order_dates
from cis_assets.defs.resources import LAKE_IO
from cis_assets.lake.damage import name_unreadable_files
from cis_assets.lake.lake import Lake
from cis_assets.lake.metadata import column_lineage, column_schema
from cis_assets.lake.quarantine import QUARANTINED_BY
from cis_assets.landing.contract import LandingTable
from cis_assets.settings import Settings

OWNERS = ["team:data-engineering"]
# Assets that read history in narwhals share this pool. It limits nothing until a limit is set in Dagster.
HISTORY_POOL = "history"

# Metadata of an input whose table an older lake does not have yet: it is read as empty.
MAY_BE_ABSENT = {"may_be_absent": True}

_HELD_BY = {
    "bronze": (bronze.LANDED_FILES,),
    "silver": (bronze.LANDED_FILES,),
    "quality": (bronze.LANDED_FILES,),
    "gold": (bronze.LANDED_FILES, quality.DATE_CHECKS),
}


def table_asset(
    settings: Settings, table: Table, *kinds: str, owner: str = OWNERS[0], **arguments: Any
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Decorate a function as the asset of a table; `arguments` are further arguments of `@dg.asset`."""
    read = [key for name in ("ins", "deps") for key in _keys_of(arguments.get(name, ()))]
    decorate = dg.asset(
        key=asset_key(table),
        partitions_def=order_dates(settings) if table.partition_by else None,
        # Unpartitioned tables need it too: otherwise the UI announces a backfill of everything as many runs.
        backfill_policy=ONE_RUN,
        owners=[owner],
        pool=HISTORY_POOL if "narwhals" in kinds else None,
        freshness_policy=freshness_badge(table, settings),
        **_catalog_arguments(table, kinds),
        **arguments,
    )
    tables = [TABLES[path] for path in read if path in TABLES]
    return lambda function: decorate(naming_unreadable_files(function, Lake(settings.lake_uri), tables))


def _keys_of(inputs: Any) -> list[str]:
    keys = [each.key for each in inputs.values()] if isinstance(inputs, Mapping) else inputs
    return ["/".join(key.path) for key in keys if isinstance(key, dg.AssetKey)]


def naming_unreadable_files(function: Callable[..., Any], lake: Lake, tables: Sequence[Table]) -> Callable[..., Any]:
    """Let an asset that reads a damaged data file fail with the name of the table and of the file.

    Locations need the credentials of the storage, so they are looked up after an error and not while the code loads.
    """

    @wraps(function)
    def compute(*arguments: Any, **named: Any) -> Any:
        with name_unreadable_files(map(lake.location, tables)):
            return function(*arguments, **named)

    @wraps(function)
    def generate(*arguments: Any, **named: Any) -> Any:
        with name_unreadable_files(map(lake.location, tables)):
            yield from function(*arguments, **named)

    # Dagster treats a generator in another way than a function that returns one.
    return generate if isgeneratorfunction(function) else compute


def table_out(table: Table, *kinds: str, owner: str = OWNERS[0], **arguments: Any) -> dg.AssetOut:
    """Return one output of a `@dg.multi_asset` that makes several tables."""
    return dg.AssetOut(key=asset_key(table), owners=[owner], **_catalog_arguments(table, kinds), **arguments)


def freshness_badge(table: Table, settings: Settings) -> dg.FreshnessPolicy | None:
    """Return the policy that the UI shows for a table of silver or gold as a badge. It judges when the table was made."""
    if table.layer not in ("silver", "gold") or table.path == "gold/segment_model":
        return None
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(days=settings.landing_late_after_days))


def table_in(table: Table, **arguments: Any) -> dg.AssetIn:
    """Return a table as an input."""
    return dg.AssetIn(key=asset_key(table), **arguments)


def asset_key(table: Table) -> dg.AssetKey:
    return dg.AssetKey([table.layer, table.name])


def landing_key(table: LandingTable) -> dg.AssetKey:
    return dg.AssetKey(["landing", table.name])


def held_by(table: Table) -> list[Table]:
    """The tables that quarantine dates of a table. Such a table is itself written for every date."""
    return [holder for holder in _HELD_BY[table.layer] if holder != table]


@cache
def _catalog_arguments(table: Table, kinds: tuple[str, ...]) -> Mapping[str, Any]:
    metadata: dict[str, Any] = {"dagster/column_schema": column_schema(table), "grain": f"one row per {table.grain}"}
    lineage = column_lineage(table)
    if lineage is not None:
        metadata["dagster/column_lineage"] = lineage
    if table.partition_by:
        metadata["partition_expr"] = table.partition_by[0]
        metadata[QUARANTINED_BY] = [holder.path for holder in held_by(table)]
    return {
        "group_name": table.layer,
        "kinds": {"delta", *kinds},
        "description": f"{table.description}\n\nOne row per {table.grain}.",
        "metadata": metadata,
        "io_manager_key": LAKE_IO,
    }
