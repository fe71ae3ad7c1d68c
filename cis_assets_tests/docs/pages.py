"""The pages of the documentation, and the ones that are generated from code."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED = {"docs/tables.md", "docs/settings.md"}


def read_pages() -> dict[str, str]:
    """Read every page, by its path in the repository."""
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in sorted(files)}


PAGES = read_pages()
