"""The scripts by name. The measuring process imports only one of them."""

from __future__ import annotations

import importlib
from typing import Any, Protocol, cast

from benchmarks.platform.stages import Stages
from benchmarks.platform.workload import Workload

PLATFORM, DUCKDB, PANDAS, PYSPARK = "platform", "duckdb", "pandas", "pyspark"
SCRIPTS = (DUCKDB, PANDAS, PYSPARK)
_CLASSES = {
    DUCKDB: ("duckdb_script", "DuckDbScript"),
    PANDAS: ("pandas_notebook", "PandasNotebook"),
    PYSPARK: ("pyspark_job", "PySparkJob"),
}


class Script(Protocol):
    def run(self, stages: Stages) -> None:
        """Make the tables and note how long each stage took."""
        ...


def load_script(name: str, workload: Workload, lake: str, **options: Any) -> Script:
    """Import the script and give it what it reads and writes."""
    module, cls = _CLASSES[name]
    imported = importlib.import_module(f"benchmarks.platform.{module}")
    return cast(Script, getattr(imported, cls)(workload, lake, **options))
