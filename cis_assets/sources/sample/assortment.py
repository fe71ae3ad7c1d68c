"""The invented assortment of the sample shop: departments, aisles, products, prices, how often each is bought again.

Belongs here: what is read straight off the shelf list. Does not belong here: the list itself
(`assortment_words.py`), nor who buys what and when.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cis_assets.landing.contract import AISLES, DEPARTMENTS, PRODUCTS
from cis_assets.sources.sample.assortment_words import DEPARTMENT_NAMES, SHELVES

_WITHIN_AISLE_DECAY = 1.0


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


@dataclass(frozen=True)
class _Aisle:
    """One aisle of the shelf list: `share` is its share of an average basket, before scaling to 1."""

    department_id: int
    name: str
    rhythm_days: float
    share: float
    prices: tuple[float, ...]
    names: tuple[str, ...]


@cache
def assortment() -> Assortment:
    """The fixed assortment: product ids count from 1 in shelf order, department ids follow DEPARTMENT_NAMES."""
    aisles = _read_shelves(SHELVES)
    sizes = [len(aisle.names) for aisle in aisles]
    popularity = np.concatenate([aisle.share * _shares_by_rank(len(aisle.names)) for aisle in aisles])
    department_id = np.repeat([aisle.department_id for aisle in aisles], sizes)
    return Assortment(
        products=pl.DataFrame(
            {
                "product_id": np.arange(1, sum(sizes) + 1),
                "product_name": [name for aisle in aisles for name in aisle.names],
                "aisle_id": np.repeat(np.arange(1, len(aisles) + 1), sizes),
                "department_id": department_id,
            },
            schema=PRODUCTS.columns,
        ),
        aisles=pl.DataFrame(
            {"aisle_id": range(1, len(aisles) + 1), "aisle": [aisle.name for aisle in aisles]}, schema=AISLES.columns
        ),
        departments=pl.DataFrame(
            {"department_id": range(1, len(DEPARTMENT_NAMES) + 1), "department": DEPARTMENT_NAMES},
            schema=DEPARTMENTS.columns,
        ),
        list_price=np.array([price for aisle in aisles for price in aisle.prices]),
        rhythm_days=np.repeat([aisle.rhythm_days for aisle in aisles], sizes),
        popularity=popularity / popularity.sum(),
        department=department_id - 1,
    )


def _shares_by_rank(products: int) -> NDArray[np.float64]:
    """Shares of an aisle's products, falling with their rank like sales do; they add up to 1."""
    weights = (np.arange(products) + 2.0) ** -_WITHIN_AISLE_DECAY
    return weights / weights.sum()


def _read_shelves(text: str) -> list[_Aisle]:
    aisles: list[_Aisle] = []
    for part in text.strip().split("\n\n"):
        head, *shelves = part.split("\n# ")
        department, department_share = (field.strip() for field in head.strip("[]").split("|"))
        rows = [_read_shelf(shelf) for shelf in shelves]
        weights = sum(weight for _, _, weight, _ in rows)
        for name, rhythm_days, weight, products in rows:
            prices, names = zip(*(line.split(" ", 1) for line in products), strict=True)
            aisles.append(
                _Aisle(
                    department_id=DEPARTMENT_NAMES.index(department) + 1,
                    name=name,
                    rhythm_days=rhythm_days,
                    share=float(department_share) * weight / weights,
                    prices=tuple(map(float, prices)),
                    names=names,
                )
            )
    return aisles


def _read_shelf(text: str) -> tuple[str, float, float, list[str]]:
    head, *products = text.split("\n")
    name, rhythm_days, weight = (field.strip() for field in head.split("|"))
    return name, float(rhythm_days), float(weight), products
