"""An erasure leaves no byte of a customer in the lake, and everything else as it was."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog import bronze, gold, quality
from cis_assets.catalog.system import ERASED_CUSTOMERS
from cis_assets.dates import DateRange
from cis_assets.erasure.erase import ErasureIncompleteError, count_steps, find_customers
from cis_assets.erasure.lock import LOCK, ErasureInProgressError
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.slices import Slice
from cis_assets.lake.table_versions import TableDamagedError, accept_table
from cis_assets.landing.folder import LandingFolder
from cis_assets_tests.defs.pipeline import GOLD, INGEST
from cis_assets_tests.erasure.byte_search import traces_of
from cis_assets_tests.erasure.conftest import CUSTOMER, END, ShopWithCustomer

pytestmark = pytest.mark.slow

WITH_CUSTOMERS = (
    *(
        "bronze/orders",
        "bronze/order_items",
        "bronze/rejected_rows",
        "bronze/customers",
        "bronze/offer_audience",
        "bronze/rejected_snapshot_rows",
    ),
    *(
        "silver/orders",
        "silver/order_items",
        "silver/returned_items",
        "silver/rejected_rows",
        "silver/customers",
        "silver/offer_audience",
        "silver/rejected_snapshot_rows",
    ),
    *("gold/customer_features", "gold/customer_habits", "gold/customer_lifecycle", "gold/customer_segments"),
    *("gold/product_recommendations", "gold/notification_contexts", "gold/notifications"),
)


def in_lake(shop: ShopWithCustomer) -> dict[str, set[str]]:
    return traces_of(shop.numbers, shop.lake)


def without_customer(shop: ShopWithCustomer, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows in which none of the customer's numbers stands, whatever the column."""
    numbers = re.compile("|".join(map(str, shop.numbers)))
    return rows.filter([not numbers.search(repr(row)) for row in rows.iter_rows()])


def test_no_byte_of_a_customer_is_left_in_the_lake(with_customer: ShopWithCustomer):
    before = in_lake(with_customer)
    for table in WITH_CUSTOMERS:
        log = [path for path in before if path.startswith(f"{table}/_delta_log/")]
        data = [path for path in before if path.startswith(f"{table}/") and path not in log]
        assert any(path.endswith(".json") for path in log), table
        assert any(path.endswith(".checkpoint.parquet") for path in log) or table == "silver/rejected_snapshot_rows"
        assert data, table
        assert all(before[path] >= {"value", "statistics", "page"} for path in data if path.endswith(".parquet")), table
    for name in ("-of-a-killed-writer.snappy.parquet", "-killed-writer.snappy.parquet#1", "-killed-writer.json.tmp"):
        assert any(path.endswith(name) for path in before), name
    assert (with_customer.lake / "dashboard/customers.html").is_file()

    receipt = with_customer.erase()
    receipt.write(str(with_customer.lake))

    assert in_lake(with_customer) == {}
    assert {table.table for table in receipt.tables if table.rows_removed} == {*WITH_CUSTOMERS} - {
        "silver/rejected_snapshot_rows"  # Only its history held the customer.
    }
    assert receipt.rows_left == 0


def test_everything_else_is_as_it_was(with_customer: ShopWithCustomer):
    page = with_customer.lake / "dashboard/customers.html"
    before, drawn = with_customer.rows(), page.read_bytes()
    with_customer.erase()
    after = with_customer.rows()
    for path, rows in before.items():
        if path == bronze.OFFER_AUDIENCE.path:
            assert after[path].select("offer_id", "customer_id").rows() == [(1, CUSTOMER + 1), (1, None)]
            continue
        assert_frame_equal(after[path], without_customer(with_customer, rows), check_exact=True)
        if path not in WITH_CUSTOMERS:
            assert_frame_equal(after[path], rows, check_exact=True)
    assert page.read_bytes() == drawn


