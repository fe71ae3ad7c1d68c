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


def test_a_misspelled_variable_is_refused_and_the_right_one_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_LAKE_URL", "/tmp/lake")
    with pytest.raises(SettingsError, match=r"CIS_LAKE_URL is not a setting.*did you mean CIS_LAKE_URI"):
        read_settings()


@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("CIS_UPKEEP_SMALL_FILES", "CIS_MAINTENANCE_SMALL_FILES"),
        ("CIS_UPKEEP_LOG_COMMITS", "CIS_MAINTENANCE_LOG_COMMITS"),
        ("CIS_UPKEEP_REMOVABLE_SHARE", "CIS_MAINTENANCE_REMOVABLE_SHARE"),
    ],
)
@pytest.mark.parametrize("place", ["environment", "dotenv"])
def test_a_renamed_variable_is_refused_and_its_present_name_given(
    former: str, present: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if place == "environment":
        monkeypatch.setenv(former, "5")
    else:
        (tmp_path / ".env").write_text(f"{former}=5\n")
    with pytest.raises(SettingsError, match=rf"^{former} was renamed; set {present} instead\.$"):
        read_settings()
    monkeypatch.delenv(former, raising=False)
    (tmp_path / ".env").unlink(missing_ok=True)
    monkeypatch.setenv(present, "5")
    assert getattr(read_settings(), present.removeprefix("CIS_").lower()) == 5


def test_a_variable_whose_meaning_is_gone_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_VOLUME_TOLERANCE", "0.5")
    with pytest.raises(SettingsError, match=r"^CIS_VOLUME_TOLERANCE is no longer used; remove it\."):
        read_settings()


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ({"CIS_SEGMENTS_MIN": "4"}, {"CIS_SEGMENTS_MAX": "3"}),
        ({"CIS_REJECTED_SHARE_WARN": "0.4"}, {"CIS_REJECTED_SHARE_BLOCK": "0.3"}),
        ({"CIS_REORDER_SHARE_MIN": "0.6"}, {"CIS_REORDER_SHARE_MAX": "0.5"}),
        ({"CIS_QUIET_BEFORE_HOUR": "9"}, {"CIS_QUIET_FROM_HOUR": "9"}),
    ],
)
def test_an_upper_limit_below_its_lower_limit_is_refused(
    low: dict[str, str], high: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    for name, value in {**low, **high}.items():
        monkeypatch.setenv(name, value)
    [low_name], [high_name] = low, high
    with pytest.raises(SettingsError, match=rf"^{high_name} is .*: must be at least .*, because {low_name} is"):
        read_settings()


def test_equal_limits_are_accepted(monkeypatch: pytest.MonkeyPatch):
    for name in ("CIS_SEGMENTS_MIN", "CIS_SEGMENTS_MAX"):
        monkeypatch.setenv(name, "4")
    assert read_settings().segments_max == 4


@pytest.mark.parametrize("known", [{"CIS_SPARK_REMOTE": "sc://spark:15002"}, {"DATABRICKS_HOST": "https://adb-1.net"}])
def test_the_spark_engine_needs_an_address_or_databricks_connect(
    known: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CIS_ENGINE", "spark")
    with pytest.raises(
        SettingsError, match=r"CIS_ENGINE is 'spark': needs CIS_SPARK_REMOTE=sc://HOST:PORT, or Databricks"
    ):
        read_settings()
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    assert read_settings().engine == "spark"


@pytest.mark.parametrize("remote", ["http://spark/;token=dapi-secret", "sc://spark:15002;token=dapi-secret"])
def test_a_malformed_spark_address_is_refused_without_its_token(remote: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_SPARK_REMOTE", remote)
    with pytest.raises(
        SettingsError, match=r"CIS_SPARK_REMOTE is set \(a secret, not shown\): is not an address"
    ) as refusal:
        read_settings()
    assert "dapi-secret" not in str(refusal.value)


def test_the_spark_token_is_masked_where_the_settings_are_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_SPARK_REMOTE", "sc://spark:15002/;token=dapi-secret")
    assert "dapi-secret" not in f"{read_settings()!r} {read_settings()}"
