"""Forecasts of the next order that need no learning, only counts: what a learned model has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np

from cis_assets.predictions.bgnbd import BgNbd, Purchases
from cis_assets.predictions.next_order_features import FeatureRows
from cis_assets.predictions.next_order_outcomes import LATER, LONG, SOON, Forecast, Outcomes

_RATE_DAYS, _PRIOR_DAYS = 56, 7
_LONGEST_WAIT = 400
_PRIOR_GAPS = 2.0
# The hazard of the day before counts as much as so many gaps, which matters on days with few.
_SMOOTHING = 50.0
# An order is possible on every day.
_LEAST_HAZARD = 1e-5
_ROWS_AT_ONCE = 50_000


class Baseline(Protocol):
    """A forecast with `size` parameters that are numbers, so they can be stored as a list.

    It is fitted on rows with outcomes, and on the rows of all customers on the newest as-of day, whose outcomes are not known.
    """

    method: ClassVar[str]
    size: ClassVar[int]

    @classmethod
    def fit(cls, rows: FeatureRows, outcomes: Outcomes, newest: FeatureRows) -> Self: ...

    def forecast(self, rows: FeatureRows) -> Forecast: ...

    def parameters(self) -> list[float]: ...

    @classmethod
    def of_parameters(cls, parameters: list[float]) -> Self: ...


@dataclass(frozen=True)
class BaseRate:
    """The same for every customer: what happened on average."""

    method: ClassVar[str] = "base_rate"
    size: ClassVar[int] = 3
    mean: Forecast

    @classmethod
    def fit(cls, rows: FeatureRows, outcomes: Outcomes, newest: FeatureRows) -> Self:
        per_day = outcomes.orders.sum() / max(outcomes.exposure.sum(), 1.0)
        return cls(Forecast(_mean(outcomes.within_7d), _mean(outcomes.within_28d), per_day * LONG))

    def forecast(self, rows: FeatureRows) -> Forecast:
        return Forecast(*(np.full(len(rows), value) for value in self.mean))

    def parameters(self) -> list[float]:
        return [float(value) for value in self.mean]

    @classmethod
    def of_parameters(cls, parameters: list[float]) -> Self:
        return cls(Forecast(*(np.float64(value) for value in parameters)))  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class OwnRate:
    """The customer's orders of the last 56 days go on at their rate (Poisson), with 7 days at the average rate added."""

    method: ClassVar[str] = "own_rate"
    size: ClassVar[int] = 1
    average_per_day: float

    @classmethod
    def fit(cls, rows: FeatureRows, outcomes: Outcomes, newest: FeatureRows) -> Self:
        return cls(float(outcomes.orders.sum() / max(outcomes.exposure.sum(), 1.0)))

    def forecast(self, rows: FeatureRows) -> Forecast:
        days = np.minimum(rows.column("tenure_days") + 1, _RATE_DAYS)
        rate = (rows.column("orders_56d") + _PRIOR_DAYS * self.average_per_day) / (days + _PRIOR_DAYS)
        return Forecast(-np.expm1(-rate * SOON), -np.expm1(-rate * LATER), rate * LONG)

    def parameters(self) -> list[float]:
        return [self.average_per_day]

    @classmethod
    def of_parameters(cls, parameters: list[float]) -> Self:
        return cls(*parameters)


