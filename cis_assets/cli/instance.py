"""The project's Dagster instance. `cis` and the Dagster UI share it, so each sees the runs of the other."""

from __future__ import annotations

import os
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from cis_assets.errors import OperatorError

if TYPE_CHECKING:
    from dagster import DagsterInstance

_DEFAULT_HOME = Path(".cis/dagster")
# How many events Dagster collects before it writes them. Writing a few thousand takes a second, and other writers wait.
_EVENT_BATCH_SIZE = "1000"
# A dagster.yaml written by an earlier version names modules of a package that has moved.
_FORMER_PACKAGE, _PACKAGE = "cis_assets.automation.", "cis_assets.defs.instance."
# Dagster names its databases by addresses, in which these have a meaning.
_UNUSABLE_IN_PATHS = re.compile("[?\ud800-\udfff]|%[0-9A-Fa-f]{2}")


class DagsterHomeError(OperatorError):
    """Dagster cannot use the folder that DAGSTER_HOME names."""


def dagster_home() -> Path:
    """Return DAGSTER_HOME (default `.cis/dagster`), with the project's `dagster.yaml` unless it has one.

    In an existing `dagster.yaml`, only the former names of the project's own modules change. Raises DagsterHomeError
    before anything is written.
    """
    home = Path(os.environ.get("DAGSTER_HOME") or _DEFAULT_HOME).expanduser().resolve()
    unusable = _UNUSABLE_IN_PATHS.search(str(home))
    if unusable:
        raise DagsterHomeError(
            f"Dagster cannot keep its databases in {str(home)!a}, because the path has {unusable[0]!a}: rename that folder, "
            "or set DAGSTER_HOME to another one."
        )
    home.mkdir(parents=True, exist_ok=True)
    configuration = home / "dagster.yaml"
    if not configuration.exists():
        configuration.write_text(files("cis_assets").joinpath("dagster.yaml").read_text())
    elif _FORMER_PACKAGE in (present := configuration.read_text()):
        configuration.write_text(present.replace(_FORMER_PACKAGE, _PACKAGE))
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["DAGSTER_EVENT_BATCH_SIZE"] = os.environ.get("DAGSTER_EVENT_BATCH_SIZE") or _EVENT_BATCH_SIZE
    return home


def dagster_instance() -> DagsterInstance:
    from dagster import DagsterInstance

    dagster_home()
    return DagsterInstance.get()
