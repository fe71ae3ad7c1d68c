"""The landing folder as a Dagster resource."""

from __future__ import annotations

from dagster import ConfigurableResource
from pydantic import Field

from cis_assets.landing.folder import LandingFolder


class LandingResource(ConfigurableResource):
    """Where order files arrive; credentials come from the environment, never from this configuration."""

    landing_uri: str = Field(description="Landing folder: a folder or an abfss:// address.")

    def folder(self) -> LandingFolder:
        return LandingFolder(self.landing_uri)
