"""The IO manager of finished pages: HTML beside the tables of the lake."""

from __future__ import annotations

from pathlib import Path

from dagster import ConfigurableIOManager, InputContext, MetadataValue, OutputContext
from pydantic import Field

from cis_assets.storage.addresses import is_local, join, put_text


def page_path(*asset_key: str) -> str:
    """Where the page of an asset lies below the lake's address."""
    return "/".join(asset_key) + ".html"


def page_link(address: str) -> str:
    """An address that a browser opens, for a page in a local lake; the address itself otherwise."""
    return Path(address).as_uri() if is_local(address) else address


class PageIOManager(ConfigurableIOManager):
    """Persists a page (a string of HTML) as `<lake_uri>/<asset key>.html`, in one step."""

    lake_uri: str = Field(description="Root of the lake: a folder or an abfss:// address.")

    def handle_output(self, context: OutputContext, obj: str) -> None:
        address = put_text(self.lake_uri, page_path(*context.asset_key.path), obj)
        context.add_output_metadata(
            {"page": MetadataValue.url(page_link(address)), "size_bytes": MetadataValue.int(len(obj.encode()))}
        )

    def load_input(self, context: InputContext) -> str:
        raise TypeError(f"The page {context.asset_key.to_user_string()} is for readers; no asset takes it as an input.")


def page_address(lake_uri: str, *asset_key: str) -> str:
    return join(lake_uri, page_path(*asset_key))
