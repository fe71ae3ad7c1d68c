"""Times of the stages of a script: bronze, silver, features, segments."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """Seconds by the clock of each stage, added up where a stage comes twice; peak bytes of processes it started."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.further_peak = 0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
