"""Find the landing files that still hold customers by reading them. Landing files are never changed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

import polars as pl

from cis_assets.catalog.customer_rows import HeaderOf, Traces, orders_of, theirs
from cis_assets.erasure.files import list_names
from cis_assets.erasure.named_customers import find_named_customers
from cis_assets.lake.erased_customers_copy import COPY_FOLDER
from cis_assets.landing.contract import DATED, SNAPSHOTS, LandingTable
from cis_assets.landing.file_reader import read_file
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder
from cis_assets.landing.rows import LandedRows, no_rejected, no_rows

_ORDERS, _ORDER_ITEMS = DATED
# `cis land` records in it which source wrote the files.
_OWN_NAMES = ("_landed_by",)


@dataclass(frozen=True)
class LandingFiles:
    """Files with rows of the customers, files that could not be read, and names that the platform does not read.

    `unread` are hidden files, unknown folders and the like. The people who put them there must check what they hold.
    """

    holding: dict[str, int]
    unreadable: tuple[str, ...]
    unread: tuple[str, ...]


def find_landing_files(
    folder: LandingFolder,
    customers: frozenset[int],
    header_of: HeaderOf,
    passed_over: Collection[str] = (),
    missing: frozenset[int] = frozenset(),
) -> tuple[LandingFiles, frozenset[int]]:
    """Search every landing file for customers, including superseded snapshots; leave `passed_over` out of the result.

    Also return those customers of `missing` that no file holds.
    """
    search = _Search(folder, header_of, missing)
    orders, lines = (folder.dated_files(table, strict=False) for table in DATED)
    for day in sorted(orders.keys() | lines.keys()):
        traces = search.find_orders(Traces(customers), day, orders.get(day, []))
        # Order lines have no customer number, so without an order there is nothing to find.
        if not traces.orders.is_empty():
            for file in lines.get(day, []):
                search.count(_ORDER_ITEMS, file, search.read(_ORDER_ITEMS, file, day), traces)
    for table in SNAPSHOTS:
        if "customer_id" in table.columns:
            for file in folder.snapshot_files(table):
                search.count(table, file, search.read(table, file), Traces(customers))
    unread = _find_unread(folder, {*passed_over, *_OWN_NAMES}, orders, lines)
    files = LandingFiles(dict(sorted(search.holding.items())), tuple(sorted(search.unreadable)), tuple(unread))
    return files, search.missing


class _Search:
    """Reads files and collects what it finds."""

    def __init__(self, folder: LandingFolder, header_of: HeaderOf, missing: frozenset[int]) -> None:
        self.missing = missing
        self._folder = folder
        self._header_of = header_of
        self.holding: dict[str, int] = {}
        self.unreadable: set[str] = set()

    def find_orders(self, traces: Traces, day: date, files: Iterable[LandingFile]) -> Traces:
        """Count the customers' rows in the orders of a day, and return the traces of that day's orders."""
        read = [(file, self.read(_ORDERS, file, day)) for file in files]
        if not read:
            return traces
        texts = pl.concat([rows.rejected for _, rows in read]).collect(engine="streaming")
        orders = orders_of(traces, [rows.rows for _, rows in read], texts, self._header_of)
        traces = Traces(traces.customers, orders)
        for file, rows in read:
            self.count(_ORDERS, file, rows, traces)
        return traces

    def read(self, table: LandingTable, file: LandingFile, day: date | None = None) -> LandedRows:
        """Read the rows of a file, with the date of a dated file; an unreadable file has none."""
        try:
            read = read_file(self._folder, table, file)
        except LandingError:
            self.unreadable.add(file.path)
            read = LandedRows(no_rows(table), no_rejected())
        if day is None:
            return read
        dated = {"order_date": pl.lit(day, pl.Date)}
        return LandedRows(read.rows.with_columns(**dated), read.rejected.with_columns(**dated))

    def count(self, table: LandingTable, file: LandingFile, read: LandedRows, traces: Traces) -> None:
        found = 0
        for rows in (read.rows, read.rejected):
            is_theirs = theirs(rows.collect_schema().names(), traces, self._header_of)
            found += rows.select(is_theirs.sum()).collect(engine="streaming").item() or 0
            if self.missing:
                self.missing -= find_named_customers(rows, self.missing, self._header_of)
        if found:
            self.holding[file.path] = found


def _find_unread(folder: LandingFolder, known_names: set[str], *dated: Mapping[date, list[LandingFile]]) -> list[str]:
    """Find names below landing that are not landing files, or folders without any landing file."""
    read = known_names | {file.path for files in dated for of_day in files.values() for file in of_day}
    read |= {file.path for table in SNAPSHOTS for file in folder.snapshot_files(table)}
    known = {table.name for table in (*DATED, *SNAPSHOTS)}
    names = set()
    for name in list_names(folder.uri) - read:
        first, *rest = PurePosixPath(name).parts
        if first == COPY_FOLDER:
            continue
        names.add(name if first in known or not rest else f"{first}/")
    return sorted(names)
