"""Says in Markdown what the newest predictions show: one sentence with the finding, then a small table."""

from __future__ import annotations

import polars as pl

from cis_assets.dashboard.findings import markdown_table
from cis_assets.dashboard.summaries import percent

_LIKELIHOODS = ((0.8, "80% or more"), (0.5, "50 to 80%"), (0.2, "20 to 50%"), (0.0, "under 20%"))
_REPEATS_LISTED = 5


def describe_next_order(forecasts: pl.DataFrame) -> str:
    """Rows of gold/next_order of one day."""
    row = forecasts.select(
        soon=pl.col("probability_7d").sum(),
        later=pl.col("probability_28d").sum(),
        orders=pl.col("expected_orders_90d").sum(),
    ).row(0, named=True)
    model, *served = forecasts.select("model_version", "served", "served_28d", "served_90d").row(0)
    finding = (
        f"{row['soon']:,.0f} of {forecasts.height:,} customers are expected to order within 7 days, {row['later']:,.0f} within "
        f"28 days, with {row['orders']:,.0f} orders in 90 days. The version of {model} serves: {served[0]} for 7 days, "
        f"{served[1]} for 28, {served[2]} for 90.{_note_on_version(forecasts)}"
    )
    rows = []
    most = 1.1
    for least, words in _LIKELIHOODS:
        counts = (
            ((forecasts[name] >= least) & (forecasts[name] < most)).sum()
            for name in ("probability_7d", "probability_28d")
        )
        rows.append((words, *(f"{count:,}" for count in counts)))
        most = least
    return f"{finding}\n\n{markdown_table(('probability of an order', 'within 7 days', 'within 28 days'), rows)}"


def describe_recommendations(recommendations: pl.DataFrame) -> str:
    """Rows of gold/product_recommendations of one day."""
    repeats = recommendations.filter(pl.col("kind") == "repeat")
    customers = recommendations["customer_id"].n_unique()
    served = recommendations["served"][0]
    finding = (
        f"Recommendations for {customers:,} customers: {repeats.height:,} repeats, ranked by {served}; "
        f"{recommendations.height - repeats.height:,} discoveries.{_note_on_version(recommendations)}"
    )
    means = (
        repeats.filter(pl.col("rank") <= _REPEATS_LISTED)
        .group_by("rank")
        .agg(pl.col("probability").mean(), pl.len(), due=(pl.col("dueness") >= 1).mean())
        .sort("rank")
    )
    rows = [
        (str(row["rank"]), f"{row['len']:,}", percent(row["probability"]), percent(row["due"] or 0.0))
        for row in means.iter_rows(named=True)
    ]
    header = ("rank", "customers", "mean probability", "due or overdue")
    return f"{finding}\n\n{markdown_table(header, rows)}"


def _note_on_version(rows: pl.DataFrame) -> str:
    """A sentence for days before the first training."""
    if (rows["model_version"] > rows["as_of_date"]).any():
        return " The version is newer than the day, because none was trained before."
    return ""
