# pyspark is an extra that the linter's environment lacks.
# pyright: reportMissingImports=false
"""What Spark says when it fails, sorted by what it means for a write, and as a sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.errors import PySparkException

# Delta's conditions (DELTA_VIOLATE_CONSTRAINT_WITH_VALUES, DELTA_NOT_NULL_CONSTRAINT_VIOLATED) and, without them, words.
_CONSTRAINT = re.compile(r"DELTA_\w*CONSTRAINT|(CHECK|NOT NULL) constraint", re.IGNORECASE)
# What gRPC was told by the other side; the lines around it name its own parts.
_DETAILS = re.compile(r'\bdetails = "([^"\n]+)')
_LONGEST = 300


def breaks_constraint(error: PySparkException) -> bool:
    """Whether the stored table refused a row."""
    return _CONSTRAINT.search(str(error)) is not None


def is_lost(error: PySparkException) -> bool:
    """Whether the server went away or fell silent, so that it is not known what it has done."""
    status = getattr(error, "getGrpcStatusCode", None)
    return status is not None and status().name in {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED"}


def spark_words(error: PySparkException) -> str:
    """The first line of the error, at most 300 characters: what follows is a stack of the server."""
    details = _DETAILS.search(str(error))
    lines = [details[1]] if details else str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:_LONGEST].rstrip(". ")
