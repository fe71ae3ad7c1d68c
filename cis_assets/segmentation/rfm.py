"""RFM: recency, frequency and monetary scores by quintile, and the segment in words that they map to.

Belongs here: the classic scores of direct marketing (Hughes 1994, "Strategic Database Marketing"), which need no
trained model. Does not belong here: the trained segments.
"""

from __future__ import annotations

import polars as pl

_SCORES_BY_SEGMENT: dict[str, tuple[set[int], set[int]]] = {
    "Champions": ({5}, {4, 5}),
    "Loyal": ({3, 4}, {4, 5}),
    "Potential loyalist": ({4, 5}, {2, 3}),
    "New": ({5}, {1}),
    "Promising": ({4}, {1}),
    "Needs attention": ({3}, {3}),
    "About to sleep": ({3}, {1, 2}),
    "At risk": ({1, 2}, {3, 4}),
    "Cannot lose": ({1, 2}, {5}),
    "Hibernating": ({1, 2}, {1, 2}),
}

RFM_SEGMENTS: tuple[str, ...] = tuple(_SCORES_BY_SEGMENT)
"""The ten names, from the most engaged to the least."""

RFM_MAP: dict[tuple[int, int], str] = {
    (recency, frequency): name
    for name, (recencies, frequencies) in _SCORES_BY_SEGMENT.items()
    for recency in recencies
    for frequency in frequencies
}
"""(recency score, frequency score) -> RFM segment: the ten-segment grid that CRM tools commonly use (CleverTap's)."""


def quintile_score(value: pl.Expr) -> pl.Expr:
    """Score 1 to 5 of each row by its fifth of all rows, 5 = largest value; equal values get equal scores.

    A row scores by its mid-rank r (tied rows share the mean of their ranks) among n rows: 1 + floor(5 (r - 1/2) / n),
    Hazen's plotting position. Without ties, fifths are as even as n allows; with fewer than five rows the scores
    spread evenly around 3 and some go unused; rows that all tie score 3.
    """
    doubled_rank = (2 * value.rank("average")).cast(pl.Int64)
    return (1 + 5 * (doubled_rank - 1) // (2 * pl.len().cast(pl.Int64))).cast(pl.Int32)


def rfm_scores(snapshot: pl.DataFrame) -> pl.DataFrame:
    """`customer_id`, the three scores and `rfm_segment` of the customers of ONE snapshot of customer_features.

    Recency counts the other way round (5 = ordered most recently). Monetary is `total_spend`, or the lines bought
    where any customer of the snapshot has none, since spend and lines cannot be ranked against each other.
    """
    lines_bought = (pl.col("mean_basket_size") * pl.col("order_count")).round()
    has_spend = snapshot["total_spend"].null_count() == 0
    scored = snapshot.select(
        "customer_id",
        recency_score=quintile_score(-pl.col("recency_days").cast(pl.Int64)),
        frequency_score=quintile_score(pl.col("order_count")),
        monetary_score=quintile_score(pl.col("total_spend") if has_spend else lines_bought),
    )
    return scored.with_columns(rfm_segment=rfm_segment(pl.col("recency_score"), pl.col("frequency_score")))


def rfm_segment(recency_score: pl.Expr, frequency_score: pl.Expr) -> pl.Expr:
    """The RFM segment in words of a recency and a frequency score, both 1 to 5."""
    codes = {10 * recency + frequency: name for (recency, frequency), name in RFM_MAP.items()}
    return (10 * recency_score + frequency_score).replace_strict(codes, return_dtype=pl.String)
