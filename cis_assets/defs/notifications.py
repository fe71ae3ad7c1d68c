"""Notifications for the day after the snapshot: facts, copy and messages.

Facts and words are separate. notification_contexts holds facts only. notification_copy holds words with named slots,
written once per distinct context by a model or by the template writer, and validated before use. notifications fills the
facts into the copy. A model therefore never sees a customer and cannot invent a product, a price or a discount.
"""

import dagster as dg
import narwhals as nw
import polars as pl

from cis_assets.catalog import gold, silver
from cis_assets.defs.partitions import days_of
from cis_assets.defs.tables import MAY_BE_ABSENT, table_asset, table_in
from cis_assets.lake.chunks import LazyChunks
from cis_assets.notifications import contexts as contexts_domain
from cis_assets.notifications import copy as copy_domain
from cis_assets.notifications import messages as messages_domain
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.wording import CopyAnswer
from cis_assets.settings import Settings
from cis_assets.writers.resource import CopyWriterResource

_OWNER = "team:marketing"


def build(settings: Settings) -> dg.Definitions:
    policy = NotificationPolicy.from_settings(settings)
    contexts_in = table_in(gold.NOTIFICATION_CONTEXTS)

    @table_asset(
        settings,
        gold.NOTIFICATION_CONTEXTS,
        "narwhals",
        owner=_OWNER,
        ins={
            "features": table_in(gold.CUSTOMER_FEATURES),
            "segments": table_in(gold.CUSTOMER_SEGMENTS),
            "products": table_in(silver.PRODUCTS),
            "customers": table_in(silver.CUSTOMERS),
            "offers": table_in(silver.OFFERS),
            "audience": table_in(silver.OFFER_AUDIENCE, metadata=MAY_BE_ABSENT),
        },
    )
    def notification_contexts(
        context: dg.AssetExecutionContext,
        features: nw.LazyFrame,
        segments: nw.LazyFrame,
        products: nw.LazyFrame,
        customers: nw.LazyFrame,
        offers: nw.LazyFrame,
        audience: nw.LazyFrame,
    ) -> LazyChunks:
        return LazyChunks.of(
            contexts_domain.notification_contexts(
                features, segments, products, customers, offers, audience, as_of=day, policy=policy
            )
            for day in days_of(context)
        )

    @table_asset(
        settings,
        gold.NOTIFICATION_COPY,
        "polars",
        owner=_OWNER,
        ins={"contexts": contexts_in},
    )
    def notification_copy(
        context: dg.AssetExecutionContext, contexts: pl.LazyFrame, writer: CopyWriterResource
    ) -> pl.DataFrame:
        answers: list[CopyAnswer] = []
        copy = copy_domain.write_copy_of_days(
            contexts,
            writer.chosen(),
            fallback=writer.fallback(),
            policy=policy,
            variants=settings.copy_variants,
            attempts=settings.copy_attempts,
            observe=lambda _, answer: answers.append(answer),
        )
        context.add_output_metadata(
            {
                "requests_to_the_model": sum(answer.model is not None for answer in answers),
                "input_tokens": sum(answer.input_tokens for answer in answers),
                "output_tokens": sum(answer.output_tokens for answer in answers),
                "versions_by_generator": dict(copy["generator"].value_counts().iter_rows()),
            }
        )
        return copy

    @table_asset(
        settings,
        gold.NOTIFICATIONS,
        "polars",
        owner=_OWNER,
        ins={"contexts": contexts_in, "copy": table_in(gold.NOTIFICATION_COPY)},
    )
    def notifications(contexts: pl.LazyFrame, copy: pl.LazyFrame) -> pl.DataFrame:
        return messages_domain.notifications(contexts, copy, seed=settings.seed, policy=policy)

    return dg.Definitions(assets=[notification_contexts, notification_copy, notifications])
