"""Generates the reference pages of the docs: docs/tables.md from the catalog, docs/settings.md from the settings.

`python docs/reference.py` writes the pages; `--check` reports pages that are out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from cis_assets.catalog import SYSTEM_TABLES, TABLES, Table
from cis_assets.settings import Settings

DOCS = Path(__file__).parent

_TABLES_HEAD = """# Tables

Every Delta table of the lake, `<CIS_LAKE_URI>/<layer>/<table>`. `python docs/reference.py` generates this page from
`cis_assets/catalog`: change the catalog, not the page.
"""

_SETTINGS_HEAD = """# Settings

Settings come from the environment, or from a file `.env` in the working folder. A wrong value or an unknown variable that
begins with `CIS_` is an error that names it. `python docs/reference.py` generates this page from `cis_assets/settings.py`.

| variable | default | meaning |
|---|---|---|"""

_SETTINGS_TAIL = """
Libraries read these further variables, which are never logged, stored or shown: `OPENAI_API_KEY` and `OPENAI_BASE_URL` for
`CIS_WRITER=openai`; `AZURE_STORAGE_ACCOUNT_NAME` with `AZURE_STORAGE_ACCOUNT_KEY`, `AZURE_STORAGE_SAS_TOKEN`,
`AZURE_CLIENT_ID`/`AZURE_CLIENT_SECRET`/`AZURE_TENANT_ID`, `AZURE_FEDERATED_TOKEN_FILE` or `AZURE_STORAGE_USE_AZURE_CLI=true` for
`abfss://` addresses (`AZURE_STORAGE_ENDPOINT` and `AZURE_STORAGE_ALLOW_HTTP=true` for an emulator); `DAGSTER_HOME` for Dagster's runs.
"""


def tables_page() -> str:
    return "\n".join([_TABLES_HEAD, *(_table_section(table) for table in (TABLES | SYSTEM_TABLES).values())])


def settings_page() -> str:
    rows = [
        f"| `CIS_{name.upper()}` | {f'`{field.default}`' if str(field.default) else 'none'} | {field.description}{_limits(field)} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join([_SETTINGS_HEAD, *rows, _SETTINGS_TAIL])


def _limits(field: FieldInfo) -> str:
    """The allowed values of a setting, if it has limits."""
    allowed = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    if allowed:
        return f" One of {', '.join(f'`{value}`' for value in allowed)}."
    words = {"ge": "at least", "gt": "above", "le": "at most"}
    limits = [
        f"{word} {getattr(limit, name)}"
        for limit in field.metadata
        for name, word in words.items()
        if hasattr(limit, name)
    ]
    return f" {', '.join(limits).capitalize()}." if limits else ""


def _table_section(table: Table) -> str:
    facts = [
        f"One row per {table.grain}",
        f"partitioned by {', '.join(f'`{name}`' for name in table.partition_by)}"
        if table.partition_by
        else "replaced as a whole",
    ]
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
    outdated = 0
    for name, text in (("tables.md", tables_page()), ("settings.md", settings_page())):
        page = DOCS / name
        if arguments != ["--check"]:
            page.write_text(text, encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"docs/{name} is out of date: run `python docs/reference.py`\n")
            outdated = 1
    return outdated


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
