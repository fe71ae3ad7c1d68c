"""The usual days between a customer's orders, as quantiles of the latest gaps, shrunk for customers with few gaps.

`cadences` computes them per customer on any engine, `cadences_of_orders` as of each order in numpy. Both give equal values.

A quantile is a gap of the customer, the smallest that at least the share q of the gaps do not exceed; a median between two
gaps is their mean. A gap that the source caps may be of any greater length, so it ranks after all measured gaps, and a
quantile that falls on it is the least that is known.
"""

from __future__ import annotations

from typing import NamedTuple

import narwhals as nw
import numpy as np

LATEST_GAPS = 20
"""Number of gaps before the last order that count, so a new rhythm is known after ten of them."""
PRIOR_GAPS = 3
"""Number of gaps that the priors weigh as much as."""
CADENCE_PRIOR, P75_PRIOR, P90_PRIOR = 7.5, 12.0, 20.0
"""Median, 75th and 90th percentile of an average customer.

They lie between two real shops: 5, 9 and 15 days in The Complete Journey, 10, 16 and 26 days in Instacart (medians over the
customers with eight gaps). Constants keep a customer's values independent of other customers.
"""

_TIME = ("day_number", "order_of_day")
# Added to a capped gap, so it sorts after every measured one; 45 years.
_CAPPED = np.int16(1 << 14)
_NONE = np.iinfo(np.int16).max


class Cadences(NamedTuple):
    """Per order: shrunk median, 75th and 90th percentile of the gaps up to it, in days."""

    median: np.ndarray
    p75: np.ndarray
    p90: np.ndarray


def cadences(gaps: nw.LazyFrame) -> nw.LazyFrame:
    """One row per customer with a gap: cadence_days, gap_p75_days and gap_p90_days.

    `gaps` is the result of `gaps_between_orders`. Customers without a gap have the priors.
    """
    from_newest = nw.col("day_number").cum_count(reverse=True).over("customer_id", order_by=_TIME)
    latest = gaps.with_columns(from_newest=from_newest).filter(nw.col("from_newest") <= LATEST_GAPS)
    ranked = latest.with_columns(is_capped=nw.when(nw.col("gap_is_minimum")).then(nw.lit(1)).otherwise(nw.lit(0)))
    places = ranked.with_columns(
        place=nw.col("gap_days").cum_count().over("customer_id", order_by=["is_capped", "gap_days", *_TIME]),
        gaps=nw.col("gap_days").count().over("customer_id"),
    )
    before, gap = nw.col("place").cast(nw.Int64) - 1, nw.col("gap_days").cast(nw.Float64)
    number = nw.col("gaps").cast(nw.Int64)
    up_to = places.with_columns(
        lower=nw.when(before * 2 < number).then(gap),
        upper=nw.when(before * 2 <= number).then(gap),
        p75=nw.when(before * 4 < number * 3).then(gap),
        p90=nw.when(before * 10 < number * 9).then(gap),
    )
    figures = up_to.group_by("customer_id").agg(
        nw.col("gaps").max().cast(nw.Float64).alias("gaps"),
        *(nw.col(name).max().alias(name) for name in ("lower", "upper", "p75", "p90")),
    )
    return figures.select(
        "customer_id",
        _shrunk((nw.col("lower") + nw.col("upper")) * 0.5, CADENCE_PRIOR).alias("cadence_days"),
        _shrunk(nw.col("p75"), P75_PRIOR).alias("gap_p75_days"),
        _shrunk(nw.col("p90"), P90_PRIOR).alias("gap_p90_days"),
    )


def cadences_of_orders(gap: np.ndarray, is_capped: np.ndarray, place: np.ndarray) -> Cadences:
    """The cadences as of each order, from the gaps before it and those before its earlier orders.

    Orders are sorted by customer and time; `place` counts from 0 within a customer, whose first order has no gap.
    """
    number = np.minimum(place, LATEST_GAPS)
    lengths = np.minimum(gap, _CAPPED - 1).astype(np.int16) + np.where(is_capped, _CAPPED, np.int16(0))
    latest = np.full((len(gap), LATEST_GAPS), _NONE, dtype=np.int16)
    for back in range(LATEST_GAPS):
        known = np.flatnonzero(number > back)
        latest[known, back] = lengths[known - back]
    latest.sort(axis=1)
    # A capped gap is at least as long as the measured gaps before it.
    latest %= _CAPPED
    np.maximum.accumulate(latest, axis=1, out=latest)
    rows = np.arange(len(gap))

    def at(last: np.ndarray) -> np.ndarray:
        return latest[rows, np.clip(last, 0, LATEST_GAPS - 1)]

    medians = (at((number - 1) // 2) + at(number // 2)) / 2.0
    return Cadences(
        _shrink(medians, number, CADENCE_PRIOR),
        _shrink(at((3 * number - 1) // 4), number, P75_PRIOR),
        _shrink(at((9 * number - 1) // 10), number, P90_PRIOR),
    )


def _shrunk(own: nw.Expr, prior: float) -> nw.Expr:
    # Not a division, which one engine cannot do with these types.
    return (nw.col("gaps") * own + PRIOR_GAPS * prior) * (nw.col("gaps") + PRIOR_GAPS) ** -1.0


def _shrink(own: np.ndarray, number: np.ndarray, prior: float) -> np.ndarray:
    return (number * own + PRIOR_GAPS * prior) / (number + PRIOR_GAPS)
