from __future__ import annotations

import numpy as np
import pytest

from cis_assets.predictions.calibration import UNCALIBRATED, Calibration, choose_calibration
from cis_assets.predictions.scores import ece

GENERATOR = np.random.default_rng(2)
ROWS = 12_000
AS_OF = np.repeat([0, 6, 12, 18], ROWS // 4)
TRUE = GENERATOR.uniform(0.02, 0.98, ROWS)
HAPPENED = (GENERATOR.random(ROWS) < TRUE).astype(float)


def overconfident(probability: np.ndarray) -> np.ndarray:
    odds = (probability / (1 - probability)) ** 2
    return odds / (1 + odds)


def test_a_correction_repairs_overconfidence() -> None:
    score = overconfident(TRUE)
    correction = Calibration.fit(score, HAPPENED)
    assert correction.slope == pytest.approx(0.5, abs=0.03)
    assert ece(HAPPENED, score) > 0.05
    assert ece(HAPPENED, correction.apply(score)) < 0.015


def test_a_correction_keeps_the_level() -> None:
    low = TRUE * 0.7
    corrected = Calibration.fit(low, HAPPENED).apply(low)
    assert corrected.mean() == pytest.approx(low.mean())


def test_good_probabilities_are_left_alone() -> None:
    assert choose_calibration(TRUE, HAPPENED, AS_OF, 6) is UNCALIBRATED


def test_an_error_that_stays_is_corrected() -> None:
    score = overconfident(TRUE)
    assert choose_calibration(score, HAPPENED, AS_OF, 6) == Calibration.fit(score, HAPPENED)


def test_an_error_that_does_not_carry_over_is_not_corrected() -> None:
    score = np.where(AS_OF < 12, overconfident(TRUE), TRUE)
    assert choose_calibration(score, HAPPENED, AS_OF, 6) is UNCALIBRATED


def test_few_or_unknown_outcomes_change_nothing() -> None:
    score = overconfident(TRUE)
    unknown = np.full(ROWS, np.nan)
    assert choose_calibration(score, unknown, AS_OF, 6) is UNCALIBRATED
    assert choose_calibration(score[::100], HAPPENED[::100], AS_OF[::100], 6) is UNCALIBRATED
    assert choose_calibration(score, np.ones(ROWS), AS_OF, 6) is UNCALIBRATED


def test_outcomes_that_run_into_the_measured_days_are_not_fitted_on() -> None:
    score = np.where(AS_OF > 0, overconfident(TRUE), TRUE)
    # The outcomes of day 6 are known on day 12, from which on is measured, unless they take longer than 6 days.
    assert choose_calibration(score, HAPPENED, AS_OF, 6).slope < 0.8
    assert choose_calibration(score, HAPPENED, AS_OF, 7) is UNCALIBRATED
    assert choose_calibration(overconfident(TRUE), HAPPENED, AS_OF, 28) is UNCALIBRATED
