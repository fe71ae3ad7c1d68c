import numpy as np

from cis_assets.predictions.customer_sample import customer_places

CUSTOMERS = np.arange(1, 50_001)


def test_places_are_uniform_and_those_of_two_purposes_are_independent() -> None:
    first, second = customer_places(CUSTOMERS, 1), customer_places(CUSTOMERS, 2)
    for places in (first, second, second[first < 0.2]):
        assert np.all((places >= 0) & (places < 1))
        np.testing.assert_allclose(np.histogram(places, bins=10, range=(0, 1))[0] / len(places), 0.1, atol=0.012)


def test_a_customer_keeps_the_place_whoever_else_is_there() -> None:
    some = np.array([70, -3, 2**62, 70], dtype=np.int64)
    places = customer_places(some, 4)
    assert places[0] == places[3] == customer_places(np.array([70]), 4)[0]
    assert len(set(places.tolist())) == 3
