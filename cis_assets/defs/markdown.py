"""Markdown for the metadata that Dagster shows."""

from collections.abc import Sequence


def as_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table of texts; a vertical bar within one becomes a slash."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)
