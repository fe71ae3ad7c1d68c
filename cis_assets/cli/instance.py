"""The project's Dagster instance, shared by `cis` and the Dagster UI: each sees the other's runs."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterInstance

_DEFAULT_HOME = Path(".cis/dagster")
# Events of dates that Dagster collects before it writes them. Writing a few thousand takes a second and blocks others.
_EVENT_BATCH_SIZE = "1000"


def dagster_home() -> Path:
    """Return DAGSTER_HOME (default `.cis/dagster`); create it, with the project's `dagster.yaml` if it has none."""
    home = Path(os.environ.get("DAGSTER_HOME") or _DEFAULT_HOME).expanduser().resolve()
    home.mkdir(parents=True, exist_ok=True)
    configuration = home / "dagster.yaml"
    if not configuration.exists():
        configuration.write_text(files("cis_assets").joinpath("dagster.yaml").read_text())
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["DAGSTER_EVENT_BATCH_SIZE"] = os.environ.get("DAGSTER_EVENT_BATCH_SIZE") or _EVENT_BATCH_SIZE
    return home


def dagster_instance() -> DagsterInstance:
    from dagster import DagsterInstance

    dagster_home()
    return DagsterInstance.get()
