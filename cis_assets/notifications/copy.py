"""Copy for every distinct context: requested from a writer, validated, requested again, and completed by a fallback."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import narwhals as nw
import polars as pl

from cis_assets.catalog.gold import NOTIFICATION_COPY
from cis_assets.notifications.offer_terms import SIMPLE
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.validator import validate
from cis_assets.notifications.wording import CopyAnswer, CopyContext, CopyRequest, CopyWriter, Wording

ACCEPTED = "accepted"
_MOST_REASONS = 8

Observer = Callable[[CopyRequest, CopyAnswer], None]


@dataclass
class _Draft:
    """The copy of one context while it is written: `rows` hold the accepted wordings in columns of the table."""

    context: CopyContext
    wordings: list[Wording] = field(default_factory=list)
    rows: list[dict[str, object]] = field(default_factory=list)
    attempts: int = 0
    reasons: tuple[str, ...] = ()
    has_failed: bool = False

    def review(self, answer: CopyAnswer, variants: int, policy: NotificationPolicy, verdict: str) -> None:
        """Keep the valid wordings of an answer under `verdict`, and note why the others were refused."""
        self.attempts += answer.model is not None
        self.has_failed = answer.failure is not None
        reasons = [reason for reason in (answer.rejection, answer.failure) if reason]
        for wording in answer.wordings:
            if len(self.rows) == variants:
                break
            broken = validate(wording, self.context, policy)
            if wording.body in {accepted.body for accepted in self.wordings}:
                broken = ("A variant repeats the body of another one.",)
            reasons += broken
            if not broken:
                self._accept(wording, answer, verdict)
        if len(self.rows) < variants and not reasons:
            reasons.append(f"The answer has too few variants: {len(answer.wordings)}.")
        self.reasons = tuple(dict.fromkeys(reasons))[:_MOST_REASONS]

    def _accept(self, wording: Wording, answer: CopyAnswer, verdict: str) -> None:
        self.wordings.append(wording)
        variant = len(self.wordings)
        identity = "\x1f".join((self.context.key, str(variant), wording.title, wording.body))
        self.rows.append(
            {
                "copy_id": hashlib.blake2b(identity.encode(), digest_size=8).hexdigest(),
                "context_key": self.context.key,
                "variant": variant,
                "title": wording.title,
                "body": wording.body,
                "generator": answer.generator,
                "model": answer.model,
                "prompt_version": answer.prompt_version,
                "attempts": self.attempts,
                "verdict": verdict,
            }
        )


def distinct_contexts(contexts: nw.LazyFrame | pl.LazyFrame | pl.DataFrame) -> list[CopyContext]:
    """The distinct contexts in rows of gold/notification_contexts, sorted by key."""
    names = ("context_key", "department", "occasion", "daypart", "tone")
    distinct = nw.from_native(contexts).lazy().select(*names, has_offer=~nw.col("offer_id").is_null()).unique()
    return sorted(CopyContext(*row, terms=_terms(row[0])) for row in distinct.collect(backend="polars").rows())


def _terms(context_key: str) -> str:
    """The terms of an offer that is not simply a percentage off the product, from the end of the key."""
    offer = context_key.rpartition("|")[2]
    return "" if offer in ("plain", SIMPLE) else offer


def write_copy_of_days(
    contexts: pl.LazyFrame,
    writer: CopyWriter,
    *,
    fallback: CopyWriter,
    policy: NotificationPolicy,
    variants: int,
    attempts: int,
    observe: Observer | None = None,
) -> pl.DataFrame:
    """The rows of gold/notification_copy for a slice of gold/notification_contexts of one or several days.

    A context that several days share is written, and paid for, once; its copy has one row per day. Arguments and
    errors are those of `write_copy`. Sorted by as_of_date, context_key and variant.
    """
    days = contexts.select("as_of_date", "context_key").unique().collect()
    written = write_copy(
        distinct_contexts(contexts),
        writer,
        fallback=fallback,
        policy=policy,
        variants=variants,
        attempts=attempts,
        observe=observe,
    )
    of_days = written.join(days, on="context_key").sort("as_of_date", "context_key", "variant")
    return of_days.select(list(NOTIFICATION_COPY.dtypes))


def write_copy(
    contexts: Iterable[CopyContext],
    writer: CopyWriter,
    *,
    fallback: CopyWriter,
    policy: NotificationPolicy,
    variants: int,
    attempts: int,
    observe: Observer | None = None,
) -> pl.DataFrame:
    """`variants` wordings for each context: gold/notification_copy without as_of_date, by context_key and variant.

    Each of up to `attempts` rounds requests the missing wordings of all contexts at once. Refused wordings are
    requested again, with the reasons. A context whose request failed is not requested again. `fallback` writes what is
    missing in the end, and the verdict of its rows gives the reasons. `observe` receives every request with its
    answer, for example to count tokens.

    Raises what the writer raises, and RuntimeError if the fallback's copy is refused or incomplete.
    """
    drafts = [_Draft(context) for context in sorted(set(contexts))]

    def request(asked: CopyWriter) -> Iterator[tuple[_Draft, CopyAnswer]]:
        waiting = [
            draft for draft in drafts if len(draft.rows) < variants and not (draft.has_failed and asked is writer)
        ]
        requests = [
            CopyRequest(draft.context, variants - len(draft.rows), policy, tuple(draft.wordings), draft.reasons)
            for draft in waiting
        ]
        answers = asked.write(requests) if requests else []
        for draft, asked_for, answer in zip(waiting, requests, answers, strict=True):
            if observe is not None:
                observe(asked_for, answer)
            yield draft, answer

    for _ in range(attempts):
        for draft, answer in request(writer):
            draft.review(answer, variants, policy, ACCEPTED)
    for draft, answer in request(fallback):
        draft.review(answer, variants, policy, " ".join(draft.reasons))
        if len(draft.rows) < variants:
            raise RuntimeError(
                f"The fallback writer has no valid copy for {draft.context.key}: {' '.join(draft.reasons)}"
            )
    schema = {name: dtype for name, dtype in NOTIFICATION_COPY.dtypes.items() if name != "as_of_date"}
    return pl.DataFrame([row for draft in drafts for row in draft.rows], schema=schema)
