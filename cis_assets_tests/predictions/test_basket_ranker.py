from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit
from threadpoolctl import threadpool_limits

from cis_assets.predictions.basket_features import Target
from cis_assets.predictions.basket_history import BasketHistory
from cis_assets.predictions.basket_ranker import (
    BasketRanker,
    RankerOptions,
    fit_calibration,
    is_bought,
    personal_frequency,
    recency_weighted_frequency,
    train_basket_ranker,
)
from cis_assets.predictions.basket_targets import KnownBaskets
from cis_assets.predictions.model_rows import NEXT_BASKET
from cis_assets.predictions.trees import StoredTreesError
from cis_assets_tests.predictions.baskets import before_order, order, read, shop
from cis_assets_tests.predictions.shoppers import day

OPTIONS = RankerOptions(seed=1, most_baskets=300)


def train(history: BasketHistory, newest: int = 0) -> BasketRanker:
    ranker = train_basket_ranker(history, "given", OPTIONS, newest)
    assert ranker is not None
    return ranker


@cache
def trained() -> BasketRanker:
    return train(read(shop()), newest=1)


def scores(ranker: BasketRanker, history: BasketHistory) -> np.ndarray:
    return predicted(ranker, before_order(history))


def predicted(ranker: BasketRanker, known: KnownBaskets) -> np.ndarray:
    return ranker.probabilities(ranker.candidates(known.history, known.target))


def test_the_ranker_finds_more_of_the_last_baskets_than_counts_do():
    known = before_order(read(shop()))
    candidates = trained().candidates(known.history, known.target)
    bought = is_bought(known.history, known.target, candidates)
    probability = trained().probabilities(candidates)

    def separation(score: np.ndarray) -> float:
        return float((score[bought][:, None] > score[~bought][None, :]).mean())

    assert separation(probability) > separation(personal_frequency(candidates)) + 0.05


def test_calibration_finds_how_much_too_sure_log_odds_are():
    generator = np.random.default_rng(0)
    true = generator.normal(-1, 1, 20_000)
    bought = generator.random(len(true)) < expit(true)
    assert fit_calibration((true + 0.5) * 2, bought) == pytest.approx((-0.5, 0.5), abs=0.05)


def test_probabilities_are_neither_too_sure_nor_too_unsure_for_other_customers():
    slopes = []
    for seed in range(1, 4):
        history = read(shop(customers=900, orders=7, seed=seed))
        seen = history.customer_id <= 300
        ranker = train_basket_ranker(history.of_customers(seen), "given", RankerOptions(most_cuts=1))
        assert ranker is not None
        known = before_order(history.of_customers(~seen))
        bought = is_bought(known.history, known.target, ranker.candidates(known.history, known.target))
        slopes.append(fit_calibration(logit(predicted(ranker, known)), bought)[1])
    # A calibration on the rows that the trees grew on gives 0.94.
    assert np.mean(slopes) == pytest.approx(1, abs=0.03)


def test_last_baskets_change_neither_the_model_nor_its_scores():
    rows = shop()
    last = {}
    for place, made in enumerate(rows):
        last[made.customer_id] = place
    changed = [
        order(made.customer_id, made.day, 40, hour=made.hour) if last[made.customer_id] == place else made
        for place, made in enumerate(rows)
    ]
    first, second = (scores(train(read(kept), newest=1), read(kept)) for kept in (rows, changed))
    np.testing.assert_array_equal(first, second)
    history = read([*rows, *(order(customer, 150, 1, 2, 3) for customer in last)])
    third = train(history, newest=2)
    np.testing.assert_array_equal(first, predicted(third, before_order(history, back=1)))


def test_the_order_of_rows_and_threads_change_no_bit():
    expected = scores(trained(), read(shop()))
    with threadpool_limits(limits=2):
        again = train(read(shop(), shuffled=5), newest=1)
        np.testing.assert_array_equal(scores(again, read(shop(), shuffled=6)), expected)
    assert again.calibration == trained().calibration


def test_customers_are_scored_alike_alone_and_among_others():
    history = read(shop())
    known = before_order(history)
    chosen = np.arange(len(history.customer_id)) % 2 == 0
    customer = trained().candidates(known.history, known.target).customer
    expected = predicted(trained(), known)[chosen[customer]]
    np.testing.assert_array_equal(scores(trained(), history.of_customers(chosen)), expected)


def test_few_baskets_train_nothing():
    assert train_basket_ranker(read(shop(customers=2, orders=4)), "given", OPTIONS) is None
    assert train_basket_ranker(read([]), "given", OPTIONS) is None


def test_many_customers_are_learned_from_at_their_latest_baskets():
    few = train_basket_ranker(read(shop()), "expected", RankerOptions(most_baskets=130))
    assert few is not None
    assert few.baskets == 120


def test_recent_orders_weigh_more_in_the_baseline_of_recency():
    known = before_order(read([order(1, 0, 5), order(1, 1, 5), order(1, 2, 6), order(1, 3, 6), order(1, 4, 7)]))
    candidates = trained().candidates(known.history, known.target)
    frequency, recency = personal_frequency(candidates), recency_weighted_frequency(candidates)
    assert frequency[0] == frequency[1]
    assert recency[0] < recency[1]


