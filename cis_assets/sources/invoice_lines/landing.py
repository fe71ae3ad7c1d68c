"""Lands invoice lines beside earlier ones, without losing anything that landed before.

- A date whose files would not change is not written again, so it does not look new.
- A date that would lose lines is refused, unless the caller asks to replace it.
- Snapshots keep every product and customer that landed before. A product has the name of its newest sale, no matter in
  which order the dates land.

Does not belong here: what a line means (`orders.py`).
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import obstore
import polars as pl

from cis_assets.errors import first_line
from cis_assets.landing.contract import AISLES, CUSTOMERS, DEPARTMENTS, KEYED_PRODUCTS, PRODUCTS, LandingTable
from cis_assets.landing.folder import LandingError
from cis_assets.sources.invoice_lines.ids import keys_and_ids, refuse_collisions
from cis_assets.sources.invoice_lines.orders import InvoiceLines
from cis_assets.sources.landing_writer import as_csv, land, refuse_files_of_others
from cis_assets.sources.source import LandedDay
from cis_assets.storage.addresses import join, object_store
from cis_assets.storage.durability import put_durably

# The reader of landing files passes over names with an underscore.
_NAMED = "products/_named.csv"
_FAULT_LISTS = "_lines_set_aside"
_NEWNESS = {"named": pl.Boolean(), "sold": pl.Boolean(), "named_at": pl.Datetime("us")}


@dataclass(frozen=True)
class InvoiceLinesReport:
    """What was landed. `products` and `customers` count all that the landing folder has, earlier ones included."""

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
    faults: Mapping[tuple[str, bool], int]
    """How many lines have a fault, by the fault and whether they landed."""
    fault_lists: Sequence[str]
    """The files that list those lines."""


def land_invoice_lines(
    lines: InvoiceLines,
    landing_uri: str,
    *,
    replace: bool = False,
    on_day: Callable[[int], None] = lambda _: None,
) -> InvoiceLinesReport:
    """Write landing files of invoice lines; `on_day` is called with 1 after each date.

    Raises LandingError before anything is written, if the folder holds files of another source, or if a date would lose
    lines that landed before. With `replace`, those lines are removed.
    """
    source = _InvoiceLinesSource(lines, landing_uri, replace)
    days = source.all_days
    on_day(len(days) - source.day_count)
    land(source, landing_uri, on_day)
    source.write_name_ages()
    return InvoiceLinesReport(
        files=len(lines.files),
        lines=lines.count,
        first=days[0].order_date,
        last=days[-1].order_date,
        days=len(days),
        days_left_alone=len(days) - len(source.changed_days),
        orders=sum(day.orders.height for day in days),
        order_items=lines.dated.height,
        products=source.products.height,
        customers=source.customers.height,
        faults=Counter(lines.faulty.select("reason", pl.col("landed_on").is_not_null()).iter_rows()),
        fault_lists=source.write_fault_lists(),
    )


class _InvoiceLinesSource:
    """Invoice lines together with what landed before them; implements `LandingSource`."""

    def __init__(self, lines: InvoiceLines, landing_uri: str, replace: bool) -> None:
        self._lines = lines
        self.mapping = lines.mapping
        self._landing_uri = landing_uri
        self._replace = replace
        self._store = object_store(landing_uri)
        self.name = f"lines --mapping {lines.mapping.source}"
        refuse_files_of_others(self._store, self.name, landing_uri)
        self._sizes = {meta["path"]: meta["size"] for batch in obstore.list(self._store) for meta in batch}
        self.all_days = list(lines.days())
        self.changed_days = [day for day in self.all_days if self._would_change(day)]
        # The writer refuses a source without dates, so one unchanged date is written again.
        self._days_to_write = self.changed_days or self.all_days[-1:]

    def days(self) -> Iterator[LandedDay]:
        yield from self._days_to_write

    @property
    def day_count(self) -> int:
        return len(self._days_to_write)

    def snapshots(self) -> Mapping[str, pl.DataFrame]:
        """Build products with their aisles and departments, and customers if the mapping asks for them."""
        products = self.products
        found: dict[str, pl.DataFrame] = {}
        for table, kind in ((AISLES, "aisle"), (DEPARTMENTS, "department")):
            ids = keys_and_ids(kind, products[kind], "hash")
            products = products.join(ids, on=kind, how="left", maintain_order="left")
            found[table.name] = ids.select(f"{kind}_id", kind).sort(f"{kind}_id")
        found[KEYED_PRODUCTS.name] = products.select(*PRODUCTS.required, "product_key")
        if self.mapping.customers.snapshot:
            found[CUSTOMERS.name] = self.customers.select(
                "customer_id",
                push_consent=pl.lit(self.mapping.customers.push_consent),
                time_zone=pl.lit(self.mapping.customers.time_zone, pl.String()),
                customer_key="customer_key",
            )
        return found

    @cached_property
    def products(self) -> pl.DataFrame:
        """Every product of these lines and of earlier ones, with the columns of `_known_products`.

        Name, aisle and department come from its newest sale with a name, else from its newest line with a name. A
        product without a name gets its key as name.
        """
        known = self._known_products()
        products = pl.concat([known, self._lines.products.select(known.columns)])
        refuse_collisions("product", products)
        # Lines of the same moment are ordered by their texts, so the order of landing does not matter.
        newest = products.sort("product_id", *_NEWNESS, "product_name", "aisle", "department", nulls_last=False)
        newest = newest.unique("product_id", keep="last", maintain_order=True)
        for kind in ("aisle", "department"):
            constant = pl.lit(getattr(self.mapping.products, kind))
            # Without a column in the mapping, the constant holds for all products, earlier ones included.
            has_column = getattr(self.mapping.columns, kind)
            newest = newest.with_columns((pl.coalesce(kind, constant) if has_column else constant).alias(kind))
        return newest.with_columns(product_name=pl.coalesce("product_name", "product_key")).sort("product_key")

    def _known_products(self) -> pl.DataFrame:
        """Read the products that landed before.

        Columns: product_id, product_key, product_name, aisle, department, named, sold, named_at.
        """
        products = self._read_landed(KEYED_PRODUCTS)
        for kind, table in (("aisle", AISLES), ("department", DEPARTMENTS)):
            products = products.join(self._read_landed(table), on=f"{kind}_id", how="left")
        newness = self._read_csv(_NAMED, {"product_id": pl.Int64(), **_NEWNESS})
        # The age of a name can be unknown, for instance if landing was stopped halfway. The name itself is kept.
        return products.join(newness, on="product_id", how="left").select(
            *("product_id", "product_key", "product_name", "aisle", "department"),
            pl.col("named").fill_null(pl.col("product_name") != pl.col("product_key")),
            pl.col("sold").fill_null(pl.lit(value=False)),
            "named_at",
        )

    @cached_property
    def customers(self) -> pl.DataFrame:
        """Every customer of these lines and of earlier ones: customer_id and customer_key."""
        if not self.mapping.customers.snapshot:
            return self._lines.customers
        landed = self._read_landed(CUSTOMERS).select("customer_id", "customer_key")
        known = pl.concat([landed, self._lines.customers])
        return known.group_by("customer_id").agg(pl.col("customer_key").drop_nulls().first()).sort("customer_id")

    def write_name_ages(self) -> None:
        """Write how new the names of products are, for the next landing. The names themselves have landed."""
        put_durably(self._store, _NAMED, as_csv(self.products.select("product_id", *_NEWNESS)))

    def write_fault_lists(self) -> list[str]:
        """Write the lines with a fault, one list per source file, and return the addresses of the lists."""
        written = []
        lists: dict[str, list[str]] = {}
        for path in self._lines.files:
            name = path.name.removesuffix(".gz").removesuffix(".csv")
            lists.setdefault(f"{_FAULT_LISTS}/{name}.csv", []).append(str(path))
        for place, paths in lists.items():
            rows = self._lines.faulty.filter(pl.col("source_file").is_in(paths))
            if rows.height:
                put_durably(self._store, place, as_csv(rows))
                written.append(join(self._landing_uri, place))
            elif place in self._sizes:
                obstore.delete(self._store, place)
        return written

    def _would_change(self, day: LandedDay) -> bool:
        """Whether the files of a date would change; LandingError if lines would be lost."""
        items = f"order_items/order_date={day.order_date}/order_items.csv"
        orders = f"orders/order_date={day.order_date}/orders.csv"
        new_items = as_csv(day.order_items, day.dirty_order_items)
        if all(
            self._sizes.get(path) == len(content) and self._fetch(path) == content
            for path, content in ((items, new_items), (orders, as_csv(day.orders)))
        ):
            return False
        if items in self._sizes and not self._replace:
            self._refuse_losing_lines(day.order_date, items, new_items)
        return True

    def _refuse_losing_lines(self, day: date, path: str, content: bytes) -> None:
        """Raise LandingError if a line that landed is not among the new ones. Its position in the order may differ."""
        try:
            before, after = (
                pl.read_csv(io.BytesIO(text), infer_schema=False).drop("add_to_cart_order")
                for text in (self._fetch(path), content)
            )
            key = before.columns
            counts = (
                before.group_by(key)
                .len("before")
                .join(after.select(key).group_by(key).len("after"), on=key, how="left", nulls_equal=True)
            )
        except pl.exceptions.PolarsError as error:
            raise LandingError(
                f"{join(self._landing_uri, path)} was changed since it landed ({first_line(error)}): give --replace "
                "to write it again."
            ) from None
        lost = counts.select((pl.col("before") - pl.col("after").fill_null(0)).clip(0).sum()).item()
        if lost:
            raise LandingError(
                f"On {day}, {lost} lines that landed before are not in these files, so nothing was landed: "
                "give all files with lines of that date at once, or --replace to remove those lines."
            )

    def _read_landed(self, table: LandingTable) -> pl.DataFrame:
        return self._read_csv(f"{table.name}/{table.name}.csv", table.columns, table.optional)

    def _read_csv(
        self, path: str, schema: Mapping[str, pl.DataType], optional: frozenset[str] = frozenset()
    ) -> pl.DataFrame:
        """Read a file that landed before; no rows if there is none. Files may lack `optional` columns."""
        if path not in self._sizes:
            return pl.DataFrame(schema=schema)
        try:
            landed = pl.read_csv(io.BytesIO(self._fetch(path)), schema_overrides=dict(schema))
            absent = [pl.lit(None, schema[name]).alias(name) for name in optional if name not in landed.columns]
            return landed.with_columns(absent).select(*schema)
        except pl.exceptions.PolarsError as error:
            raise LandingError(
                f"{join(self._landing_uri, path)} was changed since it landed ({first_line(error)}): remove it, and "
                "land all files again."
            ) from None

    def _fetch(self, path: str) -> bytes:
        return bytes(obstore.get(self._store, path).bytes())
