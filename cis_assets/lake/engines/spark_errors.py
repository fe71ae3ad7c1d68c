# pyspark is an extra that the linter's environment lacks.
# pyright: reportMissingImports=false
"""Errors of Spark: what they mean for a write, and as one sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.errors import PySparkException

# Delta has error classes (DELTA_VIOLATE_CONSTRAINT_WITH_VALUES, DELTA_NOT_NULL_CONSTRAINT_VIOLATED); Sail has texts only.
_CONSTRAINT = re.compile(r"DELTA_\w*CONSTRAINT|(CHECK|NOT NULL) constraint", re.IGNORECASE)
# The message of the server inside an error of gRPC.
_DETAILS = re.compile(r'\bdetails = "([^"\n]+)')
_LONGEST = 300


def breaks_constraint(error: PySparkException) -> bool:
    """Whether the stored table refused a row."""
    return _CONSTRAINT.search(str(error)) is not None


def is_lost(error: PySparkException) -> bool:
    """Whether the server became unreachable, so that the outcome of the write is unknown."""
    status = getattr(error, "getGrpcStatusCode", None)
    return status is not None and status().name in {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED"}


def describe_spark_error(error: PySparkException) -> str:
    """Return the first line of the error, at most 300 characters: the rest is a stack trace of the server."""
    details = _DETAILS.search(str(error))
    lines = [details[1]] if details else str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:_LONGEST].rstrip(". ")
