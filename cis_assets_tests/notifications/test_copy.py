"""Copy is requested, judged, requested again with the reasons, and completed by the fallback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from cis_assets.catalog.gold import NOTIFICATION_CONTEXTS, NOTIFICATION_COPY
from cis_assets.notifications.copy import distinct_contexts, write_copy, write_copy_of_days
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.wording import CopyAnswer, CopyContext, CopyRequest, CopyWriter, Wording

AS_OF = date(2026, 3, 2)
POLICY = NotificationPolicy()
WITHOUT_DAY = {name: dtype for name, dtype in NOTIFICATION_COPY.dtypes.items() if name != "as_of_date"}
MILK = CopyContext("dairy eggs|restock|evening|warm|plain", "dairy eggs", "restock", "evening", "warm", False)
PEAS = CopyContext("frozen|restock|morning|warm|plain", "frozen", "restock", "morning", "warm", False)
FALLBACK_VERBS = ("Order", "Restock", "Get")


def good(text: str) -> Wording:
    return Wording("Running low?", f"{text} {{product}} this {{weekday}}.")


def bad() -> Wording:
    return Wording("Running low?", "Buy {product} at {price}.")


def answer(*wordings: Wording, **more: Any) -> CopyAnswer:
    return CopyAnswer(wordings, generator="openai", prompt_version="prompt-9", model="small-model", **more)


@dataclass
class Scripted:
    """A writer that answers each round as it is told, and remembers what it was asked."""

    rounds: list[Callable[[CopyRequest], CopyAnswer]]
    asked: list[list[CopyRequest]] = field(default_factory=list)

    def write(self, requests: Sequence[CopyRequest]) -> list[CopyAnswer]:
        self.asked.append(list(requests))
        return [self.rounds[len(self.asked) - 1](request) for request in requests]


class Fallback:
    def write(self, requests: Sequence[CopyRequest]) -> list[CopyAnswer]:
        return [
            CopyAnswer(tuple(good(word) for word in FALLBACK_VERBS[: request.variants]), "template", "phrases-9")
            for request in requests
        ]


def written(writer: CopyWriter, *contexts: CopyContext, variants: int = 2, attempts: int = 2, **more) -> pl.DataFrame:
    return write_copy(
        contexts or (MILK,),
        writer,
        fallback=more.pop("fallback", Fallback()),
        policy=POLICY,
        variants=variants,
        attempts=attempts,
        **more,
    )


def test_accepted_wordings_become_rows_of_the_catalog() -> None:
    frame = written(Scripted([lambda _: answer(good("Get"), good("Order"))]))
    assert dict(frame.schema) == WITHOUT_DAY
    first = frame.row(0, named=True)
    assert len(first.pop("copy_id")) == 16
    assert first == {
        "context_key": MILK.key,
        "variant": 1,
        "title": "Running low?",
        "body": "Get {product} this {weekday}.",
        "generator": "openai",
        "model": "small-model",
        "prompt_version": "prompt-9",
        "attempts": 1,
        "verdict": "accepted",
    }
    assert frame["variant"].to_list() == [1, 2]


def test_refused_wordings_are_requested_again_with_the_reasons() -> None:
    writer = Scripted([lambda _: answer(good("Get"), bad()), lambda _: answer(good("Order"))])
    frame = written(writer)
    again = writer.asked[1][0]
    assert again.variants == 1
    assert again.taken == (good("Get"),)
    assert "unknown slot" in again.reasons[0]
    assert frame["generator"].to_list() == ["openai", "openai"]
    assert frame["attempts"].to_list() == [1, 2]
    assert frame["verdict"].to_list() == ["accepted", "accepted"]


def test_the_fallback_replaces_refused_wordings_and_the_verdict_says_why() -> None:
    writer = Scripted([lambda _: answer(bad(), good("Keep")), lambda _: answer(bad())])
    frame = written(writer)
    assert len(writer.asked) == 2
    assert frame["generator"].to_list() == ["openai", "template"]
    assert frame["model"].to_list() == ["small-model", None]
    assert frame["prompt_version"].to_list() == ["prompt-9", "phrases-9"]
    assert frame["attempts"].to_list() == [1, 2]
    assert "unknown slot named 'price'" in frame["verdict"][1]


def test_only_contexts_with_missing_variants_are_requested_again() -> None:
    writer = Scripted(
        [lambda request: answer(good("Get") if request.context == PEAS else bad()), lambda _: answer(good("Get"))]
    )
    written(writer, MILK, PEAS, variants=1)
    assert [request.context for request in writer.asked[0]] == [MILK, PEAS]
    assert [request.context for request in writer.asked[1]] == [MILK]


def test_a_context_whose_request_failed_is_not_requested_again() -> None:
    writer = Scripted([lambda _: answer(failure="The model's server failed with status 500.")])
    frame = written(writer)
    assert frame["generator"].unique().to_list() == ["template"]
    assert frame["verdict"].unique().to_list() == ["The model's server failed with status 500."]


def test_a_rejected_answer_is_requested_again() -> None:
    writer = Scripted(
        [lambda _: answer(rejection="The model refused to write."), lambda _: answer(good("Get"), good("Order"))]
    )
    assert written(writer)["attempts"].to_list() == [2, 2]
    assert writer.asked[1][0].reasons == ("The model refused to write.",)


def test_variants_of_a_context_differ() -> None:
    writer = Scripted([lambda _: answer(good("Get"), good("Get")), lambda _: answer(good("Get"))])
    frame = written(writer)
    assert frame["body"].n_unique() == 2
    assert frame["verdict"][1] == "A variant repeats the body of another one."


def test_an_answer_with_too_few_variants_is_noted() -> None:
    frame = written(Scripted([lambda _: answer(good("Keep"))]), attempts=1)
    assert frame["verdict"][1] == "The answer has too few variants: 1."


def test_surplus_variants_are_dropped() -> None:
    assert written(Scripted([lambda _: answer(good("Get"), good("Order"), good("Add"))])).height == 2


def test_the_template_writer_asks_no_model() -> None:
    frame = written(Fallback())
    assert frame["attempts"].to_list() == [0, 0]
    assert frame["verdict"].unique().to_list() == ["accepted"]


def test_copy_ids_follow_from_context_variant_and_wording_alone() -> None:
    both = written(Fallback(), MILK, PEAS)
    alone = written(Scripted([lambda _: answer(*(good(word) for word in FALLBACK_VERBS[:2]))]), PEAS)
    assert both["copy_id"].n_unique() == 4
    assert alone["copy_id"].to_list() == both.filter(pl.col("context_key") == PEAS.key)["copy_id"].to_list()
    assert written(Fallback(), PEAS, MILK, MILK).equals(both)


def test_every_answer_can_be_observed() -> None:
    seen: list[tuple[str, int]] = []
    writer = Scripted([lambda _: answer(bad(), output_tokens=5), lambda _: answer(good("Get"), output_tokens=7)])
    written(writer, variants=1, observe=lambda request, one: seen.append((request.context.key, one.output_tokens)))
    assert seen == [(MILK.key, 5), (MILK.key, 7)]


def test_a_fallback_that_breaks_the_rules_is_not_sent() -> None:
    with pytest.raises(RuntimeError, match=r"fallback writer has no valid copy for dairy eggs.*: .*unknown slot"):
        written(Fallback(), fallback=Scripted([lambda _: answer(bad())]), attempts=0)
    with pytest.raises(RuntimeError, match=r"dairy eggs.*: The answer has too few variants: 0\."):
        written(Fallback(), fallback=Scripted([lambda _: answer()]), attempts=0)


def test_no_contexts_need_no_copy() -> None:
    assert write_copy([], Scripted([]), fallback=Scripted([]), policy=POLICY, variants=2, attempts=2).equals(
        pl.DataFrame(schema=WITHOUT_DAY)
    )


def test_distinct_contexts_are_each_named_once_in_order() -> None:
    offered = CopyContext("bakery|restock|evening|warm|offer", "bakery", "restock", "evening", "warm", True)
    given = [(PEAS, None), (MILK, None), (MILK, None), (offered, 7), (offered, 8)]
    rows = [
        {
            "customer_id": number,
            "context_key": context.key,
            "department": context.department,
            "occasion": context.occasion,
            "daypart": context.daypart,
            "tone": context.tone,
            "offer_id": offer_id,
        }
        for number, (context, offer_id) in enumerate(given)
    ]
    frame = pl.DataFrame(rows, schema_overrides=NOTIFICATION_CONTEXTS.dtypes)
    assert distinct_contexts(frame) == [offered, MILK, PEAS]
    assert distinct_contexts(frame.lazy()) == [offered, MILK, PEAS]


def test_a_context_of_several_days_is_written_once_and_stands_under_each() -> None:
    rows = [
        {"as_of_date": AS_OF + timedelta(days=day), "customer_id": day, "context_key": context.key,
         "department": context.department, "occasion": context.occasion, "daypart": context.daypart,
         "tone": context.tone, "offer_id": None}
        for day, context in ((0, MILK), (1, MILK), (1, PEAS))
    ]  # fmt: skip
    writer = Scripted([lambda _: answer(good("Get"), good("Order"))])
    frame = write_copy_of_days(
        pl.LazyFrame(rows, schema_overrides={"offer_id": pl.Int64}),
        writer, fallback=Fallback(), policy=POLICY, variants=2, attempts=1,
    )  # fmt: skip
    assert [len(requests) for requests in writer.asked] == [2]
    assert frame.schema == NOTIFICATION_COPY.dtypes
    assert frame.select("as_of_date", "context_key", "variant").rows() == [
        (AS_OF + timedelta(days=day), key, variant)
        for day, key in ((0, MILK.key), *sorted((1, context.key) for context in (MILK, PEAS)))
        for variant in (1, 2)
    ]
