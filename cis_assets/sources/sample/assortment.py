"""The invented assortment of the sample shop: departments, aisles, products, prices, how often each is bought again.

Belongs here: what is read straight off the shelf list. Does not belong here: the list itself
(`assortment_words.py`), nor who buys what and when.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cis_assets.landing.contract import AISLES, DEPARTMENTS, PRODUCTS
from cis_assets.sources.sample.assortment_words import DEPARTMENT_NAMES, SHELVES


@dataclass(frozen=True)
class Assortment:
    """The shop's products as landing frames, and per product (in the order of `products`) what the sample needs.

    `list_price` is in the shop's currency, `rhythm_days` the days until a household typically buys the product
    again, `popularity` the product's share of an average basket (adds up to 1), `department` the 0-based place
    of its department in `departments`.
    """

    products: pl.DataFrame
    aisles: pl.DataFrame
    departments: pl.DataFrame
    list_price: NDArray[np.float64]
    rhythm_days: NDArray[np.float64]
    popularity: NDArray[np.float64]
    department: NDArray[np.int64]


@cache
def assortment() -> Assortment:
    """The fixed assortment: product ids count from 1 in shelf order, department ids follow DEPARTMENT_NAMES."""
    departments, aisles, rhythms, popularities, prices, names = zip(*_read_aisles(SHELVES), strict=True)
    sizes = [len(products) for products in names]
    popularity = np.concatenate(popularities)
    department_id = np.repeat(departments, sizes)
    return Assortment(
        products=pl.DataFrame(
            {
                "product_id": np.arange(1, sum(sizes) + 1),
                "product_name": [name for products in names for name in products],
                "aisle_id": np.repeat(np.arange(1, len(aisles) + 1), sizes),
                "department_id": department_id,
            },
            schema={name: PRODUCTS.columns[name] for name in PRODUCTS.required},
        ),
        aisles=pl.DataFrame({"aisle_id": range(1, len(aisles) + 1), "aisle": aisles}, schema=AISLES.columns),
        departments=pl.DataFrame(
            {"department_id": range(1, len(DEPARTMENT_NAMES) + 1), "department": DEPARTMENT_NAMES},
            schema=DEPARTMENTS.columns,
        ),
        list_price=np.concatenate(prices),
        rhythm_days=np.repeat(rhythms, sizes),
        popularity=popularity / popularity.sum(),
        department=department_id - 1,
    )


def _read_aisles(text: str) -> Iterator[tuple[Any, ...]]:
    """Per aisle: department id, name, rhythm in days, and its products' popularities (not scaled), prices and names."""
    for part in text.strip().split("\n\n"):
        head, *shelves = part.split("\n# ")
        department, department_share = (field.strip() for field in head.strip("[]").split("|"))
        rows = [shelf.split("\n") for shelf in shelves]
        heads = [[field.strip() for field in row[0].split("|")] for row in rows]
        weights = sum(float(weight) for *_, weight in heads)
        for (name, rhythm_days, weight), (_, *products) in zip(heads, rows, strict=True):
            prices, names = zip(*(line.split(" ", 1) for line in products), strict=True)
            # Sales fall with the rank of a product in its aisle.
            by_rank = (np.arange(len(names)) + 2.0) ** -1.0
            popularity = float(department_share) * float(weight) / weights * (by_rank / by_rank.sum())
            department_id = DEPARTMENT_NAMES.index(department) + 1
            yield department_id, name, float(rhythm_days), popularity, np.array(prices, dtype=np.float64), names
