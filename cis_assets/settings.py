"""Settings of the system, read from `CIS_...` environment variables and an optional `.env` file.

Cloud and OpenAI credentials do not belong here: their libraries read them from their own environment variables.
Secrets in this module are `SecretStr`, which masks them in logs and tracebacks.
"""

import os
import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cis_assets.errors import OperatorError
from cis_assets.http_addresses import find_address_fault
from cis_assets.time_zones import iana_zones

_ENV_FILE = ".env"
_RENAMED = {
    f"CIS_UPKEEP_{name}": f"CIS_MAINTENANCE_{name}" for name in ("SMALL_FILES", "LOG_COMMITS", "REMOVABLE_SHARE")
}
"""Former variable -> its present name."""
_REPLACED = {
    "CIS_VOLUME_TOLERANCE": "CIS_VOLUME_TOLERANCE is no longer used; remove it. CIS_VOLUME_FALSE_ALARM_RATE sets how often "
    "the check of the number of orders may warn without a cause."
}
"""Former variable without a successor of the same meaning -> what to do."""

_AZURE_ADDRESS = re.compile(r"(abfss?://[^@/]+@[^@/]+|az://[^@/]+)(/.*)?")
# What the libraries that read and write Delta tables do not find again in the path of a local folder.
_UNUSABLE_IN_PATHS = re.compile(r"[\x00-\x1f\x7f*?\[\]|^=\\\ud800-\udfff]|%[0-9A-Fa-f]{2}")
# Environment variables that configure Databricks Connect.
_DATABRICKS = ("DATABRICKS_HOST", "DATABRICKS_CONFIG_PROFILE")
_SPARK_ADDRESS = re.compile(r"sc://[^\s/;]+(/?|/;\S*)")
_ALERT_HOSTS = {
    "slack": re.compile(r"hooks\.slack(-gov)?\.com"),
    "teams": re.compile(
        r"(.+\.)?(logic\.azure\.(com|us|cn)|webhook\.office\.com|outlook\.office(365)?\.com|powerplatform\.(com|us)|powerautomate\.com)"
    ),
}
"""Alert format -> the hosts of webhooks that post nothing else."""
_LOWER_BOUNDS = {
    "segments_max": ("segments_min", 0),
    "lifecycle_lapsed_days": ("lifecycle_lapsing_days", 0),
    "rejected_share_block": ("rejected_share_warn", 0),
    "reorder_share_max": ("reorder_share_min", 0),
    "snapshot_drop_block": ("snapshot_drop_warn", 0),
    "quiet_from_hour": ("quiet_before_hour", 1),
}
"""Field -> the field that bounds it from below, which is declared before it, and the least distance between them."""


class SettingsError(OperatorError):
    """An environment variable is unknown or has an invalid value; the message names the variable."""


