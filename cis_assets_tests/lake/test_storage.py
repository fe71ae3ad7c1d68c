from __future__ import annotations

from pathlib import Path

import pytest

from cis_assets.lake.storage import StorageAddressError, is_local, join, put_text, storage_options


def test_azure_variables_become_options_of_the_store():
    environment = {"AZURE_STORAGE_ACCOUNT_NAME": "shop", "AZURE_STORAGE_ACCOUNT_KEY": "a2V5", "HOME": "/"}
    options = storage_options("abfss://lake@shop.dfs.core.windows.net/cis", environment)
    assert options == {"account_name": "shop", "account_key": "a2V5"}


def test_a_local_folder_needs_no_options():
    assert storage_options("/data/lake", {"AZURE_STORAGE_ACCOUNT_KEY": "a2V5"}) == {}


def test_another_kind_of_store_is_refused_with_its_address():
    with pytest.raises(StorageAddressError, match="ftp://host/lake"):
        storage_options("ftp://host/lake", {})


def test_addresses_are_joined_by_their_kind():
    assert join("/data/lake", "gold/segments") == "/data/lake/gold/segments"
    assert join("abfss://c@a.dfs.core.windows.net/cis", "gold") == "abfss://c@a.dfs.core.windows.net/cis/gold"
    assert is_local("/data/lake")
    assert not is_local("abfss://c@a.dfs.core.windows.net/cis")


def test_a_text_is_replaced_whole(tmp_path: Path):
    for text in ("a long first version", "short"):
        address = put_text(str(tmp_path), "dashboard/page.html", text)
    assert Path(address).read_text() == "short"
    assert [path.name for path in (tmp_path / "dashboard").iterdir()] == ["page.html"]