def test_discoveries_are_families_the_customer_never_bought():
    # Customers buy 1 with 7 or 9 with 12, and another product each time.
    rows = [
        order(customer, day, *((1, 7) if customer < 30 else (9, 12)), 20 + (3 * customer + day) % 10)
        for customer in range(1, 60)
        for day in range(5)
    ]
    # Customer 99 buys product 1 without 7.
    history = read([*rows, *(order(99, day, 1, 15) for day in range(5))])
    ranker = train(history)
    target = Target.expected(history, -1, int(history.day.max()))
    candidates = ranker.candidates(history, target)
    found = ranker.discoveries(history, target, candidates, ranker.probabilities(candidates))
    ids = history.families.family_id
    shown = [
        (int(history.customer_id[customer]), int(ids[family]), int(ids[source]))
        for customer, family, source in zip(found.customer, found.family, found.bought_with, strict=True)
    ]
    assert (99, 7, 1) in shown
    bought = set(zip(history.customer_id[history.customer].tolist(), ids[history.family].tolist(), strict=True))
    assert not {(customer, family) for customer, family, _ in shown} & bought
    assert all((customer, source) in bought for customer, _, source in shown)
    assert ((found.score > 0) & (found.score <= 1)).all()


@cache
def discovering() -> BasketRanker:
    """A ranker that knows what is often bought together; its products 1 and 7 and 9 and 12 are."""
    rows = [
        order(customer, day, *((1, 7) if customer < 30 else (9, 12)), 20 + (3 * customer + day) % 10)
        for customer in range(1, 60)
        for day in range(5)
    ]
    return train(read(rows))


@pytest.mark.parametrize("made", [trained, discovering])
def test_a_stored_ranker_is_read_bit_for_bit(made: Any):
    stored = made().rows(day(3), "ranker")
    found = BasketRanker.of_rows(stored.sample(fraction=1, shuffle=True, seed=2))
    for field in fields(BasketRanker):
        first, second = getattr(made(), field.name), getattr(found, field.name)
        if field.name == "co_bought":
            for name in ("family_id", "partner_id", "share"):
                np.testing.assert_array_equal(getattr(first, name), getattr(second, name), strict=True)
        elif isinstance(first, np.ndarray):
            np.testing.assert_array_equal(first, second, strict=True)
        elif field.name != "classifiers":
            assert first == second
    history = read(shop())
    np.testing.assert_array_equal(scores(found, history), scores(made(), history))
    assert stored.select("task", "trained_as_of").unique().rows() == [(NEXT_BASKET, day(3))]
    assert stored["served"].to_list() == [["ranker"]] * stored.height
    assert stored.select("part", "tree").is_duplicated().sum() == 0


def test_storing_discovers_the_same_families():
    history, ranker = read([order(99, day, 1, 15) for day in range(5)]), discovering()
    target = Target.expected(history, -1, int(history.day.max()))
    found = []
    for each in (ranker, BasketRanker.of_rows(ranker.rows(day(3), "ranker"))):
        candidates = each.candidates(history, target)
        found.append(each.discoveries(history, target, candidates, each.probabilities(candidates)))
    for first, second in zip(*found, strict=True):
        np.testing.assert_array_equal(first, second)
    assert len(found[0].family)


PARTS = (
    "baskets",
    "calibration",
    "discovery_scale",
    "other_rates",
    "family_next_rate",
    "partner_1",
    "partner_2",
    "trees_3",
)


@pytest.mark.parametrize("part", PARTS)
def test_a_ranker_without_a_part_is_refused(part: str):
    stored = discovering().rows(day(3), "ranker")
    with pytest.raises(StoredTreesError, match="cis train --predictions"):
        BasketRanker.of_rows(stored.filter(pl.col("part") != part))


VALUE = pl.col("value")
DAMAGE = {
    "shorter": VALUE.list.slice(1),
    "nan": pl.concat_list(pl.lit(float("nan")), VALUE.list.slice(1)),
    "null": pl.concat_list(pl.lit(None, pl.Float64), VALUE.list.slice(1)),
}


@pytest.mark.parametrize("part", ["baskets", "calibration", "other_rates", "family_next_rate", "partner_1"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_numbers_are_refused(part: str, damage: str):
    stored = discovering().rows(day(3), "ranker")
    damaged = stored.with_columns(pl.when(pl.col("part") == part).then(DAMAGE[damage]).otherwise(VALUE).alias("value"))
    with pytest.raises(StoredTreesError, match=f"{part} .* damaged"):
        BasketRanker.of_rows(damaged)


@pytest.mark.parametrize("part", ["family_next_rate", "partner_1", "partner_2"])
def test_numbers_of_other_families_are_refused(part: str):
    stored = discovering().rows(day(3), "ranker")
    other = pl.concat_list(pl.lit(10**9), pl.col("ids").list.slice(1))
    damaged = stored.with_columns(pl.when(pl.col("part") == part).then(other).otherwise("ids").alias("ids"))
    with pytest.raises(StoredTreesError, match=f"{part} .* damaged"):
        BasketRanker.of_rows(damaged)


def test_a_ranker_of_other_features_is_refused():
    stored = trained().rows(day(3), "ranker").with_columns(pl.col("features").list.reverse())
    with pytest.raises(StoredTreesError, match="other features"):
        BasketRanker.of_rows(stored)


def test_only_families_that_were_bought_are_stored():
    ranker = train(read([row for row in shop() if 5 not in {line.product_id for line in row.lines}]))
    assert 5 not in ranker.family_id
    families = read(shop()).families
    np.testing.assert_array_equal(
        ranker.rates_of(families)[families.family_numbers(np.array([5]))[0]], ranker.other_rates
    )
