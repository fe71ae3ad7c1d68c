"""What each customer will likely buy next: the ten likeliest repeats, and a few discoveries after them.

A snapshot knows only the orders of the trailing window, so its cost does not grow with the years, and no family is
recommended as a repeat that the customer last bought before it. Products follow silver/products as it is now.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import narwhals as nw
import numpy as np
import polars as pl

from cis_assets.catalog.gold import PRODUCT_RECOMMENDATIONS
from cis_assets.dates import DateRange, day_number, trailing_window
from cis_assets.predictions.basket_discovery import Discoveries
from cis_assets.predictions.basket_evaluation import DISCOVERY, FREQUENCY, RECENCY, REPEAT
from cis_assets.predictions.basket_features import Candidates, Target, rank_in_group, repeat_candidates
from cis_assets.predictions.basket_history import BasketHistory, FamilyIndex
from cis_assets.predictions.basket_ranker import BasketRanker, personal_frequency, recency_weighted_frequency
from cis_assets.predictions.basket_rates import RATE_FEATURES
from cis_assets.predictions.basket_reasons import BOUGHT_WITH, repeat_reasons
from cis_assets.predictions.basket_targets import KnownBaskets
from cis_assets.predictions.model_rows import NEXT_BASKET, RANKER, versions_of_days
from cis_assets.predictions.trees import StoredTreesError
from cis_assets.segmentation.order_windows import customer_bounds, customer_groups, snapshot_window

REPEATS = 10
# Features and scores take about 400 bytes per line, at 10 lines per order.
_LINES_PER_CHUNK = 3_000_000
# A day of a chunk is about 30 MB of recommendations.
_DAYS_AT_ONCE = 7


@dataclass(frozen=True)
class BasketServing:
    """A version of the ranker and the method that serves repeats. Without a version, a baseline serves."""

    ranker: BasketRanker | None = None
    model_version: date | None = None
    served: str = RECENCY

    @classmethod
    def of_version(cls, version: pl.DataFrame) -> BasketServing:
        """What a version of gold/prediction_models serves; empty: none. Raises StoredTreesError if it is damaged."""
        if version.is_empty():
            return cls()
        served = version["served"][0].to_list()
        if len(served) != 1 or served[0] not in (FREQUENCY, RECENCY, RANKER):
            raise StoredTreesError(
                f"The stored next-basket model in gold/prediction_models serves {served}, which this release does not know. "
                "Run `cis train --predictions`."
            )
        return cls(BasketRanker.of_rows(version), version["trained_as_of"][0], served[0])

    def rates_of(self, families: FamilyIndex) -> np.ndarray:
        # No baseline uses the rates.
        return self.ranker.rates_of(families) if self.ranker else np.zeros((len(families), len(RATE_FEATURES)))

    def probabilities(self, candidates: Candidates) -> np.ndarray:
        if self.served == RANKER and self.ranker:
            return self.ranker.probabilities(candidates)
        score = personal_frequency if self.served == FREQUENCY else recency_weighted_frequency
        return np.clip(score(candidates), 0.0, 1.0).astype(float)


def product_recommendations(
    orders: nw.LazyFrame,
    order_items: nw.LazyFrame,
    families: FamilyIndex,
    serving: BasketServing,
    days: Sequence[date],
    history_days: int,
) -> pl.DataFrame:
    """The rows of gold/product_recommendations of `days` (ascending), by day, customer and rank.

    A day has the customers with an order in the `history_days` days that end with it, and knows the orders of these days.
    """
    window = DateRange(trailing_window(days[0], history_days).first, days[-1])
    heads, lines = (snapshot_window(rows, window) for rows in (orders, order_items))
    history = BasketHistory.read(heads, lines, families, day_number(days[-1]))
    made = [_recommend(history, serving, day, history_days) for day in days]
    return pl.concat([PRODUCT_RECOMMENDATIONS.empty(), *made])


def product_recommendations_in_chunks(
    orders: nw.LazyFrame,
    order_items: nw.LazyFrame,
    products: nw.LazyFrame,
    models: pl.DataFrame,
    days: Sequence[date],
    history_days: int,
    line_rows: int,
) -> list[pl.LazyFrame]:
    """The rows of `product_recommendations` as lazy frames of some customers and days each, to be computed one by one.

    `models` are rows of gold/prediction_models; each day has the newest version up to it, and days before
    all versions have the first one. `line_rows` is the number of
    order lines up to the last day. It determines the number of frames. Raises StoredTreesError if a version is damaged.
    """
    families = FamilyIndex.read(products)
    bounds = customer_bounds(orders, math.ceil(line_rows / _LINES_PER_CHUNK))
    groups = list(zip(customer_groups(orders, bounds), customer_groups(order_items, bounds), strict=True))
    frames = []
    for version, served_days in versions_of_days(models, NEXT_BASKET, days):
        serving = BasketServing.of_version(version)
        for start in range(0, len(served_days), _DAYS_AT_ONCE):
            span = served_days[start : start + _DAYS_AT_ONCE]
            for heads, lines in groups:
                rows = partial(product_recommendations, heads, lines, families, serving, span, history_days)
                frames.append(pl.defer(rows, schema=dict(PRODUCT_RECOMMENDATIONS.dtypes)))
    return frames


def _recommend(history: BasketHistory, serving: BasketServing, day: date, history_days: int) -> pl.DataFrame:
    today = day_number(day)
    known = KnownBaskets.as_of(history, today, history_days)
    history, target = known.history, known.target
    candidates = repeat_candidates(history, target, serving.rates_of(history.families))
    probability = serving.probabilities(candidates)
    rank = rank_in_group(candidates.customer, probability)
    top = np.flatnonzero(rank < REPEATS)
    top = top[np.lexsort((rank[top], candidates.customer[top]))]
    frames = [_repeat_rows(history, candidates, probability, rank, top, target, today)]
    if serving.ranker:
        # The scale of discoveries is fitted on the ranker's probabilities, whatever serves repeats.
        if serving.served != RANKER:
            probability = serving.ranker.probabilities(candidates)
        found = serving.ranker.discoveries(history, target, candidates, probability)
        frames.append(_discovery_rows(history, candidates, found))
    rows = pl.concat(frames).with_columns(
        as_of_date=pl.lit(day), model_version=pl.lit(serving.model_version, pl.Date), served=pl.lit(serving.served)
    )
    types = PRODUCT_RECOMMENDATIONS.dtypes
    return rows.select(pl.col(name).cast(kind) for name, kind in types.items()).sort("customer_id", "rank")


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
            "product_family": history.families.family_id[shown.family],
            "probability": probability[top],
            "dueness": dueness,
            "reason_code": pl.Series(code, dtype=pl.String),
            "reason_numbers": pl.Series(numbers, dtype=pl.Array(pl.Int64, 2)).cast(pl.List(pl.Int64)),
        }
    )


def _discovery_rows(history: BasketHistory, candidates: Candidates, found: Discoveries) -> pl.DataFrame:
    families = history.families
    # Candidates are by customer and family.
    repeats = candidates.customer * len(families) + candidates.family
    beside = np.searchsorted(repeats, found.customer * len(families) + found.bought_with)
    shown = families.products[candidates.product[beside]].reshape(-1, 1)
    return pl.DataFrame(
        {
            "customer_id": history.customer_id[found.customer],
            "rank": found.rank + REPEATS + 1,
            "kind": pl.repeat(DISCOVERY, len(found.customer), eager=True),
            "product_id": families.products[families.smallest_in_shop[found.family]],
            "product_family": families.family_id[found.family],
            "probability": found.score,
            "dueness": pl.repeat(None, len(found.customer), dtype=pl.Float64, eager=True),
            "reason_code": pl.repeat(BOUGHT_WITH, len(found.customer), eager=True),
            "reason_numbers": pl.Series(shown, dtype=pl.Array(pl.Int64, 1)).cast(pl.List(pl.Int64)),
        }
    )
