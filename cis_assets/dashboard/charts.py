"""Draws the charts with Altair from the rows of `summaries`.

Each function returns one chart with the width of its container and a description for screen readers. `segments` has
the segment names in the order of their colors. Fonts and grays are in `theme`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from cis_assets.dashboard import extra
from cis_assets.dashboard.summaries import ALL_SEGMENTS, LONGEST_GAP_DAYS, MEASURES, WEEKDAYS
from cis_assets.dashboard.theme import segment_color

if TYPE_CHECKING:
    import altair as alt

_ROW = 34


def segment_size_chart(sizes: pl.DataFrame, segments: Sequence[str]) -> alt.LayerChart:
    """Bars of customers per segment, sorted by size, with count and share as text."""
    alt = extra.altair()
    base = alt.Chart(_inline(sizes)).encode(
        x=alt.X("customers:Q", title="Customers", axis=alt.Axis(tickCount=4, format=",d"), scale=alt.Scale(padding=0)),
        y=alt.Y("segment:N", title=None, sort=sizes["segment"].to_list(), axis=alt.Axis(ticks=False, domain=False)),
    )
    bars = base.mark_bar(cornerRadiusEnd=3, height={"band": 0.7}).encode(
        color=_segment_color(segments, legend=None),
        tooltip=[
            alt.Tooltip("segment:N", title="Segment"),
            alt.Tooltip("customers:Q", title="Customers", format=",d"),
            alt.Tooltip("share:Q", title="Share of customers", format=".1%"),
            alt.Tooltip("quiet:Q", title="Quiet customers", format=",d"),
            alt.Tooltip("marks:N", title="Marks"),
        ],
    )
    longest = max(sizes["customers"].to_list(), default=1)
    labels = base.mark_text(align="left", dx=6).encode(
        x=alt.X("customers:Q", scale=alt.Scale(domain=[0, longest * 1.3], nice=False)), text="label:N"
    )
    return _finish(
        alt.layer(bars, labels), "Bar chart of the number of customers in each segment.", height=_ROW * sizes.height
    )


def segment_map_chart(places: pl.DataFrame, segments: Sequence[str]) -> alt.Chart:
    """One bubble per segment: days between orders (x) and products per basket (y)."""
    alt = extra.altair()
    chart = (
        alt.Chart(_inline(places))
        .mark_circle(opacity=0.85)
        .encode(
            x=alt.X(
                "gap_days:Q",
                title="Days between orders (logarithmic)",
                scale=alt.Scale(type="log", nice=False, padding=26),
                axis=alt.Axis(values=[1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 180], format="d", labelOverlap=True),
            ),
            y=alt.Y(
                "basket_size:Q",
                title="Products per basket",
                scale=alt.Scale(zero=False, padding=26),
                axis=alt.Axis(tickCount=5),
            ),
            size=alt.Size("customers:Q", legend=None, scale=alt.Scale(domainMin=0, range=[0, 1500])),
            color=_segment_color(
                segments,
                legend=alt.Legend(
                    orient="bottom", title=None, columns=3, symbolType="circle", symbolOpacity=1, symbolSize=100
                ),
            ),
            tooltip=[
                alt.Tooltip("segment:N", title="Segment"),
                alt.Tooltip("customers:Q", title="Customers", format=",d"),
                alt.Tooltip("gap_days:Q", title="Days between orders", format=".1f"),
                alt.Tooltip("basket_size:Q", title="Products per basket", format=".1f"),
                alt.Tooltip("orders:Q", title="Orders per customer", format=".1f"),
            ],
        )
    )
    what = "Bubble chart of the segments: days between orders across, products per basket upwards, customers as area."
    return _finish(chart, what, height=max(_ROW * len(segments) - 30, 190))


def segment_comparison_chart(comparison: pl.DataFrame, segments: Sequence[str]) -> alt.LayerChart:
    """Segments x measures: the segment's mean as text, colored by its distance from the average customer."""
    alt = extra.altair()
    measured = set(comparison["measure"])
    base = alt.Chart(_inline(comparison)).encode(
        x=alt.X(
            "measure:N",
            title=None,
            sort=[label for _, label, _ in MEASURES if label in measured],
            axis=alt.Axis(orient="top", labelAngle=0, ticks=False, domain=False),
        ),
        y=_segment_rows(segments),
    )
    cells = base.mark_rect(cornerRadius=3).encode(
        color=alt.Color(
            "doublings:Q",
            title="Compared with the average customer",
            scale=alt.Scale(domain=[-2, 2], domainMid=0, interpolate="rgb"),
            legend=alt.Legend(
                orient="bottom",
                values=[-2, -1, 0, 1, 2],
                labelExpr="['¼ ×', '½ ×', 'average', '2 ×', '4 ×'][datum.value + 2]",
                gradientLength=260,
            ),
        ),
        tooltip=[
            alt.Tooltip("segment:N", title="Segment"),
            alt.Tooltip("measure:N", title="Measure"),
            alt.Tooltip("value:N", title="Mean of the segment"),
            alt.Tooltip("average:N", title="Mean of all customers"),
            alt.Tooltip("times:Q", title="Times the average", format=".2f"),
        ],
    )
    what = "Heat map of each segment's means, colored by distance from the average customer, with the means as text."
    return _finish(alt.layer(cells, base.mark_text().encode(text="value:N")), what, height=_ROW * len(segments))


