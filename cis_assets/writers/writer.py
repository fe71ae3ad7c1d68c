"""Creates the copy writer of the settings. The interface of writers is in `cis_assets.notifications.wording`."""

from typing import Literal, Protocol

from cis_assets.notifications.wording import CopyWriter
from cis_assets.writers.template import TemplateWriter


class WriterSettings(Protocol):
    """The settings of writers, which `Settings` and the Dagster resource both have."""

    writer: Literal["template", "openai"]
    seed: int
    openai_model: str
    openai_concurrency: int
    openai_timeout_seconds: float


def copy_writer(settings: WriterSettings) -> CopyWriter:
    """Create the writer of CIS_WRITER. Raises WriterError if it cannot work, for example without an API key."""
    if settings.writer == "openai":
        from cis_assets.writers.openai import OpenAIWriter

        return OpenAIWriter(
            settings.openai_model,
            concurrency=settings.openai_concurrency,
            timeout_seconds=settings.openai_timeout_seconds,
        )
    return fallback_writer(settings)


def fallback_writer(settings: WriterSettings) -> TemplateWriter:
    """Create the writer that replaces unusable copy of another writer."""
    return TemplateWriter(settings.seed)
