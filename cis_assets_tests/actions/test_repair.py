"""A repair and an erasure exclude each other: a repair could bring back rows that the erasure removes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_assets.actions.repair import accept, repair_table
from cis_assets.catalog import silver
from cis_assets.erasure.lock import LOCK, ErasureInProgressError, hold_erasure_lock
from cis_assets.lake.lake import Lake


def test_nothing_is_repaired_or_accepted_during_an_erasure(tmp_path: Path):
    lake = Lake(str(tmp_path / "lake"))
    with hold_erasure_lock(lake):
        with pytest.raises(ErasureInProgressError, match="erasure, process"):
            repair_table(lake, str(tmp_path / "landing"), silver.ORDERS)
        with pytest.raises(ErasureInProgressError, match="erasure, process"):
            accept(lake, silver.ORDERS)
    assert repair_table(lake, str(tmp_path / "landing"), silver.ORDERS) == []


def test_a_repair_holds_the_lock_of_the_erasure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lake = Lake(str(tmp_path / "lake"))

    def erase_meanwhile(*_: object, **__: object) -> list[str]:
        with pytest.raises(ErasureInProgressError, match="repair of silver/orders"), hold_erasure_lock(lake):
            pass
        return ["done"]

    monkeypatch.setattr("cis_assets.actions.repair.repair", erase_meanwhile)
    assert repair_table(lake, str(tmp_path / "landing"), silver.ORDERS) == ["done"]
    assert not Path(lake.uri, LOCK).exists()
