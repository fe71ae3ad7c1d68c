"""Bronze: landed rows, typed and unchanged, each with its source file and line.

A bronze value may be missing or implausible, but it has the type of its column. Other rows go to the rejected rows.
"""

import dataframely as dy

from cis_assets.catalog.table import ORDER_DATE, QUANTITY, Table


def _origin() -> tuple[dy.String, dy.Int64]:
    return (
        dy.String(description="Landing file the row came from, relative to the landing folder."),
        dy.Int64(description="Line of that file (the header is line 1; for Parquet the row number, from 1)."),
    )


def _unparsed() -> tuple[dy.String, dy.Int64, dy.String, dy.String]:
    return (
        *_origin(),
        dy.String(description="Why the row did not parse."),
        dy.String(description="The text of the row in the file."),
    )


def _moment(description: str) -> dy.Datetime:
    return dy.Datetime(nullable=True, time_unit="us", time_zone="UTC", description=description)


def _seen() -> tuple[dy.Datetime, dy.Datetime, dy.Datetime]:
    return (
        _moment("Arrival of the first snapshot with these values; missing in rows from before arrivals were recorded."),
        _moment("Arrival of the last snapshot with these values; missing like first_seen."),
        _moment("Arrival of the first snapshot after last_seen; missing in rows of the snapshot in force."),
    )


class BronzeLandedFiles(dy.Schema):
    """Landing files of each order date that was read, with their number of rows, or why the date cannot be read.

    A date with a fault keeps the rows that it had before in every other table.
    """

    order_date = dy.Date(description="Date of the landing folder.")
    source_table = dy.String(description="Landing table of the file: orders or order_items.")
    source_file = dy.String(description="Landing file, relative to the landing folder.")
    bytes = dy.Int64(min=0, description="Size of the file.")
    row_count = dy.Int64(
        nullable=True,
        min=0,
        description="Rows below the header, without empty lines; missing if the file cannot be read.",
    )
    erased_row_count = dy.Int64(min=0, description="Rows of erased customers, which were left out.")
    fault = dy.String(
        nullable=True, description="Why the date cannot be read, and what to do; missing if it can be read."
    )


class BronzeOrders(dy.Schema):
    """Orders as landed."""

    order_date = dy.Date(description="Date of the landing folder: the day of the order.")
    order_id = dy.Int64(nullable=True, description="Order number given by the shop.")
    customer_id = dy.Int64(nullable=True, description="Customer who ordered.")
    order_hour = dy.Int32(nullable=True, description="Hour of the day of the order, 0 to 23.")
    order_key = dy.String(
        nullable=True, description="The shop's own key of the order, if order_id is derived from one."
    )
    gap_is_minimum = dy.Bool(
        nullable=True, description="Whether more days than its date shows may lie before the order; missing if unknown."
    )
    source_file, source_line = _origin()


class BronzeOrderItems(dy.Schema):
    """Order lines as landed."""

    order_date = dy.Date(description="Date of the landing folder: the day of the order.")
    order_id = dy.Int64(nullable=True, description="Order that the line belongs to.")
    product_id = dy.Int64(nullable=True, description="Product bought.")
    add_to_cart_order = dy.Int32(nullable=True, description="Position of the product in the cart, from 1.")
    quantity = dy.Decimal(
        *QUANTITY,
        nullable=True,
        description="Units bought, or the weight of goods by weight; missing if the shop does not say.",
    )
    unit_price = dy.Float64(nullable=True, description="Price of one unit; missing if the shop does not say.")
    source_file, source_line = _origin()


class BronzeRejectedRows(dy.Schema):
    """Landed rows of orders and order lines that did not parse, with the reason and the raw text."""

    order_date = dy.Date(description="Date of the landing folder.")
    source_table = dy.String(description="Landing table the row was meant for: orders or order_items.")
    source_file, source_line, reason, raw_text = _unparsed()


