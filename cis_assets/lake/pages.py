"""The IO manager of HTML pages, which lie beside the tables of the lake."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from cis_assets.lake.resource import LakeResource
from cis_assets.storage.addresses import is_local, join, put_text


def page_address(lake_uri: str, *asset_key: str) -> str:
    """The address of an asset's page in a lake."""
    return join(lake_uri, _page_path(asset_key))


def page_link(address: str) -> str:
    """The address as a browser opens it: a file:// link for a page in a local lake."""
    return Path(address).as_uri() if is_local(address) else address


class PageIOManager(dg.ConfigurableIOManager):
    """Persists a page (a string of HTML) as `<lake>/<asset key>.html`, atomically."""

    lake: LakeResource

    def handle_output(self, context: dg.OutputContext, obj: str) -> None:
        lake = self.lake.lake()
        address = put_text(lake.uri, _page_path(context.asset_key.path), obj, lake.timeouts, lake.sync)
        context.add_output_metadata(
            {"page": dg.MetadataValue.url(page_link(address)), "size_bytes": dg.MetadataValue.int(len(obj.encode()))}
        )

    def load_input(self, context: dg.InputContext) -> str:
        raise TypeError(f"The page {context.asset_key.to_user_string()} is for people; no asset can read it.")


def _page_path(asset_key: Sequence[str]) -> str:
    return "/".join(asset_key) + ".html"
