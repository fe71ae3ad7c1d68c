"""Alerts on their way to a chat: formats, escapes, sizes, answers, and addresses that are refused."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.defs.alerts.failures import Alert
from cis_assets.defs.alerts.formats import FORMATS, MOST_CHARACTERS
from cis_assets.defs.alerts.webhook import WebhookError, _is_refusal, post
from cis_assets.settings import SettingsError, read_settings
from cis_assets_tests.defs.alerts.chat import Chat, chat_server

ALERT = Alert("ingest", "2025-10-31", ("silver/orders: no file", "silver/products: no file"), "4711")
LINE = "ingest failed for 2025-10-31: silver/orders: no file; silver/products: no file (run 4711)"
MARKUP = "<!channel> **50% OFF** [here](http://evil.example) <http://evil.example|x> & `y`"


@pytest.fixture
def chat() -> Iterator[Chat]:
    with chat_server() as chat:
        yield chat


def with_cause(cause: str) -> Alert:
    return Alert("ingest", "", (cause,), "1")


def text_run(body: dict) -> dict:
    """The one text of a card that Teams shows."""
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    (block,) = attachment["content"]["body"]
    (inline,) = block["inlines"]
    return inline


def test_slack_gets_a_text_and_answers_ok(chat: Chat) -> None:
    chat.answer = b"ok"
    post(chat.url, "slack", ALERT)
    assert chat.channel == [{"text": LINE}]


def test_teams_gets_a_card_and_posts_nothing_else(chat: Chat) -> None:
    chat.posts_only_cards = True
    post(chat.url, "slack", ALERT)
    assert chat.channel == []
    post(chat.url, "teams", ALERT)
    (body,) = chat.channel
    assert body["type"] == "message"
    assert body["attachments"][0]["content"]["type"] == "AdaptiveCard"
    assert text_run(body)["text"] == LINE


def test_programs_get_fields(chat: Chat) -> None:
    post(chat.url, "generic", ALERT)
    assert chat.channel == [
        {
            "event": "run_failed",
            "text": LINE,
            "job": "ingest",
            "dates": "2025-10-31",
            "causes": ["silver/orders: no file", "silver/products: no file"],
            "run_id": "4711",
        }
    ]


def test_markup_in_data_acts_in_no_format() -> None:
    alert = with_cause(MARKUP)
    text = FORMATS["slack"](alert)["text"]
    assert "<" not in text
    assert ">" not in text
    assert "&lt;!channel&gt;" in text
    assert "&amp; `y`" in text
    # Teams reads Markdown in text blocks only.
    assert text_run(dict(FORMATS["teams"](alert))) == {"type": "TextRun", "text": alert.line}
    assert FORMATS["generic"](alert)["causes"] == [MARKUP]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("letter", ["x", "&", "\u00e9", "\U0001f600"])
def test_the_size_of_a_message_is_bounded(chat: Chat, name: str, letter: str) -> None:
    post(chat.url, name, Alert("ingest", "", (letter * 100_000,), "1"))
    assert len(json.dumps(chat.posts[0]["body"], ensure_ascii=False).encode()) < 28_000
    assert len(FORMATS[name](Alert("ingest", "", ("x" * 500,) * 1000, "1"))) < 30


@given(st.text(), st.sampled_from(sorted(FORMATS)))
def test_every_text_gives_a_body_within_bounds(cause: str, name: str) -> None:
    body = json.dumps(FORMATS[name](with_cause(cause)), ensure_ascii=False).encode(errors="replace")
    assert json.loads(body)
    assert len(body) < 10 * MOST_CHARACTERS


@pytest.mark.parametrize(
    ("host", "answer", "refused"),
    [
        ("chat.example", b"", False),
        ("chat.example", b"1", False),
        ("chat.example", b"<!DOCTYPE html><title>Log in</title>", True),
        ("hooks.slack.com", b"ok", False),
        ("hooks.slack.com", b"", True),
        ("x.webhook.office.com", b"1", False),
        ("x.webhook.office.com", b"Webhook message delivery failed with error: HTTP error 429", True),
    ],
)
def test_an_answer_of_success_that_posts_nothing_is_a_refusal(host: str, answer: bytes, refused: bool) -> None:
    assert _is_refusal(host, answer) is refused


def test_a_page_in_place_of_an_answer_is_an_error(chat: Chat) -> None:
    chat.answer = b"<html>Log in</html>"
    with pytest.raises(WebhookError, match="not as one that posted the alert"):
        post(chat.url, "slack", ALERT)


def test_a_webhook_that_hangs_is_left_after_a_while(chat: Chat) -> None:
    chat.delay = 2
    started = time.monotonic()
    with pytest.raises(WebhookError, match=r"^the webhook could not be reached: TimeoutError$"):
        post(chat.url, "slack", ALERT, timeout_seconds=0.2)
    assert time.monotonic() - started < 1.5


def test_an_address_is_never_part_of_what_is_said_of_it() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{free.getsockname()[1]}/T0KEN"
    for url in (refused, "http://nowhere.invalid/T0KEN", "http://127.0.0.1:port/T0KEN", "http://127.0.0.1/a T0KEN"):
        with pytest.raises(WebhookError, match=r"^the webhook could not be reached: [A-Za-z]+$") as error:
            post(url, "slack", ALERT)
        assert error.value.__suppress_context__
        assert error.value.__cause__ is None


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("hooks.example.com/T0KEN", "does not begin with http:// or https://"),
        ("ftp://hooks.example.com/T0KEN", "does not begin with http:// or https://"),
        ("https://", "names no host"),
        ("https://hooks.example.com:99999/T0KEN", "has a port that is no number from 1 to 65535"),
        ("https://hooks.example.com/T0KEN\n", "has a line end"),
        ("https://user:T0KEN@hooks.example.com", "has a user name or a password in it"),
    ],
)
def test_a_malformed_address_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, address: str, fault: str
) -> None:
    monkeypatch.setenv("CIS_FAILURE_WEBHOOK_URL", address)
    with pytest.raises(
        SettingsError, match=rf"^CIS_FAILURE_WEBHOOK_URL is set \(a secret, not shown\): the address {fault}"
    ) as error:
        read_settings()
    assert "T0KEN" not in str(error.value)


def test_the_address_is_masked_where_the_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_FAILURE_WEBHOOK_URL", "https://hooks.example.com/T0KEN?sig=1")
    assert "T0KEN" not in repr(read_settings())


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("hooks.slack.com", "slack"),
        ("HOOKS.SLACK.COM", "slack"),
        ("prod-1.westeurope.logic.azure.com:443", "teams"),
        ("shop.webhook.office.com", "teams"),
        ("default1.02.environment.api.powerplatform.com", "teams"),
    ],
)
@pytest.mark.parametrize("name", FORMATS)
def test_a_format_that_the_service_would_lose_is_refused(
    monkeypatch: pytest.MonkeyPatch, host: str, service: str, name: str
) -> None:
    monkeypatch.setenv("CIS_FAILURE_WEBHOOK_URL", f"https://{host}/T0KEN?sig=1")
    monkeypatch.setenv("CIS_ALERT_FORMAT", name)
    if name == service:
        assert read_settings().alert_format == name
        return
    sentence = rf"^CIS_ALERT_FORMAT is '{name}': CIS_FAILURE_WEBHOOK_URL is an address of \w+; set CIS_ALERT_FORMAT={service}\.$"
    with pytest.raises(SettingsError, match=sentence):
        read_settings()


@pytest.mark.parametrize("host", ["chat.example.com", "notlogic.azure.com.example", "hooks.slack.com.example"])
@pytest.mark.parametrize("name", FORMATS)
def test_other_hosts_take_any_format(monkeypatch: pytest.MonkeyPatch, host: str, name: str) -> None:
    monkeypatch.setenv("CIS_FAILURE_WEBHOOK_URL", f"https://{host}/T0KEN")
    monkeypatch.setenv("CIS_ALERT_FORMAT", name)
    assert read_settings().alert_format == name
