from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import hyp2f1

from cis_assets.predictions.bgnbd import BgNbd, PurchaseHistoryError, Purchases

CDNOW = Path(__file__).parent / "cdnow" / "cdnow_customers_summary.csv"
FEW_STAY = BgNbd(r=0.3, alpha=2.0, a=0.1, b=0.2)


def cdnow() -> Purchases:
    rows = pl.read_csv(CDNOW)
    return Purchases(*(rows[name].to_numpy() for name in ("frequency", "recency", "T")))


def customers(*rows: tuple[int, float, float]) -> Purchases:
    return Purchases(*(np.array(column) for column in zip(*rows, strict=True)))


def simulated(model: BgNbd, count: int) -> Purchases:
    generator = np.random.default_rng(5)
    rate, leaves = generator.gamma(model.r, 1 / model.alpha, count), generator.beta(model.a, model.b, count)
    age = generator.uniform(1, 50, count)
    frequency, recency, time = np.zeros(count, dtype=np.int64), np.zeros(count), np.zeros(count)
    stays = np.ones(count, dtype=bool)
    for _ in range(300):
        time = time + generator.exponential(1 / rate)
        orders = stays & (time < age)
        frequency[orders] += 1
        recency[orders] = time[orders]
        stays = orders & (generator.random(count) > leaves)
    return Purchases(frequency, recency, age)


def test_the_published_estimates_for_cdnow_are_reproduced() -> None:
    fitted = BgNbd.fit(cdnow())
    published = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    assert {name: getattr(fitted, name) for name in published} == pytest.approx(published, rel=0.002)


def test_expected_orders_follow_the_published_formula() -> None:
    purchases, fitted, time = cdnow(), BgNbd(0.243, 4.414, 0.793, 2.426), 39.0
    r, alpha, a, b = fitted.r, fitted.alpha, fitted.a, fitted.b
    x, recency, age = purchases.frequency, purchases.recency, purchases.age
    series = hyp2f1(r + x, b + x, a + b + x - 1, time / (alpha + age + time))
    alive = (a + b + x - 1) / (a - 1) * (1 - ((alpha + age) / (alpha + age + time)) ** (r + x) * series)
    left = a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + recency)) ** (r + x)
    np.testing.assert_allclose(fitted.expected_orders(purchases, time), alive / (1 + (x > 0) * left), rtol=1e-9)


def test_the_order_of_customers_does_not_matter() -> None:
    given = cdnow()
    mixed = np.random.default_rng(1).permutation(len(given.age))
    assert BgNbd.fit(given) == BgNbd.fit(Purchases(given.frequency[mixed], given.recency[mixed], given.age[mixed]))


@pytest.mark.parametrize(
    "model",
    [FEW_STAY, BgNbd(2.0, 3.0, 1.0, 1.0), BgNbd(1e-3, 1e-3, 1e-3, 5e3), BgNbd(1.0, 1.0, 0.5, 0.5)],
)
def test_forecasts_are_finite_for_customers_with_many_orders(model: BgNbd) -> None:
    extreme = customers((0, 0.0, 10.0), (1, 3.0, 50.0), (1_000, 300.0, 301.0), (5_000, 300.0, 400.0))
    chances = [model.chance_alive(extreme), model.chance_of_order(extreme, 1.0)]
    assert all(np.all((chance >= 0) & (chance <= 1)) for chance in chances)
    assert np.isfinite(model.expected_orders(extreme, 13.0)).all()
    # One who orders a thousand times in 300 weeks and did a week ago goes on.
    assert model.expected_orders(extreme, 13.0)[2] == pytest.approx(13 * 1_000 / 301, rel=0.1)


def test_a_customer_with_a_thousand_orders_does_not_break_the_fit() -> None:
    given = cdnow()
    joined = Purchases(np.append(given.frequency, 1_000), np.append(given.recency, 38.0), np.append(given.age, 38.9))
    fitted = BgNbd.fit(joined)
    assert np.isfinite([fitted.r, fitted.alpha, fitted.a, fitted.b]).all()
    assert np.isfinite(fitted.expected_orders(joined, 39.0)).all()


@pytest.mark.slow
def test_parameters_below_one_are_recovered_from_300_000_customers() -> None:
    fitted = BgNbd.fit(simulated(FEW_STAY, 300_000))
    found, true = ([getattr(each, name) for name in ("r", "alpha", "a", "b")] for each in (fitted, FEW_STAY))
    assert found == pytest.approx(true, rel=0.05)


def test_unchanging_customers_give_finite_estimates() -> None:
    fitted = BgNbd.fit(customers(*[(50, 49.0, 50.0)] * 20))
    assert np.isfinite([fitted.r, fitted.alpha, fitted.a, fitted.b]).all()


@pytest.mark.parametrize("row", [(0, 1.0, 5.0), (2, 0.0, 5.0), (2, 6.0, 5.0), (-1, 0.0, 5.0)])
def test_contradictory_histories_are_refused(row: tuple[int, float, float]) -> None:
    with pytest.raises(PurchaseHistoryError, match="recency"):
        customers(row)


def test_nobody_has_no_forecasts() -> None:
    nobody = Purchases(np.zeros(0), np.zeros(0), np.zeros(0))
    assert len(FEW_STAY.expected_orders(nobody, 13.0)) == len(FEW_STAY.chance_of_order(nobody, 1.0)) == 0
