"""The openai writer against a real server: what it sends, how many at once, and what each error becomes."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

import cis_assets
from cis_assets.notifications.copy import write_copy
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.wording import CopyContext, CopyRequest, Wording, WriterError
from cis_assets.settings import read_settings
from cis_assets.writers import openai as openai_writer
from cis_assets.writers.openai import OpenAIWriter
from cis_assets.writers.prompt import PROMPT_VERSION
from cis_assets.writers.resource import CopyWriterResource
from cis_assets.writers.template import TemplateWriter

from .conftest import KEY, ModelServer, Reply, error, response, text, versions

POLICY = NotificationPolicy()
GOOD = ("Running low?", "Get {product} this {weekday}.")
GOOD_TOO = ("Good evening!", "Restock {product} in a tap this {daypart}.")
BAD = ("Running low?", "Get {product} for {price}.")


def context(number: int = 0, has_offer: bool = False) -> CopyContext:
    offer = "offer" if has_offer else "plain"
    department = f"department {chr(ord('a') + number)}"
    return CopyContext(
        f"{department}|restock|evening|warm|{offer}", department, "restock", "evening", "warm", has_offer
    )


def request(number: int = 0, **more) -> CopyRequest:
    return CopyRequest(context(number), variants=more.pop("wanted", 1), policy=POLICY, **more)


def writer(**more) -> OpenAIWriter:
    return OpenAIWriter("small-model", **{"concurrency": 4, "timeout_seconds": 5.0, "max_retries": 2} | more)


def test_words_come_back_with_what_they_cost(server: ModelServer) -> None:
    server.replies = [versions(GOOD, GOOD_TOO)]
    [answer] = writer().write([request(wanted=2)])
    assert answer.wordings == (Wording(*GOOD), Wording(*GOOD_TOO))
    assert (answer.generator, answer.model, answer.prompt_version) == ("openai", "small-model", PROMPT_VERSION)
    assert (answer.input_tokens, answer.output_tokens) == (11, 13)
    assert answer.failure is None
    assert answer.rejection is None


def test_the_request_asks_for_structured_output_that_is_not_stored(server: ModelServer) -> None:
    writer().write([request(wanted=3)])
    [sent] = server.requests
    assert server.paths == ["/v1/responses"]
    assert sent["store"] is False
    assert sent["model"] == "small-model"
    assert sent["text"]["format"]["type"] == "json_schema"
    assert sent["text"]["format"]["strict"] is True
    assert 0 < sent["max_output_tokens"] <= 10_000
    assert "Versions to write: 3" in sent["input"]


def test_the_request_says_the_context_and_nothing_that_is_not_in_it(server: ModelServer) -> None:
    given = CopyRequest(
        CopyContext("k", "dairy eggs", "win_back", "morning", "gentle", has_offer=True),
        variants=1,
        policy=POLICY,
        taken=(Wording("Hello again", "Enjoy {offer} {product} this {weekday}."),),
        reasons=("The body uses {price}.",),
    )
    writer().write([given])
    [sent] = server.requests
    for part in (
        "dairy eggs",
        "win back",
        "morning",
        "gentle",
        "must use {offer}",
        "Hello again",
        "The body uses {price}.",
    ):
        assert part in sent["input"]
    assert set(sent) == {"model", "instructions", "input", "text", "max_output_tokens", "store"}
    assert not {"customer_id", "product_name", "segment"} & set(json.dumps(sent).split('"'))


def test_answers_keep_the_order_of_the_requests(server: ModelServer) -> None:
    def echo(sent: dict) -> Reply:
        name = sent["input"].splitlines()[0][-1]
        reply = versions(("Title", f"{name} {{product}}"))
        return Reply(reply.status, reply.body, wait=0.05 if name == "a" else 0.0)

    server.otherwise = echo
    answers = writer().write([request(number) for number in range(6)])
    assert [answer.wordings[0].body[0] for answer in answers] == list("abcdef")


def test_no_more_requests_are_under_way_than_allowed(server: ModelServer) -> None:
    server.otherwise = lambda _: Reply(body=versions(GOOD).body, wait=0.03)
    answers = writer(concurrency=3).write([request(number) for number in range(12)])
    assert len(answers) == len(server.requests) == 12
    assert server.most_at_once == 3


def test_a_rate_limit_that_passes_is_waited_for(server: ModelServer) -> None:
    server.replies = [error(429, "rate_limit_exceeded"), versions(GOOD)]
    [answer] = writer().write([request()])
    assert answer.wordings == (Wording(*GOOD),)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (error(429, "rate_limit_exceeded"), "rate limit"),
        (error(500), "failed with status 500"),
        (error(503), "failed with status 503"),
        (error(409), "failed with status 409"),
        (Reply(body="<html>Welcome</html>", headers={"Content-Type": "text/html"}), "check OPENAI_BASE_URL"),
        (Reply(body="{oops"), "check OPENAI_BASE_URL"),
        (Reply(body=[]), "check OPENAI_BASE_URL"),
    ],
)
def test_trouble_of_the_server_is_a_failure_of_that_answer_alone(
    server: ModelServer, reply: Reply, reason: str
) -> None:
    server.otherwise = lambda sent: reply if "department a" in sent["input"] else versions(GOOD)
    failed, fine = writer(max_retries=1).write([request(0), request(1)])
    assert reason in str(failed.failure)
    assert failed.wordings == ()
    assert fine.wordings == (Wording(*GOOD),)


def test_a_server_that_hangs_is_not_waited_for(server: ModelServer) -> None:
    server.otherwise = lambda _: Reply(body=versions(GOOD).body, wait=1.0)
    [answer] = writer(timeout_seconds=0.1, max_retries=0).write([request()])
    assert answer.failure == "The model did not answer within 0.1 seconds."


def test_a_server_that_is_not_there_is_a_failure(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    [answer] = writer(max_retries=0).write([request()])
    assert "could not be reached" in str(answer.failure)


LARGE = json.dumps({"output": [], "padding": "x" * 10_000_000}).encode()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=LARGE),
        Reply(body=LARGE[:-1]),
        Reply(body=gzip.compress(LARGE), headers={"Content-Encoding": "gzip"}),
    ],
    ids=["json", "no json", "compressed"],
)
def test_an_answer_of_many_megabytes_is_cut_off_and_a_failure(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    read: list[int] = []
    model_validate_json = openai_writer._ResponseBody.model_validate_json
    monkeypatch.setattr(
        openai_writer._ResponseBody,
        "model_validate_json",
        lambda text: read.append(len(text)) or model_validate_json(text),
    )
    server.replies = [reply]
    large, good = writer(concurrency=1).write([request(), request(1)])
    assert large.failure == "The answer of the model's server has more than 1,048,576 bytes."
    assert good.failure is None
    assert len(read) == 1
    assert len(server.requests) == 2


def test_an_error_of_many_megabytes_is_a_failure_like_any_other(server: ModelServer) -> None:
    server.otherwise = lambda _: Reply(500, LARGE, {"retry-after-ms": "1"})
    [answer] = writer().write([request()])
    assert answer.failure == "The model's server failed with status 500."


def test_a_server_that_is_down_does_not_hold_up_the_run(server: ModelServer) -> None:
    server.otherwise = lambda _: error(500)
    answers = writer(concurrency=1, max_retries=0, give_up_after=3).write([request(number) for number in range(20)])
    assert len(server.requests) == 3
    assert all(answer.failure for answer in answers)
    assert str(answers[3].failure).startswith("The request was not sent, because 3 requests in a row failed.")
    assert [answer.model for answer in answers[2:4]] == ["small-model", None]


def test_single_failures_do_not_stop_the_run(server: ModelServer) -> None:
    server.replies = [error(500), versions(GOOD)] * 5
    answers = writer(concurrency=1, max_retries=0, give_up_after=2).write([request(number) for number in range(10)])
    assert len(server.requests) == 10
    assert sum(answer.failure is None for answer in answers) == 5


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (response({"type": "refusal", "refusal": "I would rather not."}), "The model refused to write."),
        (text("Sure! Here you go."), "not have the requested format"),
        (text('{"versions": [{"title": "No body"}]}'), "not have the requested format"),
        (response(), "not have the requested format"),
        (
            text('{"versions": [{"ti', status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            "max_output_tokens",
        ),
        (error(400, "invalid_prompt"), "refused the content of the request"),
    ],
)
def test_an_answer_that_cannot_be_used_is_rejected(server: ModelServer, reply: Reply, reason: str) -> None:
    server.replies = [reply]
    [answer] = writer().write([request()])
    assert reason in str(answer.rejection)
    assert answer.failure is None
    assert answer.wordings == ()
    assert answer.output_tokens == (13 if reply.status == 200 else 0)


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (error(401, "invalid_api_key", KEY), "does not accept the key in OPENAI_API_KEY"),
        (error(403, "forbidden", KEY), "has no permission to use the model 'small-model'"),
        (error(404, "model_not_found"), "check CIS_OPENAI_MODEL and OPENAI_BASE_URL"),
        (error(400, "unsupported_parameter", KEY), "refused the request with status 400\\.$"),
        (error(429, "insufficient_quota"), "no quota left"),
        (error(429, None, kind="insufficient_quota"), "no quota left"),
    ],
)
def test_what_every_request_would_meet_is_raised_as_one_sentence(
    server: ModelServer, reply: Reply, sentence: str
) -> None:
    server.otherwise = lambda _: reply
    with pytest.raises(WriterError, match=sentence) as raised:
        writer(max_retries=0).write([request(number) for number in range(6)])
    assert KEY not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_words_of_the_server_are_repeated_in_no_sentence(server: ModelServer) -> None:
    words = "\x1b[31m customer 4711 has the key sk-1"
    server.otherwise = lambda _: error(422, words, words)
    with pytest.raises(WriterError) as raised:
        writer(max_retries=0).write([request()])
    assert str(raised.value) == "The model's server refused the request with status 422."
    server.otherwise = lambda _: text('{"versions": [', status="incomplete", incomplete_details={"reason": words})
    [answer] = writer(max_retries=0).write([request()])
    assert answer.rejection == "The answer is incomplete."


def test_a_wrong_key_is_named_by_its_variable_and_shown_nowhere(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "sk-wrong-abcdefghijklmnop"
    monkeypatch.setenv("OPENAI_API_KEY", wrong)
    with caplog.at_level(logging.DEBUG), pytest.raises(WriterError, match="OPENAI_API_KEY") as raised:
        writer().write([request()])
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert wrong not in str(raised.value)
    assert wrong not in caplog.text


def test_the_key_is_not_logged_when_all_goes_well(server: ModelServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        writer().write([request()])
    assert KEY not in caplog.text
    assert KEY not in repr(vars(writer()))


@pytest.mark.parametrize("key", [None, "", "  "])
def test_without_a_key_the_error_names_its_variable(monkeypatch: pytest.MonkeyPatch, key: str | None) -> None:
    if key is None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    else:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(WriterError, match="CIS_WRITER=openai needs a key, but OPENAI_API_KEY is not set"):
        CopyWriterResource.from_settings(read_settings(writer="openai")).chosen()


def test_it_writes_from_within_a_running_event_loop(server: ModelServer) -> None:
    async def within() -> list:
        return writer().write([request()])

    [answer] = asyncio.run(within())
    assert answer.wordings == (Wording(*GOOD),)


def test_no_requests_ask_nothing(server: ModelServer) -> None:
    assert writer().write([]) == []
    assert server.requests == []


def written(server: ModelServer, **more):
    return write_copy(
        [context(0), context(1)],
        writer(max_retries=0),
        fallback=TemplateWriter(seed=7),
        policy=POLICY,
        variants=1,
        attempts=2,
    )


def test_refused_words_are_asked_for_again_with_the_reason(server: ModelServer) -> None:
    server.otherwise = lambda sent: versions(GOOD if "unknown slot" in sent["input"] else BAD)
    frame = written(server)
    assert len(server.requests) == 4
    assert frame["generator"].to_list() == ["openai", "openai"]
    assert frame["attempts"].to_list() == [2, 2]


def test_a_context_whose_question_fails_gets_template_words_and_the_reason(server: ModelServer) -> None:
    server.otherwise = lambda sent: error(500) if "department a" in sent["input"] else versions(GOOD)
    frame = written(server)
    assert frame["generator"].to_list() == ["template", "openai"]
    assert frame["verdict"].to_list() == ["The model's server failed with status 500.", "accepted"]
    assert len(server.requests) == 2


def test_the_settings_choose_the_writer(server: ModelServer) -> None:
    assert isinstance(CopyWriterResource.from_settings(read_settings(writer="template")).chosen(), TemplateWriter)
    chosen = CopyWriterResource.from_settings(read_settings(writer="openai", openai_model="other-model")).chosen()
    [answer] = chosen.write([request()])
    assert answer.model == server.requests[0]["model"] == "other-model"


def test_choosing_a_writer_does_not_import_the_client() -> None:
    code = "import cis_assets.writers.resource, cis_assets.writers.openai, sys; sys.exit('openai' in sys.modules)"
    root = Path(cis_assets.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=root).returncode == 0
