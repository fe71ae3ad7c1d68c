"""The retailer's rules for writing to customers, as one plain value.

Belongs here: limits that several steps of the notification chain share, and how they follow from the settings.
Does not belong here: the rules that apply them (contexts, validator, messages) and the environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from cis_assets.settings import Settings

LONGEST_PRODUCT_NAME = 32
"""Characters of a product name in a message, however long messages may be: what one line of a lock screen holds."""


@dataclass(frozen=True)
class NotificationPolicy:
    """Who may be written to, when, and how long a message may be.

    Hours are of the customer's own day: messages go out from `quiet_before_hour` up to, but not in, `quiet_from_hour`.
    `message_max_length` and `title_max_length` count characters after the slots are filled. `time_zone` is the zone
    of customers whose own is missing or unknown.
    """

    quiet_before_hour: int = 8
    quiet_from_hour: int = 21
    lapsed_after_days: int = 120
    time_zone: str = "UTC"
    message_max_length: int = 120
    title_max_length: int = 40

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(
            quiet_before_hour=settings.quiet_before_hour,
            quiet_from_hour=settings.quiet_from_hour,
            lapsed_after_days=settings.lapsed_after_days,
            time_zone=settings.time_zone,
            message_max_length=settings.message_max_length,
        )

    @property
    def product_name_max_length(self) -> int:
        """Most characters of a product's display name: a third of the message, 32 at most."""
        return min(LONGEST_PRODUCT_NAME, self.message_max_length // 3)
