"""The models of predictions: weekly training, its evaluation, and the check that they beat their baselines."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import narwhals as nw
import polars as pl
from pydantic import Field

from cis_assets.catalog import gold, quality, silver
from cis_assets.dashboard.findings import describe_evaluations
from cis_assets.dashboard.prediction_charts import calibration_chart
from cis_assets.defs.customers.newest_metadata import with_picture
from cis_assets.defs.jobs import PREDICTION_TRAINING
from cis_assets.defs.jobs import train_predictions as train_predictions_job
from cis_assets.defs.partitions import EVERY_DAY, ONE_RUN, order_dates
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import HISTORY_POOL, asset_key, naming_unreadable_files, table_in, table_out
from cis_assets.lake.lake import Lake
from cis_assets.predictions.evaluation import PredictionOptions, train_predictions
from cis_assets.predictions.model_rows import serving_baselines, with_training
from cis_assets.segmentation.order_windows import newest_order_date
from cis_assets.settings import Settings

_OWNER = "team:data-science"
_READ = (silver.ORDERS, silver.ORDER_ITEMS, silver.PRODUCTS)


class PredictionTrainingConfig(dg.Config):
    """Up to which day a run knows orders."""

    as_of: str | None = Field(
        default=None, description="Day (YYYY-MM-DD) that the models are trained as of; null: the newest order date."
    )


def build_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    decorate = dg.multi_asset(
        name=PREDICTION_TRAINING,
        outs={
            table.name: table_out(table, "narwhals", "scikitlearn", owner=_OWNER, is_required=False)
            for table in (gold.MODEL_EVALUATIONS, gold.PREDICTION_MODELS)
        },
        ins={
            "orders": table_in(silver.ORDERS, partition_mapping=EVERY_DAY),
            "order_items": table_in(silver.ORDER_ITEMS, partition_mapping=EVERY_DAY),
            "products": table_in(silver.PRODUCTS),
        },
        deps=[asset_key(quality.DATE_CHECKS)],
        backfill_policy=ONE_RUN,
        pool=HISTORY_POOL,
    )

    def train(
        context: dg.AssetExecutionContext,
        config: PredictionTrainingConfig,
        lake: LakeResource,
        orders: nw.LazyFrame,
        order_items: nw.LazyFrame,
        products: nw.LazyFrame,
    ) -> Iterator[dg.Output]:
        """Evaluate and train as of a day, by default the newest order date.

        Versions of that day are replaced; the others are kept.
        """
        complete = order_dates(settings).get_last_partition_key()
        limits = [date.fromisoformat(each) for each in (complete, config.as_of) if each]
        day = newest_order_date(orders, min(limits)) if limits else None
        if day is None:
            context.log.warning("silver/orders has no order up to that day, so no model is trained.")
            return
        trained = train_predictions(orders, order_items, products, day, PredictionOptions.from_settings(settings))
        known = lake.lake()
        summary = with_picture(
            context, describe_evaluations(trained.evaluations), calibration_chart, trained.calibration
        )
        made = {gold.MODEL_EVALUATIONS: trained.evaluations, gold.PREDICTION_MODELS: trained.models}
        for table, rows in made.items():
            metadata: dict[str, Any] = {"trained_as_of": str(day)}
            if table is gold.MODEL_EVALUATIONS:
                metadata["summary"] = dg.MetadataValue.md(summary)
            yield dg.Output(with_training(known.rows_so_far(table), rows, day), table.name, metadata=metadata)

    return [decorate(naming_unreadable_files(train, Lake(settings.lake_uri), _READ))]


def build_checks() -> list[dg.AssetChecksDefinition]:
    @dg.asset_check(
        name="learned_models_serve",
        asset=asset_key(gold.PREDICTION_MODELS),
        description="Warns if a baseline serves a forecast after the newest training, because no model beats it beyond chance.",
    )
    def learned_models_serve(prediction_models: pl.DataFrame) -> dg.AssetCheckResult:
        baselines = serving_baselines(prediction_models)
        return dg.AssetCheckResult(
            passed=not baselines,
            severity=dg.AssetCheckSeverity.WARN,
            description=" ".join(["Baselines serve.", *baselines])
            if baselines
            else "Trained models serve all forecasts.",
        )

    return [learned_models_serve]


def build_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    return [
        dg.ScheduleDefinition(
            name="train_predictions_schedule",
            job=train_predictions_job,
            # Before the daily snapshot of gold at 4:30, which uses the new version.
            cron_schedule="0 4 * * 1",
            execution_timezone=settings.time_zone,
            description="Trains the models of predictions every Monday morning at 4:00, in the time zone CIS_TIME_ZONE.",
            default_status=dg.DefaultScheduleStatus.STOPPED,
        )
    ]
