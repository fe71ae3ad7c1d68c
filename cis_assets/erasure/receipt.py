"""The receipt of an erasure: what was removed and found, and what is left to do, without customer numbers."""

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
    """Rows and history files that were removed from a table, and its remaining version."""

    table: str
    rows_removed: int
    data_files_removed: int
    log_files_removed: int
    version: int


@dataclass(frozen=True)
class Receipt:
    """The result of one erasure.

    `rows_left` is what a final search of every table found, which is 0. `elsewhere_in_the_lake` names what is in the lake
    but not a table of the catalog, so that the erasure did not search it. `hashes_found_nowhere` are the customers of whom
    neither a table nor a landing file had a row. `moved_aside_removed` are tables that repairs had moved aside, and
    `leftover_files_removed` counts their files and those of killed writers outside the tables.
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
    hashes_found_nowhere: tuple[str, ...] = ()
    moved_aside_removed: tuple[str, ...] = ()
    leftover_files_removed: int = 0

    @property
    def rows_removed(self) -> int:
        return sum(table.rows_removed for table in self.tables)

    @property
    def history_files_removed(self) -> int:
        return sum(table.data_files_removed + table.log_files_removed for table in self.tables)

    def as_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "erased_at": self.erased_at.isoformat()}

    def write(self, lake_uri: str) -> str:
        """Write the receipt into the lake and return its address."""
        name = f"{self.erased_at:%Y-%m-%dT%H%M%S.%f}.json"
        return put_text(lake_uri, f"{RECEIPTS}/{name}", json.dumps(self.as_json(), indent=2))
