"""The segment model: training, promotion, and the checks of its stability and of drift."""

from collections.abc import Iterator

import dagster as dg
import polars as pl
from pydantic import Field

from cis_assets.catalog import AS_OF_DATE, gold
from cis_assets.defs.customers.training_metadata import describe_model
from cis_assets.defs.jobs import SEGMENT_TRAINING
from cis_assets.defs.partitions import EVERY_DAY, ONE_RUN, newest_day
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import asset_key, naming_unreadable_files, table_in, table_out
from cis_assets.lake.lake import Lake
from cis_assets.segmentation.clusterboot import STABLE
from cis_assets.segmentation.drift import DRIFTED, measure_drift
from cis_assets.segmentation.model import TrainingOptions
from cis_assets.segmentation.model_changes import change_model
from cis_assets.segmentation.versions import champion, serving
from cis_assets.settings import Settings

_OWNER = "team:data-science"


class TrainingConfig(dg.Config):
    """Whether a run promotes."""

    promote: bool = Field(
        default=False,
        description="Promote the waiting challenger: it serves the snapshots after the newest one. If none waits, train one "
        "first.",
    )
    reason: str = Field(
        default="promoted by hand", min_length=1, description="Why it is promoted, kept with the version."
    )


def build_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    decorate = dg.multi_asset(
        name=SEGMENT_TRAINING,
        outs={
            table.name: table_out(table, "scikitlearn", owner=_OWNER, is_required=False)
            for table in (gold.SEGMENT_CANDIDATES, gold.SEGMENT_MODEL)
        },
        ins={"habits": table_in(gold.CUSTOMER_HABITS, partition_mapping=EVERY_DAY)},
        backfill_policy=ONE_RUN,
        can_subset=True,
    )

    def train(
        context: dg.AssetExecutionContext, config: TrainingConfig, lake: LakeResource, habits: pl.LazyFrame
    ) -> Iterator[dg.Output]:
        """Train a challenger on the newest snapshot, or promote the one that waits. The model is written last."""
        if asset_key(gold.SEGMENT_MODEL) not in context.selected_asset_keys:
            # The candidates are those of a model. Selections of all gold tables without the model leave both.
            return
        changed = change_model(
            habits.filter(pl.col(AS_OF_DATE) == newest_day(habits)).collect(),
            *(lake.lake().rows_so_far(table) for table in (gold.SEGMENT_MODEL, gold.SEGMENT_CANDIDATES)),
            promotion=config.reason if config.promote else None,
            promote_at_drift=settings.segments_promote_at_drift,
            options=TrainingOptions(settings.segments_min, settings.segments_max, settings.seed),
        )
        metadata = describe_model(context, changed)
        made = {gold.SEGMENT_CANDIDATES: changed.candidates, gold.SEGMENT_MODEL: changed.models}
        for table, rows in made.items():
            if asset_key(table) in context.selected_asset_keys:
                yield dg.Output(rows, table.name, metadata=metadata if table is gold.SEGMENT_MODEL else None)
        # By now, both tables are written.
        if changed.promoted:
            description = f"Version {changed.champion['version'][0]} was promoted: {changed.champion['reason'][0]}."
            key = asset_key(gold.SEGMENT_MODEL)
            context.log_event(dg.AssetObservation(key, description=description, metadata=metadata))

    return [decorate(naming_unreadable_files(train, Lake(settings.lake_uri), [gold.CUSTOMER_HABITS]))]


def build_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    @dg.asset_check(
        name="segments_are_stable",
        asset=asset_key(gold.SEGMENT_MODEL),
        description=f"Warns if a segment of the champion is found again in bootstraps with a mean Jaccard similarity under {STABLE}.",
    )
    def segments_are_stable(segment_model: pl.DataFrame) -> dg.AssetCheckResult:
        rows = champion(segment_model).filter(pl.col("jaccard") < STABLE).sort("segment_id")
        unstable = {row["segment_name"]: row["jaccard"] for row in rows.iter_rows(named=True)}
        named = ", ".join(f"{name} ({value:.2f})" for name, value in unstable.items())
        return dg.AssetCheckResult(
            passed=not unstable,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"Unstable: {named}. Their borders depend on which customers are in the training."
            if unstable
            else "Bootstraps find every segment again.",
            metadata=unstable,
        )

    @dg.asset_check(
        name="habits_have_not_drifted",
        asset=asset_key(gold.CUSTOMER_SEGMENTS),
        additional_ins={
            "habits": table_in(gold.CUSTOMER_HABITS),
            "models": table_in(gold.SEGMENT_MODEL),
        },
        description="Warns if habits or segment shares of the newest snapshot of the run drifted from the snapshot that its "
        "segment model was trained on: a population stability index of 0.25 or more.",
    )
    def habits_have_not_drifted(
        customer_segments: pl.LazyFrame, habits: pl.LazyFrame, models: pl.DataFrame
    ) -> dg.AssetCheckResult:
        day = newest_day(customer_segments)
        own, placed = (rows.filter(pl.col(AS_OF_DATE) == day).collect() for rows in (habits, customer_segments))
        found = measure_drift(own, placed, serving(models, day))
        drifted = [name for name, index in found.items() if index >= DRIFTED]
        return dg.AssetCheckResult(
            passed=not drifted,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"Drift of {', '.join(drifted)}: run `cis train`, compare the challenger and promote it."
            if drifted
            else "No habit and no segment share drifted.",
            metadata=dict(found),
        )

    return [segments_are_stable, habits_have_not_drifted]