class BronzeProducts(dy.Schema):
    """Products as landed: the rows of the snapshot in force, and the former rows of earlier snapshots, each once."""

    product_id = dy.Int64(nullable=True, description="Product number.")
    product_name = dy.String(nullable=True, description="Name of the product as landed.")
    aisle_id = dy.Int64(nullable=True, description="Aisle of the product.")
    department_id = dy.Int64(nullable=True, description="Department of the product.")
    product_key = dy.String(
        nullable=True, description="The shop's own key of the product, if product_id is derived from one."
    )
    display_name = dy.String(nullable=True, description="Name of the product that is fit for customers.")
    unit_cost = dy.Float64(nullable=True, description="What one unit costs the shop.")
    in_stock = dy.Bool(nullable=True, description="Whether the shop has the product; missing if it does not say.")
    source_file, source_line = _origin()
    first_seen, last_seen, delisted_at = _seen()


class BronzeAisles(dy.Schema):
    """Aisles as landed: the rows of the snapshot in force, and the former rows of earlier snapshots, each once."""

    aisle_id = dy.Int64(nullable=True, description="Aisle number.")
    aisle = dy.String(nullable=True, description="Name of the aisle.")
    source_file, source_line = _origin()
    first_seen, last_seen, delisted_at = _seen()


class BronzeDepartments(dy.Schema):
    """Departments as landed: the rows of the snapshot in force, and the former rows of earlier snapshots, each once."""

    department_id = dy.Int64(nullable=True, description="Department number.")
    department = dy.String(nullable=True, description="Name of the department.")
    source_file, source_line = _origin()
    first_seen, last_seen, delisted_at = _seen()


class BronzeCustomers(dy.Schema):
    """Customers as landed: the rows of the snapshot in force, and the former rows of earlier snapshots, each once."""

    customer_id = dy.Int64(nullable=True, description="Customer number.")
    push_consent = dy.Bool(nullable=True, description="Whether the customer agreed to push notifications.")
    time_zone = dy.String(nullable=True, description="IANA time zone of the customer.")
    locale = dy.String(nullable=True, description="Language of the customer, such as en-US.")
    customer_key = dy.String(nullable=True, description="The shop's own key of the customer.")
    source_file, source_line = _origin()
    first_seen, last_seen, delisted_at = _seen()


class BronzeOffers(dy.Schema):
    """Offers of the snapshot in force, as landed."""

    offer_id = dy.Int64(nullable=True, description="Offer number.")
    product_id = dy.Int64(nullable=True, description="Product the offer is for.")
    percent_off = dy.Int32(nullable=True, description="Discount in whole percent of the price.")
    starts_on = dy.Date(nullable=True, description="First day of the offer.")
    ends_on = dy.Date(nullable=True, description="Last day of the offer.")
    kind = dy.String(nullable=True, description="percent, amount or coupon; missing: percent.")
    scope = dy.String(nullable=True, description="product, department or order; missing: product.")
    amount_off = dy.Float64(nullable=True, description="Discount in the shop's currency, for the kind amount.")
    department_id = dy.Int64(nullable=True, description="Department the offer is for, for the scope department.")
    minimum_spend = dy.Float64(nullable=True, description="Spend from which the offer counts.")
    code = dy.String(nullable=True, description="Code that the customer enters.")
    budget = dy.Float64(nullable=True, description="What the shop spends on the offer at most.")
    source_file, source_line = _origin()
    first_seen, last_seen, delisted_at = _seen()


class BronzeOfferAudience(dy.Schema):
    """Customers whom offers are for, of the snapshot in force, as landed. An offer without rows is for everybody."""

    offer_id = dy.Int64(nullable=True, description="Offer with an audience.")
    customer_id = dy.Int64(nullable=True, description="Customer whom the offer is for.")
    source_file, source_line = _origin()
    first_seen, last_seen, delisted_at = _seen()


class BronzeRejectedSnapshotRows(dy.Schema):
    """Rows of the snapshots in force (products, aisles, departments, customers, offers, audiences) that did not parse.

    Of a newer snapshot that is quarantined, it also has the rows that broke a rule, as JSON. Snapshots have no order
    date, hence a table apart from the rejected rows of a date.
    """

    source_table = dy.String(description="Landing table the row was meant for.")
    source_file, source_line, reason, raw_text = _unparsed()
    snapshot = dy.String(nullable=True, description="Snapshot of the row, as in bronze/landed_snapshots.")
    arrived_at = _moment("Arrival of the snapshot.")


