"""Make the pictures of the docs: drive `cis ui` on the lake of a finished demo in Chromium.

Run it in a folder where `cis demo` has run. It needs `pip install playwright` and Chromium (CHROMIUM names the binary). For
date-checks.png, damage rows of a date and run `cis backfill` on it first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
QUIETLY = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOCATION = "cis_assets.definitions"


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    cis = str(Path(sys.executable).with_name("cis"))
    server = subprocess.Popen([cis, "ui", "--port", str(port)], start_new_session=True)
    try:
        wait_for(base)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIETLY)
            page = browser.new_page(viewport={"width": 1600, "height": 1000})
            graph(page, base)
            launch(page, f"{base}/assets/silver/orders", "2025-10-31", None)
            launch(page, f"{base}/locations/{LOCATION}/jobs/ingest", "[2025-10-01...2025-10-14]", "backfill-dialog")
            time.sleep(75)
            shoot(page, f"{base}/runs", "runs")
            shoot(page, f"{base}/assets/silver/orders?view=partitions&partition=2025-10-31", "partitions")
            shoot(
                page, f"{base}/assets/quality/date_checks?view=checks&checkDetail=few_rows_are_rejected", "date-checks"
            )
            dashboard(page)
            browser.close()
    finally:
        server.terminate()
        server.wait(timeout=30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


def wait_for(base: str) -> None:
    for _ in range(90):
        try:
            urllib.request.urlopen(f"{base}/server_info", timeout=5).close()
        except urllib.error.URLError:
            time.sleep(1)
        else:
            time.sleep(10)
            return
    raise SystemExit("Dagster did not start.")


def shoot(page: Page, address: str, name: str) -> None:
    page.goto(address, wait_until="domcontentloaded")
    time.sleep(6)
    page.screenshot(path=IMAGES / f"{name}.png")


def graph(page: Page, base: str) -> None:
    """Take the asset graph by group, with gold open."""
    page.set_viewport_size({"width": 2600, "height": 2300})
    page.goto(f"{base}/asset-groups?expanded=global@global:gold", wait_until="domcontentloaded")
    time.sleep(10)
    page.screenshot(path=IMAGES / "asset-graph.png", clip={"x": 570, "y": 240, "width": 1980, "height": 1850})
    page.set_viewport_size({"width": 1600, "height": 1000})


def launch(page: Page, address: str, partitions: str, name: str | None) -> None:
    """Materialize partitions from the dialog of a page."""
    page.goto(address, wait_until="domcontentloaded")
    time.sleep(6)
    page.get_by_role("button", name="Materialize").first.click()
    time.sleep(2)
    everything = page.get_by_text("Show all partitions")
    if everything.count():
        everything.first.click()
    dialog = page.get_by_role("dialog")
    field = dialog.locator("input[type=text]").first
    field.fill(partitions)
    field.press("Enter")
    time.sleep(2)
    if name:
        page.screenshot(path=IMAGES / f"{name}.png")
    dialog.get_by_role("button", name="Launch").first.click()
    time.sleep(5)


def dashboard(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.goto((Path.cwd() / ".cis/lake/dashboard/customers.html").as_uri())
    time.sleep(4)
    page.screenshot(path=IMAGES / "dashboard.png", full_page=True)


if __name__ == "__main__":
    main()
