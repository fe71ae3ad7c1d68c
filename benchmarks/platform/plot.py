"""Plots the figures: the stages of each contender, and the cost of one more day by length of history."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import altair as alt
import polars as pl

from benchmarks.platform.plan import PLATFORM_STAGES, Measured
from benchmarks.platform.report import NAMES, Results

_COLORS = ("#8c6d46", "#9aa5ad", "#d9d2c5", "#c8963e", "#3f7d6e", "#b9c8c2", "#a8433f", "#d8b4b2")
_WIDTH, _BAR, _SCALE = 560, 26, 2


def draw(results: Results, path: Path) -> None:
    """Write a PNG."""
    contenders = {NAMES[one.name]: one for one in results.contenders if not one.fault}
    charts = [_stacked(contenders, "Backfill, seconds")] if contenders else []
    if results.days:
        after = {f"{days} days before": one for days, one in results.days.items()}
        charts.append(_stacked(after, "One more day, seconds"))
    chart = alt.vconcat(*charts).configure_view(strokeWidth=0).configure_axis(grid=False, domain=False)
    chart.save(path, scale_factor=_SCALE)


def _stacked(measured: Mapping[str, Measured], title: str) -> alt.Chart:
    rows = [
        {"by": by, "stage": stage, "seconds": one.stages[stage], "place": place}
        for by, one in measured.items()
        for place, stage in enumerate(PLATFORM_STAGES)
        if stage in one.stages
    ]
    colors = alt.Scale(domain=list(PLATFORM_STAGES), range=list(_COLORS))
    return (
        alt.Chart(pl.DataFrame(rows), width=_WIDTH, height=_BAR * len(measured), title=title)
        .mark_bar()
        .encode(
            y=alt.Y("by:N", sort=list(measured), title=None, axis=alt.Axis(labelLimit=220)),
            x=alt.X("seconds:Q", title=None),
            color=alt.Color("stage:N", scale=colors, sort=list(PLATFORM_STAGES), title=None),
            order="place:Q",
        )
    )
