"""The limits of the retailer that several steps of the notification chain share."""

from dataclasses import dataclass
from typing import Self

from cis_assets.settings import Settings

LONGEST_PRODUCT_NAME = 32
"""Maximum characters of a product name in a message: the width of a lock screen."""


LONGEST_OFFER_WORDS = 48
_LEAST_COPY = 32


@dataclass(frozen=True)
class NotificationPolicy:
    """Limits on who receives messages, when they are sent, and their length.

    Hours are in the customer's time zone: messages are sent from `quiet_before_hour` (inclusive) to
    `quiet_from_hour` (exclusive). `message_max_length` and `title_max_length` count characters after the slots are
    filled. `currency` precedes amounts. `time_zone` applies to customers whose own zone is missing or unknown.
    """

    quiet_before_hour: int = 8
    quiet_from_hour: int = 21
    lapsed_after_days: int = 120
    time_zone: str = "UTC"
    message_max_length: int = 120
    title_max_length: int = 40
    currency: str = ""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(
            quiet_before_hour=settings.quiet_before_hour,
            quiet_from_hour=settings.quiet_from_hour,
            lapsed_after_days=settings.lapsed_after_days,
            time_zone=settings.time_zone,
            message_max_length=settings.message_max_length,
            currency=settings.currency,
        )

    @property
    def product_name_max_length(self) -> int:
        """Maximum characters of a product's display name: a third of the message, at most 32."""
        return min(LONGEST_PRODUCT_NAME, self.message_max_length // 3)

    @property
    def offer_max_length(self) -> int:
        """Maximum characters of an offer in words: what a product, a weekday and the shortest copy leave, at most 48."""
        return min(LONGEST_OFFER_WORDS, self.message_max_length - self.product_name_max_length - _LEAST_COPY)
