"""The bronze tables of a range in which dates cannot be read: the other dates go on, and who looks is told which and why."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog import TABLES, bronze
from cis_assets.defs.ingest.bronze_assets import build_assets
from cis_assets.defs.partitions import ONE_RUN, order_dates
from cis_assets.defs.resources import LAKE_IO, LakeResource, LandingResource, build_resources
from cis_assets.defs.tables import table_out
from cis_assets.lake.lake import Lake
from cis_assets.lake.quarantine import QuarantinedRows
from cis_assets.landing.folder import LandingError
from cis_assets.settings import read_settings
from cis_assets_tests.landing.landing_files import ITEMS_HEADER, ORDERS_HEADER, put

FIRST, SECOND, THIRD = DAYS = [date(2025, 3, 1) + timedelta(days=number) for number in range(3)]
BRONZE_DAYS = next(each for each in build_assets(read_settings()) if isinstance(each, dg.AssetsDefinition))
RANGE = {"dagster/asset_partition_range_start": str(FIRST), "dagster/asset_partition_range_end": str(THIRD)}


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """Three dates, each with an order, a line, and an order that does not parse."""
    for day in DAYS:
        put(tmp_path, f"landing/orders/order_date={day}/orders.csv", f"{ORDERS_HEADER}\n1,10,9\n2,11,noon\n")
        put(tmp_path, f"landing/order_items/order_date={day}/items.csv", f"{ITEMS_HEADER}\n1,5,1,2,3.5\n")
    return tmp_path / "landing"


def break_orders(landing: Path, *days: date) -> None:
    for day in days:
        (landing / f"orders/order_date={day}/orders.csv").write_text("order_id\n1\n")


def fault(day: date) -> str:
    return (
        f"Landing file orders/order_date={day}/orders.csv has no column customer_id and no column order_hour; "
        "its header is order_id."
    )


def resources(landing: Path) -> dict[str, Any]:
    needed = ("landing", "lake", LAKE_IO)
    found = build_resources(read_settings(lake_uri=str(landing.parent / "lake"), landing_uri=str(landing)))
    return {name: found[name] for name in needed}


def outputs(landing: Path) -> dict[str, pl.DataFrame]:
    """What the asset yields for the three dates, in that order."""
    given = {name: resource for name, resource in resources(landing).items() if name != LAKE_IO}
    with dg.build_asset_context(partition_key_range=dg.PartitionKeyRange(str(FIRST), str(THIRD))) as context:
        found = [(each.output_name, each.value) for each in BRONZE_DAYS(context, **given)]  # pyright: ignore[reportGeneralTypeIssues]
    return {name: (each.rows.whole().collect() if isinstance(each, QuarantinedRows) else each) for name, each in found}


def test_the_files_come_first_and_every_table_in_its_shape(landing: Path) -> None:
    made = outputs(landing)
    assert list(made) == ["landed_files", "orders", "order_items", "rejected_rows"]
    for name, rows in made.items():
        assert dict(rows.schema) == TABLES[f"bronze/{name}"].dtypes
    assert {name: rows.height for name, rows in made.items()} == {
        "landed_files": 6,
        "orders": 3,
        "order_items": 3,
        "rejected_rows": 3,
    }


def test_a_date_at_fault_gives_no_rows_and_the_others_give_theirs(landing: Path) -> None:
    break_orders(landing, SECOND)
    made = outputs(landing)
    for name in ("orders", "order_items", "rejected_rows"):
        assert made[name]["order_date"].to_list() == [FIRST, THIRD]
    faults = made["landed_files"].filter(pl.col("fault").is_not_null())
    assert faults.select("order_date", "fault").rows() == [(SECOND, fault(SECOND))]


def test_dates_that_are_all_at_fault_give_tables_without_rows(landing: Path) -> None:
    break_orders(landing, *DAYS)
    made = outputs(landing)
    assert made["landed_files"]["order_date"].n_unique() == 3
    for name in ("orders", "order_items", "rejected_rows"):
        assert (made[name].height, dict(made[name].schema)) == (0, TABLES[f"bronze/{name}"].dtypes)


def test_each_date_at_fault_is_warned_of_once_with_its_sentence(landing: Path) -> None:
    break_orders(landing, FIRST, THIRD)
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([BRONZE_DAYS], resources=resources(landing), tags=RANGE, instance=instance)
        logged = instance.all_logs(result.run_id)
    warned = [each.user_message for each in logged if each.level == logging.WARNING]
    assert [text for text in warned if "was not read" in text] == [
        f"{day} was not read and keeps its former rows. {fault(day)}" for day in (FIRST, THIRD)
    ]


def test_in_a_run_the_files_are_stored_before_the_other_tables(landing: Path) -> None:
    break_orders(landing, SECOND)
    result = dg.materialize([BRONZE_DAYS], resources=resources(landing), tags=RANGE)
    stored = [event.asset_key.path[-1] for event in result.get_asset_materialization_events()]
    assert list(dict.fromkeys(stored)) == ["landed_files", "orders", "order_items", "rejected_rows"]
    lake = Lake(str(landing.parent / "lake"))
    files = lake.scan(bronze.LANDED_FILES).filter(pl.col("order_date") == SECOND).collect()
    assert files.filter(pl.col("fault").is_not_null())["fault"].to_list() == [fault(SECOND)]
    assert sorted(lake.scan(bronze.ORDERS).collect()["order_date"]) == [FIRST, THIRD]


def test_the_tables_do_not_depend_on_the_order_of_the_outputs(landing: Path, tmp_path: Path) -> None:
    break_orders(landing, SECOND)

    @dg.multi_asset(
        name="bronze_days",
        outs={name: table_out(TABLES[f"bronze/{name}"], "polars") for name in outputs(landing)},
        partitions_def=order_dates(read_settings()),
        backfill_policy=ONE_RUN,
    )
    def backwards(context, landing: LandingResource, lake: LakeResource):
        decorated = BRONZE_DAYS.op.compute_fn.decorated_fn  # pyright: ignore[reportAttributeAccessIssue]
        yield from reversed(list(decorated(context, landing, lake)))

    dg.materialize([BRONZE_DAYS], resources=resources(landing), tags=RANGE)
    other = str(tmp_path / "backwards")
    elsewhere = build_resources(read_settings(lake_uri=other, landing_uri=str(landing)))
    dg.materialize([backwards], resources={name: elsewhere[name] for name in ("landing", "lake", LAKE_IO)}, tags=RANGE)
    for table in (bronze.LANDED_FILES, bronze.ORDERS, bronze.ORDER_ITEMS, bronze.REJECTED_ROWS):
        expected = Lake(str(landing.parent / "lake")).scan(table).drop("ingested_at", strict=False).collect()
        assert_frame_equal(
            Lake(other).scan(table).drop("ingested_at", strict=False).collect(), expected, check_row_order=False
        )


def test_dates_on_which_nothing_landed_fail_the_run(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=f"order_date={FIRST} to {THIRD} are empty or absent"):
        dg.materialize([BRONZE_DAYS], resources=resources(tmp_path / "landing"), tags=RANGE)
    assert not Lake(str(tmp_path / "lake")).exists(bronze.LANDED_FILES)
