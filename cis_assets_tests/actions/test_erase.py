from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from deltalake import write_deltalake
from pydantic import SecretStr

from cis_assets.actions.erase import RunsInProgressError, erase_customers
from cis_assets.catalog import silver
from cis_assets.lake.delta_table import open_or_create
from cis_assets.lake.erased_customers import ErasureKey
from cis_assets.lake.lake import Lake
from cis_assets.landing.folder import LandingFolder
from cis_assets_tests.frames import table_frame

KEY = ErasureKey(SecretStr("a secret of the tests that is long enough"))


@dg.job
def loading() -> None: ...


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake of two customers."""
    lake = Lake(str(tmp_path / "lake"))
    customers = table_frame(silver.CUSTOMERS, [{"customer_id": 1}, {"customer_id": 2}])
    write_deltalake(
        open_or_create(silver.CUSTOMERS, lake.location(silver.CUSTOMERS)), customers.to_arrow(), mode="append"
    )
    return lake


def customers_in(lake: Lake) -> list[int]:
    return sorted(lake.scan(silver.CUSTOMERS).collect()["customer_id"])


def test_the_receipt_is_stored_in_the_lake(lake: Lake, instance: dg.DagsterInstance, tmp_path: Path):
    receipt, address = erase_customers(lake, LandingFolder(str(tmp_path / "landing")), KEY, [1], instance)
    assert customers_in(lake) == [2]
    assert receipt.rows_removed == 1
    assert json.loads(Path(address).read_text()) == json.loads(json.dumps(receipt.as_json()))


# An instance cannot make a queued run without a server.
@pytest.mark.parametrize("status", [status for status in dg.DagsterRunStatus if status.value != "QUEUED"])
def test_a_run_that_has_not_ended_prevents_an_erasure_unless_it_is_ignored(
    lake: Lake, instance: dg.DagsterInstance, tmp_path: Path, status: dg.DagsterRunStatus
):
    run = instance.create_run_for_job(loading, status=status)
    folder = LandingFolder(str(tmp_path / "landing"))
    if status.value not in ("SUCCESS", "FAILURE", "CANCELED"):
        with pytest.raises(RunsInProgressError, match=rf"1 Dagster run has not ended: {run.run_id} \(loading"):
            erase_customers(lake, folder, KEY, [1], instance)
        assert customers_in(lake) == [1, 2]
        erase_customers(lake, folder, KEY, [1], instance, ignored_runs=[run.run_id])
    else:
        erase_customers(lake, folder, KEY, [1], instance)
    assert customers_in(lake) == [2]
