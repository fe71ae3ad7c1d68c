"""Discovery: product families that a customer never bought, and that orders often have beside what the customer buys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from cis_assets.predictions.basket_features import Candidates, first_of_groups, rank_in_group
from cis_assets.predictions.basket_history import BasketHistory, FamilyIndex

PARTNERS = 5
SOURCES = 10
_RECENT_ORDERS = 5
_FEWEST_TOGETHER = 3
_LEAST_LIFT = 1.5
_PRIOR = 10.0
_POPULAR = 300


class Discoveries(NamedTuple):
    """Families that customers never bought, by customer and rank (from 0), with a score and the family they are bought with.

    Customers and families are numbers in the history, not ids. Popular families have themselves in `bought_with`.
    """

    customer: np.ndarray
    family: np.ndarray
    bought_with: np.ndarray
    score: np.ndarray
    rank: np.ndarray


@dataclass(frozen=True)
class CoBought:
    """For each family, by id, the ids of at most PARTNERS families that are often in the same order, and how often.

    A partner is in `share` of the orders with the family (shrunk), at least 1.5 times as often as in all orders.
    Places without a partner have a share of 0.
    """

    family_id: np.ndarray
    partner_id: np.ndarray
    share: np.ndarray

    @classmethod
    def count(cls, history: BasketHistory, known: np.ndarray) -> Self:
        """Count in the latest five of the first `known[c]` orders of each customer c."""
        from scipy import sparse

        end = history.first_order[:-1] + known
        begin = np.maximum(end - _RECENT_ORDERS, history.first_order[:-1])
        kept = (history.order < end[history.customer]) & (history.order >= begin[history.customer])
        order, family = history.order[kept], history.family[kept]
        size = len(history.families)
        orders = max(len(np.unique(order)), 1)
        ones = np.ones(len(order), dtype=np.int32)
        baskets = sparse.csr_matrix((ones, (order, family)), shape=(len(history.day), size))
        together = (baskets.T @ baskets).tocoo()
        bought = np.bincount(family, minlength=size)
        first, second, number = together.row, together.col, together.data
        chosen = (first != second) & (number >= _FEWEST_TOGETHER)
        first, second, number = first[chosen], second[chosen], number[chosen]
        share = number / (bought[first] + _PRIOR)
        lifted = share * orders >= _LEAST_LIFT * bought[second]
        first, second, share = first[lifted], second[lifted], share[lifted]
        place = np.lexsort((second, -share, first))
        first, second, share = first[place], second[place], share[place]
        rank = rank_in_group(first, share)
        top = rank < PARTNERS
        partner_id = np.zeros((size, PARTNERS), dtype=np.int64)
        shares = np.zeros((size, PARTNERS))
        partner_id[first[top], rank[top]] = history.families.family_id[second[top]]
        # Stored models are half as large with short numbers.
        shares[first[top], rank[top]] = share[top].astype(np.float32)
        some = np.flatnonzero(shares[:, 0] > 0)
        some = some[np.argsort(history.families.family_id[some])]
        return cls(history.families.family_id[some], partner_id[some], shares[some])

    def numbered(self, families: FamilyIndex) -> tuple[np.ndarray, np.ndarray]:
        """Partners and shares of each family of an index (families x PARTNERS); families that are gone have share 0."""
        partner = np.zeros((len(families), PARTNERS), dtype=np.int64)
        share = np.zeros((len(families), PARTNERS))
        number = families.family_numbers(self.family_id)
        there = number >= 0
        other = families.family_numbers(self.partner_id[there].ravel()).reshape(-1, PARTNERS)
        partner[number[there]] = np.maximum(other, 0)
        share[number[there]] = np.where(other >= 0, self.share[there], 0.0)
        return partner, share


def popular(history: BasketHistory, known: np.ndarray, most: int) -> Discoveries:
    """The families in most of the known orders that a customer never bought: the baseline of discovery."""
    had = history.order < (history.first_order[:-1] + known)[history.customer]
    orders = np.bincount(history.family[had], minlength=len(history.families))
    best = np.argsort(-orders, kind="stable")[:_POPULAR]
    place = np.full(len(orders), len(best))
    place[best] = np.arange(len(best))
    is_new = np.ones((len(history.customer_id), len(best) + 1), dtype=bool)
    is_new[history.customer[had], place[history.family[had]]] = False
    is_new[known == 0] = False
    shown = is_new[:, :-1] & (np.cumsum(is_new[:, :-1], axis=1) <= most)
    customer, column = np.nonzero(shown)
    score = orders[best[column]].astype(float)
    return Discoveries(customer, best[column], best[column], score, rank_in_group(customer, score))


def discover(
    history: BasketHistory,
    known: np.ndarray,
    repeats: Candidates,
    probability: np.ndarray,
    co_bought: CoBought,
    most: int,
) -> Discoveries:
    """At most `most` families per customer that are in none of the customer's first `known[c]` orders.

    The score of a family is the sum, over the customer's ten likeliest repeats, of the probability of the repeat times the
    share of its orders that have the family. `bought_with` is the repeat that adds most.
    """
    partner, share = co_bought.numbered(history.families)
    source = np.flatnonzero(rank_in_group(repeats.customer, probability) < SOURCES)
    bought_with = np.repeat(repeats.family[source], PARTNERS)
    family = partner[repeats.family[source]].ravel()
    score = (share[repeats.family[source]] * probability[source, None]).ravel()
    pair = np.repeat(repeats.customer[source], PARTNERS) * len(history.families) + family
    # Lines are by customer and family, so their pairs ascend.
    had = history.order < (history.first_order[:-1] + known)[history.customer]
    owned = history.customer[had] * len(history.families) + history.family[had]
    place = np.minimum(np.searchsorted(owned, pair), max(len(owned) - 1, 0))
    fresh = score > 0
    if len(owned):
        fresh &= owned[place] != pair
    pair, score, bought_with = pair[fresh], score[fresh], bought_with[fresh]
    order = np.lexsort((bought_with, -score, pair))
    pair, score, bought_with = pair[order], score[order], bought_with[order]
    starts = first_of_groups(pair)
    total = np.add.reduceat(score, starts) if len(starts) else score
    customer, family = np.divmod(pair[starts], max(len(history.families), 1))
    rank = rank_in_group(customer, total)
    found = np.lexsort((rank, customer))
    found = found[rank[found] < most]
    return Discoveries(customer[found], family[found], bought_with[starts][found], total[found], rank[found])
