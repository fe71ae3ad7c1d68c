from __future__ import annotations

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small trainings are slow with several threads, which wait for each other in a busy loop."""
    import sklearn.ensemble  # noqa: F401

    with threadpool_limits(limits=1):
        yield
