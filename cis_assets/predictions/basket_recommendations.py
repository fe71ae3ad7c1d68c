"""What each customer will likely buy next: the ten likeliest repeats, and a few discoveries after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl

from cis_assets.predictions.basket_discovery import Discoveries
from cis_assets.predictions.basket_evaluation import FREQUENCY, RANKER, RECENCY
from cis_assets.predictions.basket_features import Candidates, Target, rank_in_group, repeat_candidates
from cis_assets.predictions.basket_history import BasketHistory
from cis_assets.predictions.basket_ranker import BasketRanker, personal_frequency, recency_weighted_frequency
from cis_assets.predictions.basket_rates import FamilyCounts
from cis_assets.predictions.basket_reasons import BOUGHT_WITH, repeat_reasons

REPEATS = 10
REPEAT, DISCOVERY = "repeat", "discovery"
RECOMMENDATION_COLUMNS = {
    "customer_id": pl.Int64(),
    "rank": pl.Int32(),
    "kind": pl.String(),
    "product_id": pl.Int64(),
    "family_id": pl.Int64(),
    "probability": pl.Float64(),
    "dueness": pl.Float64(),
    "reason_code": pl.String(),
    "reason_numbers": pl.List(pl.Int64()),
    "served": pl.String(),
}
"""Ranks 1 to 10 are repeats, by falling probability; discoveries have the ranks from 11.

`product_id` is the product of the family that the customer bought last; a discovery has the smallest of its family.
`dueness` is the days since the last purchase over the usual days between purchases; null after a single purchase.
"""


def recommend(
    histories: Iterable[BasketHistory], ranker: BasketRanker | None, served: str, today: int
) -> Iterator[pl.DataFrame]:
    """The recommendations of a day (a day number) for customers, chunk by chunk: RECOMMENDATION_COLUMNS.

    `histories` end with the day. `served` is the method that an evaluation chose; without a ranker, or for a method that
    needs none, there are no discoveries unless the ranker is given.
    """
    for history in histories:
        yield _recommend(history, ranker, served if ranker or served != RANKER else RECENCY, today)


def _recommend(history: BasketHistory, ranker: BasketRanker | None, served: str, today: int) -> pl.DataFrame:
    target = Target.expected(history, -1, today)
    rates = ranker.rates_of(history.families) if ranker else _own_rates(history, target)
    candidates = repeat_candidates(history, target, rates)
    probability = _probabilities(candidates, ranker, served)
    rank = rank_in_group(candidates.customer, probability)
    top = np.flatnonzero(rank < REPEATS)
    top = top[np.lexsort((rank[top], candidates.customer[top]))]
    frames = [_repeat_rows(history, candidates, probability, rank, top, target, today)]
    if ranker:
        found = ranker.discoveries(history, target, candidates, probability)
        frames.append(_discovery_rows(history, found))
    rows = pl.concat(frames).with_columns(served=pl.lit(served))
    return rows.select(pl.col(name).cast(kind) for name, kind in RECOMMENDATION_COLUMNS.items()).sort(
        "customer_id", "rank"
    )


def _probabilities(candidates: Candidates, ranker: BasketRanker | None, served: str) -> np.ndarray:
    if served == RANKER and ranker:
        return ranker.probabilities(candidates)
    score = {FREQUENCY: personal_frequency, RECENCY: recency_weighted_frequency}[served](candidates)
    return np.clip(score, 0.0, 1.0).astype(float)


def _own_rates(history: BasketHistory, target: Target) -> np.ndarray:
    return FamilyCounts.count(history, target.known).rates(history.families.aisle)


def _repeat_rows(
    history: BasketHistory,
    candidates: Candidates,
    probability: np.ndarray,
    rank: np.ndarray,
    top: np.ndarray,
    target: Target,
    today: int,
) -> pl.DataFrame:
    shown = candidates._replace(
        customer=candidates.customer[top],
        family=candidates.family[top],
        product=candidates.product[top],
        values=candidates.values[top],
    )
    # The feature counts up to the expected day of the order.
    days_ago = np.rint(shown.column("days_since_last")).astype(np.int64) - (target.day[shown.customer] - today)
    gap = shown.column("gap_days").astype(float)
    code, numbers = repeat_reasons(shown, days_ago)
    dueness = pl.Series(np.where(gap > 0, days_ago / np.maximum(gap, 1e-9), np.nan)).fill_nan(None)
    return pl.DataFrame(
        {
            "customer_id": history.customer_id[shown.customer],
            "rank": rank[top] + 1,
            "kind": pl.repeat(REPEAT, len(top), eager=True),
            "product_id": history.families.products[shown.product],
            "family_id": history.families.family_id[shown.family],
            "probability": probability[top],
            "dueness": dueness,
            "reason_code": pl.Series(code, dtype=pl.String),
            "reason_numbers": pl.Series(numbers, dtype=pl.Array(pl.Int64, 2)).cast(pl.List(pl.Int64)),
        }
    )


def _discovery_rows(history: BasketHistory, found: Discoveries) -> pl.DataFrame:
    families = history.families
    smallest = families.family_id[found.bought_with].reshape(-1, 1)
    return pl.DataFrame(
        {
            "customer_id": history.customer_id[found.customer],
            "rank": found.rank + REPEATS + 1,
            "kind": pl.repeat(DISCOVERY, len(found.customer), eager=True),
            "product_id": families.family_id[found.family],
            "family_id": families.family_id[found.family],
            "probability": found.score,
            "dueness": pl.repeat(None, len(found.customer), dtype=pl.Float64, eager=True),
            "reason_code": pl.repeat(BOUGHT_WITH, len(found.customer), eager=True),
            "reason_numbers": pl.Series(smallest, dtype=pl.Array(pl.Int64, 1)).cast(pl.List(pl.Int64)),
        }
    )
