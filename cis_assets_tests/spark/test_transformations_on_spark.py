"""Every engine-neutral transformation on real Spark Connect servers, with the result that polars has.

On pysail the rows come from Delta tables; on Apache Spark, which is slower to start and to plan, from this process.
Whether every transformation is among the cases is looked at wherever tests run, with Spark or without.
"""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog import gold
from cis_assets_tests.spark.cases import CASES, On, Rows, engine_neutral_transformations, in_polars, polars_result


def test_every_engine_neutral_transformation_is_compared():
    assert engine_neutral_transformations() == set(CASES)


@pytest.mark.spark
@pytest.mark.parametrize("case", CASES)
def test_spark_and_polars_give_the_same(case: str, rows: Rows, on_spark: On):
    _compare(case, rows, on_spark)


@pytest.mark.jvm
@pytest.mark.parametrize("case", CASES)
def test_apache_spark_and_polars_give_the_same(case: str, rows: Rows, on_jvm_spark: On):
    _compare(case, rows, on_jvm_spark)


def _compare(case: str, rows: Rows, on: On) -> None:
    expected, found = polars_result(case, rows), in_polars(CASES[case](on))
    if not isinstance(expected, pl.DataFrame):
        assert found == expected
        return
    assert expected.height > 0
    assert_frame_equal(found, expected, rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.spark
def test_the_rows_put_the_transformations_to_the_test(rows: Rows):
    features = rows[gold.CUSTOMER_FEATURES.path]
    contexts = polars_result("notifications.contexts.notification_contexts", rows)
    for column in ("mean_gap_days", "total_spend"):
        assert 0 < features[column].null_count() < features.height
    assert contexts["occasion"].n_unique() == 3
    assert 0 < contexts["offer_id"].null_count() < contexts.height
    assert polars_result("quality.reorders.mark_reorders", rows)["is_reorder"].n_unique() == 2
