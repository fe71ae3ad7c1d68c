"""Which writer the settings ask for.

Belongs here: the choice of a writer. Does not belong here: the writers themselves; the interface that they keep is
the domain's (`cis_assets.notifications.wording`) and is named here for those who write another one.
"""

from __future__ import annotations

from typing import Protocol

from cis_assets.notifications.wording import CopyAnswer, CopyRequest, CopyWriter, WriterError
from cis_assets.writers.template import TemplateWriter

__all__ = ["CopyAnswer", "CopyRequest", "CopyWriter", "WriterError", "copy_writer", "fallback_writer"]


class WriterSettings(Protocol):
    """What a writer is made from; the settings of the process and the Dagster resource both have it."""

    @property
    def writer(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def openai_model(self) -> str: ...
    @property
    def openai_concurrency(self) -> int: ...
    @property
    def openai_timeout_seconds(self) -> float: ...


def copy_writer(settings: WriterSettings) -> CopyWriter:
    """The writer of CIS_WRITER. Raises WriterError if it cannot work, for example without a key."""
    if settings.writer == "openai":
        from cis_assets.writers.openai import OpenAIWriter

        return OpenAIWriter(
            settings.openai_model,
            concurrency=settings.openai_concurrency,
            timeout_seconds=settings.openai_timeout_seconds,
        )
    return fallback_writer(settings)


def fallback_writer(settings: WriterSettings) -> TemplateWriter:
    """The writer that takes over where another one's words cannot be used."""
    return TemplateWriter(settings.seed)
