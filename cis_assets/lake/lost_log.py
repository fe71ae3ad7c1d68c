"""Tell a table whose log is lost from a table that was never written."""

from pathlib import Path

import obstore

from cis_assets.lake.engines.engine import TableLocation
from cis_assets.storage.addresses import is_local, store_to_read

_TABLE_FILES = (".parquet", ".json", ".crc")


def has_table_files(location: TableLocation) -> bool:
    """Whether the folder of a table holds data files or files of a log."""
    return any(name.endswith(_TABLE_FILES) for name in _list_names(location))


def has_folder(location: TableLocation) -> bool:
    """Whether the folder of a table exists. In a container, a folder exists if it holds a file."""
    return Path(location.uri).exists() if is_local(location.uri) else bool(_list_names(location))


def _list_names(location: TableLocation) -> list[str]:
    return [meta["path"] for batch in obstore.list(store_to_read(location.uri, location.timeouts)) for meta in batch]
