"""Which tables and days the lake has, and how large the tables are."""

from datetime import date
from typing import Any

from cis_assets.catalog import TABLES, Table, silver
from cis_assets.lake.engines.engine import TableAbsentError
from cis_assets.lake.lake import Lake
from cis_assets.lake.table_versions import TableDamagedError
from cis_assets.storage.addresses import is_local
from cis_assets.storage.errors import StorageError


def measure_tables(lake: Lake) -> list[dict[str, Any]]:
    """Measure every table of the catalog: table, rows, bytes, files, and for dated tables days and newest.

    All measures of a table that was never materialized are None. Those of a table that cannot be opened too, and
    `damage` says why.
    """
    return [_measure(lake, table) for table in TABLES.values()]


def _measure(lake: Lake, table: Table) -> dict[str, Any]:
    measures = dict.fromkeys(("rows", "bytes", "files", "days", "newest", "damage"))
    try:
        figures = lake.figures(table)
    except TableAbsentError:
        pass
    except TableDamagedError as error:
        measures["damage"] = str(error)
    except StorageError as error:
        # Of a remote lake, all tables fail in the same way, each after a long wait.
        if not is_local(lake.uri):
            raise
        measures["damage"] = str(error)
    else:
        measures |= {"rows": figures.total.rows, "bytes": figures.total.bytes, "files": figures.total.files}
        if table.partition_by:
            measures |= {"days": len(figures.days), "newest": max(figures.days, default=None)}
    return {"table": table.path, **measures}


def find_newest_order_date(lake: Lake, until: date) -> date | None:
    """Find the newest date up to `until` that has orders in silver."""
    days = lake.figures(silver.ORDERS).days if lake.exists(silver.ORDERS) else ()
    return max((day for day in days if day <= until), default=None)
