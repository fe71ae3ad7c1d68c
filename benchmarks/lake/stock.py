"""The stock IO manager of dagster-deltalake-polars, configured as documented for a local folder."""

from __future__ import annotations

from dagster_deltalake import LocalConfig
from dagster_deltalake_polars import DeltaLakePolarsIOManager

from benchmarks.lake.dagster_runs import DagsterContender
from benchmarks.lake.workload import Workload


def contender(workload: Workload, lake: str) -> DagsterContender:
    return DagsterContender(workload, DeltaLakePolarsIOManager(root_uri=lake, storage_options=LocalConfig()))
