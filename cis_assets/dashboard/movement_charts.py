"""Draws moves, cohorts and the choice of segments as pictures for the Dagster UI, which shows no interactive chart."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import polars as pl

from cis_assets.dashboard import extra, theme
from cis_assets.dashboard.summaries import percent
from cis_assets.segmentation.clusterboot import STABLE

if TYPE_CHECKING:
    import altair as alt

_CELL = 44
_LINE = 12
_COHORTS_SHOWN = 24
ARRIVED, LEFT = "arrived", "left"


def picture(chart: alt.LayerChart) -> str:
    """The chart as a PNG inside Markdown. Raises DashboardExtraMissingError without the extra `dashboard`."""
    specification = {**chart.to_dict(), "config": {**theme.vega_config(dark=False), "background": "white"}}
    data = base64.b64encode(extra.png(specification)).decode("ascii")
    return f"![{specification['description']}](data:image/png;base64,{data})"


def migration_chart(moves: pl.DataFrame) -> alt.LayerChart:
    """Segments of 28 days before x segments of the day: customers as text; moves are colored by their share of the row."""
    alt = extra.altair()
    cells = (
        moves.group_by(pl.col("from_segment_id").fill_null(-1), pl.col("to_segment_id").fill_null(-1))
        .agg(
            pl.col("from_segment_name").first().fill_null(ARRIVED).alias("from"),
            pl.col("to_segment_name").first().fill_null(LEFT).alias("to"),
            pl.col("customers").sum(),
        )
        .with_columns(
            share=pl.col("customers") / pl.col("customers").sum().over("from_segment_id"),
            is_move=pl.col("from_segment_id") != pl.col("to_segment_id"),
        )
        .with_columns(color=pl.when(pl.col("is_move") & (pl.col("from_segment_id") >= 0)).then("share").otherwise(0.0))
        .sort("from_segment_id", "to_segment_id")
        .select("from", "to", "customers", "color", label=pl.format("{}", "customers"))
    )
    columns = _in_order(moves, "to", LEFT)
    lines = max(len(name.split()) for name in columns)
    base = alt.Chart(alt.InlineData(values=cells.to_dicts())).encode(
        x=alt.X("to:N", title="Segment of the day", sort=columns, axis=_axis(alt, top=True, lines=lines)),
        y=alt.Y("from:N", title="28 days before", sort=_in_order(moves, "from", ARRIVED), axis=_axis(alt)),
    )
    color = alt.Color("color:Q", legend=None, scale=alt.Scale(domainMin=0, range="ramp"))
    return _finish(
        alt.layer(base.mark_rect(cornerRadius=3).encode(color=color), base.mark_text().encode(text="label:N")),
        2 * _CELL,
        "Customers by their segment 28 days before (rows) and their segment of the day (columns).",
    )


def cohort_chart(cohorts: pl.DataFrame) -> alt.LayerChart:
    """Cohort months x months since: the share that ordered again, the newest 24 cohorts."""
    alt = extra.altair()
    newest = cohorts["cohort_month"].unique().sort(descending=True).head(_COHORTS_SHOWN)
    cells = (
        cohorts.filter(pl.col("cohort_month").is_in(newest.implode()), pl.col("months_since") > 0)
        .sort("cohort_month", "months_since")
        .select(
            "months_since",
            "share",
            cohort=pl.col("cohort_month").dt.strftime("%Y-%m"),
            label=pl.struct("share", "is_incomplete").map_elements(
                lambda row: f"({percent(row['share'])})" if row["is_incomplete"] else percent(row["share"]),
                return_dtype=pl.String,
            ),
        )
    )
    base = alt.Chart(alt.InlineData(values=cells.to_dicts())).encode(
        x=alt.X(
            "months_since:O", title="Months after the first order (in brackets: not over)", axis=_axis(alt, top=True)
        ),
        y=alt.Y("cohort:O", title="Month of the first order", axis=_axis(alt)),
    )
    color = alt.Color("share:Q", legend=None, scale=alt.Scale(domain=[0, 1], range="ramp"))
    return _finish(
        alt.layer(base.mark_rect(cornerRadius=3).encode(color=color), base.mark_text().encode(text="label:N")),
        _CELL,
        "Share of each cohort's customers who ordered in later months.",
    )


def candidates_chart(candidates: pl.DataFrame) -> alt.LayerChart:
    """The stability of the least stable segment for each number of segments that a training tried; the choice is filled."""
    alt = extra.altair()
    rows = candidates.sort("segment_count", "centers").select(
        "segment_count",
        "least_jaccard",
        "is_chosen",
        centers=pl.col("centers").replace({"champion": "of the champion"}),
        label=pl.col("faults").list.len().replace_strict({0: "no fault", 1: "1 fault"}, default=None),
        faults=pl.col("faults").list.len(),
    )
    rows = rows.with_columns(label=pl.coalesce("label", pl.format("{} faults", "faults")))
    base = alt.Chart(alt.InlineData(values=rows.to_dicts())).encode(
        x=alt.X("segment_count:O", title="Number of segments", axis=_axis(alt)),
        y=alt.Y("least_jaccard:Q", title="Stability of the least stable segment", scale=alt.Scale(domain=[0, 1])),
    )
    points = base.mark_point(size=120).encode(
        shape=alt.Shape("centers:N", title="Centers", sort=["searched", "of the champion"]),
        fillOpacity=alt.condition("datum.is_chosen", alt.value(1), alt.value(0)),
        fill=alt.value("#3b6ea5"),
        stroke=alt.value("#3b6ea5"),
    )
    labels = base.mark_text(dy=-14).encode(text="label:N")
    bound = alt.Chart(alt.InlineData(values=[{"stable": STABLE}])).mark_rule(strokeDash=[4, 4]).encode(y="stable:Q")
    return alt.layer(bound, points, labels).properties(
        width=alt.Step(2 * _CELL),
        height=200,
        description="Stability of the least stable segment by the number of segments tried; the chosen number is filled.",
    )


def _in_order(moves: pl.DataFrame, side: str, nobody: str) -> list[str]:
    named = moves.drop_nulls(f"{side}_segment_id").sort(f"{side}_segment_id")[f"{side}_segment_name"]
    return [*named.unique(maintain_order=True), nobody]


def _axis(alt, *, top: bool = False, lines: int = 1) -> alt.Axis:
    return alt.Axis(
        ticks=False,
        domain=False,
        labelAngle=0,
        **(
            {"orient": "top", "labelExpr": "split(datum.label, ' ')", "labelPadding": 4 + _LINE * (lines - 1)}
            if top
            else {}
        ),
    )


def _finish(chart: alt.LayerChart, width: int, description: str) -> alt.LayerChart:
    alt = extra.altair()
    return chart.properties(width=alt.Step(width), height=alt.Step(34), description=description)
