"""Silver: valid rows, each once, and the rejected rows.

The rules of these columns decide what is valid; rules over several rows or columns are in `silver/`.
"""

from decimal import Decimal

import dataframely as dy

from cis_assets.catalog.table import ORDER_DATE, QUANTITY, Table

_DAY_NUMBER = "Days from 1970-01-01 to the order date, for date arithmetic on every engine."
_ORDER_OF_DAY = (
    "Place of the order among the customer's orders of that date, from 1: by hour, then by place in the landing files. "
    "An order without a valid line leaves a gap."
)


def _seen(what: str) -> tuple[dy.Datetime, dy.Datetime, dy.Datetime]:
    moments = (
        f"Arrival of the first snapshot with a valid row of the {what}; missing if that was before arrivals were recorded.",
        f"Arrival of the last snapshot with a valid row of the {what}; missing like first_seen.",
        f"Arrival of the first snapshot after last_seen, so without the {what}; missing while the snapshot in force has it.",
    )
    first, last, delisted = (
        dy.Datetime(nullable=True, time_unit="us", time_zone="UTC", description=text) for text in moments
    )
    return first, last, delisted


class SilverProducts(dy.Schema):
    """Every product that a snapshot ever had, with the names of its aisle and department: the last valid row of each.

    Products that left the shop (delisted_at) stay, so that old orders keep their lines. No message names them.
    """

    product_id = dy.Int64(description="Product number.")
    product_name = dy.String(
        min_length=1, description="Name of the product, with single spaces and without invisible characters."
    )
    aisle_id = dy.Int64(description="Aisle number.")
    aisle = dy.String(min_length=1, description="Name of the aisle.")
    department_id = dy.Int64(description="Department number.")
    department = dy.String(min_length=1, description="Name of the department.")
    product_key = dy.String(
        nullable=True, description="The shop's own key of the product, if product_id is derived from one."
    )
    display_name = dy.String(
        nullable=True, min_length=1, description="Name of the product that is fit for customers; null: product_name."
    )
    unit_cost = dy.Float64(
        nullable=True, min=0.0, max=1e9, description="What one unit costs the shop; null if the shop does not say."
    )
    in_stock = dy.Bool(nullable=True, description="Whether the shop has the product; null if it does not say.")
    naming_fault = dy.String(
        nullable=True,
        description="Why messages do not name the product: its name or its department carries an offer, an address, "
        "an instruction or the like; null if they may name it.",
    )
    first_seen, last_seen, delisted_at = _seen("product")


class SilverCustomers(dy.Schema):
    """Every customer that a snapshot ever had, with the facts that a message needs: the last valid row of each.

    Customers whom the snapshot in force does not have (delisted_at) stay.
    """

    customer_id = dy.Int64(description="Customer number.")
    push_consent = dy.Bool(description="Whether the customer agreed to push notifications.")
    time_zone = dy.String(min_length=1, description="IANA time zone; CIS_TIME_ZONE for customers without one.")
    locale = dy.String(nullable=True, min_length=1, description="Language of the customer, such as en-US.")
    customer_key = dy.String(nullable=True, min_length=1, description="The shop's own key of the customer.")
    first_seen, last_seen, delisted_at = _seen("customer")


OFFER_CODE = r"^[A-Za-z0-9_-]{1,20}$"
"""What the code of an offer may be, so that every message can tell it as it is."""
CENT_TOLERANCE = 1e-6
"""How far an amount of an offer may be from whole cents: the error of arithmetic, not a part of a cent."""


class SilverOffers(dy.Schema):
    """Offers of the snapshot in force. A message may mention an offer while it is live."""

    offer_id = dy.Int64(description="Offer number.")
    product_id = dy.Int64(nullable=True, description="Product the offer is for; null unless the scope is product.")
    percent_off = dy.Int32(
        nullable=True, min=1, max=100, description="Discount in whole percent; null unless the kind is percent."
    )
    starts_on = dy.Date(description="First day of the offer.")
    ends_on = dy.Date(description="Last day of the offer.")
    kind = dy.String(description="percent, amount, or coupon (which has no number).")
    scope = dy.String(description="What the offer is on: product, department, or order (the whole order).")
    amount_off = dy.Float64(
        nullable=True,
        min_exclusive=0.0,
        max=1e9,
        description="Discount in the shop's currency; null unless the kind is amount.",
    )
    department_id = dy.Int64(
        nullable=True, description="Department the offer is for; null unless the scope is department."
    )
    minimum_spend = dy.Float64(
        nullable=True, min_exclusive=0.0, max=1e9, description="Spend from which the offer counts; null: any."
    )
    code = dy.String(
        nullable=True,
        min_length=1,
        description="Code that the customer enters, of 1 to 20 letters (A to Z), digits, - and _; null: none.",
    )
    budget = dy.Float64(
        nullable=True,
        min_exclusive=0.0,
        max=1e12,
        description="What the shop spends on the offer at most; null: unlimited.",
    )
    has_audience = dy.Bool(description="Whether the offer is only for the customers in silver/offer_audience.")


class SilverOfferAudience(dy.Schema):
    """Customers whom offers are for. An offer without an audience is for everybody."""

    offer_id = dy.Int64(description="Offer with an audience.")
    customer_id = dy.Int64(description="Customer whom the offer is for.")


