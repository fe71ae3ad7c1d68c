"""Write a small table and read it back, the way runs do: a path that one of the libraries cannot handle shows here."""

import secrets
import shutil
from datetime import date
from pathlib import Path

import obstore
import polars as pl
from deltalake import write_deltalake

from cis_assets.errors import OperatorError
from cis_assets.lake.delta_table import connect, scan_stored
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.stored_schema import COMPAT
from cis_assets.storage.addresses import is_local, join, object_store, polars_options, storage_options
from cis_assets.storage.errors import storage_errors
from cis_assets.storage.timeouts import Timeouts

_PROBE = "_cis_doctor_"


class RoundTripError(OperatorError):
    """A table that was written cannot be read back."""


def write_and_read_table(lake_uri: str, timeouts: Timeouts | None = None) -> None:
    """Write a table below the lake with delta-rs, read it with polars, and remove it. Raises RoundTripError or StorageError.

    A lake that does not exist yet is not created: the table is written below the nearest folder, in folders of its names.
    """
    name = _PROBE + secrets.token_hex(8)
    uri, root = join(lake_uri, name), join(lake_uri, name)
    if is_local(lake_uri) and not Path(lake_uri).is_dir():
        nearest = next(folder for folder in Path(lake_uri).absolute().parents if folder.is_dir())
        root = str(nearest / name)
        uri = str(Path(root, Path(lake_uri).absolute().relative_to(nearest)))
    options = storage_options(lake_uri, timeouts=timeouts)
    location = TableLocation(uri, options, polars_options(lake_uri, timeouts=timeouts), timeouts)
    rows = pl.DataFrame({"order_date": [date(2025, 1, 1), date(2025, 1, 2)], "row": [1, 2]})
    try:
        with storage_errors(f"Writing and reading a table in {lake_uri}"):
            if is_local(uri):
                Path(uri).mkdir(parents=True)
            write_deltalake(
                uri, rows.to_arrow(compat_level=COMPAT), partition_by=["order_date"], storage_options=options
            )
            try:
                found = scan_stored(connect(location), location).sort("row").collect()
            except (pl.exceptions.PolarsError, FileNotFoundError) as error:
                raise RoundTripError(
                    f"A table that was written to {lake_uri} cannot be read back ({str(error).splitlines()[0]}): choose a "
                    "path without unusual characters for CIS_LAKE_URI."
                ) from error
            if not found.equals(rows.select(found.columns)):
                raise RoundTripError(
                    f"Other rows are read back from {lake_uri} than were written: use another storage."
                )
    finally:
        if is_local(root):
            shutil.rmtree(root, ignore_errors=True)
        else:
            with storage_errors(f"Removing {root}"):
                store = object_store(lake_uri, timeouts=timeouts)
                obstore.delete(
                    store, [entry["path"] for entries in obstore.list(store, prefix=name) for entry in entries]
                )
