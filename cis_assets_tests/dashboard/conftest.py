from __future__ import annotations

import pytest

from cis_assets.dashboard.summaries import GoldFrames
from cis_assets_tests.dashboard.shop import gold_frames


@pytest.fixture(scope="session")
def frames() -> GoldFrames:
    """Three segments, 100 customers, with a product whose name tries to break out of the page."""
    return gold_frames()


@pytest.fixture(scope="session")
def no_frames(frames: GoldFrames) -> GoldFrames:
    return GoldFrames(**{name: frame.clear() for name, frame in vars(frames).items()})
