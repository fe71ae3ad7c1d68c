"""A lake works in a folder of any name that the settings accept; other names are refused before anything is written."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from cis_assets.catalog import silver
from cis_assets.dates import DateRange
from cis_assets.erasure.history import remove_history
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.delta_table import open_table
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.maintenance import maintain
from cis_assets.lake.slices import Slice
from cis_assets.settings import SettingsError, read_settings
from cis_assets_tests.frames import table_frame

DAYS = [date(2026, 1, number) for number in (1, 2, 3)]
USABLE = [
    "My Shop",
    " leading and trailing ",
    "café",
    "cafe\u0301",
    "日本語",
    "smile😀",
    "a#1",
    "#3",
    "a&b;c,d+e@f:g!h",
    "100%",
    "a%zz",
    "{a}(b)<c>",
    'it\'s "q" `b`',
    "~$HOME",
    "...",
    "\u0085\u2028\u00a0\ufeffx",
]
UNUSABLE = {
    "a[1]": "'['",
    "a]": "']'",
    "a*b": "'*'",
    "a?b": "'?'",
    "day=2026-01-01": "'='",
    "a%20b": "'%20'",
    "a|b": "'|'",
    "a^b": "'^'",
    "back\\slash": r"'\\'",
    "line\nfeed": r"'\n'",
    "tab\t": r"'\t'",
    "del\x7f": r"'\x7f'",
    "not text \udcff": r"'\udcff'",
}


def orders(day: date, first: int = 0) -> LazyChunks:
    return LazyChunks.of(
        [table_frame(silver.ORDERS, [{"order_date": day, "order_id": first + number} for number in range(5)])]
    )


def slice_of(first: date, last: date) -> Slice:
    return Slice.of_days(silver.ORDERS, DateRange(first, last))


def read(location: TableLocation, where: Slice) -> pl.DataFrame:
    return PolarsEngine().scan_polars(silver.ORDERS, location, where).collect(engine="streaming")


@pytest.mark.parametrize("name", USABLE)
def test_a_lake_works_in_a_folder_of_any_accepted_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / name)
    location = Lake(read_settings(lake_uri=str(tmp_path / "link" / name)).lake_uri).location(silver.ORDERS)
    assert Path(location.uri).is_relative_to(tmp_path / name / name)
    engine = PolarsEngine()
    for day in DAYS:
        engine.replace(silver.ORDERS, location, slice_of(day, day), orders(day))
    engine.append(
        silver.ORDERS, location, slice_of(DAYS[0], DAYS[0]), {"more": slice_of(*DAYS[:1] * 2)}, orders(DAYS[0], 5)
    )
    assert read(location, slice_of(DAYS[0], DAYS[1])).height == 15
    half_written = Path(location.uri, "order_date=2026-01-01", "part-0.parquet#1")
    half_written.touch()
    os.utime(half_written, (0, 0))
    maintained = maintain(silver.ORDERS, location, retention_hours=24)
    assert (maintained.rewritten, maintained.removed_files) == (1, 1)
    assert remove_history(silver.ORDERS, location).data_files == 2
    assert sorted(read(location, Slice())["order_id"]) == sorted([*range(5)] * 3 + [*range(5, 10)])
    stored = open_table(silver.ORDERS, location)
    assert stored.table_uri.removeprefix("file://").rstrip("/") == location.uri
    assert all(Path(uri.removeprefix("file://")).is_file() for uri in stored.file_uris())


@pytest.mark.parametrize(("name", "named"), UNUSABLE.items(), ids=[repr(name) for name in UNUSABLE])
def test_a_folder_that_delta_tables_cannot_be_read_in_is_refused(tmp_path: Path, name: str, named: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / name)
    with pytest.raises(SettingsError) as refused:
        read_settings(lake_uri="link/lake")
    assert str(refused.value) == (
        f"CIS_LAKE_URI is 'link/lake': Delta tables cannot be read in the folder {str(tmp_path / name / 'lake')!a}, because "
        f"its path has {named}; rename that folder or give another one."
    )
    assert list((tmp_path / name).iterdir()) == []


def test_signs_that_only_folders_cannot_have_are_accepted_in_cloud_addresses() -> None:
    address = "abfss://lake@account.dfs.core.windows.net/a%20b"
    assert read_settings(lake_uri=address).lake_uri == address
