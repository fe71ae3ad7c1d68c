"""RFM: recency, frequency and monetary scores by quintile, and the named RFM segment they map to.

The method is classic direct marketing (Hughes 1994, "Strategic Database Marketing") and needs no trained model. It is a
view beside segments and lifecycle stages: nothing else is computed from the names.
"""

import polars as pl

_SCORES_BY_SEGMENT: dict[str, tuple[set[int], set[int]]] = {
    "Champions": ({5}, {4, 5}),
    "Loyal": ({3, 4}, {4, 5}),
    "Potential loyalists": ({4, 5}, {2, 3}),
    "Recent customers": ({5}, {1}),
    "Promising": ({4}, {1}),
    "Needs attention": ({3}, {3}),
    "About to sleep": ({3}, {1, 2}),
    "At risk": ({1, 2}, {3, 4}),
    "Cannot lose": ({1, 2}, {5}),
    "Hibernating": ({2}, {1, 2}),
    "Lost": ({1}, {1, 2}),
}

RFM_MAP: dict[tuple[int, int], str] = {
    (recency, value): name
    for name, (recencies, values) in _SCORES_BY_SEGMENT.items()
    for recency in recencies
    for value in values
}
"""(recency score, value score) -> RFM segment: the eleven names that CRM tools use, each a rectangle of the grid.

A name says nothing that another vocabulary says: no segment and no lifecycle stage shares a word with it, but for
"customers".
"""


def rfm_table() -> pl.DataFrame:
    """The rule table: columns rfm_segment, recency and value (scores in words, such as "3-4"), most engaged first."""
    rows = [(name, *map(_span, scores)) for name, scores in _SCORES_BY_SEGMENT.items()]
    return pl.DataFrame(rows, schema=dict.fromkeys(("rfm_segment", "recency", "value"), pl.String), orient="row")


def _span(scores: set[int]) -> str:
    return str(min(scores)) if len(scores) == 1 else f"{min(scores)}-{max(scores)}"


def value_score(frequency: int, monetary: int) -> int:
    """The mean of frequency and monetary score, rounded up."""
    return (frequency + monetary + 1) // 2


def rfm_segment(recency: int, frequency: int, monetary: int) -> str:
    """The name of a cell of scores, each 1 to 5."""
    return RFM_MAP[recency, value_score(frequency, monetary)]


def quintile_score(value: pl.Expr) -> pl.Expr:
    """Quintile score of each row, 1 to 5, where 5 has the largest values; equal values get equal scores.

    The score is 1 + floor(5 (r - 1/2) / n), Hazen's plotting position, for the mid-rank r (tied rows share the mean of
    their ranks) among n rows. Without ties, quintiles are as even as n allows. Fewer than five rows spread evenly
    around 3. If all rows tie, they score 3.
    """
    doubled_rank = (2 * value.rank("average")).cast(pl.Int64)
    return (1 + 5 * (doubled_rank - 1) // (2 * pl.len().cast(pl.Int64))).cast(pl.Int32)


def rfm_scores(snapshot: pl.DataFrame) -> pl.DataFrame:
    """Columns customer_id, the three scores and rfm_segment, for rows of one snapshot of gold/customer_features.

    Recency is reversed: 5 means the most recent orders. Monetary ranks `total_spend`. If a customer of the snapshot
    has no spend, it ranks the number of items bought, because spend and items are not comparable.
    """
    items_bought = (pl.col("mean_basket_size") * pl.col("order_count")).round()
    has_spend = snapshot["total_spend"].null_count() == 0
    scored = snapshot.select(
        "customer_id",
        recency_score=quintile_score(-pl.col("recency_days").cast(pl.Int64)),
        frequency_score=quintile_score(pl.col("order_count")),
        monetary_score=quintile_score(pl.col("total_spend") if has_spend else items_bought),
    )
    scores = range(1, 6)
    codes = {100 * r + 10 * f + m: rfm_segment(r, f, m) for r in scores for f in scores for m in scores}
    code = 100 * pl.col("recency_score") + 10 * pl.col("frequency_score") + pl.col("monetary_score")
    return scored.with_columns(rfm_segment=code.replace_strict(codes, return_dtype=pl.String))