class BronzeLandedSnapshots(dy.Schema):
    """Every snapshot that was read (products, aisles, departments, customers, offers, audiences), and what became of its rows.

    A snapshot is the files of one delivery. Snapshots stay listed after their files are gone from landing. A snapshot
    with a fault changes no other table; the one before it stays in force.
    """

    source_table = dy.String(description="Landing table of the snapshot.")
    snapshot = dy.String(
        min_length=1, description="Landing file of the snapshot, or the folder or pattern (part-*) of its files."
    )
    arrived_at = dy.Datetime(
        time_unit="us", time_zone="UTC", description="When the last of its files arrived in landing."
    )
    file_count = dy.Int32(min=1, description="Files of the snapshot.")
    bytes = dy.Int64(min=0, description="Size of its files.")
    row_count = dy.Int64(nullable=True, min=0, description="Rows that landed; missing if a file cannot be read.")
    erased_row_count = dy.Int64(min=0, description="Rows of erased customers, which were left out.")
    valid_row_count = dy.Int64(nullable=True, min=0, description="Valid rows.")
    rejected_row_count = dy.Int64(nullable=True, min=0, description="Rows that did not parse or broke a rule.")
    duplicate_row_count = dy.Int64(nullable=True, min=0, description="Duplicate rows.")
    in_force = dy.Bool(description="Whether the platform works with this snapshot: the newest one without a fault.")
    fault = dy.String(
        nullable=True,
        description="Why the snapshot cannot be read or is quarantined, and what to do; missing if it can be used.",
    )


_ROW = ("source_file", "source_line")

LANDED_FILES = Table(
    "bronze",
    "landed_files",
    BronzeLandedFiles,
    "landing file of an order date",
    (ORDER_DATE, "source_file"),
    (ORDER_DATE,),
    may_be_empty=True,
)
ORDERS = Table("bronze", "orders", BronzeOrders, "landed order row", _ROW, (ORDER_DATE,), may_be_empty=True)
ORDER_ITEMS = Table(
    "bronze", "order_items", BronzeOrderItems, "landed order line", _ROW, (ORDER_DATE,), may_be_empty=True
)
REJECTED_ROWS = Table(
    "bronze", "rejected_rows", BronzeRejectedRows, "row that did not parse", _ROW, (ORDER_DATE,), may_be_empty=True
)
PRODUCTS = Table("bronze", "products", BronzeProducts, "landed product row")
AISLES = Table("bronze", "aisles", BronzeAisles, "landed aisle row")
DEPARTMENTS = Table("bronze", "departments", BronzeDepartments, "landed department row")
CUSTOMERS = Table("bronze", "customers", BronzeCustomers, "landed customer row", may_be_empty=True)
OFFERS = Table("bronze", "offers", BronzeOffers, "landed offer row", may_be_empty=True)
OFFER_AUDIENCE = Table(
    "bronze", "offer_audience", BronzeOfferAudience, "landed row of an offer's audience", may_be_empty=True
)
LANDED_SNAPSHOTS = Table(
    "bronze",
    "landed_snapshots",
    BronzeLandedSnapshots,
    "snapshot that was read",
    ("source_table", "snapshot", "arrived_at"),
    may_be_empty=True,
)
REJECTED_SNAPSHOT_ROWS = Table(
    "bronze",
    "rejected_snapshot_rows",
    BronzeRejectedSnapshotRows,
    "snapshot row that did not parse",
    may_be_empty=True,
)

TABLES = (
    LANDED_FILES,
    ORDERS,
    ORDER_ITEMS,
    REJECTED_ROWS,
    PRODUCTS,
    AISLES,
    DEPARTMENTS,
    CUSTOMERS,
    OFFERS,
    OFFER_AUDIENCE,
    REJECTED_SNAPSHOT_ROWS,
    LANDED_SNAPSHOTS,
)
