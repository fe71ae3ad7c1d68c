"""Variables that would fail every request to a model: refused before the first one, by name and without their values."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_assets.notifications.wording import WriterError
from cis_assets.settings import read_settings
from cis_assets.writers.resource import CopyWriterResource

from .conftest import ModelServer
from .test_openai import request

SECRET = "s3cret"


def write() -> None:
    CopyWriterResource.from_settings(read_settings(writer="openai")).chosen().write([request()])


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("OPENAI_API_KEY", f"sk-{SECRET}\n", "has a line end"),
        ("OPENAI_API_KEY", f"sk-{SECRET}\r\n", "has a line end"),
        ("OPENAI_API_KEY", f" sk-{SECRET}", "has white space"),
        ("OPENAI_API_KEY", f"Bearer sk-{SECRET}", "has white space"),
        ("OPENAI_API_KEY", f"\u201csk-{SECRET}\u201d", "has quotation marks"),
        ("OPENAI_API_KEY", f'"sk-{SECRET}"', "has quotation marks"),
        ("OPENAI_API_KEY", f"sk-{SECRET}\u00e9", "has a character that is not ASCII"),
        ("OPENAI_API_KEY", f"sk-{SECRET}\x07", "has a control or invisible character"),
        ("OPENAI_API_KEY", "", "is not set"),
        ("OPENAI_API_KEY", "\n", "is not set"),
        ("OPENAI_ORG_ID", f"org-{SECRET}\n", "has a line end"),
        ("OPENAI_PROJECT_ID", f"proj {SECRET}", "has white space"),
        ("OPENAI_CUSTOM_HEADERS", f"x-team: {SECRET}\u2019s", "has a character that no header may have"),
        ("OPENAI_BASE_URL", "", "is empty"),
        ("OPENAI_BASE_URL", " ", "is empty"),
        ("OPENAI_BASE_URL", f"{SECRET}.example/v1", "does not begin with http:// or https://"),
        ("OPENAI_BASE_URL", f"ftp://{SECRET}.example", "does not begin with http:// or https://"),
        ("OPENAI_BASE_URL", f"http://{SECRET}.example/v1\n", "has a line end"),
        ("OPENAI_BASE_URL", f"http://{SECRET}.example:99999", "has a port that is no number"),
        ("OPENAI_BASE_URL", f"http://{SECRET} .example", "has white space"),
        ("OPENAI_BASE_URL", f"http://user:{SECRET}@host.example", "has a user name or a password in it"),
        ("OPENAI_BASE_URL", f"http://a..{SECRET}", "has a malformed host"),
        ("HTTP_PROXY", f"foo://{SECRET}", "does not begin with http:// or https:// or socks5://"),
        ("https_proxy", f"http://{SECRET}:99999", "has a port that is no number"),
        ("HTTPS_PROXY", f"http://{SECRET}\n", "has a line end"),
        ("ALL_PROXY", f"socks5://{SECRET}:1080", "needs the package socksio"),
        ("SSL_CERT_FILE", f"/{SECRET}.pem", "names nothing that exists"),
    ],
)
def test_what_every_request_would_meet_is_refused_before_the_first(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, name: str, value: str, fault: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WriterError) as refused:
        write()
    sentence = str(refused.value)
    assert name in sentence
    assert fault in sentence
    assert SECRET not in sentence
    assert "\n" not in sentence
    assert server.requests == []


def test_each_variable_at_fault_is_named(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1\n")
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    with pytest.raises(WriterError, match=r"OPENAI_API_KEY has a line end; .* OPENAI_BASE_URL is empty; "):
        write()


def test_a_certificate_file_of_another_kind_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    (tmp_path / "ca.pem").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(WriterError, match="The HTTP client cannot use SSL_CERT_FILE"):
        write()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PROXY", ""),
        ("HTTPS_PROXY", "user:word@proxy.example:3128"),
        ("NO_PROXY", "127.0.0.1,localhost,.example.com,10.0.0.0/8"),
        ("OPENAI_ORG_ID", ""),
        ("OPENAI_CUSTOM_HEADERS", "x-team: shop\nx-env: test"),
    ],
)
def test_variables_that_requests_can_be_made_with_are_not_refused(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    write()
    assert len(server.requests) == 1


def test_a_proxy_is_not_judged_if_no_request_uses_one(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "foo://x")
    monkeypatch.setenv("NO_PROXY", "*")
    write()
    assert len(server.requests) == 1
