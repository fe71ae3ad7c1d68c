import itertools

import numpy as np
import pytest

from cis_assets.predictions.customer_sample import Purpose, customer_places, is_held_out

CUSTOMERS = np.arange(1, 50_001)


@pytest.mark.parametrize("other", [{"purpose": 2}, {"seed": 1}, {"turn": 1}, {"turn": CUSTOMERS}])
def test_places_are_uniform_and_those_of_two_purposes_seeds_or_turns_are_independent(other: dict[str, int]) -> None:
    first, second = customer_places(CUSTOMERS, 1), customer_places(CUSTOMERS, **{"purpose": 1, **other})
    for places in (first, second, second[first < 0.2]):
        assert np.all((places >= 0) & (places < 1))
        np.testing.assert_allclose(np.histogram(places, bins=10, range=(0, 1))[0] / len(places), 0.1, atol=0.012)


def test_a_customer_keeps_the_place_whoever_else_is_there() -> None:
    some = np.array([70, -3, 2**62, 70], dtype=np.int64)
    places = customer_places(some, 4, turn=np.array([5, 5, 5, 5]))
    assert places[0] == places[3] == customer_places(np.array([70]), 4, turn=5)[0]
    assert len(set(places.tolist())) == 3


@pytest.mark.parametrize("seed", [0, *Purpose, 2026])
def test_a_fifth_is_held_out_of_each_other_sample_with_every_seed(seed: int) -> None:
    held_out = is_held_out(CUSTOMERS, seed)
    for purpose, other_seed in itertools.product(set(Purpose) - {Purpose.HELD_OUT}, {0, seed}):
        sample = customer_places(CUSTOMERS, purpose, other_seed) < 0.2
        assert held_out[sample].mean() == pytest.approx(0.2, abs=0.02)
