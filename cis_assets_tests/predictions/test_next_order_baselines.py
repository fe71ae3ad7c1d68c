from __future__ import annotations

import numpy as np
import pytest

from cis_assets.predictions.next_order_baselines import BASELINES, BaseRate, OwnRate, PersonalCadence
from cis_assets.predictions.next_order_features import FeatureRows, next_order_features
from cis_assets.predictions.next_order_outcomes import Outcomes
from cis_assets.predictions.order_history import OrderHistory
from cis_assets_tests.predictions.shoppers import Placed, day, habitual, history

PLACED = habitual(60, 200)
HISTORY = history(PLACED)
DAYS = [day(offset) for offset in range(40, 190, 25)]
ROWS = next_order_features(HISTORY, DAYS, 365)
OUTCOMES = Outcomes.of(HISTORY, ROWS, day(200))
NEWEST = next_order_features(HISTORY, [day(200)], 365)


def rows_of(placed: list[Placed], offset: int, capped: tuple[Placed, ...] = ()) -> FeatureRows:
    return next_order_features(history(placed, capped), [day(offset)], 365)


def cadence(hazard: float) -> PersonalCadence:
    return PersonalCadence(np.append(0.0, np.full(400, hazard)), average_gap=10.0)


def test_outcomes_count_the_days_after_the_as_of_day() -> None:
    known: OrderHistory = history([(1, 0), (1, 10), (1, 17), (1, 18), (1, 38), (1, 39), (1, 200)])
    rows = next_order_features(known, [day(9), day(10), day(11)], 365)
    found = Outcomes.of(known, rows, day(39))
    assert found.within_7d.tolist() == [1, 1, 1]
    assert found.orders.tolist() == [5, 4, 4]
    assert found.exposure.tolist() == [30, 29, 28]
    assert Outcomes.of(known, rows, day(37)).within_28d.tolist()[:1] == [1]
    assert np.isnan(Outcomes.of(known, rows, day(37)).within_28d[1:]).all()
    assert np.isnan(Outcomes.of(known, rows, day(15)).within_7d).all()
    quiet = next_order_features(known, [day(40)], 365)
    assert Outcomes.of(known, quiet, day(300)).within_7d.tolist() == [0]


def test_orders_after_the_last_known_day_do_not_count() -> None:
    known = history([each for each in PLACED if each[1] <= 120])
    rows = next_order_features(HISTORY, [day(50), day(110)], 365)
    expected, found = Outcomes.of(HISTORY, rows, day(120)), Outcomes.of(known, rows, day(120))
    for name in ("within_7d", "within_28d", "orders", "exposure"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_the_base_rate_is_what_happened_on_average() -> None:
    forecast = BaseRate.fit(ROWS, OUTCOMES, NEWEST).forecast(NEWEST)
    assert np.unique(forecast.probability_7d).tolist() == [np.nanmean(OUTCOMES.within_7d)]
    assert forecast.expected_orders_90d[0] == pytest.approx(90 * OUTCOMES.orders.sum() / OUTCOMES.exposure.sum())


def test_the_own_rate_is_that_of_eight_weeks() -> None:
    forecast = OwnRate(average_per_day=0.1).forecast(rows_of([(1, 0), *((1, each) for each in range(90, 98))], 100))
    rate = (8 + 7 * 0.1) / (56 + 7)
    assert forecast.probability_7d[0] == pytest.approx(1 - np.exp(-7 * rate))
    assert forecast.expected_orders_90d[0] == pytest.approx(90 * rate)


def test_the_cadence_of_a_weekly_customer_expects_the_seventh_day() -> None:
    waiting = cadence(0.01).still_waiting(rows_of([(1, 7 * week) for week in range(20)], 19 * 7 + 3))[0]
    assert waiting[3] > 0.98
    assert waiting[4] < 0.1


def test_the_cadence_without_own_gaps_is_the_one_of_everybody() -> None:
    waiting = cadence(0.25).still_waiting(rows_of([(1, 0)], 5))[0]
    np.testing.assert_allclose(waiting, 0.75 ** np.arange(91))


def test_a_capped_gap_is_not_an_order_on_its_day() -> None:
    placed = [(1, 0), (1, 30), (1, 60), (1, 90)]
    rows = [rows_of(placed, 100, capped) for capped in ((), ((1, 30), (1, 60), (1, 90)))]
    measured, capped = (cadence(0.01).forecast(each).probability_28d[0] for each in rows)
    assert measured > 0.5
    assert capped == pytest.approx(1 - 0.99**28, rel=0.4)


def test_open_gaps_lower_the_hazards_of_everybody() -> None:
    # All measured gaps are 5 days, and half of the customers have waited for much longer.
    placed = [(customer, 5 * turn) for customer in range(1, 401) for turn in range(2)]
    all_on_time = next_order_features(history(placed), [day(5)], 365)
    half_late = next_order_features(history([*placed, *((each, 60) for each in range(1, 201))]), [day(61)], 365)
    hazards = [PersonalCadence.fit(ROWS, OUTCOMES, each).hazards for each in (all_on_time, half_late)]
    assert hazards[0][5] > 0.85
    assert hazards[1][5] < 0.6


def test_hazards_equal_those_by_hand() -> None:
    placed = [(1, 0), (1, 2), (2, 0), (2, 4), (3, 0), (3, 2)]
    rows = rows_of(placed, 5, capped=((3, 2),))
    # On day 5: gaps of 2 and 4 days, one that is capped at 2, two that are open for 3 days, and one for 1 day.
    first = (0 + 50 / 14) / (6 + 50)
    second = (1 + 50 * first) / (4 + 50)
    third = (0 + 50 * second) / (3 + 50)
    fourth = (1 + 50 * third) / (1 + 50)
    hazards = PersonalCadence.fit(ROWS, OUTCOMES, rows).hazards
    assert hazards[:6] == pytest.approx([0.0, first, second, third, fourth, fourth])


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda each: each.method)
def test_forecasts_are_probabilities_and_their_parameters_can_be_stored(baseline) -> None:
    fitted = baseline.fit(ROWS, OUTCOMES, NEWEST)
    soon, later, orders = fitted.forecast(NEWEST)
    assert len(soon) == len(later) == len(orders) == len(NEWEST)
    assert np.all((soon >= 0) & (soon <= later) & (later <= 1) & (orders >= 0))
    assert len(fitted.parameters()) == baseline.size
    stored = baseline.of_parameters(fitted.parameters())
    np.testing.assert_array_equal(np.array(stored.forecast(NEWEST)), np.array((soon, later, orders)))


def test_waiting_never_becomes_more_likely() -> None:
    waiting = PersonalCadence.fit(ROWS, OUTCOMES, NEWEST).still_waiting(NEWEST)
    assert np.all(np.diff(waiting, axis=1) < 0)
    assert np.all((waiting > 0) & (waiting <= 1))
