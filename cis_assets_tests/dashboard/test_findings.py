from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from cis_assets.catalog import Table
from cis_assets.catalog.gold import (
    COHORT_RETENTION,
    CUSTOMER_HABITS,
    MODEL_EVALUATIONS,
    SEGMENT_CANDIDATES,
    SEGMENT_MIGRATION,
    SEGMENT_PREFERENCES,
)
from cis_assets.dashboard import findings, movement_charts, prediction_charts
from cis_assets.dashboard.summaries import GoldFrames
from cis_assets.predictions.evaluation_rows import CALIBRATION_COLUMNS

AS_OF = date(2026, 3, 10)


def _rows(table: Table, rows: list[tuple]) -> pl.DataFrame:
    return pl.DataFrame([(AS_OF, *row) for row in rows], schema=table.dtypes, orient="row")


MOVES = _rows(
    SEGMENT_MIGRATION,
    [
        (0, "New customers", 1, "Weekly", "behavior", 7),
        (1, "Weekly", 1, "Weekly", "stayed", 80),
        (1, "Weekly", 2, "Monthly", "behavior", 3),
        (1, "Weekly", 2, "Monthly", "promotion", 10),
        (1, "Weekly", None, None, "departure", 4),
        (None, None, 0, "New customers", "arrival", 5),
    ],
)
COHORTS = _rows(
    COHORT_RETENTION,
    [
        (date(2025, 12, 1), 0, 90, 90, 1.0, False),
        (date(2025, 12, 1), 1, 90, 81, 0.9, False),
        (date(2025, 12, 1), 2, 90, 72, 0.8, False),
        (date(2025, 12, 1), 3, 90, 9, 0.1, True),
        (date(2026, 1, 1), 0, 10, 10, 1.0, False),
        (date(2026, 1, 1), 1, 10, 5, 0.5, False),
        (date(2026, 1, 1), 2, 10, 1, 0.1, True),
        (date(2026, 2, 1), 0, 30, 30, 1.0, False),
        (date(2026, 2, 1), 1, 30, 3, 0.1, True),
        (date(2026, 3, 1), 0, 2, 2, 1.0, True),
    ],
)


CANDIDATES = pl.DataFrame(
    [
        (1, "searched", 4, True, [], 0.8, 0.9, 0.4, 0.1, 0.3, 9.0),
        (1, "searched", 5, False, ["an unstable segment"], 0.6, 0.9, 0.4, 0.1, 0.3, 9.0),
        (1, "champion", 5, False, ["an unstable segment", "a segment under 3%"], 0.5, 0.9, 0.4, 0.1, 0.3, 9.0),
    ],
    schema=SEGMENT_CANDIDATES.dtypes,
    orient="row",
)


CURVES = pl.DataFrame(
    [
        ("next_order", "order within 7 days", "learned", 0.2, 0.25, 30),
        ("next_order", "order within 7 days", "learned", 0.7, 0.65, 30),
        ("next_basket", "family in the next basket", "ranker", 0.1, 0.12, 90),
    ],
    schema=CALIBRATION_COLUMNS,
    orient="row",
)
EVALUATIONS = _rows(
    MODEL_EVALUATIONS,
    [
        ("next_basket", "personal_frequency", "all", "expected", True, "recall@10", 0.35, 0.33, 0.37, None, 90),
        ("next_basket", "ranker", "all", "expected", False, "recall@10", 0.36, 0.34, 0.38, None, 90),
        ("next_basket", "ranker", "all", "expected", False, "recall@10", 0.01, -0.01, 0.03, "personal_frequency", 90),
        ("next_basket", "ranker", "all", "given", True, "recall@10", 0.5, 0.4, 0.6, None, 90),
        ("next_order", "learned", "all", "expected", True, "brier", 0.16, 0.15, 0.17, None, 200),
        ("next_order", "base_rate", "all", "expected", False, "brier", 0.25, 0.24, 0.26, None, 200),
        ("next_order", "own_rate", "all", "expected", False, "brier", 0.18, 0.17, 0.19, None, 200),
        ("next_order", "learned", "all", "expected", True, "brier", -0.02, -0.03, -0.01, "own_rate", 200),
        ("next_order", "learned", "lapsed", "expected", True, "brier", 0.1, 0.05, 0.15, None, 20),
    ],
)


