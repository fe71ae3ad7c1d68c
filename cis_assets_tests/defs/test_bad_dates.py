"""Runs over dates some of which are bad: the others are made, and the run says at its end which were not, and why."""

from __future__ import annotations

import gzip
import shutil
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from cis_assets.catalog import Table, bronze, gold, quality, silver
from cis_assets.dates import DateRange
from cis_assets.defs.tables import asset_key
from cis_assets_tests.defs.pipeline import GOLD, INGEST, Shop, land_sample, shop_at

pytestmark = pytest.mark.slow

END = date(2025, 3, 31)
DATED = (
    bronze.ORDERS,
    bronze.ORDER_ITEMS,
    bronze.REJECTED_ROWS,
    silver.ORDERS,
    silver.ORDER_ITEMS,
    quality.DATE_CHECKS,
)
FEATURES = dg.AssetSelection.assets(asset_key(gold.CUSTOMER_FEATURES))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DateRange]:
    """Landing files of a few dates."""
    landing = tmp_path_factory.mktemp("sample") / "landing"
    return landing, land_sample(landing, end=END, customers=40, days=8)


@pytest.fixture(scope="module")
def undisturbed(sample, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """What a run makes of all of them."""
    landing, days = sample
    shop = shop_at(tmp_path_factory.mktemp("undisturbed"), landing)
    shop.run(INGEST, days)
    return shop


@pytest.fixture
def shop(sample, tmp_path: Path) -> Shop:
    """A shop with files of its own."""
    shutil.copytree(sample[0], tmp_path / "landing")
    return shop_at(tmp_path)


def files_of(shop: Shop, table: str, day: date) -> list[Path]:
    return sorted(Path(shop.settings.landing_uri, table, f"order_date={day}").iterdir())


def truncated_gzip(shop: Shop, day: date) -> None:
    (file,) = files_of(shop, "order_items", day)
    packed = gzip.compress(file.read_bytes())
    file.unlink()
    (file.parent / "order_items.csv.gz").write_bytes(packed[: len(packed) // 2])


def lacking_a_column(shop: Shop, day: date) -> None:
    (file,) = files_of(shop, "orders", day)
    file.write_text(file.read_text().replace("customer_id", "client"))


def not_parquet(shop: Shop, day: date) -> None:
    (file,) = files_of(shop, "orders", day)
    file.rename(file.with_suffix(".parquet"))


def half_landed(shop: Shop, day: date) -> None:
    shutil.rmtree(files_of(shop, "order_items", day)[0].parent)


def messy(shop: Shop, day: date) -> None:
    """Most rows of a date no longer parse."""
    (file,) = files_of(shop, "order_items", day)
    header, *rows = file.read_text().splitlines()
    file.write_text("\n".join([header, *(f"{row},?" if number % 4 else row for number, row in enumerate(rows))]) + "\n")


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    found = {}
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error.cause is not None:
                error = error.cause
            found[event.step_key] = error.message
    return found


def made(result: dg.ExecuteInProcessResult, table: Table) -> set[str]:
    return {
        event.partition
        for event in result.get_asset_materialization_events()
        if event.asset_key == asset_key(table) and event.partition
    }


def rows_but(shop: Shop, table: Table, *days: date) -> pl.DataFrame:
    return shop.rows(table).filter(~pl.col("order_date").is_in(days))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (truncated_gzip, "order_items.csv.gz"),
        (lacking_a_column, "has no column customer_id"),
        (not_parquet, "cannot be read as Parquet"),
        (half_landed, "is empty or absent, but"),
    ],
)
def test_a_date_that_cannot_be_read_is_left_out_and_named_while_the_others_are_made(
    shop: Shop, undisturbed: Shop, sample, spoil, sentence: str
):
    days = list(sample[1])
    bad = days[3]
    spoil(shop, bad)
    result = shop.run(INGEST, sample[1], must_succeed=False)
    (said,) = failures(result).values()
    assert list(failures(result)) == ["every_date_went_through"]
    assert f"1 of {len(days)} dates is quarantined. {bad}: " in said
    assert sentence in said
    for table in DATED:
        assert made(result, table) == {str(day) for day in days if day != bad}, table.path
        if table != quality.DATE_CHECKS:
            assert shop.rows(table).equals(rows_but(undisturbed, table, bad)), table.path
    assert made(result, bronze.LANDED_FILES) == {str(day) for day in days}


def test_the_bad_date_alone_is_run_again_when_it_is_mended(shop: Shop, undisturbed: Shop, sample):
    bad = list(sample[1])[2]
    (file,) = files_of(shop, "orders", bad)
    good = file.read_bytes()
    file.write_bytes(b"")
    assert not shop.run(INGEST, sample[1], must_succeed=False).success
    file.write_bytes(good)
    result = shop.run(INGEST, DateRange(bad, bad))
    assert result.success
    assert made(result, silver.ORDERS) == {str(bad)}
    for table in (bronze.LANDED_FILES, *DATED[:-1], silver.REJECTED_ROWS, silver.RETURNED_ITEMS):
        assert shop.rows(table).equals(undisturbed.rows(table)), table.path


def test_a_single_bad_date_fails_with_its_sentence(shop: Shop, sample):
    bad = sample[1].first
    lacking_a_column(shop, bad)
    result = shop.run(INGEST, DateRange(bad, bad), must_succeed=False)
    assert "has no column customer_id" in failures(result)["bronze_days"]
    assert not shop.lake.exists(silver.ORDERS)


def test_what_was_made_of_a_date_stays_when_its_files_are_replaced_by_a_broken_one(
    shop: Shop, undisturbed: Shop, sample
):
    shop.run(INGEST, sample[1])
    bad = list(sample[1])[5]
    truncated_gzip(shop, bad)
    assert not shop.run(INGEST, sample[1], must_succeed=False).success
    for table in DATED[:-1]:
        assert shop.rows(table).equals(undisturbed.rows(table)), table.path


def test_silver_of_a_date_that_cannot_be_read_is_not_made_of_what_was_read_before(shop: Shop, sample):
    shop.run(INGEST, sample[1])
    bad = list(sample[1])[5]
    truncated_gzip(shop, bad)
    shop.run(INGEST, sample[1], must_succeed=False)
    result = shop.run(dg.AssetSelection.groups("silver"), DateRange(bad, bad), must_succeed=False)
    assert "order_items.csv.gz" in " ".join(failures(result).values())


def test_a_run_of_silver_alone_says_which_dates_it_left_out(shop: Shop, sample):
    shop.run(INGEST, sample[1])
    bad = list(sample[1])[5]
    truncated_gzip(shop, bad)
    shop.run(INGEST, sample[1], must_succeed=False)
    result = shop.run(dg.AssetSelection.groups("silver"), sample[1], must_succeed=False)
    assert list(failures(result)) == ["every_date_went_through"]
    assert f"1 of {len(sample[1])} dates is quarantined. {bad}: " in failures(result)["every_date_went_through"]


def test_a_mended_date_is_not_held_back_by_what_was_found_before(shop: Shop, sample):
    bad = list(sample[1])[-2]
    (file,) = files_of(shop, "order_items", bad)
    good = file.read_text()
    messy(shop, bad)
    assert not shop.run(INGEST, DateRange(bad, bad), must_succeed=False).success
    file.write_text(good)
    assert shop.run(dg.AssetSelection.groups("bronze", "silver"), DateRange(bad, bad)).success


def test_a_date_that_a_check_blocks_stops_its_own_gold_and_no_other(shop: Shop, sample):
    days = list(sample[1])
    bad = days[-2]
    messy(shop, bad)
    result = shop.run(INGEST, sample[1], must_succeed=False)
    assert list(failures(result)) == ["every_date_went_through"]
    assert "few_rows_are_rejected failed" in failures(result)["every_date_went_through"]
    assert made(result, silver.ORDERS) == {str(day) for day in days}, "silver shows what is wrong"

    result = shop.run(FEATURES, DateRange(days[-3], days[-1]), must_succeed=False)
    assert made(result, gold.CUSTOMER_FEATURES) == {str(days[-3]), str(days[-1])}
    assert list(failures(result)) == ["every_date_went_through"]
    result = shop.run(FEATURES, DateRange(bad, bad), must_succeed=False)
    assert "few_rows_are_rejected failed" in failures(result)["gold__customer_features"]


def test_ingest_and_gold_in_one_run_leave_a_blocked_date_out_of_gold(shop: Shop, sample):
    days = list(sample[1])
    messy(shop, days[-2])
    result = shop.run(INGEST | GOLD, DateRange(days[-3], days[-1]), must_succeed=False)
    assert list(failures(result)) == ["every_date_went_through"]
    for table in gold.TABLES:
        if table.partition_by:
            assert made(result, table) == {str(days[-3]), str(days[-1])}, table.path


def test_a_blocked_date_shows_its_counts_and_first_offenders(shop: Shop, sample):
    bad = list(sample[1])[-2]
    messy(shop, bad)
    result = shop.run(INGEST, sample[1], must_succeed=False)
    (found,) = (each for each in result.get_asset_check_evaluations() if each.check_name == "few_rows_are_rejected")
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.ERROR
    assert found.metadata["dates_quarantined"].value == 1
    counts = found.metadata["counts"].value.records[0].data  # pyright: ignore[reportAttributeAccessIssue]
    assert counts["order_date"] == str(bad)
    assert "were rejected, up to " in counts["detail"]
    offenders = [record.data for record in found.metadata["first_offenders"].value.records]  # pyright: ignore[reportAttributeAccessIssue]
    assert len(offenders) == 10
    assert offenders[0]["where"].startswith(f"order_items/order_date={bad}/")
    assert "fields where the header has" in offenders[0]["what"]


def test_each_date_has_its_verdicts_in_the_table(undisturbed: Shop, sample):
    rows = undisturbed.rows(quality.DATE_CHECKS)
    assert set(rows["order_date"]) == set(sample[1])
    assert rows.group_by("order_date").len()["len"].unique().to_list() == [6]
    balanced = rows.filter(pl.col("check").str.ends_with("_rows_are_accounted_for"))
    assert balanced["passed"].all()
    assert rows["fault"].null_count() == rows.height