def test_reading_the_old_landing_files_again_does_not_bring_a_customer_back(with_customer: ShopWithCustomer):
    with_customer.erase()
    erased = with_customer.rows()
    run = with_customer.shop.run(INGEST, with_customer.days)
    with_customer.shop.run(GOLD, DateRange(END, END))
    assert in_lake(with_customer) == {}
    for path, rows in with_customer.rows().items():
        # What was read of the files, and whether it balances, is told anew.
        if not path.startswith(("gold/", "quality/", "bronze/landed_files", "bronze/landed_snapshots")):
            assert_frame_equal(rows, erased[path], check_exact=True)
    assert with_customer.shop.rows(quality.DATE_CHECKS)["fault"].drop_nulls().to_list() == []
    counted = {
        event.asset_key.path[-1]: event.materialization.metadata["rows_of_erased_customers_left_out"].value
        for event in run.get_asset_materialization_events()
        if "rows_of_erased_customers_left_out" in event.materialization.metadata
    }
    held = with_customer.holding
    lines = sum(rows for path, rows in held.items() if path.startswith("order_items/"))
    orders = sum(rows for path, rows in held.items() if path.startswith("orders/"))
    assert counted == {
        "orders": orders - 6,
        "order_items": lines - 1,
        "rejected_rows": 7,
        "customers": 1,
        "offer_audience": 1,
        "rejected_snapshot_rows": 1,
    }


def test_a_landed_file_that_comes_later_does_not_bring_a_customer_back(with_customer: ShopWithCustomer):
    with_customer.erase()
    day = with_customer.landing / f"orders/order_date={END}"
    (day / "later.csv").write_text(f"order_id,customer_id,order_hour\n{with_customer.numbers[-1] + 9},{CUSTOMER},9\n")
    with_customer.shop.run(INGEST, DateRange(END, END))
    assert traces_of([CUSTOMER, with_customer.numbers[-1] + 9], with_customer.lake) == {}


def test_the_landing_files_that_hold_a_customer_are_listed_and_left_alone(with_customer: ShopWithCustomer):
    landed = {path: path.read_bytes() for path in with_customer.landing.rglob("*") if path.is_file()}
    (with_customer.landing / "orders" / f"order_date={END}" / "_arriving.csv").write_text(f"1,{CUSTOMER},3")
    (with_customer.landing / "exports").mkdir()
    (with_customer.landing / "exports/all.csv").write_text(str(CUSTOMER))
    (with_customer.landing / "orders" / f"order_date={END}" / "notes.txt").write_text("")
    found = with_customer.erase().landing_files
    assert found.holding == with_customer.holding
    assert found.unreadable == (f"orders/order_date={END}/notes.txt",)
    assert found.unread == ("exports/", f"orders/order_date={END}/_arriving.csv")
    assert {path: path.read_bytes() for path in landed} == landed


def test_the_receipt_and_the_list_name_nobody(with_customer: ShopWithCustomer):
    orders = with_customer.shop.rows(bronze.ORDERS).filter(pl.col("customer_id") == CUSTOMER).height
    receipt = with_customer.erase()
    address = Path(receipt.write(str(with_customer.lake)))
    assert address.parent == with_customer.lake / "system/erasure_receipts"
    assert traces_of(with_customer.numbers, with_customer.lake / "system") == {}
    written = json.loads(address.read_text())
    assert written["erased_at"] == "2025-11-01T09:30:00+00:00"
    assert len(written["customer_hashes"]) == 1
    assert written["landing_files"]["holding"] == with_customer.holding
    by_table = {table["table"]: table for table in written["tables"]}
    assert by_table["bronze/orders"]["rows_removed"] == orders > 0
    assert all(table["log_files_removed"] for table in by_table.values())


def test_a_dry_run_counts_what_an_erasure_removes_and_changes_nothing(with_customer: ShopWithCustomer):
    before = {path: path.stat().st_mtime_ns for path in with_customer.folder.rglob("*")}
    found = find_customers(with_customer.shop.lake, LandingFolder(str(with_customer.landing)), [CUSTOMER])
    assert {path: path.stat().st_mtime_ns for path in with_customer.folder.rglob("*")} == before
    receipt = with_customer.erase()
    assert found.rows == {table.table: table.rows_removed for table in receipt.tables if table.table in found.rows}
    assert found.landing_files == receipt.landing_files


@pytest.mark.parametrize("step", [1, 4, 5, 14, 15, 30])
def test_an_erasure_that_was_stopped_anywhere_is_completed_by_the_next(with_customer: ShopWithCustomer, step: int):
    done = 0

    def stop(steps: int) -> None:
        nonlocal done
        done += steps
        if done == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with_customer.erase(advance=stop)
    assert in_lake(with_customer), "It was stopped too late to mean anything."
    assert with_customer.shop.lake.exists(ERASED_CUSTOMERS)
    with_customer.erase()
    assert in_lake(with_customer) == {}


def test_every_step_is_told(with_customer: ShopWithCustomer):
    told = []
    expected = count_steps(with_customer.shop.lake)
    with_customer.erase(advance=told.append)
    assert sum(told) == expected


