"""The writer of notification copy as a Dagster resource, which shows its settings in the UI without the API key."""

from typing import Literal, Self

from dagster import ConfigurableResource
from pydantic import Field

from cis_assets.notifications.wording import CopyWriter
from cis_assets.settings import Settings
from cis_assets.writers.template import TemplateWriter


class CopyWriterResource(ConfigurableResource):
    """Settings of the copy writer. The API key is read from OPENAI_API_KEY when the writer is created."""

    writer: Literal["template", "openai"] = Field(description="The writer: template or openai.")
    seed: int = Field(description="Seed of the template writer.")
    openai_model: str = Field(description="Model of the openai writer.")
    openai_concurrency: int = Field(description="Number of concurrent requests to the model.")
    openai_timeout_seconds: float = Field(description="Timeout in seconds for one response of the model.")

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(**{name: getattr(settings, name) for name in cls.model_fields})

    def chosen(self) -> CopyWriter:
        """Create the configured writer. Raises WriterError if no request of it could succeed, for example without an API key."""
        if self.writer == "template":
            return self.fallback()
        from cis_assets.writers.openai import OpenAIWriter

        return OpenAIWriter(
            self.openai_model,
            concurrency=self.openai_concurrency,
            timeout_seconds=self.openai_timeout_seconds,
        )

    def fallback(self) -> CopyWriter:
        """Create the writer that replaces unusable copy of another writer."""
        return TemplateWriter(self.seed)
