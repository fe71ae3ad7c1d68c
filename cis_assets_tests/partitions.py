"""The daily partitions of the default settings, for tests of assets of their own."""

from cis_assets.defs.partitions import order_dates
from cis_assets.settings import read_settings

ORDER_DATES = order_dates(read_settings())
