from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest

from cis_assets.predictions.basket_evaluation import BasketEvaluation, basket_metrics, evaluate_baskets, mean_intervals
from cis_assets.predictions.basket_features import Candidates
from cis_assets.predictions.basket_ranker import RankerOptions
from cis_assets_tests.predictions.baskets import read, shop


@cache
def evaluated() -> BasketEvaluation:
    history = read(shop())
    even = history.customer_id % 2 == 0
    return evaluate_baskets(history, RankerOptions(most_baskets=180), {"stage:active": even})


def pairs(customer: list[int]) -> Candidates:
    place = np.arange(len(customer))
    return Candidates(np.array(customer), place, place, np.zeros((len(customer), 0)))


def test_metrics_count_hits_by_rank():
    candidates = pairs([0] * 6 + [1])
    bought = np.array([True, False, True, False, False, True, False])
    score = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.1])
    metrics = basket_metrics(candidates, bought, score, np.array([12, 1, 0]))
    gained = 1 + 1 / np.log2(4) + 1 / np.log2(7)
    ideal = [sum(1 / np.log2(rank + 2) for rank in range(size)) for size in (10, 12)]
    assert metrics[0] == pytest.approx([1, 2 / 5, 3 / 12, gained / ideal[0], gained / ideal[1]])
    assert metrics[1].tolist() == [0, 0, 0, 0, 0]
    assert np.isnan(metrics[2]).all()


def test_intervals_hold_the_mean_and_do_not_change():
    values = np.random.default_rng(0).normal(1, 1, (100, 2))
    low, high = mean_intervals(values)
    assert ((low < values.mean(axis=0)) & (values.mean(axis=0) < high)).all()
    assert high - low == pytest.approx(np.full(2, 2 * 1.96 / 10), rel=0.25)
    np.testing.assert_array_equal(mean_intervals(values)[0], low)


def test_rows_compare_each_method_with_the_simpler_ones_in_both_contexts():
    rows = evaluated().rows
    key = ["method", "slice", "context", "metric", "baseline"]
    assert rows.select(key).is_duplicated().sum() == 0
    overall = rows.filter(pl.col("slice") == "all", pl.col("metric") == "recall@10")
    assert (
        overall.filter(pl.col("method") == "ranker")["baseline"].to_list()
        == [
            None,
            "personal_frequency",
            "recency_weighted_frequency",
        ]
        * 2
    )
    assert set(rows["slice"]) == {"all", "held_out_customers", "repeat", "discovery", "stage:active"}
    assert overall["n"].to_list() == [60] * overall.height
    assert rows.filter(pl.col("slice") == "stage:active")["n"].unique().to_list() == [30]
    values = dict(
        overall.filter(pl.col("context") == "given", pl.col("baseline").is_null()).select("method", "value").rows()
    )
    better = overall.filter(
        pl.col("context") == "given", pl.col("method") == "ranker", pl.col("baseline") == "personal_frequency"
    )
    assert better["value"].item() == pytest.approx(values["ranker"] - values["personal_frequency"])


def test_the_ranker_serves_only_where_its_paired_intervals_exclude_zero():
    rows, served = evaluated().rows, evaluated().served
    for context, method in served.items():
        found = rows.filter(pl.col("context") == context, pl.col("slice") == "all", pl.col("served"))
        assert set(found["method"]) == {method}
    lows = rows.filter(
        pl.col("context") == "given",
        pl.col("slice") == "all",
        pl.col("method") == served["given"],
        pl.col("baseline") == "personal_frequency",
        pl.col("metric").is_in(["recall@10", "ndcg@10"]),
    )["low"]
    assert served["given"] != "personal_frequency"
    assert lows.min() > 0


def test_two_customers_are_too_few_for_figures():
    result = evaluate_baskets(read(shop(customers=2, orders=4)), RankerOptions())
    assert set(result.served.values()) == {"recency_weighted_frequency"}
