from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog.gold import SEGMENT_MODEL
from cis_assets.segmentation.features import CLUSTERED_FEATURES, MissingFeatureError
from cis_assets.segmentation.model import SEARCH_CUSTOMERS, TrainingError, train_segment_model
from cis_assets_tests.segmentation.shoppers import AS_OF, KINDS, customers, planted


def train(features: pl.DataFrame, search_customers: int = SEARCH_CUSTOMERS) -> pl.DataFrame:
    return train_segment_model(features, segments_min=3, segments_max=8, seed=7, search_customers=search_customers)


def test_the_planted_kinds_of_customers_are_found_with_their_names(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_model: pl.DataFrame
) -> None:
    sizes = Counter(planted_customers[1])
    assert planted_model["customer_count"].to_list() == sorted(sizes.values(), reverse=True)
    assert planted_model["segment_name"].to_list() == [
        "Weekly stock-up",
        "Frequent top-up",
        "Occasional",
        "Lapsed",
        "New customers",
    ]


def test_every_planted_customer_is_placed_with_its_own_kind(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_segments: pl.DataFrame
) -> None:
    pairs = Counter(zip(planted_customers[1], planted_segments["segment_id"], strict=True))
    assert len(pairs) == len(KINDS)


def test_rows_are_those_of_the_catalog(planted_model: pl.DataFrame) -> None:
    assert dict(planted_model.schema) == SEGMENT_MODEL.dtypes
    assert planted_model["segment_id"].to_list() == list(range(5))
    assert planted_model["segment_count"].unique().to_list() == [5]
    assert planted_model["feature_names"][0].to_list() == list(CLUSTERED_FEATURES)
    assert planted_model["trained_as_of"].unique().to_list() == [AS_OF]
    assert planted_model["silhouette"][0] > 0.6
    assert SEGMENT_MODEL.schema.is_valid(planted_model)


def test_centers_are_stored_in_the_features_own_units_too(planted_model: pl.DataFrame) -> None:
    top_up = planted_model.row(1, named=True)
    values = dict(zip(top_up["feature_names"], top_up["centroid_values"], strict=True))
    for name, expected in KINDS["top-up"].items():
        assert values[name] == pytest.approx(expected, rel=0.1)


def test_the_order_of_customers_does_not_matter(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_model: pl.DataFrame
) -> None:
    assert_frame_equal(
        train(planted_customers[0].sample(fraction=1, shuffle=True, seed=3)), planted_model, check_exact=True
    )


def test_the_number_of_threads_does_not_matter(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_model: pl.DataFrame, tmp_path: Path
) -> None:
    planted_customers[0].write_parquet(tmp_path / "features.parquet")
    code = (
        "import polars as pl; from cis_assets.segmentation.model import train_segment_model; "
        "features = pl.read_parquet('features.parquet'); "
        "train_segment_model(features, segments_min=3, segments_max=8, seed=7).write_parquet('model.parquet')"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    assert_frame_equal(pl.read_parquet(tmp_path / "model.parquet"), planted_model, check_exact=True)


def test_a_model_searched_on_a_sample_counts_and_fits_all_customers(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_model: pl.DataFrame
) -> None:
    sampled = train(planted_customers[0], search_customers=150)
    assert sampled["customer_count"].to_list() == planted_model["customer_count"].to_list()
    np.testing.assert_allclose(sampled["centroid"].to_list(), planted_model["centroid"].to_list(), atol=1e-9)


def test_thirty_customers_are_enough() -> None:
    features, _ = planted({"weekly": 10, "top-up": 8, "rare": 7, "new": 5})
    model = train(features)
    assert model["customer_count"].sum() == 30
    assert model.height == 4


def test_fewer_customers_than_segments_max_give_fewer_segments() -> None:
    model = train(planted({"weekly": 2, "top-up": 2, "gone": 1})[0])
    assert 3 <= model.height <= 4


def test_equal_customers_give_one_segment_per_distinct_kind() -> None:
    rows = [KINDS[kind] for kind in ("weekly", "gone", "new") for _ in range(20)]
    assert train(customers(rows))["customer_count"].to_list() == [20, 20, 20]


def test_distinct_customers_are_found_after_many_equal_ones() -> None:
    rows = [KINDS["weekly"]] * 30 + [KINDS[kind] for kind in ("gone", "new") for _ in range(20)]
    assert train(customers(rows), search_customers=25)["customer_count"].to_list() == [30, 20, 20]


def test_too_few_customers_are_refused() -> None:
    with pytest.raises(
        TrainingError, match=r"at least 4 customers, 3 of them distinct; the snapshot has 2, 2 of them distinct"
    ):
        train(customers([KINDS["weekly"], KINDS["new"]]))


def test_customers_without_differences_are_refused() -> None:
    with pytest.raises(TrainingError, match=r"has 50, 1 of them distinct.*CIS_SEGMENTS_MIN"):
        train(customers([{}] * 50))


def test_no_customers_and_two_snapshots_are_refused(planted_customers: tuple[pl.DataFrame, list[str]]) -> None:
    features = planted_customers[0]
    with pytest.raises(TrainingError, match="there are no customers"):
        train(features.clear())
    later = features.with_columns(pl.col("as_of_date") + timedelta(days=1))
    with pytest.raises(TrainingError, match="2 snapshots, 2026-03-01 to 2026-03-02"):
        train(pl.concat([features, later]))


def test_a_missing_feature_is_named(planted_customers: tuple[pl.DataFrame, list[str]]) -> None:
    with pytest.raises(MissingFeatureError, match="reorder_share"):
        train(planted_customers[0].drop("reorder_share"))


def test_customers_with_a_single_order_can_be_clustered() -> None:
    features, _ = planted({"weekly": 30, "rare": 30, "gone": 30})
    once = pl.col("customer_id") % 3 == 0
    features = features.with_columns(
        pl.when(once).then(None).otherwise("mean_gap_days").alias("mean_gap_days"),
        pl.when(once).then(1).otherwise("order_count").cast(pl.Int32).alias("order_count"),
    )
    model = train(features)
    assert model["customer_count"].sum() == 90
    assert model["centroid"].explode().is_finite().all()


def test_importing_the_packages_does_not_import_optional_libraries() -> None:
    code = (
        "import sys, cis_assets.segmentation.assignment, cis_assets.segmentation.model, "
        "cis_assets.segmentation.profiles, cis_assets.dashboard.page; "
        "print({'sklearn', 'scipy', 'altair', 'vl_convert'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
