"""The resources of the platform: the lake, its IO managers, the landing folder and the copy writer.

Secrets do not belong in resources, because the Dagster UI shows their configuration.
"""

from typing import Any

import dagster as dg
from pydantic import Field

from cis_assets.lake.io_manager import LakeIOManager
from cis_assets.lake.pages import PageIOManager
from cis_assets.lake.resource import LakeResource
from cis_assets.landing.folder import LandingFolder
from cis_assets.settings import Settings
from cis_assets.writers.resource import CopyWriterResource

__all__ = ["LAKE_IO", "PAGES_IO", "LakeResource", "LandingResource", "build_resources"]

LAKE_IO = "lake_io_manager"
PAGES_IO = "page_io_manager"


class LandingResource(dg.ConfigurableResource):
    """The folder where order files arrive; credentials come from the environment."""

    landing_uri: str = Field(description="Landing folder: a folder or an abfss:// address.")

    follow_links: bool = Field(default=False, description="Whether links that lead out of a local folder are followed.")

    def folder(self) -> LandingFolder:
        return LandingFolder(self.landing_uri, follow_links=self.follow_links)


def build_resources(settings: Settings) -> dict[str, Any]:
    lake = LakeResource.from_settings(settings)
    return {
        "lake": lake,
        LAKE_IO: LakeIOManager(lake=lake, engine=settings.engine),
        PAGES_IO: PageIOManager(lake=lake),
        "landing": LandingResource(landing_uri=settings.landing_uri, follow_links=settings.landing_links),
        "writer": CopyWriterResource.from_settings(settings),
    }
