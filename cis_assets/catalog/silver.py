"""Silver: valid rows, each once, and the rows that were set aside.

The rules of these columns decide what is valid; rules that look at several rows or columns are in `silver/`.
"""

from __future__ import annotations

import dataframely as dy

from cis_assets.catalog.table import ORDER_DATE, Table

_DAY_NUMBER = "Days from 1970-01-01 to the order date, for arithmetic that every engine can do."
_ORDER_OF_DAY = (
    "Place of the order among the customer's orders of that date, from 1: by hour, then by place in the landing files. "
    "An order without a valid purchase leaves a gap."
)
# No currency has dearer groceries; above it, sums would lose their cents and then overflow.
_HIGHEST_PRICE = 1e9


class SilverProducts(dy.Schema):
    """Products with the names of their aisle and department."""

    product_id = dy.Int64(description="Product number.")
    product_name = dy.String(min_length=1, description="Name of the product, white space tidied.")
    aisle_id = dy.Int64(description="Aisle number.")
    aisle = dy.String(min_length=1, description="Name of the aisle.")
    department_id = dy.Int64(description="Department number.")
    department = dy.String(min_length=1, description="Name of the department.")
    product_key = dy.String(
        nullable=True, description="The shop's own key of the product, where product_id was made from one."
    )


class SilverCustomers(dy.Schema):
    """Customers, with what must be known before one is written to."""

    customer_id = dy.Int64(description="Customer number.")
    push_consent = dy.Bool(description="Whether the customer agreed to push notifications.")
    time_zone = dy.String(min_length=1, description="IANA time zone; CIS_TIME_ZONE where the customer has none.")


class SilverOffers(dy.Schema):
    """Offers that a message may mention while they are live."""

    offer_id = dy.Int64(description="Offer number.")
    product_id = dy.Int64(description="Product the offer is for.")
    percent_off = dy.Int32(min=1, max=100, description="Discount in whole percent of the price.")
    starts_on = dy.Date(description="First day of the offer.")
    ends_on = dy.Date(description="Last day of the offer.")


class SilverOrders(dy.Schema):
    """Valid orders, each once, with what their lines add up to."""

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
        description="Sum of quantity x unit price in the shop's currency, to the cent; null where a line has no price.",
    )
    order_key = dy.String(
        nullable=True, description="The shop's own key of the order, where order_id was made from one."
    )


class SilverOrderItems(dy.Schema):
    """Valid lines of valid orders."""

    order_date = dy.Date(description="Day of the order.")
    order_id = dy.Int64(description="Order that the line belongs to.")
    customer_id = dy.Int64(description="Customer who ordered.")
    product_id = dy.Int64(description="Product bought.")
    department_id = dy.Int64(description="Department of the product.")
    day_number = dy.Int32(description=_DAY_NUMBER)
    order_hour = dy.Int32(min=0, max=23, description="Hour of the day of the order, 0 to 23.")
    order_of_day = dy.Int32(min=1, description=_ORDER_OF_DAY)
    add_to_cart_order = dy.Int32(min=1, description="Position in which the product entered the cart, from 1.")
    quantity = dy.Int32(min=1, description="Units bought; 1 where the shop does not say.")
    unit_price = dy.Float64(
        nullable=True,
        min_exclusive=0.0,
        max=_HIGHEST_PRICE,
        description="Price of one unit in the shop's currency; null where the shop does not say.",
    )


class SilverReturnedItems(dy.Schema):
    """Lines of valid orders with a negative quantity: returns and cancellations, which are no purchases.

    An order with such lines alone (a credit note) is found here only, neither in silver/orders nor among the rejected rows.
    """

    order_date = dy.Date(description="Day on which the goods were returned: the day of the order with this line.")
    order_id = dy.Int64(description="Order that the line belongs to, often a credit note of its own.")
    customer_id = dy.Int64(description="Customer who returned it.")
    product_id = dy.Int64(description="Product returned.")
    department_id = dy.Int64(description="Department of the product.")
    day_number = dy.Int32(description=_DAY_NUMBER)
    order_hour = dy.Int32(min=0, max=23, description="Hour of the day of the order, 0 to 23.")
    order_of_day = dy.Int32(min=1, description=_ORDER_OF_DAY)
    add_to_cart_order = dy.Int32(min=1, description="Position of the line in its order, from 1.")
    returned_quantity = dy.Int64(min=1, description="Units given back: the landed quantity without its sign.")
    unit_price = dy.Float64(
        nullable=True,
        min_exclusive=0.0,
        max=_HIGHEST_PRICE,
        description="Price of one unit in the shop's currency; null where the shop does not say.",
    )


class SilverRejectedRows(dy.Schema):
    """Rows of bronze that broke a rule of silver, whole, with the reason."""

    order_date = dy.Date(description="Day of the order.")
    source_table = dy.String(description="Bronze table the row came from: orders or order_items.")
    source_key = dy.String(description="Key of the row in words, for example order_id=7.")
    reason = dy.String(description="The rules that the row broke, joined by '; '.")
    row_json = dy.String(description="The bronze row as it landed, as JSON.")


class SilverRejectedSnapshotRows(dy.Schema):
    """Snapshot rows of bronze that broke a rule of silver, whole, with the reason."""

    source_table = dy.String(description="Bronze table the row came from.")
    source_key = dy.String(description="Key of the row in words, for example product_id=7.")
    reason = dy.String(description="The rules that the row broke, joined by '; '.")
    row_json = dy.String(description="The bronze row as it landed, as JSON.")


PRODUCTS = Table("silver", "products", SilverProducts, "product", ("product_id",))
CUSTOMERS = Table("silver", "customers", SilverCustomers, "customer", ("customer_id",), may_be_empty=True)
OFFERS = Table("silver", "offers", SilverOffers, "offer", ("offer_id",), may_be_empty=True)
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

TABLES = (PRODUCTS, CUSTOMERS, OFFERS, ORDERS, ORDER_ITEMS, RETURNED_ITEMS, REJECTED_ROWS, REJECTED_SNAPSHOT_ROWS)
