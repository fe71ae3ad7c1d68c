from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, mean_poisson_deviance, roc_auc_score

from cis_assets.predictions import scores

GENERATOR = np.random.default_rng(8)
PROBABILITY = GENERATOR.uniform(0.01, 0.99, 3_000).round(2)
HAPPENED = (GENERATOR.random(3_000) < PROBABILITY).astype(float)
COUNT, EXPECTED = GENERATOR.poisson(3, 500).astype(float), GENERATOR.uniform(0.1, 6, 500)


def test_scores_equal_those_of_scikit_learn() -> None:
    assert scores.brier_terms(HAPPENED, PROBABILITY).mean() == pytest.approx(brier_score_loss(HAPPENED, PROBABILITY))
    assert scores.log_loss_terms(HAPPENED, PROBABILITY).mean() == pytest.approx(log_loss(HAPPENED, PROBABILITY))
    assert scores.auc(HAPPENED, PROBABILITY) == pytest.approx(roc_auc_score(HAPPENED, PROBABILITY))
    assert scores.poisson_deviance_terms(COUNT, EXPECTED).mean() == pytest.approx(
        mean_poisson_deviance(COUNT, EXPECTED)
    )


def test_certain_probabilities_that_fail_have_a_finite_loss() -> None:
    assert np.isfinite(scores.log_loss_terms(np.array([0.0, 1.0]), np.array([1.0, 0.0]))).all()


def test_auc_needs_both_outcomes() -> None:
    assert np.isnan(scores.auc(np.ones(3), np.array([0.1, 0.2, 0.3])))


def test_calibration_error_is_the_mean_distance_over_quantile_bins() -> None:
    probability = np.repeat([0.1, 0.4, 0.9], 100)
    happened = np.concatenate([np.arange(100) < share for share in (20, 40, 60)]).astype(float)
    assert scores.ece(happened, probability) == pytest.approx((0.1 + 0.0 + 0.3) / 3)
    assert scores.calibration(happened, probability)[:, 1] == pytest.approx(np.repeat([0.2, 0.4, 0.6], 5))


def test_calibration_has_15_bins_of_equal_size() -> None:
    assert scores.calibration(HAPPENED, PROBABILITY)[:, 2].tolist() == [200.0] * 15
    assert scores.ece(HAPPENED, PROBABILITY) < 0.03 < scores.ece(HAPPENED, PROBABILITY**2)


def test_equal_probabilities_have_no_order() -> None:
    mixed = GENERATOR.permutation(3_000)
    assert scores.ece(HAPPENED, np.full(3_000, 0.3)) == pytest.approx(abs(HAPPENED.mean() - 0.3))
    assert scores.ece(HAPPENED[mixed], PROBABILITY[mixed]) == scores.ece(HAPPENED, PROBABILITY)


def test_intervals_resample_customers_and_not_rows() -> None:
    terms, customer = GENERATOR.normal(size=200), np.arange(200)
    (once,), (often,) = (
        scores.means_by_customer(np.repeat(terms, times)[:, None], np.repeat(customer, times), 7) for times in (1, 50)
    )
    assert once.low < once.mean < once.high
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    assert once.high - once.low == pytest.approx(2 * 1.96 * terms.std() / np.sqrt(200), rel=0.1)


def test_paired_differences_are_narrower_than_the_methods() -> None:
    hard = GENERATOR.normal(size=400)
    better = hard - 0.1 + GENERATOR.normal(scale=0.05, size=400)
    one, other, difference = scores.means_by_customer(np.column_stack([hard, better, better - hard]), np.arange(400), 7)
    assert one.low < other.mean < one.high
    assert difference.high < 0
    assert difference.mean == pytest.approx(other.mean - one.mean)


def test_a_single_customer_proves_nothing() -> None:
    (found,) = scores.means_by_customer(np.ones((10, 1)), np.zeros(10), 7)
    assert (found.mean, found.low, found.high) == (1.0, -np.inf, np.inf)


def test_another_seed_changes_the_ends_of_intervals_a_little_and_no_mean() -> None:
    terms, customer = GENERATOR.normal(size=(200, 1)), np.arange(200)
    (one,), (same,), (other,) = (scores.means_by_customer(terms, customer, seed) for seed in (7, 7, 8))
    assert one == same
    assert one.mean == other.mean
    assert (one.low, one.high) != (other.low, other.high)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.02)
