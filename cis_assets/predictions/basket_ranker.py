"""The learned ranker of the next basket: trained on customers' earlier baskets, and the closed-form scores it has to beat.

Training predicts baskets of known content from the orders before them, at several cuts per customer. The trees are
scikit-learn's histogram gradient boosting: shallow, three sets from different seeds, which rank better than deep ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Self

import numpy as np
import polars as pl

from cis_assets.predictions.basket_discovery import PARTNERS, CoBought, Discoveries, discover
from cis_assets.predictions.basket_features import BASKET_FEATURES, Candidates, Target, repeat_candidates
from cis_assets.predictions.basket_history import BasketHistory, FamilyIndex
from cis_assets.predictions.basket_rates import RATE_FEATURES, FamilyCounts
from cis_assets.predictions.basket_targets import KnownBaskets
from cis_assets.predictions.bins import Bins
from cis_assets.predictions.calibration import find_intercept
from cis_assets.predictions.customer_sample import Purpose, customer_places
from cis_assets.predictions.model_rows import (
    NEXT_BASKET,
    StoredVersion,
    damaged_part,
    number_row,
    tree_rows,
    version_rows,
)
from cis_assets.predictions.own_threads import run_together
from cis_assets.predictions.trees import Trees

FEWEST_ORDERS = 2
"""A customer's basket is learned from if at least so many orders come before it."""
DISCOVERIES = 3
_FEWEST_REPEATS = 100
_MODELS = 3
_FOLDS = 5
_CALIBRATION_ROWS = 100_000
# Recall counts a product of a small basket more. Weights of purchases fall with the basket's size to this power.
_BASKET_POWER = 0.25
_OTHERS_PER_KEPT = 3


@dataclass(frozen=True)
class RankerOptions:
    """The seed, the days of orders that a snapshot knows, and the most baskets and cuts per customer to learn from.

    Cuts stop when the baskets are enough: many customers give their latest baskets, few customers give all they have. The
    first cut has a basket of every customer, even if these are more than `most_baskets`.
    """

    seed: int = 7
    history_days: int = 365
    most_baskets: int = 20_000
    most_cuts: int = 30


@dataclass(frozen=True)
class BasketRanker:
    """A trained ranker: its classifiers, and what it knows of families over many customers.

    `rates` has a row per `family_id` (families x RATE_FEATURES), and `other_rates` is for families that training did not
    see. `discovery_scale` turns scores of discovery into probabilities. `baskets` is the number of baskets learned from.
    """

    classifiers: tuple[Trees, ...]
    calibration: tuple[float, float]
    family_id: np.ndarray
    rates: np.ndarray
    other_rates: np.ndarray
    co_bought: CoBought
    discovery_scale: float
    baskets: int

    def rates_of(self, families: FamilyIndex) -> np.ndarray:
        """The rates of each family of an index."""
        rates = np.tile(self.other_rates, (len(families), 1))
        number = families.family_numbers(self.family_id)
        rates[number[number >= 0]] = self.rates[number >= 0]
        return rates

    def candidates(self, history: BasketHistory, target: Target) -> Candidates:
        return repeat_candidates(history, target, self.rates_of(history.families))

    def probabilities(self, candidates: Candidates) -> np.ndarray:
        """The probability that each candidate is in the target order: the classifiers' mean log odds, calibrated."""
        from scipy.special import expit

        if not len(candidates.customer):
            return np.zeros(0)
        intercept, slope = self.calibration
        return expit(intercept + slope * _mean_log_odds(self.classifiers, candidates.values))

    def discoveries(
        self, history: BasketHistory, target: Target, candidates: Candidates, probability: np.ndarray
    ) -> Discoveries:
        """Families that are new to a customer, with their probabilities as scores."""
        found = discover(history, target.known, candidates, probability, self.co_bought, DISCOVERIES)
        return found._replace(score=np.minimum(found.score * self.discovery_scale, 1.0))

    def rows(self, trained_as_of: date, served: str) -> pl.DataFrame:
        """The ranker as rows of gold/prediction_models; `served` is the method that serves repeats."""
        parts = [
            number_row("baskets", [self.baskets]),
            number_row("calibration", self.calibration),
            number_row("discovery_scale", [self.discovery_scale]),
            number_row("other_rates", self.other_rates.tolist()),
        ]
        for name, rate in zip(RATE_FEATURES, self.rates.T, strict=True):
            parts.append(number_row(name, rate.tolist(), self.family_id.tolist()))
        for place in range(PARTNERS):
            some = self.co_bought.share[:, place] > 0
            pairs = np.column_stack([self.co_bought.family_id[some], self.co_bought.partner_id[some, place]])
            share = self.co_bought.share[some, place]
            parts.append(number_row(f"partner_{place + 1}", share.tolist(), pairs.ravel().tolist()))
        for place, trees in enumerate(self.classifiers):
            parts += tree_rows(f"trees_{place + 1}", trees)
        return version_rows(NEXT_BASKET, trained_as_of, [served], BASKET_FEATURES, parts)

    @classmethod
    def of_rows(cls, rows: pl.DataFrame) -> Self:
        """Read the rows of `rows()`, in any order. Raises StoredTreesError if a part is missing or damaged."""
        version = StoredVersion.read(rows, BASKET_FEATURES)
        family_id = np.array(version.ids(RATE_FEATURES[0]), dtype=np.int64)
        rates = np.empty((len(family_id), len(RATE_FEATURES)), dtype=np.float32)
        for place, name in enumerate(RATE_FEATURES):
            if version.ids(name) != family_id.tolist():
                raise damaged_part(name)
            rates[:, place] = version.numbers(name, len(family_id))
        intercept, slope = version.numbers("calibration", 2)
        return cls(
            classifiers=tuple(version.trees(f"trees_{place + 1}") for place in range(_MODELS)),
            calibration=(intercept, slope),
            family_id=family_id,
            rates=rates,
            other_rates=np.array(version.numbers("other_rates", len(RATE_FEATURES))),
            co_bought=_stored_partners(version),
            discovery_scale=version.numbers("discovery_scale", 1)[0],
            baskets=int(version.numbers("baskets", 1)[0]),
        )


