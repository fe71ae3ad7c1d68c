"""Renders the dashboard as one HTML page with its charts, text and JavaScript, and escapes text in HTML and JSON."""

import json
import re
from dataclasses import dataclass
from html import escape
from typing import Any

from cis_assets.dashboard import charts, summaries, theme
from cis_assets.dashboard.extra import vega_bundle
from cis_assets.dashboard.summaries import GoldFrames

# The page must not fetch anything. Vega compiles expressions ('unsafe-eval').
_CONTENT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'"
)

_FOOTER = (
    '<footer class="quiet">This page is computed from gold tables and needs no network. '
    "It has aggregates only, no row of a single customer."
    "<noscript> The charts need JavaScript; the table does not.</noscript></footer>"
)

_DRAW = """
(function () {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const themes = read("themes");
  const night = window.matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map();
  function draw() {
    for (const place of document.querySelectorAll("[data-chart]")) {
      const options = {
        config: night.matches ? themes.dark : themes.light,
        renderer: "svg",
        actions: { export: true, source: false, compiled: false, editor: false },
        downloadFileName: place.id,
        tooltip: { theme: night.matches ? "dark" : "light" },
      };
      if (drawn.has(place.id)) drawn.get(place.id).finalize();
      vegaEmbed(place, read(place.dataset.chart), options).then(
        (result) => { drawn.set(place.id, result); place.dataset.state = "drawn"; },
        (error) => {
          place.dataset.state = "failed";
          place.textContent = "This chart could not be drawn: " + error.message;
        },
      );
    }
  }
  night.addEventListener("change", draw);
  draw();
})();
"""


@dataclass(frozen=True)
class _Figure:
    """A chart on the page: its specification, or None without rows."""

    name: str
    title: str
    caption: str
    specification: dict[str, Any] | None


def dashboard_page(frames: GoldFrames, *, title: str = "Customer intelligence") -> str:
    """Render the newest snapshot of the gold frames as the text of one HTML page.

    A chart without rows is replaced by a sentence. The page needs no network and has aggregates only, no customer id.
    Equal frames give equal pages.

    Raises DashboardExtraMissingError if the extra `dashboard` is not installed.
    """
    frames = frames.newest()
    figures = _figures(frames)
    # Escapes `</script`; `<\/` in strings of JavaScript equals `</`.
    bundle = re.sub("</(?=script)", r"<\\/", vega_bundle(), flags=re.IGNORECASE)
    body = [
        _header(frames, title),
        "<main>",
        _section(
            "Customer segments",
            "Groups of customers with similar habits: how often they order, and how much. "
            "Names and marks describe the center of each segment at training.",
            f'<div class="cards">{_card(figures["sizes"])}{_card(figures["map"])}</div>'
            + _segment_table(frames)
            + _card(figures["comparison"]),
        ),
        _section(
            "Order frequency",
            "Days between consecutive orders of a customer. "
            "Peaks at 7, 14 and 28 days are weekly, fortnightly and monthly habits.",
            _card(figures["gaps"]),
        ),
        _section(
            "Activity through the week",
            "Weekday and hour of the orders in the window. Select a segment to see its own week.",
            _card(figures["activity"]),
        ),
        _section(
            "Segments and RFM",
            "The trained segments compared with the classic recency, frequency and spend scores of direct marketing. "
            "Each row adds up to 100%.",
            _card(figures["rfm"]),
        ),
        "</main>",
        _FOOTER,
        *(
            _json_script(f"chart-{figure.name}", figure.specification)
            for figure in figures.values()
            if figure.specification
        ),
        _json_script("themes", {"light": theme.vega_config(dark=False), "dark": theme.vega_config(dark=True)}),
        f"<script>{bundle}</script>",
        f"<script>{_DRAW}</script>",
    ]
    return _document(title, "\n".join(body))


