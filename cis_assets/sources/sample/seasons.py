"""What the calendar does to the shop: quiet and busy weeks, and products that sell in their season.

Belongs here: what all customers share on a date. Does not belong here: offers (`prices.py`), nor the habits of single customers.
"""

from datetime import date, timedelta

import numpy as np

from cis_assets.sources.sample.archetypes import Floats
from cis_assets.sources.sample.assortment import Assortment

# Orders per customer swing by this share around the average of the year: people cook in December and are away in summer.
_MOST_ORDERS_DAY, _ORDERS_SWING = 345, 0.12
_DAYS_OF_YEAR = 365.25

# Aisle -> day of the year on which most is sold, and the strength s: sales swing from e^-s to e^s of the average.
_SEASONAL_AISLES = {
    "ice cream": (195, 0.8),
    "frozen novelties": (195, 1.1),
    "cut fruit": (185, 0.7),
    "beers and coolers": (190, 0.6),
    "soft drinks": (195, 0.4),
    "soups and broths": (20, 0.8),
    "tea": (15, 0.6),
    "cocoa and drink mixes": (15, 0.9),
    "cold and allergy": (25, 0.7),
    "baking ingredients": (345, 0.8),
    "sparkling wines": (358, 1.0),
}


def gap_factors(first_date: date, days: int) -> Floats:
    """For each day of the window, what the season makes of a gap that begins then: above 1 in quiet weeks."""
    year_days = np.array([(first_date + timedelta(days=day)).timetuple().tm_yday for day in range(days)])
    return 1 / (1 + _ORDERS_SWING * _swing(year_days, _MOST_ORDERS_DAY))


class Seasons:
    """How much of each product sells on a date, against the average of the year."""

    def __init__(self, shelf: Assortment) -> None:
        aisles = shelf.products.join(shelf.aisles, on="aisle_id", maintain_order="left")["aisle"].to_list()
        self._peak, self._strength = (
            np.array(column, dtype=np.float64)
            for column in zip(*(_SEASONAL_AISLES.get(aisle, (0, 0.0)) for aisle in aisles), strict=True)
        )

    def pull(self, day: date) -> Floats:
        """Per product, the factor of its sales on a date."""
        return np.exp(self._strength * _swing(day.timetuple().tm_yday, self._peak))


def _swing(year_day: Floats | int, peak: Floats | int) -> Floats:
    """1 on the peak's day of the year, -1 half a year later."""
    return np.cos(2 * np.pi * (np.asarray(year_day) - peak) / _DAYS_OF_YEAR)
