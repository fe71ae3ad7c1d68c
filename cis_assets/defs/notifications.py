"""Notifications for the day after the snapshot: facts, copy and messages.

Facts and words are separate. notification_contexts holds facts only. notification_copy holds words with named slots,
written once per distinct context by a model or by the template writer, and validated before use. notifications fills the
facts into the copy. A model therefore never sees a customer and cannot invent a product, a price or a discount.
"""

import dagster as dg
import narwhals as nw
import polars as pl

from cis_assets.actions.withdraw import withdraw_messages
from cis_assets.catalog import bronze, gold, silver
from cis_assets.defs.jobs import WITHDRAWAL
from cis_assets.defs.partitions import ONE_RUN, days_of
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import MAY_BE_ABSENT, asset_key, table_asset, table_in
from cis_assets.lake.chunks import LazyChunks
from cis_assets.notifications import contexts as contexts_domain
from cis_assets.notifications import copy as copy_domain
from cis_assets.notifications import messages as messages_domain
from cis_assets.notifications.consent import consenting_customers, find_consent_fault, find_snapshot_of_nobody
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.wording import CopyAnswer
from cis_assets.settings import Settings
from cis_assets.writers.resource import CopyWriterResource

_OWNER = "team:marketing"


def build(settings: Settings) -> dg.Definitions:
    policy = NotificationPolicy.from_settings(settings)
    contexts_in = table_in(gold.NOTIFICATION_CONTEXTS)

    @dg.asset(
        key=WITHDRAWAL,
        group_name="quality",
        owners=[_OWNER],
        kinds={"delta"},
        deps=[asset_key(silver.CUSTOMERS), asset_key(bronze.LANDED_SNAPSHOTS)],
        backfill_policy=ONE_RUN,
        description="Removes undelivered messages of customers who withdrew their consent or left: those of the newest "
        "snapshot, from gold/notifications and gold/notification_contexts. Messages of earlier snapshots stay as a record.",
    )
    def withdrawn(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        day, removed = withdraw_messages(lake.lake())
        if removed:
            context.log.warning(
                f"{removed:,} messages of the snapshot of {day} were removed, because their customers have no consent."
            )
        return dg.MaterializeResult(metadata={"messages_removed": removed})

    @dg.asset_check(
        asset=asset_key(silver.CUSTOMERS),
        additional_ins={"landed_snapshots": table_in(bronze.LANDED_SNAPSHOTS)},
        description="Fails if the newest customers snapshot cannot be used: nobody has consent meanwhile, so nobody gets "
        "messages. Warns if it has no customers.",
    )
    def consent_is_known(customers: pl.LazyFrame, landed_snapshots: pl.LazyFrame) -> dg.AssetCheckResult:
        fault, empty = find_consent_fault(landed_snapshots), find_snapshot_of_nobody(landed_snapshots)
        consenting = consenting_customers(nw.from_native(customers), landed_snapshots)
        count = int(consenting.select(nw.len()).collect().item())
        sentence = f"{count:,} customers have consent."
        if fault:
            sentence = f"Nobody gets messages until the customers snapshot is correct. {fault}"
        elif empty:
            sentence = (
                f"Nobody gets messages: snapshot {empty} has no customers. Land customers again if it should have some."
            )
        return dg.AssetCheckResult(
            passed=not (fault or empty),
            # Without customers, it is known that nobody has consent.
            severity=dg.AssetCheckSeverity.ERROR if fault else dg.AssetCheckSeverity.WARN,
            description=sentence,
            metadata={"customers_with_consent": count},
        )

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
            "landed_snapshots": table_in(bronze.LANDED_SNAPSHOTS),
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
        landed_snapshots: pl.LazyFrame,
    ) -> LazyChunks:
        days = days_of(context)
        consenting = consenting_customers(customers, landed_snapshots)
        eligible = {
            day: contexts_domain.eligible_customers(features, segments, products, consenting, as_of=day, policy=policy)
            for day in days
        }
        unnamed = contexts_domain.count_unnamed_products(eligible[days[-1]])
        counts = dict(unnamed.sort("naming_fault").collect(backend="polars").iter_rows())
        context.add_output_metadata({"customers_whose_product_is_not_named": counts})
        if counts:
            named = ", ".join(f"{fault} ({count:,})" for fault, count in counts.items())
            context.log.warning(
                f"{sum(counts.values()):,} customers get no message for the snapshot of {days[-1]}, because the name of "
                f"their product carries what a message must not say: {named}."
            )
        return LazyChunks.of(
            contexts_domain.notification_contexts(rows, products, offers, audience, as_of=day, policy=policy)
            for day, rows in eligible.items()
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

    return dg.Definitions(
        assets=[withdrawn, notification_contexts, notification_copy, notifications],
        asset_checks=[consent_is_known],
    )