def _figures(frames: GoldFrames) -> dict[str, _Figure]:
    segments = summaries.segment_order(frames)
    profiles = frames.segment_profiles
    drawings = [
        (
            "sizes",
            "Number of customers",
            "Customers with an order in the last 90 days, by segment. The others, quiet customers, stand in the table.",
            summaries.segment_sizes(profiles),
            charts.segment_size_chart,
        ),
        (
            "map",
            "Rhythm and basket",
            "Means of the segments. The area is the number of customers.",
            summaries.segment_map(profiles),
            charts.segment_map_chart,
        ),
        (
            "comparison",
            "Compared with the average customer",
            "Means of the segments. The color is the ratio to the mean of all customers.",
            summaries.segment_comparison(profiles),
            charts.segment_comparison_chart,
        ),
        (
            "gaps",
            "Days between orders",
            "Orders in the window by days since the same customer's previous order.",
            summaries.gap_histogram(frames.order_frequency),
            charts.gap_chart,
        ),
        (
            "activity",
            "Weekday and hour",
            "Share of the orders in the window in each hour of the week.",
            summaries.activity_grid(frames.order_patterns),
            charts.activity_chart,
        ),
        (
            "rfm",
            "RFM segments of each segment",
            "Share of each segment's customers by RFM segment, from the most to the least engaged.",
            summaries.rfm_grid(frames.customer_segments),
            charts.rfm_chart,
        ),
    ]
    return {
        name: _Figure(name, heading, caption, None if rows.is_empty() else draw(rows, segments).to_dict())
        for name, heading, caption, rows, draw in drawings
    }


def _document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_CONTENT_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{theme.STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _header(frames: GoldFrames, title: str) -> str:
    profiles, as_of = frames.segment_profiles, frames.as_of
    intro = (
        f"Customer behavior in orders up to {as_of:%A}, {as_of.day} {as_of:%B %Y}."
        if as_of
        else "There is no snapshot yet."
    )
    tiles = [
        ("Customers", f"{profiles['customer_count'].sum():,}"),
        ("Orders in the window", f"{frames.order_patterns['order_count'].sum():,}"),
        ("Segments", f"{profiles.height:,}"),
        ("As of", as_of.isoformat() if as_of else "none"),
    ]
    items = "".join(f'<div class="tile"><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>' for name, value in tiles)
    return (
        f'<header>\n<h1>{escape(title)}</h1>\n<p class="quiet">{escape(intro)}</p>\n'
        f'<dl class="tiles">{items}</dl>\n</header>'
    )


def _section(title: str, words: str, content: str) -> str:
    return f'<section>\n<h2>{escape(title)}</h2>\n<p class="quiet">{escape(words)}</p>\n{content}\n</section>'


def _card(figure: _Figure) -> str:
    # These two share a row of the page.
    width = "chart" if figure.name in ("sizes", "map") else "chart wide"
    content = (
        f'<div class="scroll"><div class="{width}" id="{figure.name}" data-chart="chart-{figure.name}"></div></div>'
        if figure.specification
        else '<p class="quiet">There are no rows for this chart yet.</p>'
    )
    return (
        f'<figure class="card" aria-labelledby="{figure.name}-title">'
        f'<h3 id="{figure.name}-title">{escape(figure.title)}</h3>'
        f"<figcaption>{escape(figure.caption)}</figcaption>{content}</figure>"
    )


def _segment_table(frames: GoldFrames) -> str:
    profiles, segments = frames.segment_profiles.sort("segment_id"), summaries.segment_order(frames)
    if profiles.is_empty():
        return ""
    heads = "".join(
        f'<th scope="col"{" class=figure" if name in ("Share", "Customers", "Quiet") else ""}>{name}</th>'
        for name in (
            "Segment",
            "Marks",
            "Share",
            "Customers",
            "Quiet",
            "Most bought departments",
            "Most bought products",
        )
    )
    rows = "".join(
        _segment_row(row, theme.segment_color(segments.index(row["segment_name"])))
        for row in profiles.iter_rows(named=True)
    )
    return f'<div class="card scroll"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _segment_row(row: dict[str, Any], color: str) -> str:
    dot = f'<span class="dot" style="background:{color}"></span>'
    cells = [
        f'<th scope="row">{dot}{escape(row["segment_name"])}</th>',
        f"<td>{escape(row['segment_marks'])}</td>",
        f'<td class="figure">{summaries.percent(row["customer_share"])}</td>',
        f'<td class="figure">{row["customer_count"] - row["quiet_customers"]:,}</td>',
        f'<td class="figure">{row["quiet_customers"]:,}</td>',
        *(f"<td>{escape(', '.join(row[column][:3]) or 'none')}</td>" for column in ("top_departments", "top_products")),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _json_script(name: str, value: object) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # Names come from the shop's data and must not end the script element or start a comment in it.
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json" id="{name}">{text}</script>'
