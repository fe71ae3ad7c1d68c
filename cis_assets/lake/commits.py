"""Commits that are known to have happened, once: retries after conflicts, and the truth about unclear ends.

An error of a write does not mean that nothing was committed: when the answer of the store is lost, the commit may stand
in the log. Each commit therefore carries a mark of its own, and after any error the log is searched for it. Conflicts
with other writers are retried with jitter against the table as it is then.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError

from cis_assets.catalog import Table
from cis_assets.errors import OperatorError
from cis_assets.lake.delta_table import open_or_create
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.storage.errors import StorageError, in_words, is_denied

# Longest pauses, in seconds, before a write that lost to another one is tried again.
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 4.0, 8.0, 8.0)
# The store's client does not repeat the one request that commits, since it cannot know whether the first one counted.
# That is known here, so a commit that broke is tried again this often; opening and creating, only if they broke soon,
# since a store that is silent for longer has been given its time.
_BROKEN_COMMITS = 2
_SOON_SECONDS = 15.0
MARK = "cis_commit"
# The name under which an entry of the log holds the mark of a commit that Spark made.
_SPARK_MARK = "userMetadata"


class UnsettledCommitError(OperatorError):
    """A write failed, and the store did not answer when it was asked whether the commit had landed."""


def commit_once(
    table: Table, location: TableLocation, write: Callable[[DeltaTable, dict[str, str]], None]
) -> DeltaTable:
    """Open or create the table and run `write` on it until its commit is in the log; return the table as of then.

    `write` gets the mark as custom metadata for its commit. It may be called again after a conflict or a broken
    connection, with the table as it is then: a commit of any attempt counts, since all of them write the same. Raises
    StorageError if no commit landed, or UnsettledCommitError if the store cannot be asked.
    """
    mark = uuid.uuid4().hex
    broken, before = 0, None
    for pause in (*_PAUSES, None):
        began = time.monotonic()
        try:
            target = open_or_create(table, location)
            before = target.version() if before is None else before
            write(target, {MARK: mark})
            return target
        except (DeltaError, OSError) as error:
            landed = None if before is None else _landed(table, location, before, mark, error)
            if landed is not None:
                return landed
            # Trying again is also the safe way with a commit that is still on its way: the two want the same version.
            broken += isinstance(error, OSError)
            worthwhile = broken <= _BROKEN_COMMITS and (before is not None or time.monotonic() - began < _SOON_SECONDS)
            may_pass = isinstance(error, CommitFailedError) or (
                isinstance(error, OSError) and worthwhile and not is_denied(error)
            )
            if not may_pass or pause is None:
                raise StorageError(
                    f"Writing {table.path} failed: {in_words(error)}. Nothing of it is in the table's log, so the old rows "
                    "stand. `cis doctor` looks at the store."
                ) from error
        time.sleep(random.uniform(pause / 2, pause))  # noqa: S311
    raise AssertionError("The last attempt returns or raises.")


def marked_version(now: DeltaTable, before: int, mark: str) -> int | None:
    """The version after `before` whose commit carries the mark, as the log of the opened table has it; None without one."""
    news = now.version() - before
    for entry in now.history(news) if news > 0 else []:
        if mark in (entry.get(MARK), entry.get(_SPARK_MARK)):
            return entry["version"]
    return None


def _landed(table: Table, location: TableLocation, before: int, mark: str, error: Exception) -> DeltaTable | None:
    """The table as it is now if a marked commit is in its log after version `before`, None if there is none."""
    try:
        now = DeltaTable(location.uri, storage_options=dict(location.storage_options))
        landed = marked_version(now, before, mark)
    except (DeltaError, OSError) as silence:
        raise UnsettledCommitError(
            f"Writing {table.path} failed ({in_words(error)}), and the store could not be asked whether the commit landed "
            f"({in_words(silence)}): the table holds either the old or the new rows, whole. Run the same again."
        ) from error
    return None if landed is None else now
