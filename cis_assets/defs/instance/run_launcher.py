"""How runs are launched: as Dagster does by default, and watched, so that none is taken for running after its end.

A run is a process of a code server. Dagster's own launcher leaves it as running when both went down with their machine, and
such a run would hold up those behind it.
"""

from __future__ import annotations

import dagster as dg
import grpc
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

_LONGEST_ANSWER_SECONDS = 20
_RUNNING = CheckRunHealthResult(WorkerStatus.RUNNING)


class WatchedRunLauncher(dg.DefaultRunLauncher):
    """Dagster's default launcher, which can also tell whether the process of a run is still there.

    A code server that does not answer in time may be busy: only one that is gone, or that does not know the run, counts.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        server = self._get_grpc_client_for_termination(run.run_id)
        if server is None:
            # Ended by now, or run by a process that is none of a code server, such as `cis backfill`.
            return _RUNNING
        try:
            answer = server.can_cancel_execution(
                CanCancelExecutionRequest(run_id=run.run_id), timeout=_LONGEST_ANSWER_SECONDS
            )
        except DagsterUserCodeUnreachableError as error:
            gone = isinstance(error.__cause__, grpc.Call) and error.__cause__.code() is grpc.StatusCode.UNAVAILABLE
            return _ended("the server that ran it is gone") if gone else _RUNNING
        known = deserialize_value(answer, CanCancelExecutionResult).can_cancel
        return _RUNNING if known else _ended("its process is gone")


def _ended(why: str) -> CheckRunHealthResult:
    return CheckRunHealthResult(WorkerStatus.NOT_FOUND, why)
