"""Draws how well the probabilities of predictions agree with what happened, as a picture for the Dagster UI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cis_assets.dashboard import extra

if TYPE_CHECKING:
    import altair as alt

_SIDE = 320


def calibration_chart(curves: pl.DataFrame) -> alt.LayerChart:
    """Calibration curves of the methods that serve: what they say of an event, and how often it happens; best: the diagonal."""
    alt = extra.altair()
    rows = curves.select("probability", "share", "rows", line=pl.format("{} ({})", "event", "method"))
    whole = alt.Scale(domain=[0, 1])
    base = alt.Chart(alt.InlineData(values=rows.to_dicts())).encode(
        x=alt.X("probability:Q", title="Predicted probability (mean of a bin)", scale=whole),
        y=alt.Y("share:Q", title="Share in which it happened", scale=whole),
        color=alt.Color("line:N", title=None, sort=None, legend=alt.Legend(orient="top", columns=1, labelLimit=_SIDE)),
    )
    ends = alt.Chart(alt.InlineData(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
    diagonal = ends.mark_line(strokeDash=[4, 4], color="gray").encode(x="x:Q", y="y:Q")
    return alt.layer(diagonal, base.mark_line(), base.mark_point(filled=True, size=50)).properties(
        width=_SIDE,
        height=_SIDE,
        description="Predicted probabilities and the share in which the event happened, in 15 bins with as many rows each.",
    )