def _stored_partners(version: StoredVersion) -> CoBought:
    pairs, shares = [], []
    for place in range(PARTNERS):
        name = f"partner_{place + 1}"
        ids = np.array(version.ids(name), dtype=np.int64)
        if len(ids) % 2:
            raise damaged_part(name)
        pairs.append(ids.reshape(-1, 2))
        shares.append(version.numbers(name, len(ids) // 2))
    # Every family has a first partner.
    family_id = pairs[0][:, 0]
    if (np.diff(family_id) <= 0).any():
        raise damaged_part("partner_1")
    partner_id = np.zeros((len(family_id), PARTNERS), dtype=np.int64)
    share = np.zeros((len(family_id), PARTNERS))
    for place in range(PARTNERS):
        row = np.searchsorted(family_id, pairs[place][:, 0])
        if (row >= len(family_id)).any() or (family_id[row] != pairs[place][:, 0]).any():
            raise damaged_part(f"partner_{place + 1}")
        partner_id[row, place], share[row, place] = pairs[place][:, 1], shares[place]
    return CoBought(family_id, partner_id, share)


def personal_frequency(candidates: Candidates) -> np.ndarray:
    """The share of the customer's orders with the family, the plain baseline. Of equal shares, the smaller family is first."""
    return candidates.column("share")


def recency_weighted_frequency(candidates: Candidates) -> np.ndarray:
    """The share of orders with the family, each order weighted 0.9 per order back: the baseline that needs no training."""
    return candidates.column("decay_order_90")


def is_bought(history: BasketHistory, target: Target, candidates: Candidates) -> np.ndarray:
    """Whether the target order has each candidate."""
    in_target = history.order == (history.first_order[:-1] + target.known)[history.customer]
    size = len(history.families)
    bought = history.customer[in_target] * size + history.family[in_target]
    return np.isin(candidates.customer * size + candidates.family, bought)


def train_basket_ranker(
    history: BasketHistory, context: str, options: RankerOptions, newest: int = 0
) -> BasketRanker | None:
    """Learn from the baskets from `newest` orders before the last one backwards; later ones change nothing.

    The calibration has the slope that fits customers whom other trees never saw, and keeps the share of purchases.
    Results depend neither on the order of rows nor on threads. None if the baskets have fewer than 100 repeats, or if all
    candidates are bought. Purchases of families are counted over all customers, so others' later orders count too.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    lessons, baskets = [], 0
    for back in range(newest, newest + options.most_cuts):
        known = KnownBaskets.before_order(
            history, back, context, options.history_days, options.seed, fewest=FEWEST_ORDERS
        )
        cut = len(known.history.customer_id)
        if not cut or (lessons and baskets + cut > options.most_baskets):
            break
        baskets += cut
        lessons.append(_Lesson.of(known))
    bought = np.concatenate([each.bought for each in lessons]) if lessons else np.zeros(0, dtype=bool)
    if bought.sum() < _FEWEST_REPEATS or bought.all():
        return None
    values = np.concatenate([each.candidates.values for each in lessons], dtype=np.float64)
    size = np.maximum(np.concatenate([each.size for each in lessons]), 1).astype(float)
    customer = np.concatenate([each.known.history.customer_id[each.candidates.customer] for each in lessons])
    weight = np.where(bought, size, size[bought].mean()) ** -_BASKET_POWER
    # Trees refuse a feature that is always missing.
    values[:, np.isnan(values).all(axis=0)] = 0.0
    # Most candidates are not bought; some of them, with more weight, teach as much.
    kept = bought | (np.arange(len(bought)) % _OTHERS_PER_KEPT == 0)
    weight = np.where(bought, weight, _OTHERS_PER_KEPT * weight)
    bins = Bins.of(values[kept])
    fold = (customer_places(customer, Purpose.CALIBRATED, options.seed) * _FOLDS).astype(np.int64)

    def grow(model: int, part: np.ndarray) -> Trees:
        classifier = HistGradientBoostingClassifier(
            max_iter=40,
            learning_rate=0.1,
            max_leaf_nodes=8,
            min_samples_leaf=50,
            l2_regularization=10.0,
            max_features=0.4,
            early_stopping=False,  # pyright: ignore[reportArgumentType]
            random_state=options.seed + model,
        )
        chosen = kept & part
        return bins.trees_of(classifier.fit(bins.numbers[part[kept]], bought[chosen], sample_weight=weight[chosen]))

    # Trees are too sure of the rows that they grew on, so others say how sure they should be. Many rows need one fold alone.
    folds = range(min(_FOLDS, -(-_FOLDS * _CALIBRATION_ROWS // len(bought))))
    folds = [each for each in folds if len(np.unique(bought[fold != each])) == 2 and (fold == each).any()]
    trainings = [partial(grow, model, np.ones(len(bought), dtype=bool)) for model in range(_MODELS)]
    grown = run_together([*trainings, *(partial(grow, _MODELS, fold != each) for each in folds)])
    classifiers, slope = tuple(grown[:_MODELS]), 1.0
    if folds:
        log_odds = [trees.sums(values[fold == each]) for each, trees in zip(folds, grown[_MODELS:], strict=True)]
        happened = [bought[fold == each] for each in folds]
        _, slope = fit_calibration(np.concatenate(log_odds), np.concatenate(happened))
    intercept = find_intercept(slope * _mean_log_odds(classifiers, values), float(bought.mean()))
    latest = (
        KnownBaskets.before_order(history, newest - 1, context, options.history_days, options.seed)
        if newest
        else KnownBaskets.as_of(history, int(history.day.max()), options.history_days)
    )
    counts = FamilyCounts.count(latest.history, latest.target.known)
    seen = counts.bought > 0
    ranker = BasketRanker(
        classifiers=classifiers,
        calibration=(intercept, slope),
        family_id=history.families.family_id[seen],
        # Stored models are half as large with short numbers; features are no longer ones.
        rates=counts.rates(history.families.aisle)[seen].astype(np.float32),
        other_rates=counts.overall_rates(),
        co_bought=CoBought.count(latest.history, latest.target.known),
        discovery_scale=1.0,
        baskets=baskets,
    )
    return replace(ranker, discovery_scale=_discovery_scale(ranker, lessons[0]))


@dataclass(frozen=True)
class _Lesson:
    """Candidates of one order of each customer, whether that order has them, and the families of that order."""

    known: KnownBaskets
    candidates: Candidates
    bought: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, known: KnownBaskets) -> Self:
        history, target = known.history, known.target
        candidates = repeat_candidates(history, target, _rates(history, target.known))
        size = history.basket[history.first_order[:-1] + target.known][candidates.customer]
        return cls(known, candidates, is_bought(history, target, candidates), size)


def _mean_log_odds(classifiers: tuple[Trees, ...], values: np.ndarray) -> np.ndarray:
    total = np.zeros(len(values))
    for classifier in classifiers:
        total += classifier.sums(values)
    return total / len(classifiers)


def fit_calibration(log_odds: np.ndarray, bought: np.ndarray) -> tuple[float, float]:
    """Intercept and slope of the logistic regression of purchases on log odds (Platt scaling), by Newton's method."""
    from scipy.special import expit

    intercept, slope = 0.0, 1.0
    for _ in range(25):
        probability = expit(intercept + slope * log_odds)
        error, weight = bought - probability, probability * (1 - probability)
        # Sums without BLAS, whose additions depend on threads. A weak prior keeps the slope near 1.
        gradient = float(error.sum()), float((error * log_odds).sum()) - (slope - 1)
        plain, cross, square = (
            float(weight.sum()) + 1e-9,
            float((weight * log_odds).sum()),
            float((weight * log_odds**2).sum()) + 1,
        )
        determinant = plain * square - cross**2
        step = (
            (square * gradient[0] - cross * gradient[1]) / determinant,
            (plain * gradient[1] - cross * gradient[0]) / determinant,
        )
        intercept, slope = intercept + step[0], slope + step[1]
        if max(map(abs, step)) < 1e-9:
            break
    return intercept, slope


def _rates(history: BasketHistory, known: np.ndarray) -> np.ndarray:
    return FamilyCounts.count(history, known).rates(history.families.aisle)


def _discovery_scale(ranker: BasketRanker, lesson: _Lesson) -> float:
    """New families that the newest baskets had, per unit of score, among those that would have been shown."""
    history, target, candidates = lesson.known.history, lesson.known.target, lesson.candidates
    co_bought = CoBought.count(history, target.known)
    probability = ranker.probabilities(candidates)
    found = discover(history, target.known, candidates, probability, co_bought, DISCOVERIES)
    hits = is_bought(history, target, candidates._replace(customer=found.customer, family=found.family)).sum()
    # Ten made-up scores that are right keep the scale near 1 where little was seen.
    return float((hits + 10) / (found.score.sum() + 10))
