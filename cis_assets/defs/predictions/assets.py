"""Gold tables of what customers will likely buy and when, with the models that `training` stores."""

import dagster as dg
import narwhals as nw
import polars as pl

from cis_assets.catalog import gold, quality, silver
from cis_assets.dashboard import prediction_findings
from cis_assets.defs.customers.newest_metadata import chunks_describing_newest
from cis_assets.defs.partitions import EVERY_DAY, days_of
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import MAY_BE_ABSENT, asset_key, table_asset, table_in
from cis_assets.lake.chunks import LazyChunks
from cis_assets.predictions.basket_recommendations import product_recommendations_in_chunks
from cis_assets.predictions.model_rows import NEXT_BASKET, NEXT_ORDER, version_of_day
from cis_assets.predictions.next_order import next_order_in_chunks
from cis_assets.settings import Settings

_OWNER = "team:data-science"


def build_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    every_order = table_in(silver.ORDERS, partition_mapping=EVERY_DAY)
    models_in = table_in(gold.PREDICTION_MODELS, metadata=MAY_BE_ABSENT)

    @table_asset(
        settings,
        gold.NEXT_ORDER,
        "narwhals",
        owner=_OWNER,
        deps=[asset_key(quality.DATE_CHECKS)],
        ins={"orders": every_order, "models": models_in},
    )
    def next_order(
        context: dg.AssetExecutionContext, lake: LakeResource, orders: nw.LazyFrame, models: pl.DataFrame
    ) -> LazyChunks:
        _warn_of_versions(context, models, NEXT_ORDER)
        order_rows = int(lake.row_counts(silver.ORDERS)["rows"].sum())
        return chunks_describing_newest(
            context,
            lambda days: next_order_in_chunks(orders, models, days, settings.history_days, order_rows),
            prediction_findings.describe_next_order,
        )

    @table_asset(
        settings,
        gold.PRODUCT_RECOMMENDATIONS,
        "narwhals",
        owner=_OWNER,
        deps=[asset_key(quality.DATE_CHECKS)],
        ins={
            "orders": every_order,
            "order_items": table_in(silver.ORDER_ITEMS, partition_mapping=EVERY_DAY),
            "products": table_in(silver.PRODUCTS),
            "models": models_in,
        },
    )
    def product_recommendations(
        context: dg.AssetExecutionContext,
        lake: LakeResource,
        orders: nw.LazyFrame,
        order_items: nw.LazyFrame,
        products: nw.LazyFrame,
        models: pl.DataFrame,
    ) -> LazyChunks:
        _warn_of_versions(context, models, NEXT_BASKET)
        line_rows = int(lake.row_counts(silver.ORDER_ITEMS)["rows"].sum())
        return chunks_describing_newest(
            context,
            lambda days: product_recommendations_in_chunks(
                orders, order_items, products, models, days, settings.history_days, line_rows
            ),
            prediction_findings.describe_recommendations,
        )

    return [next_order, product_recommendations]


def _warn_of_versions(context: dg.AssetExecutionContext, models: pl.DataFrame, task: str) -> None:
    """Warn of days that no version was trained for in time."""
    days = days_of(context)
    trained = version_of_day(models, task, days[0])["trained_as_of"].max()
    if trained is None:
        context.log.warning(
            f"{task}: no model is trained. Run `cis train --predictions`; it needs five weeks of orders."
        )
    elif trained > days[0]:  # pyright: ignore[reportOperatorIssue]
        context.log.warning(
            f"{task}: the first version was trained as of {trained} and knows later orders than {days[0]}. "
            f"Run `cis train --predictions --as-of {days[0]}` before, if the predictions of that day are to be judged."
        )
