"""The interface of copy writers: contexts, requests, answers and the method that a writer implements.

Writers themselves are in `cis_assets.writers`; the rules for their copy are in `validator`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cis_assets.errors import OperatorError
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.slots import LONGEST_OFFER

DAYPARTS = ("morning", "afternoon", "evening")
HABIT_TONES = ("warm", "brisk")
"""Tones for customers with a habit. "Your favorite" and "as usual" are true only for them."""


@dataclass(frozen=True, order=True)
class CopyContext:
    """The facts that copy may depend on. They identify neither a customer nor a product."""

    key: str
    department: str
    occasion: str
    daypart: str
    tone: str
    has_offer: bool
    terms: str = ""
    """Scope, kind and condition of an offer that is not simply a percentage off the product; else empty."""

    def offer_length(self, policy: NotificationPolicy) -> int:
        """The longest value of {offer}."""
        return policy.offer_max_length if self.terms else len(LONGEST_OFFER)


@dataclass(frozen=True, order=True)
class Wording:
    """A title and a body with named slots in place of facts."""

    title: str
    body: str


@dataclass(frozen=True)
class CopyRequest:
    """A request for `variants` different wordings for one context.

    `taken` holds the wordings that the context already has; an answer must not repeat them. `reasons` holds one
    sentence for each rule that an earlier answer broke.
    """

    context: CopyContext
    variants: int
    policy: NotificationPolicy
    taken: tuple[Wording, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class CopyAnswer:
    """The answer of a writer to one request, with its cost in tokens.

    `model` is None if no model was asked. `rejection` says why an answer is unusable; a further request may help.
    `failure` says why there is no answer; a further request in the same run would not help.
    """

    wordings: tuple[Wording, ...]
    generator: str
    prompt_version: str
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    rejection: str | None = None
    failure: str | None = None


class WriterError(OperatorError):
    """The writer cannot work until its configuration changes; the message says what to change."""


class CopyWriter(Protocol):
    """Writes copy for contexts: a model or the template writer."""

    def write(self, requests: Sequence[CopyRequest]) -> list[CopyAnswer]:
        """Return one answer per request, in the order of the requests.

        A problem of one request is part of its answer. A problem of every request, such as an invalid key, raises
        WriterError.
        """
        ...
