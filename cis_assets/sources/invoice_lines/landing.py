"""How invoice lines come to lie beside what landed before: nothing that landed goes unless that is wanted.

Files of a date that would stay the same are not written again, so that nobody takes them for new. A date that would
lose lines is refused. Snapshots know what landed before: a product has the name of its newest sale, no matter in which
order the days land, and no product or customer is forgotten.

Belongs here: reading back what landed, and what to write. Does not belong here: what a line means (`lines.py`).
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import obstore
import polars as pl

from cis_assets.landing.contract import AISLES, CUSTOMERS, DEPARTMENTS, KEYED_PRODUCTS, LandingTable
from cis_assets.landing.folder import LandingError
from cis_assets.landing.rows import first_line
from cis_assets.sources.invoice_lines.ids import keys_and_ids, refuse_collisions
from cis_assets.sources.invoice_lines.mapping import LinesMapping
from cis_assets.sources.invoice_lines.orders import InvoiceLines
from cis_assets.sources.landing_writer import as_csv, land, refuse_files_of_others
from cis_assets.sources.source import LandedDay
from cis_assets.storage.addresses import join, object_store
from cis_assets.storage.durability import put_durably

# The reader of landing files passes over names with an underscore.
_NAMED = "products/_named.csv"
_SET_ASIDE = "_lines_set_aside"
_NEWNESS = {"named": pl.Boolean(), "sold": pl.Boolean(), "named_at": pl.Datetime("us")}


@dataclass(frozen=True)
class LinesReport:
    """What landing some files came to; `products` and `customers` are all that the landing folder knows by now."""

    files: int
    lines: int
    first: date
    last: date
    days: int
    days_left_alone: int
    orders: int
    order_items: int
    products: int
    customers: int
    set_aside: Mapping[tuple[str, bool], int]
    """How many lines something is wrong with, by what it is and whether they landed nevertheless."""
    set_aside_files: Sequence[str]
    """Where those lines are listed."""


def land_lines(
    lines: InvoiceLines,
    landing_uri: str,
    *,
    replace: bool = False,
    on_day: Callable[[int], None] = lambda _: None,
) -> LinesReport:
    """Write landing files of the lines; `on_day` is called with 1 as each date is done.

    Raises LandingError, before anything is written, if the place holds files of another source, or if lines that landed
    before on these dates are not among the lines (with `replace`, they go).
    """
    source = _Lines(lines, landing_uri, replace)
    days = source.all_days
    on_day(len(days) - source.day_count)
    land(source, landing_uri, on_day)
    source.remember()
    return LinesReport(
        files=len(lines.files),
        lines=lines.count,
        first=days[0].order_date,
        last=days[-1].order_date,
        days=len(days),
        days_left_alone=len(days) - len(source.changed_days),
        orders=sum(day.orders.height for day in days),
        order_items=lines.dated.height,
        products=source.products.height,
        customers=source.customers.len(),
        set_aside=Counter(lines.set_aside.select("reason", pl.col("landed_on").is_not_null()).iter_rows()),
        set_aside_files=source.list_set_aside(),
    )


class _Lines:
    """The lines and what landed before them; implements `LandingSource`."""

    def __init__(self, lines: InvoiceLines, landing_uri: str, replace: bool) -> None:
        self._lines = lines
        self._landing_uri = landing_uri
        self._replace = replace
        self._store = object_store(landing_uri)
        self.name = f"lines --mapping {lines.mapping.source}"
        refuse_files_of_others(self._store, self.name, landing_uri)
        self._sizes = {meta["path"]: meta["size"] for batch in obstore.list(self._store) for meta in batch}

    @property
    def mapping(self) -> LinesMapping:
        return self._lines.mapping

    @cached_property
    def all_days(self) -> list[LandedDay]:
        return list(self._lines.days())

    @cached_property
    def changed_days(self) -> list[LandedDay]:
        """The dates whose files are not there as they would be written; LandingError if lines would go."""
        return [day for day in self.all_days if self._changes(day)]

    def days(self) -> Iterator[LandedDay]:
        yield from self._days_to_write

    @property
    def day_count(self) -> int:
        return len(self._days_to_write)

    @property
    def _days_to_write(self) -> list[LandedDay]:
        # The writer takes a source without any date for an empty one, so one that did not change stands in.
        return self.changed_days or self.all_days[-1:]

    def snapshots(self) -> Mapping[str, pl.DataFrame]:
        """Products with their aisles and departments, and customers unless the mapping leaves them to others."""
        products = self.products
        found: dict[str, pl.DataFrame] = {}
        for table, kind in ((AISLES, "aisle"), (DEPARTMENTS, "department")):
            ids = keys_and_ids(kind, products[kind], "hash")
            products = products.join(ids, on=kind, how="left", maintain_order="left")
            found[table.name] = ids.select(f"{kind}_id", kind).sort(f"{kind}_id")
        found[KEYED_PRODUCTS.name] = products.select(*KEYED_PRODUCTS.columns)
        if self.mapping.customers.snapshot:
            found[CUSTOMERS.name] = pl.DataFrame({"customer_id": self.customers}).select(
                "customer_id",
                push_consent=pl.lit(self.mapping.customers.push_consent),
                time_zone=pl.lit(self.mapping.customers.time_zone, pl.String()),
            )
        return found

    @cached_property
    def products(self) -> pl.DataFrame:
        """Every product of these lines and of those that landed before: the columns of `_known_products`.

        Its name, aisle and department are those of its newest sale with a name, failing that of its newest line with
        one. A product that no line names is called by its key.
        """
        known = self._known_products()
        products = pl.concat([known, self._lines.products.select(known.columns)])
        refuse_collisions("product", products)
        # Lines of the same moment are told apart by their texts, so that the order of landing does not count.
        newest = products.sort("product_id", *_NEWNESS, "product_name", "aisle", "department", nulls_last=False)
        others = self.mapping.products
        return (
            newest.unique("product_id", keep="last", maintain_order=True)
            .with_columns(
                pl.coalesce("product_name", "product_key").alias("product_name"),
                pl.coalesce(self._said("aisle"), pl.lit(others.aisle)).alias("aisle"),
                pl.coalesce(self._said("department"), pl.lit(others.department)).alias("department"),
            )
            .sort("product_key")
        )

    def _said(self, kind: str) -> pl.Expr:
        """What lines say. Without a column in the mapping nothing, so that a constant holds for all products."""
        return pl.col(kind) if getattr(self.mapping.columns, kind) else pl.lit(None, pl.String())

    def _known_products(self) -> pl.DataFrame:
        """Products that landed before.

        Columns: product_id, product_key, product_name, aisle, department, named, sold, named_at.
        """
        names = (self._landed(table) for table in (AISLES, DEPARTMENTS))
        products = self._landed(KEYED_PRODUCTS)
        for kind, ids in zip(("aisle", "department"), names, strict=True):
            products = products.join(ids, on=f"{kind}_id", how="left")
        newness = self._csv(_NAMED, {"product_id": pl.Int64(), **_NEWNESS})
        # How new a name is may be unknown, for instance if landing was stopped halfway; the name itself stays.
        return products.join(newness, on="product_id", how="left").select(
            *("product_id", "product_key", "product_name", "aisle", "department"),
            pl.col("named").fill_null(pl.col("product_name") != pl.col("product_key")),
            pl.col("sold").fill_null(pl.lit(value=False)),
            "named_at",
        )

    @cached_property
    def customers(self) -> pl.Series:
        """Every customer of these lines and of those that landed before."""
        if not self.mapping.customers.snapshot:
            return self._lines.customers
        return pl.concat([self._landed(CUSTOMERS)["customer_id"], self._lines.customers]).unique().sort()

    def remember(self) -> None:
        """Keep how new the names of products are, for the next lines. The names themselves have landed by now."""
        put_durably(self._store, _NAMED, as_csv(self.products.select("product_id", *_NEWNESS)))

    def list_set_aside(self) -> list[str]:
        """Write the lines that something is wrong with, a list per source file that has any, and say where."""
        written = []
        lists: dict[str, list[str]] = {}
        for path in self._lines.files:
            name = path.name.removesuffix(".gz").removesuffix(".csv")
            lists.setdefault(f"{_SET_ASIDE}/{name}.csv", []).append(str(path))
        for place, paths in lists.items():
            rows = self._lines.set_aside.filter(pl.col("source_file").is_in(paths))
            if rows.height:
                put_durably(self._store, place, as_csv(rows))
                written.append(join(self._landing_uri, place))
            elif place in self._sizes:
                obstore.delete(self._store, place)
        return written

    def _changes(self, day: LandedDay) -> bool:
        items = f"order_items/order_date={day.order_date}/order_items.csv"
        orders = f"orders/order_date={day.order_date}/orders.csv"
        new_items = as_csv(day.order_items, day.dirty_order_items)
        if self._holds(items, new_items) and self._holds(orders, as_csv(day.orders)):
            return False
        if items in self._sizes and not self._replace:
            self._refuse_losing_lines(day.order_date, items, new_items)
        return True

    def _holds(self, path: str, content: bytes) -> bool:
        return self._sizes.get(path) == len(content) and self._content(path) == content

    def _refuse_losing_lines(self, day: date, path: str, content: bytes) -> None:
        """Raise LandingError if a line that landed is not among the new ones; its place in the order may be another."""
        try:
            before, after = (
                pl.read_csv(io.BytesIO(text), infer_schema=False).drop("add_to_cart_order")
                for text in (self._content(path), content)
            )
            key = before.columns
            counts = (
                before.group_by(key)
                .len("before")
                .join(after.select(key).group_by(key).len("after"), on=key, how="left", nulls_equal=True)
            )
        except pl.exceptions.PolarsError as error:
            raise LandingError(
                f"{join(self._landing_uri, path)} is no longer as it was landed ({first_line(error)}): give --replace "
                "to have it written anew."
            ) from None
        lost = counts.select((pl.col("before") - pl.col("after").fill_null(0)).clip(0).sum()).item()
        if lost:
            raise LandingError(
                f"On {day}, {lost} lines that landed before are not in the files given now, so nothing was landed: "
                "give all files with lines of that date at once, or --replace to have those lines go."
            )

    def _landed(self, table: LandingTable) -> pl.DataFrame:
        return self._csv(f"{table.name}/{table.name}.csv", table.columns)

    def _csv(self, path: str, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """A file that was landed before, or no rows if there is none."""
        if path not in self._sizes:
            return pl.DataFrame(schema=schema)
        try:
            return pl.read_csv(io.BytesIO(self._content(path)), schema_overrides=dict(schema)).select(*schema)
        except pl.exceptions.PolarsError as error:
            raise LandingError(
                f"{join(self._landing_uri, path)} is no longer as it was landed ({first_line(error)}): remove it, and "
                "land all files again."
            ) from None

    def _content(self, path: str) -> bytes:
        return bytes(obstore.get(self._store, path).bytes())
