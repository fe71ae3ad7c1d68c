from __future__ import annotations

from datetime import date

import polars as pl

from cis_assets.catalog.gold import NEXT_ORDER, PRODUCT_RECOMMENDATIONS
from cis_assets.dashboard import prediction_findings
from cis_assets_tests.frames import table_frame

DAY = date(2026, 3, 10)


def forecasts(version: date) -> pl.DataFrame:
    row = {
        "as_of_date": DAY,
        "model_version": version,
        "served": "learned",
        "served_28d": "own_rate",
        "served_90d": "bg_nbd",
    }
    shares = ((0.9, 1.0, 6.0), (0.5, 0.8, 3.0), (0.1, 0.2, 0.5))
    return table_frame(
        NEXT_ORDER,
        [
            {
                **row,
                "customer_id": number,
                "probability_7d": soon,
                "probability_28d": later,
                "expected_orders_90d": orders,
            }
            for number, (soon, later, orders) in enumerate(shares)
        ],
    )


def test_the_next_orders_are_summed_and_counted_by_likelihood():
    text = prediction_findings.describe_next_order(forecasts(DAY))
    assert "2 of 3 customers are expected to order within 7 days, 2 within 28 days, with 10 orders in 90 days" in text
    assert "learned for 7 days, own_rate for 28, bg_nbd for 90." in text
    assert "| 80% or more | 1 | 2 |" in text
    assert "| under 20% | 1 | 0 |" in text
    assert "newer than the day" not in text


def test_a_day_before_the_first_training_says_so():
    assert "newer than the day" in prediction_findings.describe_next_order(forecasts(date(2026, 3, 11)))


def test_recommendations_are_counted_by_kind_and_rank():
    row = {"as_of_date": DAY, "served": "ranker", "model_version": DAY, "customer_id": 1}
    rows = [
        {**row, "rank": 1, "kind": "repeat", "probability": 0.8, "dueness": 1.2},
        {**row, "rank": 1, "kind": "repeat", "probability": 0.4, "dueness": None, "customer_id": 2},
        {**row, "rank": 2, "kind": "repeat", "probability": 0.3, "dueness": 0.5},
        {**row, "rank": 11, "kind": "discovery", "probability": 0.1, "dueness": None},
    ]
    text = prediction_findings.describe_recommendations(table_frame(PRODUCT_RECOMMENDATIONS, rows))
    assert "Recommendations for 2 customers: 3 repeats, ranked by ranker; 1 discoveries." in text
    assert "| 1 | 2 | 60% | 100% |" in text
    assert "| 2 | 1 | 30% | 0% |" in text
