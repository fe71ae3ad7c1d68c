"""A sample shop: customers of six archetypes who buy an invented assortment with habits of their own.

`SampleSource(SampleOptions(end=...))` is a source of landing files. What it needs to know lies in
modules of one subject each: the assortment (`assortment_words.py`, `assortment.py`), the customers (`archetypes.py`,
`customers.py`, `cadence.py`, `tastes.py`), what they buy (`baskets.py`, `prices.py`), and the dirty rows
that a real landing folder would also hold (`dirt.py`). Where the rows are written is not known here.
"""

from cis_assets.sources.sample.archetypes import ARCHETYPES, Archetype
from cis_assets.sources.sample.dirt import FIRST_DIRTY_ID
from cis_assets.sources.sample.options import SampleOptions, SampleOptionsError
from cis_assets.sources.sample.source import SampleSource

__all__ = ["ARCHETYPES", "FIRST_DIRTY_ID", "Archetype", "SampleOptions", "SampleOptionsError", "SampleSource"]
