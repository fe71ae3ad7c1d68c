"""The settings of the system, read once from the environment (`CIS_...`) and an optional `.env` file.

Belongs here: every value an operator may set, its type, default, bounds and meaning. Does not belong here:
anything that opens a connection, and credentials of a cloud or of OpenAI, which the libraries that need
them read from their own usual environment variables. The secrets here are masked wherever this object is shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cis_assets.errors import OperatorError

_WEB_ADDRESS = re.compile(r"https?://[^\s/]+(/\S*)?")
_SPARK_ADDRESS = re.compile(r"sc://[^\s/;]+(/?|/;\S*)")
# Variables of Databricks Connect that say which workspace is meant.
_DATABRICKS = ("DATABRICKS_HOST", "DATABRICKS_CONFIG_PROFILE")
_AZURE_ADDRESS = re.compile(r"(abfss?://[^@/]+@[^@/]+|az://[^@/]+)(/.*)?")


class SettingsError(OperatorError):
    """An environment variable holds a value that the system cannot use; the message names the variable."""


class Settings(BaseSettings):
    """Typed settings. Each field `x` is read from the environment variable `CIS_X`."""

    model_config = SettingsConfigDict(
        env_prefix="CIS_", env_file=".env", extra="ignore", frozen=True, validate_default=True
    )

    lake_uri: str = Field(
        ".cis/lake",
        description="Where the Delta tables live: a folder or abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH.",
    )
    landing_uri: str = Field(".cis/landing", description="Where order files arrive: a folder or an abfss:// address.")
    store_timeout_seconds: float = Field(
        10.0,
        ge=0.1,
        le=3600,
        description="Longest wait for an answer of a cloud store (in writing tables: for a whole request).",
    )
    store_connect_timeout_seconds: float = Field(
        5.0, ge=0.1, le=3600, description="Longest wait for a connection to a cloud store."
    )
    store_retry_seconds: float = Field(
        20.0, ge=0, le=280, description="How long a request that fails is tried again before the error is raised."
    )
    first_order_date: date = Field(date(2023, 1, 1), description="First order date: where the daily partitions begin.")
    time_zone: str = Field(
        "UTC", description="IANA time zone in which an order date begins and ends, and of customers without one."
    )
    history_days: int = Field(
        365, ge=1, le=3660, description="Length in days of the trailing window that gold features look back over."
    )
    seed: int = Field(
        7, ge=0, le=2**32 - 1, description="Seed of everything random: clustering starts, sampling, choice of copy."
    )
    segments_min: int = Field(3, ge=2, description="Smallest number of customer segments tried.")
    segments_max: int = Field(8, ge=2, description="Largest number of customer segments tried.")
    spark_remote: SecretStr = Field(
        SecretStr(""),
        description="Spark Connect server of CIS_ENGINE=spark, sc://HOST:PORT, with ;token=... if it needs one "
        "([scale.md](scale.md)). Empty: what Databricks Connect is configured for.",
    )
    engine: Literal["polars", "spark"] = Field(
        "polars", description="Engine of the transformations that read history ([scale.md](scale.md))."
    )
    writer: Literal["template", "openai"] = Field("template", description="Who writes notification copy.")
    openai_model: str = Field("gpt-5-mini", min_length=1, description="Model that CIS_WRITER=openai asks.")
    openai_concurrency: int = Field(8, ge=1, le=256, description="Requests to the model under way at once.")
    openai_timeout_seconds: float = Field(30.0, gt=0, description="Longest wait for one answer of the model.")
    copy_variants: int = Field(3, ge=1, le=10, description="Versions of the words written for each distinct context.")
    copy_attempts: int = Field(
        2, ge=1, le=5, description="Answers asked of the model for one context before the template writer takes over."
    )
    message_max_length: int = Field(
        120, ge=60, le=240, description="Most characters of a message body after its slots are filled."
    )
    quiet_before_hour: int = Field(
        8, ge=0, le=23, description="No message is sent before this hour of the customer's day."
    )
    quiet_from_hour: int = Field(
        21, ge=1, le=24, description="No message is sent from this hour of the customer's day on."
    )
    lapsed_after_days: int = Field(120, ge=1, description="Customers whose last order is older are not addressed.")
    rejected_share_warn: float = Field(
        0.05, ge=0, le=1, description="A check warns if more than this share of a date's landed rows was set aside."
    )
    rejected_share_block: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Above this share of rows set aside, nothing downstream is made of a date ([quality.md](quality.md)).",
    )
    volume_tolerance: float = Field(
        0.5,
        gt=0,
        description="A check warns if a date's orders differ from the usual number on its weekday by more than this share.",
    )
    landing_late_after_days: int = Field(
        2, ge=1, description="A check warns if the newest order date that has landed is older than this many days."
    )
    reorder_share_min: float = Field(
        0.02, ge=0, le=1, description="A check warns if regular customers buy a smaller share of their items again."
    )
    reorder_share_max: float = Field(
        0.98, ge=0, le=1, description="A check warns if regular customers buy a larger share of their items again."
    )
    vacuum_retention_hours: int = Field(
        168,
        ge=24,
        le=168,
        description="How long maintenance keeps a file that a table no longer needs ([maintenance.md](maintenance.md)).",
    )
    upkeep_small_files: int = Field(
        10, ge=2, description="A check warns of a partition with more small files than this."
    )
    upkeep_log_commits: int = Field(
        30, ge=1, description="A check warns of a table with more commits than this since its last checkpoint."
    )
    upkeep_removable_share: float = Field(
        0.5,
        gt=0,
        description="A check warns of files that maintenance would remove if their bytes exceed this share of the live ones.",
    )
    erasure_key: SecretStr = Field(
        SecretStr(""),
        description="Secret that the numbers of erased customers are hashed with ([erasure.md](erasure.md)).",
    )
    failure_webhook_url: SecretStr = Field(
        SecretStr(""),
        description="Address that the failure sensor posts a line to for each failed run ([automation.md](automation.md)).",
    )

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is not an IANA time zone such as America/New_York")
        return value

    @field_validator("lake_uri", "landing_uri")
    @classmethod
    def _absolute_location(cls, value: str) -> str:
        """Local folders become absolute, so that every process of a run means the same folder."""
        if not value.strip():
            raise ValueError("is empty; give a folder or an abfss:// address")
        if "://" in value:
            if not _AZURE_ADDRESS.fullmatch(value):
                raise ValueError("is no folder and no address abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH")
            return value.rstrip("/")
        return str(Path(value).expanduser().resolve())

    @field_validator("failure_webhook_url")
    @classmethod
    def _web_address(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not _WEB_ADDRESS.fullmatch(value.get_secret_value()):
            raise ValueError("is no http:// or https:// address")
        return value

    @field_validator("spark_remote")
    @classmethod
    def _spark_address(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not _SPARK_ADDRESS.fullmatch(value.get_secret_value()):
            raise ValueError("is no address sc://HOST:PORT or sc://HOST:PORT/;KEY=VALUE")
        return value

    @field_validator("engine")
    @classmethod
    def _some_spark(cls, value: str, info) -> str:
        remote = info.data.get("spark_remote")
        if value == "spark" and remote == SecretStr("") and not any(map(os.environ.get, _DATABRICKS)):
            raise ValueError(
                f"needs CIS_SPARK_REMOTE=sc://HOST:PORT, or Databricks Connect, configured by {' or '.join(_DATABRICKS)}"
            )
        return value

    @field_validator("segments_max")
    @classmethod
    def _segment_range(cls, value: int, info) -> int:
        if value < info.data.get("segments_min", value):
            raise ValueError("must not be below CIS_SEGMENTS_MIN")
        return value

    @field_validator("rejected_share_block")
    @classmethod
    def _blocks_above_warning(cls, value: float, info) -> float:
        if value < info.data.get("rejected_share_warn", 0.0):
            raise ValueError("must not be below CIS_REJECTED_SHARE_WARN")
        return value

    @field_validator("reorder_share_max")
    @classmethod
    def _reorder_bounds(cls, value: float, info) -> float:
        if value < info.data.get("reorder_share_min", 0.0):
            raise ValueError("must not be below CIS_REORDER_SHARE_MIN")
        return value

    @field_validator("quiet_from_hour")
    @classmethod
    def _waking_hours(cls, value: int, info) -> int:
        if value <= info.data.get("quiet_before_hour", -1):
            raise ValueError("must be later than CIS_QUIET_BEFORE_HOUR")
        return value


def read_settings(**overrides: object) -> Settings:
    """Read the settings from the environment.

    Raises SettingsError with one sentence per wrong variable: its name, the value given and what is expected. A
    variable that begins with CIS_ and is no setting is refused too, since it is most likely a misspelt one.
    """
    _refuse_unknown_variables()
    try:
        return Settings(**overrides)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        sentences = []
        for problem in error.errors():
            name = "CIS_" + "_".join(str(part) for part in problem["loc"]).upper()
            reason = problem["msg"].removeprefix("Value error, ")
            sentences.append(f"{name} is {_shown(problem)}: {reason}.")
        raise SettingsError(" ".join(sentences)) from None


def _shown(problem: Mapping[str, Any]) -> str:
    """The value that was given, unless it may be a secret."""
    field = Settings.model_fields.get(str(problem["loc"][0]))
    return "set, and not shown here" if field and field.annotation is SecretStr else repr(problem["input"])


def _refuse_unknown_variables() -> None:
    known = {f"CIS_{name.upper()}" for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith("CIS_") and name not in known:
            near = get_close_matches(name, sorted(known), n=1)
            hint = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(sorted(known))}."
            raise SettingsError(f"{name} is no setting of this system; {hint}")


@cache
def settings() -> Settings:
    """The settings of this process, read on first use."""
    return read_settings()
