"""The BG/NBD model of Fader, Hardie and Lee (2005): customers order at their own steady rate until they leave.

Rates follow a gamma distribution (r, alpha). After each order a customer leaves with a probability of their own, which
follows a beta distribution (a, b). Formulas are in logarithms, so neither many orders nor a + b < 1 break them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from cis_assets.errors import OperatorError

_START = (1.0, 1.0, 1.0, 1.0)
# Limits of the logarithms. Where hardly anybody leaves, a / (a + b) tends to 0 and b has no maximum.
_BOUNDS = (-9.0, 9.0)
_NODES = 24


class PurchaseHistoryError(OperatorError):
    """Purchase histories contradict themselves; the message names the rule."""


@dataclass(frozen=True)
class Purchases:
    """Per customer: orders after the first, time from the first to the last of them, time from the first to today.

    Times have any unit, which `alpha` and the times of forecasts share.
    """

    frequency: np.ndarray
    recency: np.ndarray
    age: np.ndarray

    def __post_init__(self) -> None:
        holds = (self.frequency >= 0) & (self.recency >= 0) & (self.recency <= self.age)
        if not np.all(holds & ((self.frequency > 0) == (self.recency > 0))):
            raise PurchaseHistoryError(
                "Purchase histories need 0 <= recency <= age, and a recency of 0 exactly where no order follows the first."
            )


@dataclass(frozen=True)
class BgNbd:
    """A fitted model."""

    r: float
    alpha: float
    a: float
    b: float

    @classmethod
    def fit(cls, purchases: Purchases) -> Self:
        """Maximum likelihood estimates. Equal histories are counted once, so neither row order nor size matter."""
        from scipy.optimize import minimize

        table = np.column_stack([purchases.frequency, purchases.recency, purchases.age]).astype(np.float64)
        if not len(table):
            raise PurchaseHistoryError("The BG/NBD model needs the orders of at least one customer.")
        unique, weight = np.unique(table, axis=0, return_counts=True)
        scale = max(float(unique[:, 2].max()), 1.0) / 40.0
        x, recency, age = unique[:, 0], unique[:, 1] / scale, unique[:, 2] / scale

        def loss(logarithms: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = _log_likelihood(np.exp(logarithms), x, recency, age)
            return -float((weight * value).sum()) / len(table), -(slope * weight).sum(axis=1) / len(table)

        found = minimize(
            loss,
            np.log(_START),
            jac=True,
            method="L-BFGS-B",
            bounds=[_BOUNDS] * 4,
            options={"ftol": 1e-13, "gtol": 1e-8},
        )
        r, alpha, a, b = (float(each) for each in np.exp(found.x))
        return cls(r, alpha * scale, a, b)

    def chance_alive(self, purchases: Purchases) -> np.ndarray:
        """The probability that a customer has not left. It is 1 without an order after the first."""
        x = np.maximum(purchases.frequency, 1)
        left = np.log(self.a) - np.log(self.b + x - 1)
        left = left + (self.r + x) * (np.log(self.alpha + purchases.age) - np.log(self.alpha + purchases.recency))
        return np.where(purchases.frequency > 0, 1 / (1 + np.exp(np.minimum(left, 700.0))), 1.0)

    def chance_of_order(self, purchases: Purchases, time: float) -> np.ndarray:
        """The probability of an order within `time`."""
        none = (self.r + purchases.frequency) * np.log1p(-time / (self.alpha + purchases.age + time))
        return self.chance_alive(purchases) * -np.expm1(none)

    def expected_orders(self, purchases: Purchases, time: float) -> np.ndarray:
        """The expected number of orders within `time`, by Gauss-Jacobi quadrature over the chance to leave."""
        if not len(purchases.frequency):
            return np.zeros(0)
        expected = np.empty(len(purchases.frequency))
        order = np.argsort(purchases.frequency, kind="stable")
        counts, starts = np.unique(purchases.frequency[order], return_index=True)
        for count, rows in zip(counts, np.split(order, starts[1:]), strict=True):
            chance, weight = _beta_quadrature(self.a, self.b + float(count))
            passed = time / (self.alpha + purchases.age[rows])
            # Per chance to leave p: (1 - (1 + p * passed) ** -(r + x)) / p.
            orders = -np.expm1(-(self.r + count) * np.log1p(passed[:, None] * chance)) / chance
            expected[rows] = (orders * weight).sum(axis=1)
        return self.chance_alive(purchases) * expected


def _beta_quadrature(a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights, with sum 1, of means over a beta distribution, by the algorithm of Golub and Welsch.

    `scipy.special.roots_jacobi` needs the beta function, which overflows for customers with many orders.
    """
    from scipy.linalg import eigh_tridiagonal

    alpha, beta, k = b - 1, a - 1, np.arange(1, _NODES, dtype=np.float64)
    both = 2 * k + alpha + beta
    diagonal = np.append((beta - alpha) / (alpha + beta + 2), (beta**2 - alpha**2) / (both * (both + 2)))
    # The general term divides 0 by 0 at k = 1 if a + b = 1.
    later, k = both[1:], k[1:]
    squares = 4 * k * (k + alpha) * (k + beta) * (k + alpha + beta) / (later**2 * (later**2 - 1))
    squares = np.append(4 * (1 + alpha) * (1 + beta) / (both[0] ** 2 * (both[0] + 1)), squares)
    nodes, vectors = eigh_tridiagonal(diagonal, np.sqrt(squares))
    weight = vectors[0] ** 2
    return np.maximum((nodes + 1) / 2, 1e-300), weight / weight.sum()


def _log_likelihood(
    parameters: np.ndarray, x: np.ndarray, recency: np.ndarray, age: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The log-likelihood of each customer, and its slopes by the logarithms of the parameters (4 x customers)."""
    from scipy.special import digamma, gammaln

    r, alpha, a, b = parameters
    has_orders = x > 0
    later = np.maximum(x, 1)
    shared = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    shared = shared + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    stays = -(r + x) * np.log(alpha + age)
    left = np.log(a) - np.log(b + later - 1) - (r + x) * np.log(alpha + recency)
    left = np.where(has_orders, left, -np.inf)
    either = np.logaddexp(stays, left)
    share = np.exp(left - either)
    by_r = digamma(r + x) - digamma(r) + np.log(alpha)
    by_r = by_r - (1 - share) * np.log(alpha + age) - share * np.log(alpha + recency)
    by_alpha = r / alpha - (r + x) * ((1 - share) / (alpha + age) + share / (alpha + recency))
    beta = digamma(a + b) - digamma(a + b + x)
    by_a = beta + share / a
    by_b = beta + digamma(b + x) - digamma(b) - share / (b + later - 1)
    return shared + either, np.stack([by_r * r, by_alpha * alpha, by_a * a, by_b * b])