class Settings(BaseSettings):
    """Typed settings. Field `x` is read from the environment variable `CIS_X`; the environment overrides `.env`."""

    model_config = SettingsConfigDict(
        env_prefix="CIS_", env_file=_ENV_FILE, extra="ignore", frozen=True, validate_default=True
    )

    lake_uri: str = Field(
        ".cis/lake",
        description="Location of the Delta tables: a folder or abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH.",
    )
    landing_uri: str = Field(
        ".cis/landing", description="Location of the landing files: a folder or an abfss:// address."
    )
    landing_links: bool = Field(
        False,
        description="Whether landing files are read that lie behind symbolic links to places outside of a local landing "
        "folder.",
    )
    store_timeout_seconds: float = Field(
        10.0,
        ge=0.1,
        le=3600,
        description="Timeout for a response from cloud storage. When tables are written, it covers the whole request.",
    )
    store_connect_timeout_seconds: float = Field(
        5.0, ge=0.1, le=3600, description="Timeout for a connection to cloud storage."
    )
    store_retry_seconds: float = Field(
        20.0,
        ge=0,
        le=280,
        description="How long a failed request to cloud storage is retried before the error is raised.",
    )
    sync_writes: bool = Field(
        True,
        description="Whether each commit to a local disk is synced before it is reported, so that a power cut cannot take it. "
        "Has no effect on cloud storage.",
    )
    first_order_date: date = Field(date(2023, 1, 1), description="First order date: the first daily partition.")
    time_zone: str = Field(
        "UTC", description="IANA time zone that bounds order dates. Also the zone of customers without one."
    )
    history_days: int = Field(
        365, ge=1, le=3660, description="Length in days of the trailing window that gold features are computed from."
    )
    seed: int = Field(
        7,
        ge=0,
        le=2**32 - 1,
        description="Seed of every random choice: clustering starts, samples, which copy a customer gets.",
    )
    segments_min: int = Field(4, ge=2, description="Smallest number of customer segments that training tries.")
    segments_max: int = Field(8, ge=2, le=100, description="Largest number of customer segments that training tries.")
    segments_promote_at_drift: float = Field(
        0,
        ge=0,
        le=100,
        description="Population stability index from which a training promotes its challenger by itself; 0.25 is usual. It then "
        "also promotes if a segment of the champion has a stability under 0.6. 0: only people promote.",
    )
    lifecycle_few_orders: int = Field(
        3, ge=2, le=1000, description="Customers with fewer orders are new or tried; the others have a cadence."
    )
    lifecycle_new_days: int = Field(
        42,
        ge=1,
        le=3660,
        description="Days after the first order that a customer with few orders stays new; then tried.",
    )
    lifecycle_lapsing_days: int = Field(
        14, ge=1, le=3660, description="No customer is lapsing before this many days without an order."
    )
    lifecycle_lapsed_days: int = Field(
        42, ge=1, le=3660, description="No customer is lapsed before this many days without an order."
    )
    lifecycle_lapsed_gaps: float = Field(
        3.0,
        ge=1,
        le=100,
        description="A customer is lapsed after this many times the 90th percentile of the days between the customer's orders.",
    )
    spark_remote: SecretStr = Field(
        SecretStr(""),
        description="Spark Connect server for CIS_ENGINE=spark: sc://HOST:PORT, with /;token=... if it needs one "
        "([scale.md](scale.md)). If empty, the configuration of Databricks Connect applies.",
    )
    engine: Literal["polars", "spark"] = Field(
        "polars", description="Engine that runs the transformations of history ([scale.md](scale.md))."
    )
    writer: Literal["template", "openai"] = Field("template", description="Writer of notification copy.")
    openai_model: str = Field("gpt-5-mini", min_length=1, description="Model for CIS_WRITER=openai.")
    openai_concurrency: int = Field(8, ge=1, le=256, description="Number of concurrent requests to the model.")
    openai_timeout_seconds: float = Field(30.0, gt=0, description="Timeout for one response of the model.")
    copy_variants: int = Field(3, ge=1, le=10, description="Number of copy variants for each distinct context.")
    copy_attempts: int = Field(
        2, ge=1, le=5, description="Number of requests per context before the template writer takes over."
    )
    currency: str = Field(
        "",
        max_length=4,
        description="Sign or code before amounts of money in messages, such as $; empty: the number alone.",
    )
    copy_fallback_share: float = Field(
        0.2,
        ge=0,
        le=1,
        description="A check fails if the template writer composed a larger share of a run's wordings than this, although "
        "a model was to write them ([notifications.md](notifications.md)).",
    )
    copy_fallback_severity: Literal["error", "warn"] = Field(
        "error", description="Whether that check fails its run, which is alerted, or warns."
    )
    message_max_length: int = Field(
        120, ge=60, le=240, description="Maximum length in characters of a message body after its slots are filled."
    )
    quiet_before_hour: int = Field(
        8, ge=0, le=23, description="No message is sent before this hour in the customer's time zone."
    )
    quiet_from_hour: int = Field(
        21, ge=1, le=24, description="No message is sent at or after this hour in the customer's time zone."
    )
    lapsed_after_days: int = Field(
        120, ge=1, description="Customers whose last order is older than this many days are not eligible for messages."
    )
    rejected_share_warn: float = Field(
        0.05,
        ge=0,
        le=1,
        description="A check warns if a larger share of the landed rows of a date or of a snapshot is rejected.",
    )
    rejected_share_block: float = Field(
        0.5,
        ge=0,
        le=1,
        description="A date or a snapshot is quarantined if a larger share of its landed rows is rejected "
        "([quality.md](quality.md)).",
    )
    snapshot_drop_warn: float = Field(
        0.2,
        ge=0,
        le=1,
        description="A check warns if a snapshot has fewer rows than the one before by more than this share.",
    )
    snapshot_drop_block: float = Field(
        0.5,
        ge=0,
        le=1,
        description="A snapshot is quarantined if it has fewer rows than the one before by more than this share "
        "(offers: only if it has none); 1 quarantines none ([quality.md](quality.md)).",
    )
    volume_false_alarm_rate: float = Field(
        0.01,
        gt=0,
        le=0.1,
        description="Share of quiet dates on which the check of the number of orders may warn ([quality.md](quality.md)).",
    )
    landing_late_after_days: int = Field(
        2,
        ge=1,
        description="The job check_lake fails if the newest order date, landed or in silver, is older than this many days.",
    )
    reorder_share_min: float = Field(
        0.02, ge=0, le=1, description="A check warns if a smaller share of regular customers' items are reorders."
    )
    reorder_share_max: float = Field(
        0.98, ge=0, le=1, description="A check warns if a larger share of regular customers' items are reorders."
    )
    vacuum_retention_hours: int = Field(
        168,
        ge=24,
        le=168,
        description="How long vacuum keeps files that a table no longer references ([maintenance.md](maintenance.md)).",
    )
    maintenance_small_files: int = Field(
        10, ge=2, description="A check warns if a partition has more small files than this."
    )
    maintenance_log_commits: int = Field(
        30, ge=1, description="A check warns if a table has more commits than this since its last checkpoint."
    )
    maintenance_removable_share: float = Field(
        0.5,
        gt=0,
        description="A check warns if vacuum could remove more bytes than this share of the table's live bytes.",
    )
    erasure_key: SecretStr = Field(
        SecretStr(""),
        description="Secret key that hashes the ids of erased customers ([erasure.md](erasure.md)).",
    )
    failure_webhook_url: SecretStr = Field(
        SecretStr(""),
        description="Address that the failure sensor posts to for each failed run ([operate.md](operate.md)).",
    )
    alert_format: Literal["slack", "teams", "generic"] = Field(
        "slack", description="Format of what is posted to CIS_FAILURE_WEBHOOK_URL ([operate.md](operate.md))."
    )

    @field_validator("time_zone")
    @classmethod
    def _refuse_unknown_time_zone(cls, value: str) -> str:
        if value not in iana_zones():
            raise ValueError("is not an IANA time zone such as America/New_York")
        return value

    @field_validator("lake_uri", "landing_uri")
    @classmethod
    def _resolve_location(cls, value: str) -> str:
        """Make local folders absolute, so every process of a run uses the same folder."""
        if not value.strip():
            raise ValueError("is empty; give a folder or an abfss:// address")
        if "://" in value:
            if not _AZURE_ADDRESS.fullmatch(value):
                raise ValueError("is neither a folder nor abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH")
            return value.rstrip("/")
        return str(Path(value).expanduser().resolve())

    @field_validator("lake_uri")
    @classmethod
    def _refuse_unusable_folder(cls, value: str) -> str:
        found = None if "://" in value else _UNUSABLE_IN_PATHS.search(value)
        if found:
            raise ValueError(
                f"Delta tables cannot be read in the folder {value!a}, because its path has {found[0]!a}; "
                "rename that folder or give another one"
            )
        return value

    @field_validator("spark_remote")
    @classmethod
    def _refuse_malformed_spark_address(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not _SPARK_ADDRESS.fullmatch(value.get_secret_value()):
            raise ValueError("is not an address sc://HOST:PORT or sc://HOST:PORT/;KEY=VALUE")
        return value

    @field_validator("failure_webhook_url")
    @classmethod
    def _refuse_malformed_webhook_address(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and (fault := find_address_fault(value.get_secret_value(), query=True)):
            raise ValueError(f"the address {fault}")
        return value

    @field_validator("alert_format")
    @classmethod
    def _refuse_format_of_another_service(cls, value: str, info: ValidationInfo) -> str:
        """A service accepts what it cannot show: an alert in another format would be lost in silence."""
        address = info.data.get("failure_webhook_url")  # None if it is invalid itself
        host = (urlsplit(address.get_secret_value()).hostname or "").removesuffix(".") if address else ""
        for name, hosts in _ALERT_HOSTS.items():
            if hosts.fullmatch(host) and name != value:
                raise ValueError(
                    f"CIS_FAILURE_WEBHOOK_URL is an address of {name.title()}; set CIS_ALERT_FORMAT={name}"
                )
        return value

    @field_validator("engine")
    @classmethod
    def _refuse_spark_without_server(cls, value: str, info: ValidationInfo) -> str:
        remote = info.data.get("spark_remote")
        if value == "spark" and remote == SecretStr("") and not any(map(os.environ.get, _DATABRICKS)):
            raise ValueError(
                f"needs CIS_SPARK_REMOTE=sc://HOST:PORT, or Databricks Connect, configured by {' or '.join(_DATABRICKS)}"
            )
        return value

    @field_validator(*_LOWER_BOUNDS)
    @classmethod
    def _refuse_crossed_limits(cls, value: float, info: ValidationInfo) -> float:
        name, distance = _LOWER_BOUNDS[str(info.field_name)]
        low = info.data.get(name)  # None if it is invalid itself
        if low is not None and value < low + distance:
            raise ValueError(f"must be at least {low + distance}, because CIS_{name.upper()} is {low}")
        return value


def read_settings(**overrides: object) -> Settings:
    """Read the settings from the environment and `.env`; `overrides` (field name -> value) take precedence.

    Raises SettingsError with one sentence per invalid variable: its name, its value (unless secret) and what is
    expected. Unknown variables with the prefix `CIS_` are refused too, because most of them are misspelled.
    """
    _refuse_unknown_variables()
    try:
        return Settings(**overrides)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        raise SettingsError(" ".join(_describe_problem(problem) for problem in error.errors())) from None


def _describe_problem(problem: Mapping[str, Any]) -> str:
    name = str(problem["loc"][0])
    field = Settings.model_fields.get(name)
    value = "set (a secret, not shown)" if field and field.annotation is SecretStr else repr(problem["input"])
    return f"CIS_{name.upper()} is {value}: {problem['msg'].removeprefix('Value error, ')}."


def _refuse_unknown_variables() -> None:
    known = {f"CIS_{name.upper()}" for name in Settings.model_fields}
    for name in sorted({*os.environ, *dotenv_values(_ENV_FILE)}):
        if name in _RENAMED:
            raise SettingsError(f"{name} was renamed; set {_RENAMED[name]} instead.")
        if name in _REPLACED:
            raise SettingsError(_REPLACED[name])
        if name.startswith("CIS_") and name not in known:
            near = get_close_matches(name, sorted(known), n=1)
            hint = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(sorted(known))}."
            raise SettingsError(f"{name} is not a setting of this system; {hint}")


@cache
def settings() -> Settings:
    """The settings of this process, read on first use."""
    return read_settings()
