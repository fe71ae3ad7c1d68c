"""The writer of notification copy as a Dagster resource: the settings of the writer, shown in the UI without the key."""

from __future__ import annotations

from typing import Literal, Self

from dagster import ConfigurableResource
from pydantic import Field

from cis_assets.notifications.wording import CopyWriter
from cis_assets.settings import Settings
from cis_assets.writers.writer import copy_writer, fallback_writer


class CopyWriterResource(ConfigurableResource):
    """Who writes copy. The key of the model's service is read from OPENAI_API_KEY when a writer is made."""

    writer: Literal["template", "openai"] = Field(description="Who writes: template or openai.")
    seed: int = Field(description="Seed of the template writer.")
    openai_model: str = Field(description="Model that the openai writer asks.")
    openai_concurrency: int = Field(description="Requests to the model under way at once.")
    openai_timeout_seconds: float = Field(description="Longest wait for one answer of the model.")

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(**{name: getattr(settings, name) for name in cls.model_fields})

    def chosen(self) -> CopyWriter:
        """The writer that the settings ask for; WriterError if it cannot work, for example without a key."""
        return copy_writer(self)

    def fallback(self) -> CopyWriter:
        """The writer that takes over where words could not be used."""
        return fallback_writer(self)
