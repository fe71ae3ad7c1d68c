"""Made-up baskets that the tests of the next basket share."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw
import numpy as np
import polars as pl

from cis_assets.predictions.basket_history import BasketHistory, FamilyIndex
from cis_assets.predictions.basket_targets import KnownBaskets
from cis_assets_tests.segmentation.histories import Line, Order, history

PRODUCTS = pl.DataFrame(
    {
        "product_id": list(range(1, 41)),
        # Products 1 and 2 are one family.
        "product_name": ["milk", "milk", *(f"product {number}" for number in range(3, 41))],
        "display_name": [None] * 40,
        "aisle_id": [1, 1, *(1 + number % 4 for number in range(3, 41))],
        "aisle": ["a1", "a1", *(f"a{1 + number % 4}" for number in range(3, 41))],
        "in_stock": [None] * 40,
        "delisted_at": [None] * 40,
    },
    schema_overrides={"display_name": pl.String, "in_stock": pl.Boolean, "delisted_at": pl.Date},
)
LAST_DAY = 10**6


def order(customer: int, day: int, *products: int, hour: int = 9) -> Order:
    return Order(customer, day, tuple(Line(product) for product in products), hour=hour)


def read(orders: Sequence[Order], *, shuffled: int | None = None, last_day: int = LAST_DAY) -> BasketHistory:
    """The history of the orders, optionally from rows in another order."""
    heads, lines, products = silver(orders, shuffled=shuffled)
    return BasketHistory.read(heads, lines, FamilyIndex.read(products), last_day)


def before_order(
    history: BasketHistory, context: str = "given", back: int = 0, *, history_days: int = 365, seed: int = 7
) -> KnownBaskets:
    return KnownBaskets.before_order(history, back, context, history_days, seed)


def silver(
    orders: Sequence[Order], *, shuffled: int | None = None, products: pl.DataFrame = PRODUCTS
) -> tuple[nw.LazyFrame, nw.LazyFrame, nw.LazyFrame]:
    """The rows of silver/orders, silver/order_items and silver/products, optionally in another order."""
    tables = history(list(orders))
    frames = [tables.orders, tables.order_items, products]
    if shuffled is not None:
        frames = [frame.sample(fraction=1, shuffle=True, seed=shuffled) for frame in frames]
    heads, lines, products_read = (nw.from_native(frame.lazy()) for frame in frames)
    return heads, lines, products_read


def shop(customers: int = 60, orders: int = 12, seed: int = 3) -> list[Order]:
    """Customers with staples, products bought in turns, and chance; so recency and cadence tell more than counts."""
    generator = np.random.default_rng(seed)
    made = []
    for customer in range(1, customers + 1):
        staples, rare = generator.choice(np.arange(1, 21), 7, replace=False), generator.integers(21, 31, 3)
        given_up = generator.choice(np.arange(31, 41), 7, replace=False)
        day = int(generator.integers(0, 7))
        for number in range(orders):
            basket = [product for product in staples if generator.random() < 0.5]
            basket += list(rare) if number % 4 == 3 else []
            basket += [product for product in given_up if generator.random() < 0.8] if number < orders // 2 else []
            basket += list(generator.integers(1, 41, 2))
            made.append(order(customer, day, *dict.fromkeys(int(product) for product in basket), hour=9 + number % 3))
            day += int(generator.integers(3, 12))
    return made
