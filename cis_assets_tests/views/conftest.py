"""A lake whose tables a test writes row by row."""

from __future__ import annotations

from pathlib import Path

import pytest
from deltalake import write_deltalake

from cis_assets.catalog import Table
from cis_assets.lake.lake import Lake
from cis_assets_tests.frames import table_frame


class SmallLake(Lake):
    """A lake with a few rows; columns that a test does not name get some valid value."""

    def add(self, table: Table, *rows: dict) -> None:
        frame = table_frame(table, rows)
        write_deltalake(
            self.location(table).uri, frame.to_arrow(), mode="append", partition_by=list(table.partition_by) or None
        )


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    return SmallLake(str(tmp_path / "lake"))
