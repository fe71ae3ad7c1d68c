"""Training and promotion in Dagster, and the checks of the segment model."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from cis_assets.catalog import gold
from cis_assets.definitions import build_definitions
from cis_assets.defs.customers.training import build_checks
from cis_assets.defs.jobs import SEGMENT_TRAINING
from cis_assets.defs.tables import asset_key
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.slices import WHOLE
from cis_assets.segmentation.assignment import assign_segments
from cis_assets.segmentation.versions import add_challenger
from cis_assets.settings import Settings, read_settings
from cis_assets_tests.segmentation.shoppers import habits_of, planted, train

SIZES = {"weekly": 60, "top-up": 50, "rare": 40, "gone": 30}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(lake_uri=str(tmp_path / "lake"), first_order_date="2026-02-01")


def run(settings: Settings, job: str, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return build_definitions(settings).resolve_job_def(job).execute_in_process(instance=instance)


def test_training_changes_nothing_until_the_job_promotes_and_records_it(settings: Settings):
    lake, instance = Lake(settings.lake_uri), dg.DagsterInstance.ephemeral()
    write(lake, SIZES)
    run(settings, "train_segments", instance)
    write(lake, {**SIZES, "rare": 120})
    for _ in range(2):
        run(settings, "train_segments", instance)
    assert states(lake) == {1: "champion", 2: "challenger"}
    assert lake.scan(gold.SEGMENT_CANDIDATES).collect()["version"].unique().sort().to_list() == [1, 2]
    result = run(settings, "promote_segments", instance)
    assert states(lake) == {1: "retired", 2: "champion"}
    observed = result.asset_observations_for_node(SEGMENT_TRAINING)
    assert [each.asset_key for each in observed] == [asset_key(gold.SEGMENT_MODEL)]
    assert "Version 2 was promoted: promoted by the job promote_segments." in str(observed[0].description)


def write(lake: Lake, sizes: dict[str, int]) -> None:
    habits = LazyChunks.of([habits_of(planted(sizes)[0]).lazy()])
    PolarsEngine().replace(gold.CUSTOMER_HABITS, lake.location(gold.CUSTOMER_HABITS), WHOLE, habits)


def states(lake: Lake) -> dict[int, str]:
    return dict(lake.scan(gold.SEGMENT_MODEL).collect().select("version", "state").unique().iter_rows())


def test_an_unstable_segment_is_named():
    planted_model = add_challenger(gold.SEGMENT_MODEL.empty(), train(habits_of(planted(SIZES)[0])).rows)
    segments_are_stable, _ = build_checks(read_settings())
    found = segments_are_stable(planted_model)
    assert isinstance(found, dg.AssetCheckResult)
    assert found.passed
    shaken = planted_model.with_columns(jaccard=pl.when(pl.col("segment_id") == 2).then(0.7).otherwise("jaccard"))
    found = segments_are_stable(shaken)
    assert isinstance(found, dg.AssetCheckResult)
    assert not found.passed
    assert set(found.metadata) == {planted_model["segment_name"][1]}


@pytest.mark.parametrize(("factor", "passes"), [(1.0, True), (3.0, False)])
def test_customers_with_other_habits_than_those_of_the_training_are_drift(factor: float, passes: bool):
    features, _ = planted({"weekly": 60, "top-up": 50, "rare": 40, "gone": 30})
    habits = habits_of(features)
    model = add_challenger(gold.SEGMENT_MODEL.empty(), train(habits).rows)
    now = habits.with_columns(pl.col("gap_days", "recent_gap_days") * factor)
    segments = assign_segments(features.lazy(), now.lazy(), model)
    _, habits_have_not_drifted = build_checks(read_settings())
    found = habits_have_not_drifted(segments.lazy(), now.lazy(), model)
    assert isinstance(found, dg.AssetCheckResult)
    assert found.passed is passes
    assert set(found.metadata) == {"gap_days", "basket_size", "segment shares"}
