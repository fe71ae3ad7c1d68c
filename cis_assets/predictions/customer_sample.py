"""Samples of customers by a hash of their ids: the same customers in any order, on any day and machine."""

from enum import IntEnum, unique

import numpy as np

HELD_OUT_SHARE = 0.2
"""The share of customers that an evaluation does not train on."""

_STEP = np.uint64(0x9E3779B97F4A7C15)


@unique
class Purpose(IntEnum):
    """What customers are sampled for. The places of two purposes are independent."""

    HELD_OUT = 2
    TRAINING_ROWS = 3
    READ = 4
    EVALUATED = 5
    CALIBRATED = 6
    TODAY = 7


def customer_places(customers: np.ndarray, purpose: int, seed: int = 0, turn: int | np.ndarray = 0) -> np.ndarray:
    """A number from 0 to 1 for each customer id; places of different purposes, seeds and turns are independent.

    `turn` is one number, or one per customer: a day, for instance. Customers below 0.2 are a random fifth. The hash is
    splitmix64.
    """
    mixed = np.zeros(1, dtype=np.uint64)
    for part in (purpose, seed, turn, customers):
        mixed = _mix(mixed + np.asarray(part, dtype=np.int64).view(np.uint64))
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53


def is_sampled(customers: np.ndarray, purpose: int, most: int) -> np.ndarray:
    """Which customers (different ids) are the sample of a purpose: `most` of them, or all if they are fewer."""
    places = customer_places(customers, purpose)
    return np.argsort(np.argsort(places, kind="stable"), kind="stable") < most


def is_held_out(customers: np.ndarray, seed: int, share: float = HELD_OUT_SHARE) -> np.ndarray:
    """Which customers an evaluation does not train on: the same ones for both predictions."""
    return customer_places(customers, Purpose.HELD_OUT, seed) < share


def _mix(numbers: np.ndarray) -> np.ndarray:
    mixed = numbers + _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
