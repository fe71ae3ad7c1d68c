from __future__ import annotations

import json
import re
import sys
from datetime import date
from html.parser import HTMLParser

import polars as pl
import pytest

from cis_assets.dashboard.extra import DashboardExtraMissingError
from cis_assets.dashboard.page import dashboard_page
from cis_assets.dashboard.summaries import GoldFrames
from cis_assets_tests.dashboard.shop import FIRST_CUSTOMER, NASTY_NAME, SEGMENTS, gold_frames

pytest.importorskip("altair")
pytest.importorskip("vl_convert")


class Page(HTMLParser):
    """The page as a browser parses it: its tags, the text outside scripts, the JSON inside."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.scripts: dict[str, str] = {}
        self._open: list[str] = [""]
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag if tag in ("script", "style") else "")

    def handle_endtag(self, tag: str) -> None:
        self._open.append("")

    def handle_data(self, data: str) -> None:
        if self._open[-1] == "script":
            name = self.tags[-1][1].get("id") or f"code-{len(self.scripts)}"
            self.scripts[name] = self.scripts.get(name, "") + data
        elif self._open[-1] != "style":
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


@pytest.fixture(scope="session")
def html(frames: GoldFrames) -> str:
    return dashboard_page(frames)


@pytest.fixture(scope="session")
def page(html: str) -> Page:
    return Page(html)


def test_every_section_and_headline_figure_is_there(page: Page) -> None:
    for words in (
        "Customers100",
        "Orders in the window360",
        "Segments3",
        "As of2026-03-01",
        "Sunday, 1 March 2026",
        "Customer segments",
        "Order frequency",
        "Activity through the week",
        *SEGMENTS,
        "18 products a basket",
    ):
        assert words in page.words


def test_each_chart_has_a_place_and_its_specification(page: Page) -> None:
    places = [str(attributes["data-chart"]) for _, attributes in page.tags if "data-chart" in attributes]
    assert places == ["chart-sizes", "chart-map", "chart-comparison", "chart-gaps", "chart-activity", "chart-rfm"]
    for name in places:
        assert json.loads(page.scripts[name])["$schema"].startswith("https://vega.github.io/schema/vega-lite/")


def test_the_page_fetches_nothing(html: str, page: Page) -> None:
    assert not [tag for tag, attributes in page.tags if {"src", "href", "srcset"} & set(attributes)]
    assert "@import" not in html.split("<script", 1)[0]
    assert "url(" not in html.split("<script", 1)[0]
    policies = [str(attributes["content"]) for tag, attributes in page.tags if "http-equiv" in attributes]
    assert policies[0].startswith("default-src 'none'")


def test_the_page_has_the_vega_bundle_once(html: str, page: Page) -> None:
    assert sum("window.vegaEmbed=" in script for script in page.scripts.values()) == 1
    assert len(html.encode()) < 3_000_000


def test_names_from_the_shop_cannot_break_out_of_html(page: Page) -> None:
    assert " ".join(NASTY_NAME.split()) in page.words
    assert "b" not in [tag for tag, _ in page.tags]
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 6 + 3


def test_names_from_the_shop_cannot_break_out_of_json(frames: GoldFrames) -> None:
    evil = "</script><script>alert(1)//<!--"
    renamed = GoldFrames(
        **{
            name: frame.with_columns(segment_name=frame["segment_name"].replace("Occasional", evil))
            for name, frame in vars(frames).items()
        }
    )
    page = Page(dashboard_page(renamed))
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 6 + 3
    assert evil in json.loads(page.scripts["chart-gaps"])["encoding"]["color"]["scale"]["domain"]
    assert not any(set("<>&\u2028") & set(text) for name, text in page.scripts.items() if name.startswith("chart-"))


def test_a_title_is_escaped(frames: GoldFrames) -> None:
    assert "<title>Fish &amp; Chips &lt;1&gt;</title>" in dashboard_page(frames, title="Fish & Chips <1>")


def test_no_customer_is_on_the_page(html: str, frames: GoldFrames) -> None:
    assert frames.customer_segments["customer_id"].min() == FIRST_CUSTOMER
    assert not re.search(str(FIRST_CUSTOMER)[:7], html)
    assert "customer_id" not in html


def test_equal_frames_give_equal_pages_whatever_the_order_of_rows(html: str) -> None:
    again = gold_frames()
    shuffled = {name: frame.sample(fraction=1, shuffle=True, seed=2) for name, frame in vars(again).items()}
    assert dashboard_page(GoldFrames(**shuffled)) == html


def test_older_snapshots_are_ignored(frames: GoldFrames, html: str) -> None:
    older = gold_frames(date(2026, 2, 28), sizes=(5, 5))
    both = {name: pl.concat([frame, vars(older)[name]]) for name, frame in vars(frames).items()}
    assert dashboard_page(GoldFrames(**both)) == html


def test_empty_frames_give_sentences_instead_of_charts(no_frames: GoldFrames) -> None:
    page = Page(dashboard_page(no_frames))
    for words in ("There is no snapshot yet.", "Customers0", "Orders in the window0", "Segments0", "As ofnone"):
        assert words in page.words
    assert page.words.count("There are no rows for this chart yet.") == 6
    assert not [name for name in page.scripts if name.startswith("chart-")]


def test_one_empty_frame_leaves_the_other_charts(frames: GoldFrames) -> None:
    page = Page(dashboard_page(GoldFrames(**{**vars(frames), "order_frequency": frames.order_frequency.clear()})))
    assert page.words.count("There are no rows for this chart yet.") == 1
    assert "chart-gaps" not in page.scripts
    assert "chart-activity" in page.scripts


@pytest.mark.parametrize("library", ["altair", "vl_convert"])
def test_without_the_extra_the_error_says_what_to_install(
    frames: GoldFrames, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(DashboardExtraMissingError, match=r"pip install customer-intelligence-system\[dashboard\]"):
        dashboard_page(frames)
