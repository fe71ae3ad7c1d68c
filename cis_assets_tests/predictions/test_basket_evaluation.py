from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.predictions.basket_evaluation import (
    METRICS,
    BasketEvaluation,
    basket_metrics,
    choose_method,
    evaluate_baskets,
)
from cis_assets.predictions.basket_features import Candidates
from cis_assets.predictions.basket_ranker import RankerOptions
from cis_assets_tests.predictions.baskets import order, read, shop


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


def intervals(
    ranker: float, ranker_to_recency: float, recency: float, metric: str = "recall@10"
) -> list[dict[str, object]]:
    """Lower ends of the differences in a metric: the ranker and the recency to the plain frequency, and to each other."""
    compared = [
        ("ranker", "personal_frequency", ranker),
        ("ranker", "recency_weighted_frequency", ranker_to_recency),
        ("recency_weighted_frequency", "personal_frequency", recency),
    ]
    return [
        {"slice": "all", "method": method, "baseline": baseline, "metric": each, "low": low if each == metric else 0.01}
        for method, baseline, low in compared
        for each in ("recall@10", "ndcg@10")
    ]


@pytest.mark.parametrize("metric", ["recall@10", "ndcg@10"])
@pytest.mark.parametrize(
    ("lows", "method"),
    [
        ((0.01, 0.01, 0.01), "ranker"),
        ((0.01, 0.01, -0.01), "ranker"),
        ((0.01, 0.0, 0.01), "recency_weighted_frequency"),
        ((0.01, -0.01, -0.01), "personal_frequency"),
        ((-0.01, 0.01, 0.01), "recency_weighted_frequency"),
        ((-0.01, 0.01, -0.01), "personal_frequency"),
    ],
)
def test_a_method_serves_only_if_it_is_better_than_each_simpler_one(
    lows: tuple[float, float, float], method: str, metric: str
):
    assert choose_method(intervals(*lows, metric=metric)) == method
    others = [{**row, "slice": "active", "low": -1.0} for row in intervals(*lows)]
    assert choose_method([*others, *intervals(*lows, metric=metric)]) == method


def test_without_figures_of_a_ranker_the_recency_weighted_frequency_serves():
    assert choose_method([]) == "recency_weighted_frequency"
    baselines = [row for row in intervals(0.1, 0.1, -0.1) if row["method"] != "ranker"]
    assert choose_method(baselines) == "recency_weighted_frequency"


def test_a_context_alone_has_the_same_figures():
    history = read(shop())
    alone = evaluate_baskets(
        history, RankerOptions(most_baskets=180), {"stage:active": history.customer_id % 2 == 0}, ["expected"]
    )
    assert alone.served == {"expected": evaluated().served["expected"]}
    assert_frame_equal(alone.rows, evaluated().rows.filter(pl.col("context") == "expected"), check_exact=True)


@pytest.mark.parametrize("seed", [4, 5])
def test_a_fifth_of_the_customers_is_held_out_with_every_seed(seed: int):
    history = read(shop(customers=200, orders=5))
    rows = evaluate_baskets(history, RankerOptions(seed, most_cuts=1), contexts=["expected"]).rows
    assert rows.filter(pl.col("slice") == "held_out_customers")["n"].unique().item() == pytest.approx(40, abs=15)


def test_customers_without_a_known_order_in_the_window_are_left_out():
    # Customer 99 ordered 40 days before the last order.
    history = read([*shop(), order(99, 0, 5), order(99, 60, 5)])
    options = RankerOptions(most_baskets=180, history_days=30)
    slices = {"lapsed": history.customer_id == 99, "other": history.customer_id < 99}
    rows = evaluate_baskets(history, options, slices, ["expected"]).rows.filter(pl.col("metric") == "p@1")
    assert "lapsed" not in rows["slice"].to_list()
    counts = {name: rows.filter(pl.col("slice") == name)["n"].unique().item() for name in ("all", "other")}
    assert counts["all"] == counts["other"] <= 60


def test_two_customers_are_too_few_for_figures():
    result = evaluate_baskets(read(shop(customers=2, orders=4)), RankerOptions())
    assert set(result.served.values()) == {"recency_weighted_frequency"}
    assert result.rows.filter(pl.col("metric").is_in(METRICS)).is_empty()
