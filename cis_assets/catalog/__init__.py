"""The catalog: columns, types, rules, keys and descriptions of every table of the lake.

The IO manager checks writes against it, silver rejects rows by its rules, and Dagster and the docs show it. How a table
is computed does not belong here.
"""

from cis_assets.catalog import bronze, gold, quality, silver, system
from cis_assets.catalog.table import AS_OF_DATE, ORDER_DATE, SchemaMismatchError, Table

TABLES: dict[str, Table] = {
    table.path: table for table in (*bronze.TABLES, *silver.TABLES, *quality.TABLES, *gold.TABLES)
}
"""The tables that assets write, by path."""

SYSTEM_TABLES: dict[str, Table] = {table.path: table for table in system.TABLES}
"""The tables that the platform keeps about its own work, by path."""

__all__ = [
    "AS_OF_DATE",
    "ORDER_DATE",
    "SYSTEM_TABLES",
    "TABLES",
    "SchemaMismatchError",
    "Table",
    "bronze",
    "gold",
    "quality",
    "silver",
    "system",
]
