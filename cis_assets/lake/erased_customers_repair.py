"""Repair of the list of erased customers, from its data files and from its copy in the landing folder."""

import io
from collections.abc import Iterable

import obstore
import polars as pl
from polars.exceptions import PanicException, PolarsError

from cis_assets.catalog.system import ERASED_CUSTOMERS
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.damage import Damage, Kind, find_damage, find_log_damage, list_sizes
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.erased_customers_copy import COPY_FOLDER, ErasedListError, merge_entries, read_copy, write_copy
from cis_assets.lake.lake import Lake
from cis_assets.lake.log_files import LOG, list_log
from cis_assets.lake.repair import RepairError, move_table_aside
from cis_assets.lake.slices import WHOLE
from cis_assets.lake.table_versions import VERSIONS, accept_table
from cis_assets.storage.addresses import join, store_to_read
from cis_assets.storage.errors import storage_errors


def repair_erased_customers(lake: Lake, landing_uri: str) -> list[str]:
    """Make a damaged list again from all entries that are left; return what was done, nothing for a whole list.

    Nobody leaves the list, so the entries of all its versions count. Raises RepairError if entries may be lost.
    """
    location = lake.location(ERASED_CUSTOMERS)
    damage = find_damage(location, deep=True)
    if not damage:
        return []
    copied = read_copy(landing_uri)
    files = list_sizes(location)
    stored, unreadable = _read_data_files(location, files)
    # An erasure enters all entries in the copy first, so a copy that has entries has all of them.
    if copied.is_empty() and (unreadable or stored.is_empty() or any(_lost_entries(each) for each in damage)):
        version = join(lake.uri, f"{VERSIONS}/{ERASED_CUSTOMERS.path.replace('/', '.')}.json")
        raise RepairError(
            f"{ERASED_CUSTOMERS.path}: {damage[0]}, and {join(landing_uri, COPY_FOLDER)} has no copy of the list, so erased "
            "customers would come back. Restore one of the two from a backup. Without a backup, delete "
            f"{location.uri} and {version}, and erase the same "
            "customers again before any other run."
        )
    entries = merge_entries(stored, copied)
    write_copy(landing_uri, entries.join(copied, on="customer_hash", how="anti"))
    with storage_errors(f"Repairing {ERASED_CUSTOMERS.path}"):
        aside = move_table_aside(lake, ERASED_CUSTOMERS, files) if files else ""
        accept_table(location)
        PolarsEngine().merge(ERASED_CUSTOMERS, location, WHOLE, LazyChunks.of([entries]))
    return [
        f"{damage[0]}: the list was made again with {entries.height:,} customers ({copied.height:,} of them from its copy in "
        f"the landing folder)." + (f" Its damaged files were moved to {aside}." if aside else "")
    ]


def accept_erased_customers(lake: Lake) -> int | None:
    """Take the version that the list has now as its last known one; ErasedListError if that could lose entries."""
    location = lake.location(ERASED_CUSTOMERS)
    damage = find_damage(location)
    if [each.kind for each in damage] == [Kind.REMEMBERED_VERSION]:
        log = list_log(location)
        damage = find_log_damage(location, log, deep=True) if log.newest is not None else damage
    if damage:
        raise ErasedListError(
            f"{ERASED_CUSTOMERS.path} is damaged: {damage[0]}. Without its entries, erased customers would come back, so it "
            f"is not accepted. Run `cis doctor --repair {ERASED_CUSTOMERS.path}`, which makes it again from its copy in the "
            "landing folder."
        )
    return accept_table(location)


def _lost_entries(damage: Damage) -> bool:
    return damage.kind is Kind.SHORTER or damage.what == "is missing"


def _read_data_files(location: TableLocation, files: Iterable[str]) -> tuple[pl.DataFrame, bool]:
    """Read the entries of all data files, whatever the log says; also return whether a file could not be read."""
    store = store_to_read(location.uri, location.timeouts)
    columns = pl.Schema(ERASED_CUSTOMERS.dtypes)
    parts, unreadable = [ERASED_CUSTOMERS.empty()], False
    for path in sorted(path for path in files if path.endswith(".parquet") and not path.startswith(f"{LOG}/")):
        with storage_errors(f"Reading {path} of {location.name}"):
            content = bytes(obstore.get(store, path).bytes())
        try:
            parts.append(pl.read_parquet(io.BytesIO(content), columns=list(columns)).cast(columns))
        except (PolarsError, PanicException):
            unreadable = True
    return merge_entries(*parts), unreadable
