"""Writes docs/tables.md, the reference of every table, from the catalog; `--check` only says whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from cis_assets.catalog import TABLES, Table

TARGET = Path(__file__).with_name("tables.md")
_INTRODUCTION = """# Tables

Every Delta table of the lake, `<CIS_LAKE_URI>/<layer>/<table>`. This page is written from `cis_assets/catalog` by
`python docs/table_reference.py`; change the catalog, not the page.
"""


def reference() -> str:
    return "\n".join([_INTRODUCTION, *(section(table) for table in TABLES.values())])


def section(table: Table) -> str:
    facts = [f"One row per {table.grain}", f"partitioned by `{table.partition_by}`" if table.partition_by else "replaced whole"]
    if table.key:
        facts.append("unique by " + ", ".join(f"`{name}`" for name in table.key))
    rows = [
        f"| `{name}` | {column.dtype} | {'yes' if column.nullable else ''} | {table.column_description(name)} |"
        for name, column in table.columns.items()
    ]
    return "\n".join(
        [
            f"## {table.path}\n",
            f"{table.description}\n",
            f"{'; '.join(facts)}.\n",
            "| column | type | may be missing | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def main(arguments: list[str]) -> int:
    text = reference()
    if arguments == ["--check"]:
        if TARGET.read_text(encoding="utf-8") == text:
            return 0
        sys.stderr.write("docs/tables.md is not what the catalog says: run python docs/table_reference.py\n")
        return 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
