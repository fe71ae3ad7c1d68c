"""What passes between the notification domain and whoever writes the words.

Belongs here: the facts that words may depend on, a request for words, the answer to it, and the one method that a
writer has. Does not belong here: any particular writer (see `cis_assets.writers`) and the judgement of what it
wrote (see `validator`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cis_assets.errors import OperatorError
from cis_assets.notifications.policy import NotificationPolicy

DAYPARTS = ("morning", "afternoon", "evening")
HABIT_TONES = ("warm", "brisk")
"""Tones of customers with a habit: only to them are "your favorite" and "as usual" true."""


@dataclass(frozen=True, order=True)
class CopyContext:
    """Everything that words may depend on: nothing of it says who the customer is or which product it is."""

    key: str
    department: str
    occasion: str
    daypart: str
    tone: str
    has_offer: bool


@dataclass(frozen=True, order=True)
class Words:
    """A title and a body with named slots in place of facts."""

    title: str
    body: str


@dataclass(frozen=True)
class CopyRequest:
    """Asks for `versions` different versions for one context.

    `taken` are versions that the context has already and that must not come again. `reasons` say why an earlier
    answer was not used, one sentence each.
    """

    context: CopyContext
    versions: int
    policy: NotificationPolicy
    taken: tuple[Words, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class CopyAnswer:
    """What a writer answers to one request, with what it cost.

    `model` is None where no model was asked. `rejection` says why an answer that came cannot be used (asking again
    may help); `failure` says why no answer came (asking again within this run would not help).
    """

    words: tuple[Words, ...]
    generator: str
    prompt_version: str
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    rejection: str | None = None
    failure: str | None = None


class WriterError(OperatorError):
    """No words can be written until somebody changes something; the message says what, in a sentence."""


class CopyWriter(Protocol):
    """Writes words for contexts: a model, or the composer of templates."""

    def write(self, requests: Sequence[CopyRequest]) -> list[CopyAnswer]:
        """One answer for each request, in the order of the requests.

        What concerns one request is said in its answer; what would concern every request, such as a wrong key, is
        raised as WriterError.
        """
        ...
