"""The project's Dagster instance, shared by `cis` and the Dagster UI, so that each sees the other's runs."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterInstance

_DEFAULT_HOME = Path(".cis/dagster")
# How many notes of dates Dagster collects before they are written: a few thousand take a second, in which others wait.
_EVENT_BATCH_SIZE = "1000"


def dagster_home() -> Path:
    """DAGSTER_HOME (default `.cis/dagster`), created with the project's `dagster.yaml` if it has none."""
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
