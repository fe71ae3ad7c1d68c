"""Which tables and days the lake has, and how large the tables are."""

from datetime import date
from typing import Any

from cis_assets.catalog import TABLES, Table, silver
from cis_assets.lake.lake import Lake


def measure_tables(lake: Lake) -> list[dict[str, Any]]:
    """Measure every table of the catalog: table, rows, bytes, files, and for dated tables days and newest.

    All measures of a table that was never materialized are None.
    """
    return [_measure(lake, table) for table in TABLES.values()]


def _measure(lake: Lake, table: Table) -> dict[str, Any]:
    measures = dict.fromkeys(("rows", "bytes", "files", "days", "newest"))
    if lake.exists(table):
        figures = lake.figures(table)
        measures |= {"rows": figures.total.rows, "bytes": figures.total.bytes, "files": figures.total.files}
        if table.partition_by:
            measures |= {"days": len(figures.days), "newest": max(figures.days, default=None)}
    return {"table": table.path, **measures}


def find_newest_order_date(lake: Lake, until: date) -> date | None:
    """Find the newest date up to `until` that has orders in silver."""
    days = lake.figures(silver.ORDERS).days if lake.exists(silver.ORDERS) else ()
    return max((day for day in days if day <= until), default=None)
