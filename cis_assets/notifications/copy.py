"""Words for every distinct context: asked of a writer, judged, asked again, and in the end taken from a fallback.

Belongs here: which contexts need words, the rounds of asking, and the rows of gold/notification_copy. Does not belong
here: how a writer writes, what words may say (`validator`), and which customer gets which version (`messages`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import narwhals as nw
import polars as pl

from cis_assets.catalog.gold import NOTIFICATION_COPY
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.validator import Verdict, validate
from cis_assets.notifications.wording import CopyAnswer, CopyContext, CopyRequest, CopyWriter, Words

__all__ = ["Copy", "CopyContext", "distinct_contexts", "write_copy", "write_copy_of_days"]

ACCEPTED = "accepted"
_MOST_REASONS = 8


@dataclass(frozen=True)
class Copy:
    """One accepted version of the words for a context; the columns of gold/notification_copy but the day."""

    context_key: str
    variant: int
    words: Words
    generator: str
    model: str | None
    prompt_version: str
    attempts: int
    verdict: str

    @property
    def copy_id(self) -> str:
        """Fingerprint of context, variant and words, equal on every machine and day."""
        parts = (self.context_key, str(self.variant), self.words.title, self.words.body)
        return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).hexdigest()


@dataclass
class _Desk:
    """The state of one context while its words are being written."""

    context: CopyContext
    accepted: list[Copy] = field(default_factory=list)
    attempts: int = 0
    reasons: tuple[str, ...] = ()
    given_up: bool = False

    @property
    def taken(self) -> tuple[Words, ...]:
        return tuple(copy.words for copy in self.accepted)


def distinct_contexts(contexts: nw.LazyFrame | pl.LazyFrame | pl.DataFrame) -> list[CopyContext]:
    """The different contexts that a slice of gold/notification_contexts needs words for, by key."""
    names = ("context_key", "department", "occasion", "daypart", "tone")
    rows = (
        nw.from_native(contexts)
        .lazy()
        .select(*names, has_offer=~nw.col("offer_id").is_null())
        .unique()
        .collect(backend="polars")
        .rows()
    )
    return sorted(CopyContext(*row) for row in rows)


def write_copy_of_days(
    contexts: pl.LazyFrame,
    writer: CopyWriter,
    *,
    fallback: CopyWriter,
    policy: NotificationPolicy,
    variants: int,
    attempts: int,
    observe: Callable[[CopyRequest, CopyAnswer], None] | None = None,
) -> pl.DataFrame:
    """The rows of gold/notification_copy for a slice of gold/notification_contexts that may span several days.

    A context that several of the days share is written once, and paid for once, and stands under each of them.
    Otherwise as `write_copy`. Sorted by day, context and variant.
    """
    days = contexts.select("as_of_date", "context_key").unique().collect()
    written = write_copy(
        distinct_contexts(contexts),
        writer,
        fallback=fallback,
        as_of=date.min,  # stands until the days take its place
        policy=policy,
        variants=variants,
        attempts=attempts,
        observe=observe,
    )
    of_days = written.drop("as_of_date").join(days, on="context_key").sort("as_of_date", "context_key", "variant")
    return of_days.select(list(NOTIFICATION_COPY.dtypes))


def write_copy(
    contexts: Iterable[CopyContext],
    writer: CopyWriter,
    *,
    fallback: CopyWriter,
    as_of: date,
    policy: NotificationPolicy,
    variants: int,
    attempts: int,
    observe: Callable[[CopyRequest, CopyAnswer], None] | None = None,
) -> pl.DataFrame:
    """`variants` versions of the words for each context, as rows of gold/notification_copy, by context and variant.

    The writer is asked for all open versions of all contexts at once, up to `attempts` times; refused versions are
    asked for again with the reasons. A context without an answer (failure) is not asked for again. What is still open
    then is written by `fallback`, with the verdict saying why. `observe` sees every request and answer as it comes
    back, for counting tokens. Raises what the writer raises, and RuntimeError if the fallback itself is refused.
    """
    desks = [_Desk(context) for context in sorted(set(contexts))]
    for _ in range(attempts):
        _ask(writer, [desk for desk in desks if not desk.given_up], variants, policy, observe)
    _ask_fallback(fallback, desks, variants, policy, observe)
    copies = [copy for desk in desks for copy in desk.accepted]
    return _frame(copies, as_of)


def _ask(
    writer: CopyWriter,
    desks: Sequence[_Desk],
    variants: int,
    policy: NotificationPolicy,
    observe: Callable[[CopyRequest, CopyAnswer], None] | None,
) -> None:
    """One round: ask for every open version, keep what may be sent, note why the rest may not."""
    for desk, answer in _answers(writer, desks, variants, policy, observe):
        desk.attempts += answer.model is not None
        desk.given_up = answer.failure is not None
        reasons = [reason for reason in (answer.rejection, answer.failure) if reason]
        for words in answer.words:
            if len(desk.accepted) < variants:
                verdict = _judge(words, desk, policy)
                reasons += verdict.reasons
                if verdict.accepted:
                    _accept(desk, words, answer, ACCEPTED)
        if len(desk.accepted) < variants and not reasons:
            reasons.append(f"The answer held {len(answer.words)} versions, fewer than were asked for.")
        desk.reasons = tuple(dict.fromkeys(reasons))


def _ask_fallback(
    fallback: CopyWriter,
    desks: Sequence[_Desk],
    variants: int,
    policy: NotificationPolicy,
    observe: Callable[[CopyRequest, CopyAnswer], None] | None,
) -> None:
    for desk, answer in _answers(fallback, desks, variants, policy, observe):
        why = " ".join(desk.reasons[:_MOST_REASONS])
        for words in answer.words:
            verdict = _judge(words, desk, policy)
            if not verdict.accepted:
                raise RuntimeError(f"The fallback's words for {desk.context.key} were refused: {verdict}")
            _accept(desk, words, answer, why)
        if len(desk.accepted) < variants:
            raise RuntimeError(f"The fallback wrote too few versions of the words for {desk.context.key}.")


def _answers(
    writer: CopyWriter,
    desks: Sequence[_Desk],
    variants: int,
    policy: NotificationPolicy,
    observe: Callable[[CopyRequest, CopyAnswer], None] | None,
) -> list[tuple[_Desk, CopyAnswer]]:
    """Ask for the open versions of these contexts, and pair each context with its answer."""
    waiting = [desk for desk in desks if len(desk.accepted) < variants]
    if not waiting:
        return []
    requests = [
        CopyRequest(desk.context, variants - len(desk.accepted), policy, desk.taken, desk.reasons[:_MOST_REASONS])
        for desk in waiting
    ]
    answers = writer.write(requests)
    if observe is not None:
        for request, answer in zip(requests, answers, strict=True):
            observe(request, answer)
    return list(zip(waiting, answers, strict=True))


def _judge(words: Words, desk: _Desk, policy: NotificationPolicy) -> Verdict:
    if words.body in {taken.body for taken in desk.taken}:
        return Verdict(("A version repeats the body of another one.",))
    return validate(words, desk.context, policy)


def _accept(desk: _Desk, words: Words, answer: CopyAnswer, verdict: str) -> None:
    variant = len(desk.accepted) + 1
    desk.accepted.append(
        Copy(
            desk.context.key,
            variant,
            words,
            answer.generator,
            answer.model,
            answer.prompt_version,
            desk.attempts,
            verdict,
        )
    )


def _frame(copies: Iterable[Copy], as_of: date) -> pl.DataFrame:
    rows = [
        {
            "as_of_date": as_of,
            "copy_id": copy.copy_id,
            "context_key": copy.context_key,
            "variant": copy.variant,
            "title": copy.words.title,
            "body": copy.words.body,
            "generator": copy.generator,
            "model": copy.model,
            "prompt_version": copy.prompt_version,
            "attempts": copy.attempts,
            "verdict": copy.verdict,
        }
        for copy in copies
    ]
    return pl.DataFrame(rows, schema=NOTIFICATION_COPY.dtypes)
