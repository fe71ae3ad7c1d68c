"""Links between pages, and links from code to pages."""

from __future__ import annotations

import re
import string

import pytest

from cis_assets_tests.docs.pages import GENERATED, PAGES, ROOT

LONGEST = 15_000
_WORD = re.compile(r"\w")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PAGE_IN_CODE = re.compile(r"docs/[\w/-]+\.md")
_LINK_IN_CODE = re.compile(r"\]\(([\w/-]+\.md)\)")
_CODE = ("cis_assets", "cis_assets_tests", "benchmarks", "docs", "Makefile", "pyproject.toml", "setup.py")


def anchors(page: str) -> set[str]:
    """The anchors that GitHub makes from the headings of a page."""
    text = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    kept = string.ascii_lowercase + string.digits + "-_ "
    return {"".join(letter for letter in title.lower() if letter in kept).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("path", PAGES)
def test_every_relative_link_leads_to_a_file_and_a_heading(path: str):
    text = re.sub(r"```.*?```", "", PAGES[path], flags=re.DOTALL)
    for link in _LINK.findall(text):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = ((ROOT / path).parent / name).resolve() if name else ROOT / path
        assert target.exists(), f"{path} links to {link}"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{path} links to {link}"


def test_every_page_is_reached_from_the_readme():
    reached, open_pages = set(), ["README.md"]
    while open_pages:
        path = open_pages.pop()
        reached.add(path)
        for link in _LINK.findall(PAGES[path]):
            target = ((ROOT / path).parent / link.partition("#")[0]).resolve()
            name = target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else ""
            if name in PAGES and name not in reached:
                open_pages.append(name)
    assert reached == PAGES.keys()


def test_every_page_that_code_names_exists():
    named = {}
    for root in _CODE:
        for file in [ROOT / root] if (ROOT / root).is_file() else (ROOT / root).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            pages = [*_PAGE_IN_CODE.findall(text), *(f"docs/{name}" for name in _LINK_IN_CODE.findall(text))]
            named |= dict.fromkeys(pages, file)
    assert named, "no page is named in code"
    missing = {page: str(file.relative_to(ROOT)) for page, file in named.items() if page not in PAGES}
    assert not missing


def test_written_pages_stay_short_enough_to_read():
    """Whatever has a letter or a digit between blanks is a word; the bars of a table are not.

    The changelog is not counted, because it grows with every version.
    """
    words = {
        path: sum(bool(_WORD.search(token)) for token in text.split())
        for path, text in PAGES.items()
        if path not in {*GENERATED, "CHANGELOG.md"}
    }
    assert sum(words.values()) <= LONGEST, words
