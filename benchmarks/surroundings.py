"""The environment of a benchmark: the machine, and the versions of the measured packages."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version


def surroundings(packages: Iterable[str], **size: int) -> dict[str, object]:
    """The size of the workload, the machine, Python and the packages (`absent` where one is not installed)."""
    return {
        **size,
        "processors": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: _version(package) for package in packages},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