def test_the_finding_on_evaluations_compares_what_serves_with_the_best_other_method() -> None:
    text = findings.describe_evaluations(EVALUATIONS)
    assert text.startswith(
        "These methods serve: personal_frequency (next_basket, recall@10), learned (next_order, brier)."
    )
    lines = [line.replace("\\_", "_") for line in text.splitlines() if line.startswith("| next")]
    assert lines == [
        "| next_basket | recall@10 | personal_frequency: 0.350 (0.330 to 0.370) | ranker: 0.360 (0.340 to 0.380) | "
        "-0.0100 (-0.0300 to +0.0100) |",
        "| next_order | brier | learned: 0.160 (0.150 to 0.170) | own_rate: 0.180 (0.170 to 0.190) | "
        "-0.0200 (-0.0300 to -0.0100) |",
    ]


def test_the_finding_on_an_evaluation_without_figures_says_why() -> None:
    assert "too few orders" in findings.describe_evaluations(EVALUATIONS.clear())


def test_calibration_is_drawn_with_one_line_per_event_and_method() -> None:
    pytest.importorskip("altair")
    drawn = prediction_charts.calibration_chart(CURVES).to_dict()
    points = drawn["datasets"][drawn["layer"][1]["data"]["name"]]
    assert [(row["line"], row["probability"], row["share"]) for row in points] == [
        ("order within 7 days (learned)", 0.2, 0.25),
        ("order within 7 days (learned)", 0.7, 0.65),
        ("family in the next basket (ranker)", 0.1, 0.12),
    ]


def test_the_finding_on_moves_says_how_many_and_why_and_sizes_are_compared() -> None:
    text = findings.describe_migration(MOVES)
    assert text.startswith(
        "20 of 100 customers (20%) are in another segment than 28 days before: 10 by their behavior, 10 "
    )
    assert "7 of them are no longer new. 5 customers arrived and 4 left." in text
    assert "| Weekly | 97 | 87 | -10 |" in text
    assert "| Monthly | 0 | 13 | +13 |" in text
    assert "| Weekly | Monthly | promotion | 10 |" in text


def test_the_finding_on_cohorts_counts_neither_the_first_nor_months_that_are_not_over() -> None:
    text = findings.describe_cohorts(COHORTS)
    assert text.startswith("Share of new customers who order again: 50% in month 1 after their first order.")
    assert "| 2025-12 | 90 | 90% | 80% | (10%) |  |  |" in text


def test_the_finding_on_preferences_names_what_stands_out_most() -> None:
    rows = [
        (1, "Weekly", "department", 4, "wine | spirits", 40, 0.4, 200.0),
        (1, "Weekly", "product", 9, "Cola <b>", 30, 0.3, 300.0),
        (2, "Monthly", "department", 4, "wine | spirits", 30, 0.1, 50.0),
    ]
    text = findings.describe_preferences(_rows(SEGMENT_PREFERENCES, rows))
    assert text.startswith("Weekly stands out most in wine / spirits: 40% of its customers bought there")
    assert "2.0 times the average" in text
    assert "| Weekly | wine / spirits 200 | none | Cola \\<b\\> 300 |" in text


def test_the_finding_on_segments_names_the_largest_and_the_quiet_customers(frames: GoldFrames) -> None:
    profiles = frames.segment_profiles.with_columns(quiet_customers=pl.Series([10, 0, 5], dtype=pl.Int64))
    text = findings.describe_profiles(profiles)
    assert text.startswith(
        "Weekly stock-up is the largest segment: 50% of the 85 customers with an order in the last 90 days."
    )
    assert "15 quiet customers stand beside the shares." in text
    assert "| Weekly stock-up | 50% | 40 | 10 |" in text


