"""Colors, fonts and spacing of the charts and the page, for light and dark mode."""

from typing import Any

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"

SEGMENT_COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#8A8F98", "#B8A800")
"""The palette of Okabe & Ito, which is safe for color blindness, with gray for black and a darker yellow, so both are
visible on light and dark backgrounds."""


def segment_color(place: int) -> str:
    """The color of the segment at `place` in the order of segments; colors repeat after eight."""
    return SEGMENT_COLORS[place % len(SEGMENT_COLORS)]


def vega_config(*, dark: bool) -> dict[str, Any]:
    """Vega-Lite config of every chart. Ranges: `heatmap` for cells without text, `ramp` and `diverging` for cells with text."""
    ink, quiet, grid = ("#E6EAF0", "#A9B4C2", "#2C3745") if dark else ("#1D2733", "#55606E", "#E4E8EE")
    ranges = (
        {
            "heatmap": ["#18222E", "#1F5A8C", "#7CC4FF"],
            "ramp": ["#18222E", "#23649A"],
            "diverging": ["#8A4B12", "#243040", "#1F5F93"],
        }
        if dark
        else {
            "heatmap": ["#F1F5FA", "#6BAED6", "#08457E"],
            "ramp": ["#F4F7FB", "#8FC1E8"],
            "diverging": ["#F2B179", "#F5F6F8", "#8DC0E6"],
        }
    )
    return {
        "background": "transparent",
        "font": FONT,
        "view": {"stroke": "transparent"},
        "range": {**ranges, "category": list(SEGMENT_COLORS)},
        "text": {"color": ink, "fontSize": 12},
        "axis": {
            "labelColor": quiet,
            "titleColor": quiet,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 10,
            "labelPadding": 6,
            "gridColor": grid,
            "domainColor": grid,
            "tickColor": grid,
            "labelLimit": 240,
        },
        "legend": {
            "labelColor": ink,
            "titleColor": quiet,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "labelLimit": 240,
            "titleLimit": 600,
            "gradientStrokeColor": "transparent",
        },
    }


STYLE = f"""
:root {{
  color-scheme: light dark;
  --ground: #f5f7fa; --card: #ffffff; --ink: #1d2733; --quiet: #55606e; --line: #e1e6ed; --accent: #0072b2;
}}
@media (prefers-color-scheme: dark) {{
  :root {{ --ground: #0e141b; --card: #151d27; --ink: #e6eaf0; --quiet: #a9b4c2; --line: #2c3745; --accent: #56b4e9; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 {FONT}; }}
main, header, footer {{ max-width: 1200px; margin: 0 auto; padding: 0 24px; }}
header {{ padding-top: 36px; }}
h1 {{ font-size: 28px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }}
h2 {{ font-size: 20px; line-height: 1.3; margin: 44px 0 4px; }}
h3 {{ font-size: 15px; margin: 0 0 2px; }}
p {{ margin: 0 0 12px; max-width: 78ch; }}
.quiet, figcaption {{ color: var(--quiet); }}
figcaption {{ font-size: 13px; margin-bottom: 12px; }}
.tiles {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 16px; margin: 24px 0 0; }}
.tile, .card {{ background: var(--card); border: 1px solid var(--line); border-radius: 10px; }}
.tile {{ padding: 16px 20px; }}
.tile dt {{ color: var(--quiet); font-size: 13px; }}
.tile dd {{ margin: 2px 0 0; font-size: 26px; font-weight: 650; white-space: nowrap;
  font-variant-numeric: tabular-nums; letter-spacing: -0.01em; }}
.cards {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px;
  margin-top: 16px; }}
.card {{ position: relative; margin: 16px 0 0; padding: 18px 20px; min-width: 0; }}
.cards > .card {{ margin: 0; }}
.chart, .chart.vega-embed {{ width: 100%; min-width: 400px; }}
.chart.wide, .chart.wide.vega-embed {{ min-width: 840px; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; min-width: 760px; font-size: 14px; }}
th, td {{ text-align: left; vertical-align: top; padding: 9px 16px 9px 0; border-bottom: 1px solid var(--line); }}
tbody tr:last-child > * {{ border-bottom: 0; }}
thead th {{ color: var(--quiet); font-weight: 500; font-size: 13px; }}
tbody th {{ font-weight: 600; white-space: nowrap; }}
.figure {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
.dot {{ display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 8px; }}
.vega-bind {{ font-size: 13px; color: var(--quiet); margin: 0 0 8px; }}
.vega-bind select {{ font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; padding: 4px 8px; margin-left: 6px; }}
.vega-bindings {{ order: -1; }}
.chart.vega-embed.has-actions {{ position: static; display: block; padding-right: 0; }}
.chart .chart-wrapper {{ display: flex; flex-direction: column; }}
.chart.vega-embed summary {{ top: 12px; right: 12px; opacity: 0.45; background: var(--card);
  border-color: var(--line); }}
.chart.vega-embed summary svg {{ color: var(--ink); }}
.chart.vega-embed .vega-actions {{ top: 46px; right: 12px; }}
select:focus-visible, summary:focus-visible {{ outline: 2px solid var(--accent); outline-offset: 2px; }}
footer {{ padding-top: 32px; padding-bottom: 40px; font-size: 13px; }}
@media print {{ .card, .tile {{ break-inside: avoid; }} .vega-embed details, .vega-bindings {{ display: none; }} }}
"""
