"""Dirty rows: lines that a real landing folder would also hold, for the reader and the rules of silver to reject.

Belongs here: the kinds of dirt, as lines of CSV text. Does not belong here: clean rows.
"""

from numpy.random import Generator

from cis_assets.sources.sample.archetypes import Floats

FIRST_DIRTY_ID = 9_000_000_000
"""Dirty rows carry order ids from here on, clean rows ids far below."""

DIRTY_ORDERS = (
    "{id},{customer},noon",
    "{id},{customer}",
    "{id},{customer},{hour},app",
    "{id},{customer},25",
    "{id},,{hour}",
    "A-{id},{customer},{hour}",
)
DIRTY_ORDER_ITEMS = (
    "{id},{product},first,1,{price}",
    "{id},{product},1",
    "{id},{product},1,1,{price},{price}",
    "{id},{unknown},1,1,{price}",
    "{id},,1,1,{price}",
    "{id},{product},1,0,{price}",
    "{id},{product},1,-2,{price}",
    "{id},{product},1,one,{price}",
    "{id},{product},1,1,free",
)


def draw_dirty_lines(
    kinds: tuple[str, ...], count: int, day: int, customers: int, list_price: Floats, rng: Generator
) -> tuple[str, ...]:
    """`count` dirty lines of the given kinds; `list_price` per product of the assortment."""
    lines = []
    for place in range(count):
        product = int(rng.integers(0, list_price.size))
        lines.append(
            kinds[rng.integers(0, len(kinds))].format(
                id=FIRST_DIRTY_ID + day * 1_000_000 + place,
                customer=rng.integers(1, customers + 1),
                hour=rng.integers(0, 24),
                product=product + 1,
                unknown=list_price.size + rng.integers(1, 1_000_000),
                price=list_price[product],
            )
        )
    return tuple(lines)