def gap_chart(histogram: pl.DataFrame, segments: Sequence[str]) -> alt.Chart:
    """Stacked histogram of days between orders; clicking names in the legend selects segments."""
    alt = extra.altair()
    shown = alt.selection_point(fields=["segment"], bind="legend", name="shown_segments")
    last = max(histogram["gap_days"].to_list(), default=0)
    weekly = "datum.value % 7 == 0 && datum.value < 57 ? datum.label : ''"
    label = f"datum.value == {LONGEST_GAP_DAYS} ? '{LONGEST_GAP_DAYS}+' : {weekly}"
    chart = (
        alt.Chart(_inline(histogram))
        .mark_bar()
        .encode(
            x=alt.X(
                "gap_days:O",
                title="Days since the customer's previous order",
                scale=alt.Scale(domain=list(range(last + 1)), paddingInner=0.12),
                axis=alt.Axis(labelAngle=0, labelExpr=label, ticks=False, labelOverlap=False),
            ),
            y=alt.Y("orders:Q", title="Orders", stack="zero", axis=alt.Axis(tickCount=5, format=",d")),
            color=_segment_color(
                segments,
                legend=alt.Legend(
                    orient="top",
                    title="Segment (click to select, shift-click to add)",
                    columns=4,
                    symbolType="square",
                    symbolOpacity=1,
                ),
            ),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("segment:N", title="Segment"),
                alt.Tooltip("gap_days:O", title=f"Days between orders ({LONGEST_GAP_DAYS} = or more)"),
                alt.Tooltip("orders:Q", title="Orders", format=",d"),
                alt.Tooltip("share:Q", title="Share of the segment's orders", format=".1%"),
                alt.Tooltip("capped:Q", title="Capped by the source, perhaps longer", format=",d"),
            ],
        )
        .transform_filter(shown)
        .add_params(shown)
    )
    return _finish(
        chart, "Stacked histogram of the days between consecutive orders of a customer, by segment.", height=300
    )


def activity_chart(grid: pl.DataFrame, segments: Sequence[str]) -> alt.Chart:
    """Heat map of orders by weekday and hour, with a list to select one segment or all."""
    alt = extra.altair()
    choices = [ALL_SEGMENTS, *(name for name in segments if name in set(grid["segment"]))]
    chosen = alt.param(
        name="activity_segment", value=ALL_SEGMENTS, bind=alt.binding_select(options=choices, name="Segment")
    )
    chart = (
        alt.Chart(_inline(grid))
        .mark_rect(cornerRadius=2)
        .encode(
            x=alt.X(
                "hour:O",
                title="Hour of the day",
                scale=alt.Scale(paddingInner=0.06),
                axis=alt.Axis(
                    labelAngle=0, ticks=False, domain=False, labelExpr="datum.value % 3 == 0 ? datum.label + ':00' : ''"
                ),
            ),
            y=alt.Y(
                "weekday:N",
                title=None,
                sort=list(WEEKDAYS),
                scale=alt.Scale(paddingInner=0.06),
                axis=alt.Axis(ticks=False, domain=False),
            ),
            color=alt.Color(
                "share:Q",
                title="Share of orders",
                scale=alt.Scale(domainMin=0),
                legend=alt.Legend(orient="bottom", format=".1%", gradientLength=260, tickCount=4),
            ),
            tooltip=[
                alt.Tooltip("segment:N", title="Segment"),
                alt.Tooltip("weekday:N", title="Weekday"),
                alt.Tooltip("hour:O", title="Hour"),
                alt.Tooltip("orders:Q", title="Orders", format=",d"),
                alt.Tooltip("share:Q", title="Share of the segment's orders", format=".2%"),
            ],
        )
        .add_params(chosen)
        .transform_filter("datum.segment == activity_segment")
    )
    return _finish(chart, "Heat map of orders by weekday, Monday to Sunday, and hour of the day.", height=7 * _ROW)


def rfm_chart(grid: pl.DataFrame, segments: Sequence[str]) -> alt.LayerChart:
    """Segments x RFM segments: the share of each segment's customers in each RFM segment."""
    alt = extra.altair()
    base = alt.Chart(_inline(grid)).encode(
        x=alt.X(
            "rfm_segment:N",
            title=None,
            sort=grid["rfm_segment"].unique(maintain_order=True).to_list(),
            axis=alt.Axis(labelAngle=0, labelExpr="split(datum.label, ' ')", ticks=False, domain=False),
        ),
        y=_segment_rows([name for name in segments if name in set(grid["segment"])]),
    )
    cells = base.mark_rect(cornerRadius=3).encode(
        color=alt.Color("share:Q", legend=None, scale=alt.Scale(domain=[0, 1], range="ramp")),
        tooltip=[
            alt.Tooltip("segment:N", title="Segment"),
            alt.Tooltip("rfm_segment:N", title="RFM segment"),
            alt.Tooltip("customers:Q", title="Customers", format=",d"),
            alt.Tooltip("share:Q", title="Share of the segment", format=".1%"),
        ],
    )
    what = "Heat map of the share of each segment's customers in each RFM segment; the shares are in the cells."
    return _finish(
        alt.layer(cells, base.mark_text().encode(text="label:N")),
        what,
        height=_ROW * max(grid["segment"].n_unique(), 1),
    )


def _inline(rows: pl.DataFrame) -> alt.InlineData:
    """The rows inside the specification itself, for any data transformer of the process."""
    return extra.altair().InlineData(values=rows.to_dicts())


def _segment_color(segments: Sequence[str], legend: object) -> alt.Color:
    alt = extra.altair()
    colors = [segment_color(place) for place in range(len(segments))]
    return alt.Color("segment:N", scale=alt.Scale(domain=list(segments), range=colors), legend=legend)


def _segment_rows(segments: Sequence[str]) -> alt.Y:
    alt = extra.altair()
    return alt.Y(
        "segment:N",
        title=None,
        sort=list(segments),
        scale=alt.Scale(paddingInner=0.06),
        axis=alt.Axis(ticks=False, domain=False),
    )


def _finish(chart, description: str, *, height: int):
    return chart.properties(width="container", height=height, description=description)
