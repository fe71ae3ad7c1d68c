"""How long clients of cloud storage wait and retry."""

from __future__ import annotations

from dataclasses import dataclass

from cis_assets.settings import Settings, settings


@dataclass(frozen=True)
class Timeouts:
    """Limits in seconds: to open a connection, to get an answer, and to keep retrying a request that fails."""

    connect: float
    answer: float
    retry: float

    @classmethod
    def from_settings(cls, configured: Settings) -> Timeouts:
        return cls(
            connect=configured.store_connect_timeout_seconds,
            answer=configured.store_timeout_seconds,
            retry=configured.store_retry_seconds,
        )


def timeouts_of_process() -> Timeouts:
    """The limits from the settings of this process, for callers that carry none."""
    return Timeouts.from_settings(settings())
