"""This platform's IO manager."""

from __future__ import annotations

from benchmarks.lake.dagster_runs import DagsterContender
from benchmarks.lake.workload import Workload
from cis_assets.lake.io_manager import LakeIOManager
from cis_assets.lake.resource import LakeResource


def contender(workload: Workload, lake: str) -> DagsterContender:
    return DagsterContender(workload, LakeIOManager(lake=LakeResource(uri=lake), engine="polars"))
