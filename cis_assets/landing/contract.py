"""The landing contract: the folders of landing files and their columns.

Files are CSV (optionally `.gz`) or Parquet, in UTF-8 and with a header row, in the landing folder (`CIS_LANDING_URI`):
`<dated table>/order_date=YYYY-MM-DD/*` and `<snapshot>/*`. Optional columns may be missing. Columns that are not listed
here are ignored with a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from cis_assets.catalog.table import QUANTITY


@dataclass(frozen=True)
class LandingTable:
    """A kind of landing file: its folder, its columns with types, and the columns that a file may lack."""

    name: str
    columns: dict[str, pl.DataType]
    optional: frozenset[str] = frozenset()
    dated: bool = False
    may_be_absent: bool = False

    @property
    def required(self) -> list[str]:
        return [name for name in self.columns if name not in self.optional]

    def with_key(self, column: str) -> LandingTable:
        """The table with an optional column for the shop's own key, from which the id was made."""
        return replace(self, columns={**self.columns, column: pl.String()}, optional=self.optional | {column})


ORDERS = LandingTable(
    "orders",
    {"order_id": pl.Int64(), "customer_id": pl.Int64(), "order_hour": pl.Int32(), "gap_is_minimum": pl.Boolean()},
    optional=frozenset({"gap_is_minimum"}),
    dated=True,
)
ORDER_ITEMS = LandingTable(
    "order_items",
    {
        "order_id": pl.Int64(),
        "product_id": pl.Int64(),
        "add_to_cart_order": pl.Int32(),
        "quantity": pl.Decimal(*QUANTITY),
        "unit_price": pl.Float64(),
    },
    optional=frozenset({"quantity", "unit_price"}),
    dated=True,
)
PRODUCTS = LandingTable(
    "products",
    {
        "product_id": pl.Int64(),
        "product_name": pl.String(),
        "aisle_id": pl.Int64(),
        "department_id": pl.Int64(),
        "display_name": pl.String(),
        "unit_cost": pl.Float64(),
        "in_stock": pl.Boolean(),
    },
    optional=frozenset({"display_name", "unit_cost", "in_stock"}),
)
AISLES = LandingTable("aisles", {"aisle_id": pl.Int64(), "aisle": pl.String()})
DEPARTMENTS = LandingTable("departments", {"department_id": pl.Int64(), "department": pl.String()})
CUSTOMERS = LandingTable(
    "customers",
    {
        "customer_id": pl.Int64(),
        "push_consent": pl.Boolean(),
        "time_zone": pl.String(),
        "locale": pl.String(),
        "customer_key": pl.String(),
    },
    optional=frozenset({"locale", "customer_key"}),
    may_be_absent=True,
)
OFFERS = LandingTable(
    "offers",
    {
        "offer_id": pl.Int64(),
        "product_id": pl.Int64(),
        "percent_off": pl.Int32(),
        "starts_on": pl.Date(),
        "ends_on": pl.Date(),
        "kind": pl.String(),
        "scope": pl.String(),
        "amount_off": pl.Float64(),
        "department_id": pl.Int64(),
        "minimum_spend": pl.Float64(),
        "code": pl.String(),
        "budget": pl.Float64(),
    },
    # Offers of other kinds and scopes have no product or percentage.
    optional=frozenset(
        {
            *("product_id", "percent_off", "kind", "scope", "amount_off"),
            *("department_id", "minimum_spend", "code", "budget"),
        }
    ),
    may_be_absent=True,
)
OFFER_AUDIENCE = LandingTable("offer_audience", {"offer_id": pl.Int64(), "customer_id": pl.Int64()}, may_be_absent=True)

KEYED_ORDERS = ORDERS.with_key("order_key")
KEYED_PRODUCTS = PRODUCTS.with_key("product_key")

DATED = (KEYED_ORDERS, ORDER_ITEMS)
SNAPSHOTS = (KEYED_PRODUCTS, AISLES, DEPARTMENTS, CUSTOMERS, OFFERS, OFFER_AUDIENCE)