def test_the_finding_on_gaps_says_how_many_the_source_caps(frames: GoldFrames) -> None:
    text = findings.describe_gaps(frames.order_frequency)
    assert text.startswith("Half of the gaps between orders are at most 7 days. The source caps 5 of 248 gaps (2%)")
    assert "| Occasional | 40 | 28 | 12% |" in text
    uncapped = frames.order_frequency.with_columns(capped_order_count=pl.lit(0))
    assert "The source caps none of them." in findings.describe_gaps(uncapped)


def test_the_finding_on_segments_names_the_largest_of_both_kinds(frames: GoldFrames) -> None:
    text = findings.describe_segments(frames.customer_segments)
    assert text.startswith(
        "Weekly stock-up is the largest segment with 50% of 100 customers, Champions the largest RFM segment with 50%."
    )
    assert "| Lost | 30 | 30% |" in text


def test_tables_without_rows_have_a_sentence() -> None:
    assert "No customer" in findings.describe_migration(MOVES.clear())
    assert "No department" in findings.describe_preferences(SEGMENT_PREFERENCES.empty())
    assert findings.describe_cohorts(COHORTS.head(3)).startswith("There is no cohort with a complete later month yet")


@pytest.mark.parametrize(
    ("chart", "rows"),
    [
        (movement_charts.migration_chart, MOVES),
        (movement_charts.cohort_chart, COHORTS),
        (movement_charts.candidates_chart, CANDIDATES),
        (prediction_charts.calibration_chart, CURVES),
    ],
)
def test_a_picture_is_a_png_inside_markdown_with_words_for_screen_readers(chart, rows: pl.DataFrame) -> None:
    pytest.importorskip("vl_convert")
    drawn = movement_charts.picture(chart(rows))
    assert drawn.startswith(f"![{chart(rows).to_dict()['description']}](data:image/png;base64,iVBOR")
    # The event log keeps it for every day.
    assert len(drawn) < 150_000


def test_moves_are_drawn_by_segment_with_all_causes_together() -> None:
    pytest.importorskip("altair")
    specification = movement_charts.migration_chart(MOVES).to_dict()
    (values,) = specification["datasets"].values()
    cells = {(cell["from"], cell["to"]): cell["customers"] for cell in values}
    assert cells["Weekly", "Monthly"] == 13
    assert cells["arrived", "New customers"] == 5
    assert specification["layer"][0]["encoding"]["x"]["sort"] == ["New customers", "Weekly", "Monthly", "left"]


def test_the_finding_on_habits_has_the_medians_and_customers_with_one_order_have_none() -> None:
    usual = [(1, 9, 3.0, 4.0), (2, 9, 7.0, 10.0), (3, 9, 30.0, 20.0), (4, 1, None, 90.0)]
    rows = [(*each, AS_OF, None, None) for each in usual]
    text = findings.describe_habits(_rows(CUSTOMER_HABITS, rows))
    assert text.startswith("Half of the customers order every 7 days or more often, and 10 lines or fewer at a time.")
    assert "| days between orders | 5.0 | 7.0 | 18.5 |" in text
    assert findings.describe_habits(_rows(CUSTOMER_HABITS, rows[3:])) == "No customer has two orders yet."


def test_the_chosen_number_of_segments_is_drawn_filled_with_its_faults() -> None:
    drawn = movement_charts.candidates_chart(CANDIDATES).to_dict()
    points = drawn["datasets"][drawn["layer"][1]["data"]["name"]]
    assert [(row["segment_count"], row["centers"], row["is_chosen"], row["label"]) for row in points] == [
        (4, "searched", True, "no fault"),
        (5, "of the champion", False, "2 faults"),
        (5, "searched", False, "1 fault"),
    ]
