from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cis_assets.settings import SettingsError, read_settings


def test_defaults_need_no_environment():
    settings = read_settings()
    assert settings.first_order_date == date(2023, 1, 1)
    assert settings.writer == "template"


def test_relative_folders_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_LAKE_URI", "somewhere/lake")
    assert read_settings().lake_uri == str(tmp_path / "somewhere" / "lake")


def test_cloud_addresses_stay_as_they_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_LAKE_URI", "abfss://lake@account.dfs.core.windows.net/cis/")
    assert read_settings().lake_uri == "abfss://lake@account.dfs.core.windows.net/cis"


def test_a_dotenv_file_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / ".env").write_text("CIS_HISTORY_DAYS=30\nCIS_SEED=1\nOPENAI_API_KEY=not-ours\n")
    monkeypatch.setenv("CIS_SEED", "2")
    settings = read_settings()
    assert (settings.history_days, settings.seed) == (30, 2)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CIS_HISTORY_DAYS", "a year"),
        ("CIS_HISTORY_DAYS", "0"),
        ("CIS_FIRST_ORDER_DATE", "2026-13-01"),
        ("CIS_TIME_ZONE", "Mars/Olympus"),
        ("CIS_WRITER", "poet"),
        ("CIS_ENGINE", "abacus"),
        ("CIS_LAKE_URI", " "),
        ("CIS_SEGMENTS_MAX", "2"),
        ("CIS_QUIET_FROM_HOUR", "7"),
        ("CIS_SEED", "5000000000"),
        ("CIS_LANDING_URI", "s3://bucket/landing"),
        ("CIS_LAKE_URI", "abfss://no-account/lake"),
    ],
)
def test_a_wrong_value_is_refused_in_a_sentence_that_names_the_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refusal:
        read_settings()
    assert str(refusal.value).startswith(f"{variable} is '{value}': ")
    assert str(refusal.value).endswith(".")


def test_a_misspelt_variable_is_refused_and_the_right_one_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_LAKE_URL", "/tmp/lake")
    with pytest.raises(SettingsError, match=r"CIS_LAKE_URL is no setting.*CIS_LAKE_URI"):
        read_settings()


@pytest.mark.parametrize("known", [{"CIS_SPARK_REMOTE": "sc://spark:15002"}, {"DATABRICKS_HOST": "https://adb-1.net"}])
def test_spark_needs_to_know_which_spark_is_meant(known: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_ENGINE", "spark")
    with pytest.raises(
        SettingsError, match=r"CIS_ENGINE is 'spark': needs CIS_SPARK_REMOTE=sc://HOST:PORT, or Databricks"
    ):
        read_settings()
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    assert read_settings().engine == "spark"


@pytest.mark.parametrize("remote", ["http://spark/;token=dapi-secret", "sc://spark:15002;token=dapi-secret"])
def test_an_address_of_spark_that_is_none_is_refused_without_its_token(remote: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_SPARK_REMOTE", remote)
    with pytest.raises(SettingsError, match=r"CIS_SPARK_REMOTE is set, and not shown here: is no address") as refusal:
        read_settings()
    assert "dapi-secret" not in str(refusal.value)


def test_the_token_of_spark_is_masked_where_the_settings_are_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_SPARK_REMOTE", "sc://spark:15002/;token=dapi-secret")
    assert "dapi-secret" not in f"{read_settings()!r} {read_settings()}"
