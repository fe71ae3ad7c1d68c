"""Runs several trainings at once, each with one thread, so that results do not depend on the number of processors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from cis_assets.segmentation.clustering import one_thread

Made = TypeVar("Made")


def run_together(trainings: Sequence[Callable[[], Made]]) -> list[Made]:
    """Call each function in a thread of its own, and return their results in order."""

    def limited(training: Callable[[], Made]) -> Made:
        # The limit of threads is one of the thread that sets it.
        with one_thread():
            return training()

    with ThreadPoolExecutor(len(trainings)) as threads:
        return list(threads.map(limited, trainings))
