from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cis_assets.dashboard.page import dashboard_page
from cis_assets.dashboard.summaries import WEEKDAYS, GoldFrames

pytest.importorskip("altair")
pytest.importorskip("vl_convert")

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_QUIETLY = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,3000",
    "--virtual-time-budget=8000",
    "--dump-dom",
]


def drawn(html: str, folder: Path) -> str:
    """The page's document after its scripts have run, without network."""
    assert _CHROMIUM, "Chromium is missing; install it (Debian: chromium)."
    page = folder / "page.html"
    page.write_text(html, encoding="utf-8")
    command = [str(_CHROMIUM), *_QUIETLY, f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.browser
def test_a_browser_draws_every_chart(frames: GoldFrames, tmp_path: Path) -> None:
    document = drawn(dashboard_page(frames), tmp_path)
    assert document.count('data-state="drawn"') == 6
    assert "could not be drawn:" not in document.split("<script", 1)[0]
    assert document.count('aria-roledescription="visualization"') >= 6
    places = [document.index(f">{day}</text>") for day in WEEKDAYS]
    assert places == sorted(places)
    assert re.search(r"<select[^>]*>.*?All segments.*?Occasional.*?</select>", document, re.DOTALL)