@dataclass(frozen=True)
class PersonalCadence:
    """The customer's own latest gaps that are longer than the days since the last order say how it goes on.

    `hazards[t]` is the share of all customers' gaps of at least t days that end after t days, where capped and open gaps
    count as long as they are known (Kaplan-Meier). It weighs as much as two gaps of the customer on each day.
    """

    method: ClassVar[str] = "personal_cadence"
    size: ClassVar[int] = _LONGEST_WAIT + 2
    hazards: np.ndarray
    average_gap: float

    @classmethod
    def fit(cls, rows: FeatureRows, outcomes: Outcomes, newest: FeatureRows) -> Self:
        exists = newest.gaps >= 0
        length = np.minimum(newest.gaps, _LONGEST_WAIT)
        ended = np.bincount(length[exists & ~newest.is_capped], minlength=_LONGEST_WAIT + 1)
        capped = np.bincount(length[exists & newest.is_capped], minlength=_LONGEST_WAIT + 1)
        still_open = np.minimum(newest.column("recency_days"), _LONGEST_WAIT).astype(np.int64)
        known = ended + capped + np.bincount(still_open, minlength=_LONGEST_WAIT + 1)
        # A gap that is open at t days did not end on that day. Nobody knows it of one that is capped at t days.
        at_risk = np.cumsum(known[::-1])[::-1] - capped
        hazards = np.zeros(_LONGEST_WAIT + 1)
        before = 1.0 / 14
        for day in range(1, _LONGEST_WAIT):
            before = max((ended[day] + _SMOOTHING * before) / (at_risk[day] + _SMOOTHING), _LEAST_HAZARD)
            hazards[day] = before
        hazards[_LONGEST_WAIT] = before
        measured = length[exists]
        return cls(hazards, float(measured.mean()) if len(measured) else 14.0)

    def still_waiting(self, rows: FeatureRows) -> np.ndarray:
        """The probability of no order within 0, 1, ... 90 days (rows x 91)."""
        waiting = np.ones((len(rows), LONG + 1))
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            self._follow(rows.take(np.arange(start, min(start + _ROWS_AT_ONCE, len(rows)))), waiting[start:])
        return waiting

    def _follow(self, rows: FeatureRows, waiting: np.ndarray) -> None:
        gaps = np.ascontiguousarray(rows.gaps.T)
        measured = np.where(rows.is_capped.T, np.int16(-1), gaps)
        recency = rows.column("recency_days").astype(np.int16)
        longer = (gaps > recency).sum(axis=0)
        for day in range(1, LONG + 1):
            ended = (measured == recency + day).sum(axis=0)
            average = self.hazards[np.minimum(recency.astype(np.int64) + day, _LONGEST_WAIT)]
            capped = ((gaps == recency + day).sum(axis=0)) - ended
            hazard = (ended + _PRIOR_GAPS * average) / (longer - capped + _PRIOR_GAPS)
            waiting[: len(rows), day] = waiting[: len(rows), day - 1] * (1 - hazard)
            longer = longer - ended - capped

    def forecast(self, rows: FeatureRows) -> Forecast:
        waiting = self.still_waiting(rows)
        exists = rows.gaps >= 0
        total, number = np.where(exists, rows.gaps, 0).sum(axis=1, dtype=np.int64), exists.sum(axis=1)
        gap = np.maximum((total + _PRIOR_GAPS * self.average_gap) / (number + _PRIOR_GAPS), 0.5)
        expected = np.zeros(len(rows))
        for day in range(1, LONG + 1):
            # The first order comes on this day, and the others follow at the mean gap.
            expected += (waiting[:, day - 1] - waiting[:, day]) * (1 + (LONG - day) / gap)
        return Forecast(1 - waiting[:, SOON], 1 - waiting[:, LATER], expected)

    def parameters(self) -> list[float]:
        return [self.average_gap, *self.hazards.tolist()]

    @classmethod
    def of_parameters(cls, parameters: list[float]) -> Self:
        return cls(np.array(parameters[1:]), parameters[0])


@dataclass(frozen=True)
class BuyTillYouLeave:
    """BG/NBD on the days with orders, fitted on the newest as-of day; times are in weeks."""

    method: ClassVar[str] = "bg_nbd"
    size: ClassVar[int] = 5
    model: BgNbd
    orders_per_order_day: float

    @classmethod
    def fit(cls, rows: FeatureRows, outcomes: Outcomes, newest: FeatureRows) -> Self:
        per_day = newest.column("order_count").sum() / newest.column("order_days").sum()
        return cls(BgNbd.fit(_purchases(newest)), float(per_day))

    def forecast(self, rows: FeatureRows) -> Forecast:
        purchases = _purchases(rows)
        soon, later = (self.model.chance_of_order(purchases, days / 7) for days in (SOON, LATER))
        return Forecast(soon, later, self.model.expected_orders(purchases, LONG / 7) * self.orders_per_order_day)

    def parameters(self) -> list[float]:
        model = self.model
        return [model.r, model.alpha, model.a, model.b, self.orders_per_order_day]

    @classmethod
    def of_parameters(cls, parameters: list[float]) -> Self:
        return cls(BgNbd(*parameters[:-1]), parameters[-1])


BASELINES: tuple[type[Baseline], ...] = (BaseRate, OwnRate, PersonalCadence, BuyTillYouLeave)
"""All baselines; `method` is the name of each in tables."""


def _purchases(rows: FeatureRows) -> Purchases:
    age = rows.column("tenure_days")
    return Purchases(rows.column("order_days") - 1, (age - rows.column("recency_days")) / 7, age / 7)


def _mean(values: np.ndarray) -> np.ndarray:
    known = values[~np.isnan(values)]
    return known.mean() if len(known) else np.float64(0.5)  # pyright: ignore[reportReturnType]
