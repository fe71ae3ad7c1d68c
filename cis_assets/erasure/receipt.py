"""The receipt of an erasure: what was removed where, what was found and what is left to do, without any number."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cis_assets.erasure.landing_files import LandingFiles
from cis_assets.storage.addresses import put_text

RECEIPTS = "system/erasure_receipts"


@dataclass(frozen=True)
class TableReceipt:
    """What was done to a table: rows removed, files of its history removed, the version that is left."""

    table: str
    rows_removed: int
    data_files_removed: int
    log_files_removed: int
    version: int


@dataclass(frozen=True)
class Receipt:
    """What was done in one erasure.

    `rows_left` is what a search of every table found at its end, which is none. `elsewhere_in_the_lake` names what lies
    in the lake and is no table of the catalog, so that nobody looked into it.
    """

    erased_at: datetime
    customer_hashes: tuple[str, ...]
    key_fingerprint: str
    lake: str
    tables: tuple[TableReceipt, ...]
    rows_left: int
    elsewhere_in_the_lake: tuple[str, ...]
    landing: str
    landing_files: LandingFiles

    @property
    def rows_removed(self) -> int:
        return sum(table.rows_removed for table in self.tables)

    @property
    def history_files_removed(self) -> int:
        return sum(table.data_files_removed + table.log_files_removed for table in self.tables)

    def as_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "erased_at": self.erased_at.isoformat()}

    def write(self, lake_uri: str) -> str:
        """Put the receipt into the lake; returns its address."""
        name = f"{self.erased_at:%Y-%m-%dT%H%M%S.%f}.json"
        return put_text(lake_uri, f"{RECEIPTS}/{name}", json.dumps(self.as_json(), indent=2))
