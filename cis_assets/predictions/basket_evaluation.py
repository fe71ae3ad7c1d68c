"""How good next-basket methods are: customers' last baskets, predicted from the orders before them.

Nothing of the last basket is known to a method, except its time in the context `given`. Intervals resample customers,
and compare methods on the same customers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl

from cis_assets.predictions.basket_discovery import discover, popular
from cis_assets.predictions.basket_features import Candidates, Target, rank_in_group, repeat_candidates
from cis_assets.predictions.basket_history import BasketHistory
from cis_assets.predictions.basket_ranker import (
    DISCOVERIES,
    RankerOptions,
    is_bought,
    personal_frequency,
    recency_weighted_frequency,
    train_basket_ranker,
)
from cis_assets.predictions.basket_rates import FamilyCounts
from cis_assets.predictions.basket_targets import KnownBaskets
from cis_assets.predictions.customer_sample import is_held_out
from cis_assets.predictions.evaluation_rows import (
    ALL,
    CONTEXTS,
    EVALUATION_COLUMNS,
    EXPECTED,
    FEWEST_CUSTOMERS,
    HELD_OUT,
    calibration_rows,
    no_calibration,
)
from cis_assets.predictions.model_rows import NEXT_BASKET, RANKER
from cis_assets.predictions.scores import brier_terms, ece, means_by_customer

FREQUENCY, RECENCY = "personal_frequency", "recency_weighted_frequency"
POPULARITY, CO_BOUGHT = "popularity", "co_bought"
METRICS = ("p@1", "p@5", "recall@10", "ndcg@10", "ndcg@10_whole")
REPEAT, DISCOVERY = "repeat", "discovery"
_MUST_IMPROVE = ("recall@10", "ndcg@10")


def basket_metrics(candidates: Candidates, bought: np.ndarray, score: np.ndarray, basket: np.ndarray) -> np.ndarray:
    """METRICS of each customer (customers x metrics), by falling score; NaN for customers whose `basket` is 0.

    `basket` is the number of families to find. ndcg@10 divides by the best possible sum of min(10, basket) families,
    ndcg@10_whole by the best of the whole basket. Ties go to the smaller family number.
    """
    rank = rank_in_group(candidates.customer, score)

    def total(most: int, weight: np.ndarray | None = None) -> np.ndarray:
        rows = (rank < most) & bought
        weights = None if weight is None else weight[rows]
        return np.bincount(candidates.customer[rows], weights=weights, minlength=len(basket)).astype(float)

    discount = 1 / np.log2(np.arange(max(int(basket.max(initial=0)), 10)) + 2)
    ideal = np.append(0.0, np.cumsum(discount))
    gained = total(10, 1 / np.log2(rank + 2))
    size = np.maximum(basket, 1)
    metrics = np.column_stack(
        (total(1), total(5) / 5, total(10) / size, gained / ideal[np.minimum(size, 10)], gained / ideal[size])
    )
    metrics[basket == 0] = np.nan
    return metrics


@dataclass(frozen=True)
class BasketEvaluation:
    """The rows of an evaluation (EVALUATION_COLUMNS), the best method of each context, and the calibration of what serves.

    The method of the context `expected` serves. Without this context there is no calibration.
    """

    rows: pl.DataFrame
    served: Mapping[str, str]
    calibration: pl.DataFrame


def evaluate_baskets(
    history: BasketHistory,
    options: RankerOptions,
    slices: Mapping[str, np.ndarray] | None = None,
    contexts: Sequence[str] = CONTEXTS,
) -> BasketEvaluation:
    """Compare the ranker with the baselines on each customer's last order, in each context.

    The ranker learns from the customers' baskets before their last. Each customer has an own cut, so the trees, the rates of
    families and what is bought together also know orders of others on later days. The slice `held_out_customers`, in the
    context that serves, has a fifth of the customers, by hash, and a ranker that never saw them. `slices` has further groups:
    whether each customer of the history is in it.
    """
    rows: list[dict[str, object]] = []
    served, calibration = {}, no_calibration()
    for context in contexts:
        trial = _Trial.run(history, context, options)
        predicted = np.isin(history.customer_id, trial.customer_id)
        found = trial.rows({name: chosen[predicted] for name, chosen in (slices or {}).items()}, options.seed)
        method = served[context] = choose_method(found)
        rows += [{**row, "context": context, "served": row["method"] in (method, CO_BOUGHT)} for row in found]
        if context == EXPECTED:
            calibration = trial.calibration(method)
    frame = pl.DataFrame([{"task": NEXT_BASKET, **row} for row in rows], schema=EVALUATION_COLUMNS)
    return BasketEvaluation(frame, served, calibration)


@dataclass(frozen=True)
class _Trial:
    """METRICS of each method and customer, for the last baskets in one context.

    `customer_id` has the customers whose last basket is predicted. Of `held_out` ones the ranker is one that never saw them.
    """

    customer_id: np.ndarray
    basket: np.ndarray
    by_method: Mapping[str, np.ndarray]
    held_out: np.ndarray
    by_held_out_method: Mapping[str, np.ndarray]
    repeats: Mapping[str, np.ndarray]
    discoveries: Mapping[str, np.ndarray]
    bought: np.ndarray
    scores: Mapping[str, np.ndarray]

    @classmethod
    def run(cls, history: BasketHistory, context: str, options: RankerOptions) -> _Trial:
        ranker = train_basket_ranker(history, context, options, newest=1)
        strict = None
        if context == EXPECTED:
            others = history.of_customers(~is_held_out(history.customer_id, options.seed))
            strict = train_basket_ranker(others, context, options, newest=1)
        known = KnownBaskets.before_order(history, 0, context, options.history_days, options.seed)
        history, target = known.history, known.target
        basket, again = _basket_sizes(history, target)
        rates = (
            ranker.rates_of(history.families)
            if ranker
            else FamilyCounts.count(history, target.known).rates(history.families.aisle)
        )
        candidates = repeat_candidates(history, target, rates)
        bought = is_bought(history, target, candidates)
        scores = {FREQUENCY: personal_frequency(candidates), RECENCY: recency_weighted_frequency(candidates)}
        if ranker:
            scores[RANKER] = ranker.probabilities(candidates)
        strict_scores = {}
        if strict:
            strict_scores = {FREQUENCY: scores[FREQUENCY], RECENCY: scores[RECENCY]}
            strict_scores[RANKER] = strict.probabilities(strict.candidates(history, target))

        def metrics(found: Mapping[str, np.ndarray], size: np.ndarray) -> dict[str, np.ndarray]:
            return {method: basket_metrics(candidates, bought, score, size) for method, score in found.items()}

        discoveries: dict[str, np.ndarray] = {}
        if ranker:
            shown = {
                POPULARITY: popular(history, target.known, DISCOVERIES),
                CO_BOUGHT: discover(history, target.known, candidates, scores[RANKER], ranker.co_bought, DISCOVERIES),
            }
            for method, found in shown.items():
                pairs = candidates._replace(customer=found.customer, family=found.family)
                hits = is_bought(history, target, pairs)
                discoveries[method] = basket_metrics(pairs, hits, found.score, basket - again)
        return cls(
            customer_id=history.customer_id,
            basket=basket,
            by_method=metrics(scores, basket),
            held_out=is_held_out(history.customer_id, options.seed),
            by_held_out_method=metrics(strict_scores, basket),
            repeats=metrics(scores, again),
            discoveries=discoveries,
            bought=bought,
            scores=scores,
        )

    def rows(self, slices: Mapping[str, np.ndarray], seed: int) -> list[dict[str, object]]:
        everybody = np.ones(len(self.basket), dtype=bool)
        rows = _slice_rows(ALL, self.by_method, everybody, seed)
        rows += _slice_rows(HELD_OUT, self.by_held_out_method, self.held_out, seed)
        rows += _slice_rows(REPEAT, self.repeats, everybody, seed)
        rows += _slice_rows(DISCOVERY, self.discoveries, everybody, seed)
        for name, chosen in slices.items():
            rows += _slice_rows(name, self.by_method, chosen, seed)
        for method, score in self.scores.items() if len(self.bought) else ():
            row = {"method": method, "slice": ALL, "n": len(self.bought)}
            rows.append({**row, "metric": "brier", "value": float(brier_terms(self.bought, score).mean())})
            rows.append({**row, "metric": "ece", "value": ece(self.bought, score)})
        return rows

    def calibration(self, method: str) -> pl.DataFrame:
        """The calibration of a method's probability that the basket has a family."""
        return calibration_rows(NEXT_BASKET, "family in the next basket", method, self.bought, self.scores[method])


