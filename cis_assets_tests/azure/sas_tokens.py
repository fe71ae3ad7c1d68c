"""SAS tokens for the container of the emulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cis_assets_tests.azure.conftest import ACCOUNT, CONTAINER, KEY


def sas_token(permissions: str, *, hours: float = 1) -> str:
    """A token that ends in some hours, or ended some hours ago."""
    from azure.storage.blob import generate_container_sas

    ends = datetime.now(UTC) + timedelta(hours=hours)
    return generate_container_sas(ACCOUNT, CONTAINER, account_key=KEY, permission=permissions, expiry=ends)


def of_another_key(token: str) -> str:
    """The token as it would be had another key signed it."""
    return f"{token[:-9]}AAAAAA%3D"


def use_sas_token(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """Put a token in the place of the account's key."""
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", token)
