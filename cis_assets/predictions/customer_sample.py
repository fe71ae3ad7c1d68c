"""Samples of customers by a hash of their ids: the same customers in any order, on any day and machine."""

import numpy as np


def customer_places(customers: np.ndarray, purpose: int) -> np.ndarray:
    """A number from 0 to 1 for each customer id; places of different purposes (small whole numbers) are independent.

    Customers below 0.2 are a random fifth. The hash is splitmix64.
    """
    mixed = customers.astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15 * (purpose + 1) % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / 2.0**53