def choose_method(rows: Sequence[Mapping[str, object]]) -> str:
    """The most complex method whose paired intervals to each simpler one exclude zero, else the personal frequency.

    Without a ranker no version is stored, so the recency-weighted frequency serves; also if the customers are too few.
    """
    low = {
        (row["method"], row["baseline"], row["metric"]): row["low"]
        for row in rows
        if row["slice"] == ALL and "baseline" in row
    }
    if (RANKER, FREQUENCY, "recall@10") not in low:
        return RECENCY
    methods = (FREQUENCY, RECENCY, RANKER)
    better = [
        method
        for place, method in enumerate(methods)
        if all(low[method, baseline, metric] > 0 for baseline in methods[:place] for metric in _MUST_IMPROVE)  # pyright: ignore[reportOperatorIssue]
    ]
    return better[-1]


def _slice_rows(
    name: str, by_method: Mapping[str, np.ndarray], chosen: np.ndarray, seed: int
) -> list[dict[str, object]]:
    """The metrics of each method, and their differences to each simpler method, for the chosen customers with a basket."""
    # METRICS of a customer without a basket are NaN for every method.
    of_method = {method: metrics[chosen & ~np.isnan(metrics[:, 0])] for method, metrics in by_method.items()}
    count = len(next(iter(of_method.values()), ()))
    if count < FEWEST_CUSTOMERS:
        return []
    compared = [
        (method, baseline, values - of_method[baseline] if baseline else values)
        for place, (method, values) in enumerate(of_method.items())
        for baseline in (None, *list(of_method)[:place])
    ]
    found = means_by_customer(np.hstack([values for *_, values in compared]), np.arange(count), seed)
    return [
        {
            "method": method,
            "slice": name,
            "metric": metric,
            "n": count,
            "value": interval.mean,
            "low": interval.low,
            "high": interval.high,
            **({"baseline": baseline} if baseline else {}),
        }
        for ((method, baseline, _), metric), interval in zip(product(compared, METRICS), found, strict=True)
    ]


def _basket_sizes(history: BasketHistory, target: Target) -> tuple[np.ndarray, np.ndarray]:
    """Families of the target order per customer: all of them, and those that were bought before; 0 without known orders."""
    in_target = history.order == (history.first_order[:-1] + target.known)[history.customer]
    in_target &= target.known[history.customer] > 0
    same = (history.customer[1:] == history.customer[:-1]) & (history.family[1:] == history.family[:-1])
    again = in_target & np.append(False, same)[: len(in_target)]
    size = len(history.customer_id)
    return tuple(np.bincount(history.customer[rows], minlength=size) for rows in (in_target, again))  # pyright: ignore[reportReturnType]
