from __future__ import annotations

import numpy as np
import pytest

from cis_assets.segmentation.clusterboot import bootstrap_jaccards
from cis_assets.segmentation.clustering import find_centers, one_thread
from cis_assets.segmentation.segment_count import SegmentCountTrial, choose_segment_count, try_segment_count


def clouds(*places: tuple[float, float], size: int = 80, spread: float = 0.1) -> np.ndarray:
    random = np.random.default_rng(5)
    return np.concatenate([random.normal(place, spread, (size, 2)) for place in places])


def trial(count: int, **changed: object) -> SegmentCountTrial:
    sound = {
        "shares": (1 / count,) * count,
        "jaccards": (0.9,) * count,
        "distinct_habits": (2,) * count,
        "silhouette": 0.4,
    }
    return SegmentCountTrial(segment_count=count, **{**sound, **changed})  # pyright: ignore[reportArgumentType]


def test_separate_clouds_are_stable_and_a_cloud_cut_in_two_is_not() -> None:
    points = clouds((-1, -1), (1, 1), (-1, 1))
    with one_thread():
        whole = bootstrap_jaccards(points, find_centers(points, 3, starts=5, seed=1), 1)
        cut = bootstrap_jaccards(points, find_centers(points, 5, starts=5, seed=1), 1)
    assert whole.min() > 0.95
    assert cut.min() < 0.75


def test_the_number_of_clouds_is_chosen() -> None:
    points = clouds((-1, -1), (1, 1), (-1, 1), (1, -1))
    with one_thread():
        trials = [try_segment_count(points, find_centers(points, n, starts=5, seed=1), 1) for n in (2, 3, 4, 5, 6)]
    assert choose_segment_count(trials).segment_count == 4
    assert choose_segment_count(trials).faults == ()


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"shares": (0.38, 0.3, 0.3, 0.02)}, "a segment under 3%"),
        ({"shares": (0.5, 0.2, 0.2, 0.1)}, "a segment above 40%"),
        ({"jaccards": (0.9, 0.9, 0.9, 0.7)}, "an unstable segment"),
        ({"distinct_habits": (2, 2, 2, 1)}, "a segment close to the average"),
    ],
)
def test_a_number_with_a_fault_loses_to_a_sound_one(changed: dict[str, object], fault: str) -> None:
    faulty = trial(4, silhouette=0.9, **changed)
    assert faulty.faults == (fault,)
    assert choose_segment_count([faulty, trial(5)]).segment_count == 5


def test_among_sound_numbers_the_more_stable_one_wins_then_the_better_separated() -> None:
    assert choose_segment_count([trial(4, jaccards=(0.8,) * 4), trial(5)]).segment_count == 5
    assert choose_segment_count([trial(4, silhouette=0.5), trial(5)]).segment_count == 4


def test_no_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="no trials"):
        choose_segment_count([])
