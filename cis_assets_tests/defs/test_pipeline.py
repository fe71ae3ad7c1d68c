"""The whole way, from landing files to messages, through Dagster and real Delta tables."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import narwhals as nw
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog import TABLES, bronze, gold, silver
from cis_assets.dates import DateRange
from cis_assets.defs.tables import asset_key
from cis_assets.segmentation import customer_features
from cis_assets.segmentation.order_windows import customer_groups
from cis_assets.sources.instacart.source import InstacartSource
from cis_assets.sources.landing_writer import land
from cis_assets_tests.defs.pipeline import GOLD, INGEST, MADE_TABLES, Shop, land_sample, shop_at

END = date(2025, 10, 31)
GOLD_DAYS = DateRange(END - timedelta(days=2), END)
DATED_TABLES = [table for table in TABLES.values() if table.partition_by]


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("landing")
    land_sample(folder, end=END)
    return folder


@pytest.fixture(scope="module")
def days(landing: Path) -> DateRange:
    dates = sorted(date.fromisoformat(path.name.removeprefix("order_date=")) for path in (landing / "orders").iterdir())
    return DateRange(dates[0], dates[-1])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, landing: Path, days: DateRange) -> Shop:
    """A shop whose bronze and silver were made in one run for all days, and gold in one run for three."""
    made = shop_at(tmp_path_factory.mktemp("shop"), landing)
    made.run(INGEST, days)
    made.run(GOLD, GOLD_DAYS)
    return made


def test_every_table_of_the_catalog_is_made_but_those_of_trained_predictions(shop: Shop):
    assert {path for path, table in TABLES.items() if shop.lake.exists(table)} == MADE_TABLES.keys()


def test_every_landed_row_is_in_bronze_or_rejected(shop: Shop, landing: Path):
    lines = sum(
        len(path.read_text().splitlines()) - 1
        for folder in ("orders", "order_items")
        for path in (landing / folder).glob("*/*.csv")
    )
    stored = sum(shop.rows(table).height for table in (bronze.ORDERS, bronze.ORDER_ITEMS, bronze.REJECTED_ROWS))
    assert stored == lines
    assert shop.rows(bronze.REJECTED_ROWS).height > 0


def test_every_bronze_row_is_in_silver_or_rejected(shop: Shop):
    for table in ("orders", "order_items"):
        rejected = shop.rows(silver.REJECTED_ROWS).filter(pl.col("source_table") == table).height
        assert shop.rows(TABLES[f"bronze/{table}"]).height == shop.rows(TABLES[f"silver/{table}"]).height + rejected
        assert rejected > 0


def test_a_range_as_one_run_and_day_by_day_give_equal_tables(
    shop: Shop, landing: Path, days: DateRange, tmp_path: Path
):
    other = shop_at(tmp_path, landing)
    half = days.first + timedelta(days=len(days) // 2)
    for day in (*DateRange(half, half + timedelta(days=2)), days.first, days.last):
        other.run(INGEST, DateRange(day, day))
    for table in (
        bronze.ORDERS,
        bronze.ORDER_ITEMS,
        bronze.REJECTED_ROWS,
        silver.ORDERS,
        silver.ORDER_ITEMS,
        silver.REJECTED_ROWS,
    ):
        made = other.rows(table)
        same_days = shop.rows(table).filter(
            pl.col("order_date").is_in([*DateRange(half, half + timedelta(days=2)), days.first, days.last])
        )
        assert_frame_equal(made, same_days, check_exact=True)


@pytest.mark.slow
def test_gold_of_a_range_equals_gold_day_by_day(shop: Shop, days: DateRange, landing: Path, tmp_path: Path):
    other = shop_at(tmp_path, landing)
    other.run(INGEST, days)
    # The newest day first, so that both lakes train their model on the same snapshot.
    for day in reversed(list(GOLD_DAYS)):
        other.run(GOLD, DateRange(day, day))
    for table in gold.TABLES:
        if table.path in MADE_TABLES:
            assert_frame_equal(other.rows(table), shop.rows(table), check_exact=True)


def test_features_of_many_order_lines_are_made_by_groups_of_customers(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    before = shop.rows(gold.CUSTOMER_FEATURES)
    groups = []

    def counted(rows: nw.LazyFrame, bounds: list[int]) -> list[nw.LazyFrame]:
        groups.append(len(bounds) + 1)
        return customer_groups(rows, bounds)

    monkeypatch.setattr(customer_features, "customer_groups", counted)
    monkeypatch.setattr(customer_features, "_ITEMS_PER_CHUNK", shop.rows(silver.ORDER_ITEMS).height // 5)
    shop.run(dg.AssetSelection.assets(asset_key(gold.CUSTOMER_FEATURES)), GOLD_DAYS)
    assert min(groups) > 4
    assert_frame_equal(shop.rows(gold.CUSTOMER_FEATURES), before, check_exact=True)


@pytest.mark.slow
def test_running_everything_twice_gives_the_same_tables(shop: Shop, days: DateRange):
    before = {path: shop.rows(table) for path, table in MADE_TABLES.items()}
    shop.run(INGEST, days)
    shop.run(GOLD, GOLD_DAYS)
    for path, table in MADE_TABLES.items():
        assert_frame_equal(shop.rows(table), before[path], check_exact=True)


@pytest.mark.slow
def test_a_snapshot_does_not_change_when_later_days_arrive(shop: Shop, days: DateRange, landing: Path, tmp_path: Path):
    earlier = shop_at(tmp_path, landing)
    until = GOLD_DAYS.first
    earlier.run(INGEST, DateRange(days.first, until))
    earlier.run(GOLD, DateRange(until, until))
    expected = shop.rows(gold.CUSTOMER_FEATURES).filter(pl.col("as_of_date") == until)
    assert_frame_equal(earlier.rows(gold.CUSTOMER_FEATURES), expected, check_exact=True)


def test_every_message_rests_on_facts_and_names_its_generator(shop: Shop):
    messages = shop.rows(gold.NOTIFICATIONS)
    facts = shop.rows(gold.NOTIFICATION_CONTEXTS).select(
        "as_of_date", "customer_id", "product_name", "percent_off", offered="offer_id"
    )
    joined = messages.join(facts, on=["as_of_date", "customer_id"], how="left", validate="1:1")
    assert joined.height > 0
    assert set(joined["generator"]) == {"template"}
    for row in joined.iter_rows(named=True):
        assert row["product_name"] in row["body"]
        assert ("%" in row["title"] + row["body"]) == (row["offer_id"] is not None)
        if row["offer_id"] is not None:
            assert row["offer_id"] == row["offered"]
            assert f"{row['percent_off']}% off" in row["title"] + row["body"]


def test_only_customers_with_consent_are_addressed(shop: Shop):
    consenting = shop.rows(silver.CUSTOMERS).filter("push_consent")["customer_id"]
    assert shop.rows(gold.NOTIFICATIONS)["customer_id"].is_in(consenting.implode()).all()


@pytest.mark.slow
def test_a_failing_file_leaves_the_tables_as_they_were(tmp_path: Path):
    shop = shop_at(tmp_path)
    days = land_sample(tmp_path / "landing", end=END, customers=30, days=4)
    shop.run(INGEST, days)
    # What was found wrong with the files is written nevertheless.
    tables = [table for table in DATED_TABLES if table.layer != "gold" and table != bronze.LANDED_FILES]
    before = {table.path: shop.rows(table) for table in tables}
    (tmp_path / "landing" / "order_items" / f"order_date={END}" / "order_items.csv").write_text(
        "order_id,product_id\n1,2\n"
    )
    result = shop.run(INGEST, days, must_succeed=False)
    assert not result.success
    for table in tables:
        assert_frame_equal(shop.rows(table), before[table.path], check_exact=True)


@pytest.mark.slow
def test_the_public_instacart_files_go_through_whole(instacart_release: Path, tmp_path: Path):
    release = InstacartSource(instacart_release, END)
    report = land(release, str(tmp_path / "landing"))
    shop = shop_at(tmp_path)
    shop.run(INGEST, DateRange(report.first, report.last))
    orders = shop.rows(silver.ORDERS)
    assert orders.height == 973
    assert shop.rows(silver.ORDER_ITEMS).height == 8976
    assert shop.rows(bronze.REJECTED_ROWS).height == shop.rows(silver.REJECTED_ROWS).height == 0
    given = release.dated_orders.select("order_id", "order_dow")
    weekdays = orders.join(given, on="order_id").select("order_weekday", "order_dow").rows()
    assert len(weekdays) == 973
    saturday_to_friday = [6, 7, 1, 2, 3, 4, 5]
    assert all(weekday == saturday_to_friday[dow] for weekday, dow in weekdays)


@pytest.mark.slow
def test_a_model_behind_a_compatible_server_writes_the_words(
    model_server, shop: Shop, landing: Path, days: DateRange, tmp_path: Path
):
    other = shop_at(tmp_path, landing)
    other.run(INGEST, days)
    # The server of this test repeats itself, so the template has to write much.
    other.run(GOLD, DateRange(END, END), writer="openai", openai_model="small-model", copy_fallback_severity="warn")
    copy = other.rows(gold.NOTIFICATION_COPY)
    written = copy.filter(pl.col("generator") == "openai")
    assert written.height > 0
    assert set(written["model"]) == {"small-model"}
    assert set(other.rows(gold.NOTIFICATIONS)["generator"]) <= {"openai", "template"}
    asked = "\n".join(str(request["input"]) for request in model_server.requests)
    names = shop.rows(silver.PRODUCTS)["product_name"]
    assert not [name for name in names if len(name) > 8 and name in asked]
    assert all(request["store"] is False for request in model_server.requests)


@pytest.mark.slow
def test_the_openai_writer_without_a_key_stops_with_a_sentence_that_names_the_variable(
    landing: Path, days: DateRange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    other = shop_at(tmp_path, landing)
    other.run(INGEST, days)
    result = other.run(GOLD, DateRange(END, END), must_succeed=False, writer="openai")
    (failure,) = [event.event_specific_data.error for event in result.all_events if event.is_step_failure]  # pyright: ignore[reportAttributeAccessIssue]
    assert "OPENAI_API_KEY" in failure.cause.message
    assert not other.lake.exists(gold.NOTIFICATION_COPY)
