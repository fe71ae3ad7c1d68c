"""Invoice lines as landing rows: every line with a date becomes an order item.

- An order is what one customer bought under one invoice number on one date, at the hour of its earliest line. Its id
  comes from the number. If the number has more customers on that date, each further one gets an order with its own id.
- Duplicate lines (the same text) land as the same row. The other lines of an order are numbered from 1, by where they
  first appear in the files.
- Cancellations, zero prices and lines without a customer land unchanged: the rules of silver decide what is valid.
- A line without invoice or product lands without that id. A line whose quantity or price is not a number lands as a row
  that the reader rejects. A line without a readable date cannot land. All of these are listed.

Does not belong here: how files are split (`files.py`), and how lines land beside earlier ones (`landing.py`).
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

from cis_assets.landing.contract import ORDER_ITEMS
from cis_assets.landing.values import to_number, type_words
from cis_assets.sources.invoice_lines.files import ENOUGH_TO_TELL, FAULTY_SCHEMA, find_files, read_file
from cis_assets.sources.invoice_lines.ids import keys_and_ids, refuse_collisions, stable_id
from cis_assets.sources.invoice_lines.mapping import InvoiceLinesError, InvoiceLinesMapping
from cis_assets.sources.source import LandedDay

_ORDER = ["order_date", "order_id"]
# A column of text, and the column of its values.
_AMOUNTS = (("quantity_text", "quantity"), ("price_text", "unit_price"))
# A year with two digits would be read as one of the first century.
_FIRST_YEAR = 1900


@dataclass(frozen=True)
class InvoiceLines:
    """The invoice lines of some files, read by a mapping."""

    mapping: InvoiceLinesMapping
    files: tuple[Path, ...]
    dated: pl.DataFrame
    """Lines with a date, in the order of the files, with types and ids. `reason` names the faults of a line."""
    faulty: pl.DataFrame
    """Lines with a fault: FAULTY_SCHEMA. `landed_on` is null for lines that cannot land."""

    @property
    def count(self) -> int:
        return self.dated.height + self.faulty["landed_on"].null_count()

    @property
    def dates(self) -> int:
        return self.dated["order_date"].n_unique()

    def days(self) -> Iterator[LandedDay]:
        """Yield the order dates of the lines, oldest first."""
        for (day,), lines in sorted(self.dated.partition_by("order_date", as_dict=True, maintain_order=True).items()):
            readable = ~pl.col("unreadable")
            yield LandedDay(
                day,
                _build_orders(lines),
                lines.filter(readable).select(
                    "order_id", "product_id", pl.col("position").alias("add_to_cart_order"), "quantity", "unit_price"
                ),
                dirty_order_items=tuple(_write_unreadable_rows(lines.filter(~readable))),
            )

    @property
    def products(self) -> pl.DataFrame:
        """The product of each line: product_id, product_key, product_name, aisle, department (null: not given).

        `named`, `sold` (the line is a sale) and `named_at` tell how much its name counts.
        """
        sale = pl.all_horizontal(pl.col(name).fill_null(1) > 0 for name in ("quantity", "unit_price"))
        return self.dated.drop_nulls("product_id").select(
            *("product_id", "product_key"),
            pl.col("description").alias("product_name"),
            *("aisle", "department"),
            named=pl.col("description").is_not_null(),
            sold=sale,
            named_at="ordered_at",
        )

    @property
    def customers(self) -> pl.DataFrame:
        """The customers, each once: customer_id and customer_key, the key of the shop."""
        return self.dated.select("customer_id", "customer_key").drop_nulls().unique("customer_id").sort("customer_id")


def read_invoice_lines(mapping: InvoiceLinesMapping, paths: Sequence[Path]) -> InvoiceLines:
    """Read files, and the CSV files in folders, by a mapping.

    Raises InvoiceLinesError if a file cannot be read or mostly does not fit the mapping, if no line has a date, or if two
    keys get the same id.
    """
    files = find_files(paths)
    read, faults = zip(*(read_file(path, mapping) for path in files), strict=True)
    typed = [_type_rows(path, rows, mapping) for path, rows in zip(files, read, strict=True)]
    lines = pl.concat(typed).with_row_index("place")
    faulty_rows = lines.rename({"order_date": "landed_on"}).drop_nulls("reason").select(*FAULTY_SCHEMA)
    faulty = pl.concat([*faults, faulty_rows]).sort("source_file", "source_line")
    dated = lines.drop_nulls("order_date")
    if dated.is_empty():
        raise InvoiceLinesError(_describe_no_dates(files, faulty))
    dated = _add_ids(dated, mapping)
    # The different lines of each order are numbered from 1.
    dated = dated.with_columns(first_place=pl.col("place").min().over(*_ORDER, "raw_text")).with_columns(
        position=pl.col("first_place").rank("dense").over(_ORDER).cast(pl.Int32)
    )
    return InvoiceLines(mapping, tuple(files), dated, faulty)


def _type_rows(path: Path, rows: pl.DataFrame, mapping: InvoiceLinesMapping) -> pl.DataFrame:
    """Add ordered_at, order_date, quantity, unit_price, unreadable and reason (null: no fault) to the rows of a file."""
    columns = mapping.columns
    times = [
        pl.col("timestamp").str.to_datetime(form, time_unit="us", strict=False) for form in mapping.timestamp.formats
    ]
    rows = rows.rename({"quantity": "quantity_text", "price": "price_text"}).with_columns(
        ordered_at=pl.coalesce(pl.when(time.dt.year() >= _FIRST_YEAR).then(time) for time in times),
        quantity=_parse_number(pl.col("quantity_text"), mapping.files.decimal, ORDER_ITEMS.columns["quantity"]),
        unit_price=_parse_number(pl.col("price_text"), mapping.files.decimal, ORDER_ITEMS.columns["unit_price"]),
    )
    _refuse_misread(path, rows, mapping)
    bad_quantity, bad_price = (pl.col(text).is_not_null() & pl.col(value).is_null() for text, value in _AMOUNTS)
    reasons = (
        (pl.col("timestamp").is_null(), f"{columns.timestamp} is empty"),
        (
            pl.col("timestamp").is_not_null() & pl.col("ordered_at").is_null(),
            f"{columns.timestamp} is not in a known time format",
        ),
        (pl.col("invoice").is_null(), f"{columns.invoice} is empty"),
        (pl.col("sku").is_null(), f"{columns.sku} is empty"),
        (bad_quantity, f"{columns.quantity} is not {type_words(ORDER_ITEMS.columns['quantity'])}"),
        (bad_price, f"{columns.price} is not a number"),
    )
    reason = pl.concat_str(
        [pl.when(broken).then(pl.lit(words)) for broken, words in reasons], separator="; ", ignore_nulls=True
    )
    return rows.with_columns(
        order_date=pl.col("ordered_at").dt.date(),
        unreadable=bad_quantity | bad_price,
        reason=pl.when(reason != "").then(reason),
    )


def _parse_number(text: pl.Expr, decimal: str, dtype: pl.DataType) -> pl.Expr:
    if decimal == ",":
        # A point could mark thousands here, but that is not certain.
        text = pl.when(~text.str.contains(".", literal=True)).then(text.str.replace(",", ".", literal=True))
    return to_number(text, dtype)


def _refuse_misread(path: Path, rows: pl.DataFrame, mapping: InvoiceLinesMapping) -> None:
    """Raise InvoiceLinesError if most values of a column do not fit the mapping: then the mapping is wrong."""
    formats = " or ".join(mapping.timestamp.formats)
    for role, text, value, key, wanted in (
        ("timestamp", "timestamp", "ordered_at", "timestamp.formats", formats),
        (
            "quantity",
            "quantity_text",
            "quantity",
            "files.decimal",
            f"a number, decimal {mapping.files.decimal!r}",
        ),
        ("price", "price_text", "unit_price", "files.decimal", f"a number, decimal {mapping.files.decimal!r}"),
    ):
        given = rows.drop_nulls(text)
        misread = given.filter(pl.col(value).is_null())
        if misread.height >= ENOUGH_TO_TELL and misread.height * 2 > given.height:
            first = misread.row(0, named=True)
            raise InvoiceLinesError(
                f"{path} has no {role} as the mapping {mapping.source} describes it in {misread.height} of "
                f"{given.height} lines: column {getattr(mapping.columns, role)} of line {first['source_line']} is "
                f"{first[text]!r} where {key} says {wanted}. Set {key} or {mapping.key_of(role)}."
            )


def _describe_no_dates(files: Sequence[Path], faulty: pl.DataFrame) -> str:
    if faulty.is_empty():
        return f"There are no lines in {files[0]}" + (f" and {len(files) - 1} more." if len(files) > 1 else ".")
    first = faulty.row(0, named=True)
    return (
        f"None of {faulty.height} lines has a date, so nothing was landed. "
        f"The first: {first['source_file']} line {first['source_line']}, {first['reason']}."
    )


def _add_ids(lines: pl.DataFrame, mapping: InvoiceLinesMapping) -> pl.DataFrame:
    """Add KIND_key and KIND_id of product, customer and order."""
    rules = mapping.ids
    for kind, role in (("product", "sku"), ("customer", "customer"), ("order", "invoice")):
        keys = keys_and_ids(kind, lines[role], getattr(rules, kind))
        lines = lines.join(keys, on=role, how="left", maintain_order="left")
    first = pl.col("customer_key").first().over("order_date", "order_key")
    further = pl.col("order_key").is_not_null() & first.ne_missing(pl.col("customer_key"))
    # Few invoices have several customers, so a loop is fast enough.
    own = lines.filter(further).select("order_key", "customer_key").unique()
    numbers = [stable_id("order", order, customer or "") for order, customer in own.iter_rows()]
    own = own.with_columns(own_id=pl.Series(numbers, dtype=pl.Int64()))
    refuse_collisions(
        "order",
        pl.concat(
            [
                lines.drop_nulls("order_key").select("order_key", "order_id").unique(),
                own.select(
                    pl.format("{} of customer {}", "order_key", pl.col("customer_key").fill_null("")).alias(
                        "order_key"
                    ),
                    pl.col("own_id").alias("order_id"),
                ),
            ]
        ),
    )
    return (
        lines.with_columns(further=further)
        .join(own, on=["order_key", "customer_key"], how="left", nulls_equal=True, maintain_order="left")
        .with_columns(order_id=pl.when("further").then("own_id").otherwise("order_id"))
        .drop("further", "own_id")
    )


def _build_orders(lines: pl.DataFrame) -> pl.DataFrame:
    """Build the orders of a date, by where they first appear in its lines."""
    return (
        lines.drop_nulls("order_id")
        .group_by("order_id", maintain_order=True)
        .agg(
            pl.col("customer_id").first(),
            pl.col("ordered_at").min().dt.hour().cast(pl.Int32).alias("order_hour"),
            pl.col("order_key").first(),
        )
    )


def _plain(value: Decimal | float | None) -> str | float | None:
    """A quantity as other rows write it: whole numbers without decimal places."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def _write_unreadable_rows(lines: pl.DataFrame) -> Iterable[str]:
    """Write rows of order_items.csv with the original texts in quotes, so that no reader takes them for numbers."""
    for line in lines.iter_rows(named=True):
        row = io.StringIO()
        amounts = [
            f"'{' '.join(line[text].split())}'"
            if line[value] is None and line[text] is not None
            else _plain(line[value])
            for text, value in _AMOUNTS
        ]
        csv.writer(row, lineterminator="").writerow([line["order_id"], line["product_id"], line["position"], *amounts])
        yield row.getvalue()
