"""Writes what a source yields as landing files, where the contract expects them.

Does not belong here: what the files hold, and running the platform.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import obstore
import polars as pl
import polars.selectors as cs
from obstore.store import ObjectStore

from cis_assets.landing.contract import DATED, SNAPSHOTS
from cis_assets.landing.folder import LandingError
from cis_assets.sources.source import LandingSource
from cis_assets.storage.addresses import object_store
from cis_assets.storage.durability import sync_written

# The reader skips this name. The file names the source of the files beside it.
_MARKER = "_landed_by"
_FOLDERS = {table.name for table in (*DATED, *SNAPSHOTS)}


@dataclass(frozen=True)
class LandingReport:
    """What was landed: dates, clean rows, and rows that the source broke on purpose."""

    first: date
    last: date
    days: int
    orders: int
    order_items: int
    dirty_rows: int


def land(source: LandingSource, landing_uri: str, on_day: Callable[[int], None] = lambda _: None) -> LandingReport:
    """Write the snapshots and every date of `source` as CSV below `landing_uri`, each file whole or not at all.

    A date's file has a fixed name, so landing the same date again replaces it. `on_day` is called with 1 after each
    date. Raises LandingError before anything is written, if the folder holds files of another source.
    """
    store = object_store(landing_uri)
    refuse_files_of_others(store, source.name, landing_uri)
    obstore.put(store, _MARKER, source.name.encode())
    written = [_MARKER]
    for name, frame in source.snapshots().items():
        written.append(f"{name}/{name}.csv")
        obstore.put(store, written[-1], as_csv(frame))
    dates: set[date] = set()
    orders = order_items = dirty_rows = 0
    for day in source.days():
        folder = f"order_date={day.order_date}"
        # Orders last: a watcher of the folder may take a date with orders for complete.
        written += [f"order_items/{folder}/order_items.csv", f"orders/{folder}/orders.csv"]
        obstore.put(store, written[-2], as_csv(day.order_items, day.dirty_order_items))
        obstore.put(store, written[-1], as_csv(day.orders, day.dirty_orders))
        dates.add(day.order_date)
        orders += day.orders.height
        order_items += day.order_items.height
        dirty_rows += len(day.dirty_orders) + len(day.dirty_order_items)
        on_day(1)
    sync_written(store, written)
    if not dates:
        raise LandingError("The source has no orders, so only its snapshots were landed.")
    return LandingReport(min(dates), max(dates), len(dates), orders, order_items, dirty_rows)


def refuse_files_of_others(store: ObjectStore, source: str, landing_uri: str) -> None:
    paths = [meta["path"] for batch in obstore.list(store) for meta in batch]
    landed_by = bytes(obstore.get(store, _MARKER).bytes()).decode() if _MARKER in paths else None
    if landed_by != source and any(path.split("/")[0] in _FOLDERS for path in paths):
        raise LandingError(
            f"{landing_uri} holds files that `cis land {source}` did not write, and they would be replaced or mixed. "
            "Set CIS_LANDING_URI and CIS_LAKE_URI to empty folders."
        )


def as_csv(frame: pl.DataFrame, dirty_lines: tuple[str, ...] = ()) -> bytes:
    buffer = io.BytesIO()
    # Whole quantities land as whole numbers.
    frame.with_columns(cs.decimal().cast(pl.String).str.replace(r"\.?0+$", "")).write_csv(buffer)
    return buffer.getvalue() + "".join(f"{line}\n" for line in dirty_lines).encode()
