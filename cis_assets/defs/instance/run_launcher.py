"""Dagster's default run launcher, with a health check that finds runs whose process is gone.

A code server starts the process of each run. If both stop with their machine, Dagster's own launcher leaves the run as
running forever, and the runs in the queue wait for it.
"""

import dagster as dg
import grpc

from cis_assets.lake.dagster_internals.instance import (
    CheckRunHealthResult,
    DagsterUserCodeUnreachableError,
    WorkerStatus,
    is_run_in_code_server,
)


class WatchedRunLauncher(dg.DefaultRunLauncher):
    """Dagster's default launcher, which asks the code server of a run whether it still runs it.

    A server that does not answer in time may be busy. A run is lost only if its server is gone or does not know it.
    """

    answer_seconds = 20

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        lost = None
        try:
            # None: the run has ended, or a process outside the code server runs it, such as `cis backfill`.
            if is_run_in_code_server(self, run.run_id, self.answer_seconds) is False:
                lost = "its process is gone"
        except DagsterUserCodeUnreachableError as error:
            cause = error.__cause__
            if isinstance(cause, grpc.Call) and cause.code() is grpc.StatusCode.UNAVAILABLE:
                lost = "the server that ran it is gone"
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND if lost else WorkerStatus.RUNNING, lost)
