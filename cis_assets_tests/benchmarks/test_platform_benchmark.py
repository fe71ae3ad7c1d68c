from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake

from benchmarks.platform.contenders import DUCKDB, PANDAS, PLATFORM
from benchmarks.platform.equality import refuse_other_results
from benchmarks.platform.plan import DATE_CHECKS, Measured, stage_of
from benchmarks.platform.platform_run import ORCHESTRATION, STARTING
from benchmarks.platform.report import Results, aims, as_markdown, middle
from benchmarks.platform.workload import FEATURES, Workload, table_uri
from benchmarks.processes import BenchmarkError
from cis_assets.catalog import gold

GIB = 1024**3


def features(mean_gap_days: float = 7.0, order_count: int = 3) -> pl.DataFrame:
    row = dict.fromkeys(gold.CUSTOMER_FEATURES.dtypes)
    row |= {"as_of_date": date(2025, 10, 31), "customer_id": 1}
    row |= {"order_count": order_count, "mean_gap_days": mean_gap_days}
    return pl.DataFrame([row], schema=gold.CUSTOMER_FEATURES.dtypes)


def lake(folder: Path, rows: pl.DataFrame, line_ids: tuple[int, ...] = (1, 2)) -> str:
    write_deltalake(table_uri(str(folder), FEATURES), rows.to_arrow())
    lines = pl.DataFrame({"order_id": line_ids}, schema={"order_id": pl.Int64})
    write_deltalake(table_uri(str(folder), "silver/order_items"), lines.to_arrow())
    return str(folder)


def test_equal_results_are_let_through(tmp_path: Path) -> None:
    ours = lake(tmp_path / "ours", features())
    others = lake(tmp_path / "others", features(mean_gap_days=7.0 + 1e-12))
    assert refuse_other_results({PLATFORM: ours, DUCKDB: others}) == 1


@pytest.mark.parametrize(
    ("other", "line_ids", "named"),
    [
        (features(mean_gap_days=7.001), (1, 2), "mean_gap_days"),
        (features(order_count=4), (1, 2), "order_count"),
        (features(), (1, 3), "silver/order_items"),
        (features(), (3,), "silver/order_items"),
    ],
    ids=["number", "count", "ids", "rows"],
)
def test_no_figures_are_given_for_other_results(
    tmp_path: Path, other: pl.DataFrame, line_ids: tuple[int, ...], named: str
) -> None:
    ours = lake(tmp_path / "ours", features())
    theirs = lake(tmp_path / "theirs", other, line_ids)
    with pytest.raises(BenchmarkError, match=named):
        refuse_other_results({PLATFORM: ours, DUCKDB: theirs})


@pytest.mark.parametrize(
    ("step", "stage"),
    [
        ("bronze_days", "bronze"),
        ("silver_days", "silver"),
        ("silver__products", "silver"),
        ("quality__date_checks", DATE_CHECKS),
        ("gold__customer_features", "features"),
        ("gold__customer_features_reorder_share_is_plausible", "other gold and checks"),
        ("train_segment_model", "segments"),
        ("gold__product_recommendations", "predictions"),
        ("dashboard__customers", "other gold and checks"),
    ],
)
def test_steps_of_the_platform_belong_to_the_stages_that_scripts_have(step: str, stage: str) -> None:
    assert stage_of(step) == stage


def measured(name: str, **stages: float) -> Measured:
    return Measured(name, sum(stages.values()), 1.0, GIB, stages)


def results() -> Results:
    ingest = measured(PLATFORM, bronze=20, silver=30, **{DATE_CHECKS: 5, ORCHESTRATION: 4, STARTING: 1})
    ours = ingest + measured(PLATFORM, features=6, segments=4)
    duckdb = measured(DUCKDB, bronze=10, silver=20, features=10, segments=4)
    pandas = measured(PANDAS, bronze=300, silver=300, features=100)
    one_day = {30: measured(PLATFORM, bronze=1), 730: measured(PLATFORM, bronze=70)}
    return Results([ours, duckdb, pandas], ingest, days=one_day)


def test_aims_are_ratios_of_the_same_work_and_say_which_of_them_hold() -> None:
    held = {aim.words: (round(aim.figure, 3), aim.holds) for aim in aims(results())}
    assert held == {
        # Without the checks of dates and the start, which no script has.
        "time: bronze and silver / DuckDB script's": (1.8, False),
        "time: features / DuckDB script's": (0.6, True),
        "time: pandas / the whole backfill": (10.0, True),
        "Dagster's own share of the backfill": (0.057, True),
        "peak memory of the backfill": (1.0, True),
        "peak memory of one more day": (1.0, True),
        "time of one more day, all in all": (70.0, False),
    }


def test_a_contender_without_figures_is_shown_with_its_reason_and_compared_with_nothing() -> None:
    found = results()
    found.contenders[2] = Measured(PANDAS, fault="it took more than 900 seconds")
    assert not any("pandas" in aim.words for aim in aims(found))
    shown = as_markdown(Workload("folder", 10, 20, "2025-10-31", None), 1, found)
    assert "| pandas notebook | **no figure**: `it took more than 900 seconds` |" in shown


def test_of_several_passes_the_median_time_and_the_largest_memory_count() -> None:
    passes = [
        Measured(DUCKDB, seconds, seconds, peak, {"bronze": seconds}) for seconds, peak in ((3, 9), (1, 7), (2, 8))
    ]
    assert middle([*passes, Measured(DUCKDB, fault="killed")]) == Measured(DUCKDB, 2, 2, 9, {"bronze": 2})


def test_predictions_are_shown_with_their_steps_and_memory() -> None:
    found = Results(
        predictions=tuple(Measured(PLATFORM, 9, 8, 512 * GIB // 1024, steps={"a step": 7.0}) for _ in range(3))
    )
    shown = as_markdown(Workload("folder", 10, 20, "2025-10-31", None), 1, found)
    assert "| training with evaluation | 9.0 s | 7.0 s | 512 MiB |" in shown
    assert "| scoring of all customers | 9.0 s | 7.0 s | 512 MiB |" in shown
    assert "| the whole gold of a day | 9.0 s | 7.0 s | 512 MiB |" in shown