def test_several_customers_are_erased_at_once_and_again(with_customer: ShopWithCustomer):
    other = with_customer.shop.rows(gold.CUSTOMER_FEATURES)["customer_id"].min()
    with_customer.erase()
    receipt = with_customer.erase(CUSTOMER, other)  # pyright: ignore[reportArgumentType]
    assert len(receipt.customer_hashes) == 2
    for path, rows in with_customer.rows().items():
        assert "customer_id" not in rows.columns or other not in rows["customer_id"], path
    assert with_customer.shop.lake.scan(ERASED_CUSTOMERS).collect().height == 2


def test_what_uses_the_lake_stops_an_erasure_before_history_is_touched(with_customer: ShopWithCustomer):
    class InUseError(Exception):
        pass

    asked = []

    def refuse_second_time() -> None:
        asked.append(1)
        if len(asked) == 2:
            raise InUseError

    with pytest.raises(InUseError):
        with_customer.erase(refuse_in_use=refuse_second_time)
    assert any(path.endswith("killed-writer.snappy.parquet") for path in in_lake(with_customer))
    assert not (with_customer.lake / LOCK).exists()


def test_rows_that_come_back_meanwhile_are_noticed(with_customer: ShopWithCustomer):
    lake = with_customer.shop.lake
    where = Slice.of_days(gold.CUSTOMER_SEGMENTS, DateRange(END, END))
    before = with_customer.shop.rows(gold.CUSTOMER_SEGMENTS).filter(as_of_date=END)
    asked = []

    def write_again() -> None:
        asked.append(1)
        if len(asked) == 2:
            location = lake.location(gold.CUSTOMER_SEGMENTS)
            PolarsEngine().replace(gold.CUSTOMER_SEGMENTS, location, where, LazyChunks.of([before]))

    with pytest.raises(ErasureIncompleteError, match="gold/customer_segments"):
        with_customer.erase(refuse_in_use=write_again)


def test_two_erasures_at_once_are_refused(with_customer: ShopWithCustomer):
    asked = []

    def begin_another() -> None:
        asked.append(1)
        if len(asked) == 2:
            mark = with_customer.lake / LOCK
            mine = mark.read_text()
            mark.write_text(json.dumps(json.loads(mine) | {"process": os.getppid(), "started": None}))
            with pytest.raises(ErasureInProgressError, match=f"process {os.getppid()}"):
                with_customer.erase()
            mark.write_text(mine)

    with_customer.erase(refuse_in_use=begin_another)
    assert in_lake(with_customer) == {}


def test_the_hashes_are_in_landing_and_in_the_lake_before_anything_is_removed(with_customer: ShopWithCustomer):
    before = in_lake(with_customer)

    def stop(steps: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with_customer.erase(advance=stop)
    assert in_lake(with_customer).keys() >= before.keys()
    assert list((with_customer.landing / "_erased_customers").glob("*.csv"))
    assert traces_of(with_customer.numbers, with_customer.landing / "_erased_customers") == {}
    with_customer.lake.rename(with_customer.folder / "aside")
    with_customer.shop.run(INGEST, with_customer.days)
    assert in_lake(with_customer) == {}


def test_a_table_with_files_and_no_log_is_not_passed_over(with_customer: ShopWithCustomer):
    shutil.rmtree(with_customer.lake / "silver/orders/_delta_log")
    shutil.rmtree(with_customer.lake / "system/table_versions", ignore_errors=True)
    with pytest.raises(TableDamagedError, match=r"silver/orders is damaged: .* without a log"):
        with_customer.erase()


def test_what_lies_in_the_lake_and_is_no_table_is_named(with_customer: ShopWithCustomer):
    (with_customer.lake / "bronze/orders").rename(with_customer.lake / "bronze/orders_before")
    (with_customer.lake / "copy.parquet").write_bytes(b"")
    accept_table(Lake(str(with_customer.lake)).location(bronze.ORDERS))
    receipt = with_customer.erase()
    assert receipt.elsewhere_in_the_lake == ("bronze/orders_before", "copy.parquet")
    assert bronze.ORDERS.path not in {table.table for table in receipt.tables}


def test_a_lake_without_tables_remembers_who_is_to_stay_out(with_customer: ShopWithCustomer):
    shutil.rmtree(with_customer.lake)
    assert [table.table for table in with_customer.erase().tables] == [ERASED_CUSTOMERS.path]
    with_customer.shop.run(INGEST, with_customer.days)
    assert in_lake(with_customer) == {}
