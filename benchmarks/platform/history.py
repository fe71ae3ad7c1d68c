"""Lakes with a shorter history, cut from the backfilled one.

Data files are linked, because Delta tables never change them. Logs are copied.
"""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

from deltalake import DeltaTable

from benchmarks.platform.workload import Workload, table_uri
from cis_assets.catalog import TABLES
from cis_assets.lake.lake import Lake


def cut_history(workload: Workload, source: str, target: str, homes: tuple[str, str], days: int) -> None:
    """A lake that holds the `days` order dates before the last one, and gold of none; Dagster's notes are kept whole."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.rmtree(homes[1], ignore_errors=True)
    shutil.copytree(source, target, copy_function=_link_rows)
    shutil.copytree(*homes)
    first = workload.last - timedelta(days=days)
    lake = Lake(target)
    for path, table in TABLES.items():
        if not lake.exists(table) or not table.partition_by:
            continue
        stored, day = DeltaTable(table_uri(target, path)), table.partition_by[0]
        if day == "order_date":
            stored.delete(f"{day} < '{first}' OR {day} = '{workload.last}'")
        else:
            stored.delete()
        stored.create_checkpoint()


def _link_rows(source: str, target: str) -> None:
    if Path(source).suffix == ".parquet" and "_delta_log" not in source:
        os.link(source, target)
    else:
        shutil.copy2(source, target)
