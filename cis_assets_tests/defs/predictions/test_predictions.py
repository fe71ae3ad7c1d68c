"""Training and forecasting in Dagster, and the check that models beat their baselines."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog import Table, gold, silver
from cis_assets.dates import DateRange
from cis_assets.defs.predictions.training import build_checks
from cis_assets.defs.tables import asset_key
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.slices import WHOLE
from cis_assets_tests.defs.pipeline import MODELS, Shop, shop_at
from cis_assets_tests.frames import table_frame
from cis_assets_tests.predictions.baskets import PRODUCTS, shop
from cis_assets_tests.segmentation.histories import Order, history

FORECASTS = dg.AssetSelection.assets(*(asset_key(table) for table in (gold.NEXT_ORDER, gold.PRODUCT_RECOMMENDATIONS)))


def write(made: Shop, table: Table, rows: pl.DataFrame) -> None:
    chunks = LazyChunks.of([table_frame(table, rows.to_dicts()).lazy()])
    PolarsEngine().replace(table, made.lake.location(table), WHOLE, chunks)


def write_silver(made: Shop, orders: list[Order]) -> date:
    """Write the orders into silver, and return the newest date."""
    tables = history(orders)
    for table, rows in (
        (silver.ORDERS, tables.orders),
        (silver.ORDER_ITEMS, tables.order_items),
        (silver.PRODUCTS, PRODUCTS),
    ):
        write(made, table, rows)
    return max(each.date for each in orders)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, dg.ExecuteInProcessResult]:
    made = shop_at(tmp_path_factory.mktemp("shop"))
    newest = write_silver(made, shop(customers=40))
    return made, made.run(MODELS, DateRange(newest, newest))


def test_a_training_stores_versions_and_their_figures_of_the_newest_order_date(
    trained: tuple[Shop, dg.ExecuteInProcessResult],
):
    made, result = trained
    newest = made.rows(silver.ORDERS)["order_date"].max()
    models, figures = made.rows(gold.PREDICTION_MODELS), made.rows(gold.MODEL_EVALUATIONS)
    assert models["trained_as_of"].unique().to_list() == figures["trained_as_of"].unique().to_list() == [newest]
    assert set(figures["task"]) == {"next_order", "next_basket"}
    (shown,) = (
        each.metadata["summary"].md_str  # pyright: ignore[reportAttributeAccessIssue]
        for each in result.asset_materializations_for_node("train_prediction_models")
        if each.asset_key == asset_key(gold.MODEL_EVALUATIONS)
    )
    assert "(next_basket, recall@10)" in shown


@pytest.mark.slow
def test_another_training_of_the_day_replaces_its_version_and_keeps_the_others(
    trained: tuple[Shop, dg.ExecuteInProcessResult],
):
    made, _ = trained
    models, figures = made.rows(gold.PREDICTION_MODELS), made.rows(gold.MODEL_EVALUATIONS)
    earlier = models.with_columns(pl.col("trained_as_of") - timedelta(days=7))
    write(made, gold.PREDICTION_MODELS, pl.concat([earlier, models.with_columns(value=pl.lit([0.0]))]))
    day = models["trained_as_of"][0]
    made.run(MODELS, DateRange(day, day))
    again = made.rows(gold.PREDICTION_MODELS)
    assert_frame_equal(again.filter(pl.col("trained_as_of") == day), models, check_row_order=False)
    assert_frame_equal(again.filter(pl.col("trained_as_of") < day), earlier, check_row_order=False)
    assert_frame_equal(made.rows(gold.MODEL_EVALUATIONS), figures)


def test_a_range_of_days_forecasts_what_its_days_do_one_by_one(trained: tuple[Shop, dg.ExecuteInProcessResult]):
    made, _ = trained
    last = made.rows(silver.ORDERS)["order_date"].max()
    assert isinstance(last, date)
    days = DateRange(last - timedelta(days=2), last)
    result = made.run(FORECASTS, days)
    together = {table: made.rows(table) for table in (gold.NEXT_ORDER, gold.PRODUCT_RECOMMENDATIONS)}
    assert all(rows["as_of_date"].n_unique() == 3 for rows in together.values())
    for table in together:
        (shown,) = (
            each
            for each in result.asset_materializations_for_node(f"gold__{table.name}")
            if each.partition == str(last)
        )
        assert "40 customers" in shown.metadata["summary"].md_str  # pyright: ignore[reportAttributeAccessIssue]
    for day in reversed(list(days)):
        made.run(FORECASTS, DateRange(day, day))
    for table, rows in together.items():
        assert_frame_equal(made.rows(table), rows)


def test_without_a_model_nothing_is_forecast_and_a_baseline_recommends(tmp_path: Path):
    made = shop_at(tmp_path)
    last = write_silver(made, shop(customers=3, orders=4))
    made.run(FORECASTS, DateRange(last, last))
    assert made.rows(gold.NEXT_ORDER).is_empty()
    recommended = made.rows(gold.PRODUCT_RECOMMENDATIONS)
    assert set(recommended["served"]) == {"recency_weighted_frequency"}
    assert recommended["model_version"].null_count() == recommended.height > 0


def test_few_orders_are_no_fault_of_a_training(tmp_path: Path):
    made = shop_at(tmp_path)
    day = write_silver(made, shop(customers=3, orders=2))
    made.run(MODELS, DateRange(day, day))
    assert made.rows(gold.PREDICTION_MODELS).is_empty()


@pytest.mark.parametrize(("served", "passes"), [(["learned", "learned"], True), (["learned", "bg_nbd"], False)])
def test_a_baseline_that_serves_after_the_newest_training_is_named(served: list[str], passes: bool):
    (learned_models_serve,) = build_checks()
    versions = [
        {"task": "next_order", "trained_as_of": date(2026, 1, 5), "served": served},
        {"task": "next_order", "trained_as_of": date(2026, 1, 4), "served": ["own_rate", "own_rate"]},
        {"task": "next_basket", "trained_as_of": date(2026, 1, 5), "served": ["ranker"]},
    ]
    found = learned_models_serve(table_frame(gold.PREDICTION_MODELS, versions))
    assert isinstance(found, dg.AssetCheckResult)
    assert found.passed == passes
    assert ("bg_nbd" in str(found.description)) == (not passes)
