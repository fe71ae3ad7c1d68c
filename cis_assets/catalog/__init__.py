"""Every table of the lake, described once: columns, types, rules, keys, descriptions.

The IO manager checks what it writes against these descriptions, silver rejects by their rules, Dagster shows
them, and the table reference in the docs is generated from them. How a table is computed is not said here.
"""

from cis_assets.catalog import bronze, gold, quality, silver, system
from cis_assets.catalog.table import AS_OF_DATE, ORDER_DATE, SchemaMismatchError, Table

TABLES: dict[str, Table] = {
    table.path: table for table in (*bronze.TABLES, *silver.TABLES, *quality.TABLES, *gold.TABLES)
}
"""The tables that assets make, by path."""

SYSTEM_TABLES: dict[str, Table] = {table.path: table for table in system.TABLES}
"""The tables that the platform keeps of its own doings, by path."""

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