class SilverOrders(dy.Schema):
    """Valid orders, each once, with the totals of their lines."""

    order_date = dy.Date(description="Day of the order.")
    order_id = dy.Int64(description="Order number, unique within its date.")
    customer_id = dy.Int64(description="Customer who ordered.")
    order_hour = dy.Int32(min=0, max=23, description="Hour of the day, 0 to 23.")
    order_weekday = dy.Int32(min=1, max=7, description="ISO weekday of the order date, 1 = Monday to 7 = Sunday.")
    day_number = dy.Int32(description=_DAY_NUMBER)
    order_of_day = dy.Int32(min=1, description=_ORDER_OF_DAY)
    item_count = dy.Int32(min=1, description="Lines of the order.")
    distinct_product_count = dy.Int32(min=1, description="Different products in the order.")
    spend = dy.Float64(
        nullable=True,
        description="Sum of quantity x unit price of the lines, each to the cent, in the shop's currency; null if a line has no price.",
    )
    order_key = dy.String(
        nullable=True, description="The shop's own key of the order, if order_id is derived from one."
    )
    gap_is_minimum = dy.Bool(
        nullable=True,
        description="Whether more days than its date shows may lie before the order, as the source caps gaps; null if unknown.",
    )


class _Lines(dy.Schema):
    """The first columns of every table of order lines."""

    order_date = dy.Date(description="Day of the order.")
    order_id = dy.Int64(description="Order that the line belongs to.")
    customer_id = dy.Int64(description="Customer who placed the order.")
    product_id = dy.Int64(description="Product of the line.")
    department_id = dy.Int64(description="Department of the product.")
    day_number = dy.Int32(description=_DAY_NUMBER)
    order_hour = dy.Int32(min=0, max=23, description="Hour of the day of the order, 0 to 23.")
    order_of_day = dy.Int32(min=1, description=_ORDER_OF_DAY)
    add_to_cart_order = dy.Int32(min=1, description="Position of the product in the cart, from 1.")


def _unit_price() -> dy.Float64:
    # Groceries cost less in every currency, and sums of higher prices lose their cents.
    return dy.Float64(
        nullable=True,
        min_exclusive=0.0,
        max=1e9,
        description="Price of one unit in the shop's currency; null if the shop does not say.",
    )


class SilverOrderItems(_Lines):
    """Valid lines of valid orders."""

    quantity = dy.Decimal(
        *QUANTITY,
        min_exclusive=Decimal(0),
        description="Units bought, or the weight of goods by weight; 1 if the shop does not say.",
    )
    unit_price = _unit_price()


class SilverReturnedItems(_Lines):
    """Lines of valid orders with a negative quantity: returns and cancellations, which are no purchases.

    An order with returned lines and no valid line (a credit note) is only in this table, not in silver/orders and not in
    silver/rejected_rows.
    """

    returned_quantity = dy.Decimal(
        *QUANTITY,
        min_exclusive=Decimal(0),
        description="Units or weight returned: the landed quantity without its sign.",
    )
    unit_price = _unit_price()


def _broken_rules(example: str) -> tuple[dy.String, dy.String, dy.String]:
    return (
        dy.String(description=f"Key of the row in words, for example {example}."),
        dy.String(description="The rules that the row broke, joined by '; '."),
        dy.String(description="The bronze row as it landed, as JSON."),
    )


class SilverRejectedRows(dy.Schema):
    """Bronze rows that broke a rule of silver, complete, with the reasons."""

    order_date = dy.Date(description="Day of the order.")
    source_table = dy.String(description="Bronze table the row came from: orders or order_items.")
    source_key, reason, row_json = _broken_rules("order_id=7")


class SilverRejectedSnapshotRows(dy.Schema):
    """Bronze snapshot rows that broke a rule of silver, complete, with the reasons."""

    source_table = dy.String(description="Bronze table the row came from.")
    source_key, reason, row_json = _broken_rules("product_id=7")


PRODUCTS = Table("silver", "products", SilverProducts, "product", ("product_id",))
CUSTOMERS = Table("silver", "customers", SilverCustomers, "customer", ("customer_id",), may_be_empty=True)
OFFERS = Table(
    "silver",
    "offers",
    SilverOffers,
    "offer",
    ("offer_id",),
    may_be_empty=True,
    fills={"kind": "percent", "scope": "product", "has_audience": False},
)
OFFER_AUDIENCE = Table(
    "silver",
    "offer_audience",
    SilverOfferAudience,
    "offer and customer of its audience",
    ("offer_id", "customer_id"),
    may_be_empty=True,
)
ORDERS = Table("silver", "orders", SilverOrders, "order", (ORDER_DATE, "order_id"), (ORDER_DATE,), may_be_empty=True)
ORDER_ITEMS = Table(
    "silver",
    "order_items",
    SilverOrderItems,
    "order line",
    (ORDER_DATE, "order_id", "add_to_cart_order"),
    (ORDER_DATE,),
    may_be_empty=True,
)
RETURNED_ITEMS = Table(
    "silver",
    "returned_items",
    SilverReturnedItems,
    "returned order line",
    ORDER_ITEMS.key,
    (ORDER_DATE,),
    may_be_empty=True,
)
REJECTED_ROWS = Table(
    "silver", "rejected_rows", SilverRejectedRows, "row that broke a rule", (), (ORDER_DATE,), may_be_empty=True
)
REJECTED_SNAPSHOT_ROWS = Table(
    "silver", "rejected_snapshot_rows", SilverRejectedSnapshotRows, "snapshot row that broke a rule", may_be_empty=True
)

TABLES = (
    PRODUCTS,
    CUSTOMERS,
    OFFERS,
    OFFER_AUDIENCE,
    ORDERS,
    ORDER_ITEMS,
    RETURNED_ITEMS,
    REJECTED_ROWS,
    REJECTED_SNAPSHOT_ROWS,
)
