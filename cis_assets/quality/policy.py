"""The limits of the checks on order dates, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from cis_assets.settings import Settings


@dataclass(frozen=True)
class QualityPolicy:
    """The shares of rejected rows that warn and that block, and the tolerated share of a day's orders above or below usual."""

    rejected_share_warn: float
    rejected_share_block: float
    volume_tolerance: float

    @classmethod
    def from_settings(cls, settings: Settings) -> QualityPolicy:
        return cls(settings.rejected_share_warn, settings.rejected_share_block, settings.volume_tolerance)
