from __future__ import annotations

import numpy as np
import pytest

from cis_assets.segmentation.clustering import find_centers
from cis_assets.segmentation.segment_count import (
    REPRODUCIBLE,
    SegmentCountTrial,
    choose_segment_count,
    prediction_strength,
    try_segment_count,
)


def trial(count: int, silhouette: float, *, strength: float = 0.95, small: bool = False) -> SegmentCountTrial:
    return SegmentCountTrial(count, silhouette, strength, small)


def islands(sizes: list[int], seed: int = 2) -> np.ndarray:
    """Points in tight, well separated groups on a circle."""
    random = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, len(sizes), endpoint=False)
    centers = 10 * np.column_stack([np.cos(angles), np.sin(angles)])
    return np.vstack([center + random.normal(0, 0.5, (size, 2)) for center, size in zip(centers, sizes, strict=True)])


def test_a_clear_winner_is_chosen() -> None:
    assert choose_segment_count([trial(3, 0.40), trial(4, 0.60), trial(5, 0.50)]) == 4


def test_among_near_equals_more_segments_are_chosen() -> None:
    assert choose_segment_count([trial(3, 0.300), trial(4, 0.285), trial(5, 0.271), trial(6, 0.269)]) == 5


def test_the_order_of_trials_does_not_matter() -> None:
    trials = [trial(3, 0.300), trial(4, 0.285), trial(5, 0.200)]
    assert choose_segment_count(trials[::-1]) == choose_segment_count(trials) == 4


def test_a_number_with_a_small_segment_is_not_chosen() -> None:
    assert choose_segment_count([trial(3, 0.40), trial(4, 0.60, small=True)]) == 3


def test_a_number_with_irreproducible_segments_is_not_chosen() -> None:
    assert choose_segment_count([trial(3, 0.40), trial(4, 0.60, strength=0.66)]) == 3


def test_size_outranks_reproducibility_if_no_number_has_both() -> None:
    assert choose_segment_count([trial(3, 0.40, strength=0.3), trial(4, 0.60, small=True)]) == 3


def test_small_segments_are_better_than_none() -> None:
    assert (
        choose_segment_count([trial(3, 0.40, small=True, strength=0.9), trial(4, 0.60, small=True, strength=0.1)]) == 3
    )
    assert (
        choose_segment_count([trial(3, 0.40, small=True, strength=0.1), trial(4, 0.60, small=True, strength=0.1)]) == 4
    )


def test_without_trials_there_is_nothing_to_choose() -> None:
    with pytest.raises(ValueError, match="no trials to choose a number of segments from"):
        choose_segment_count([])


def test_real_clusters_are_reproducible_and_a_superfluous_one_is_not() -> None:
    points = islands([80, 80, 80, 80])
    assert prediction_strength(points, 4, seed=7) > 0.95
    assert prediction_strength(points, 6, seed=7) < REPRODUCIBLE


def test_the_strength_is_zero_if_halves_are_too_small() -> None:
    assert prediction_strength(islands([3, 3]), 4, seed=7) == 0.0


@pytest.mark.parametrize(("smallest", "expected"), [(4, True), (5, False)])
def test_a_segment_of_fewer_than_five_customers_is_small(smallest: int, expected: bool) -> None:
    points = islands([30, 30, smallest])
    assert try_segment_count(points, find_centers(points, 3, starts=5, seed=1), seed=1).has_small_segment is expected


@pytest.mark.parametrize(("smallest", "expected"), [(19, True), (21, False)])
def test_a_segment_of_less_than_two_percent_is_small(smallest: int, expected: bool) -> None:
    points = islands([500, 500 - smallest, smallest])
    assert try_segment_count(points, find_centers(points, 3, starts=5, seed=1), seed=1).has_small_segment is expected


def test_the_silhouette_of_tight_islands_is_nearly_one() -> None:
    points = islands([60, 60, 60])
    assert try_segment_count(points, find_centers(points, 3, starts=5, seed=1), seed=1).silhouette > 0.9
