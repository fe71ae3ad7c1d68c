"""Faults of addresses: each is found, is said without the address, and no good address has one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.http_addresses import find_address_fault, find_text_fault


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("host.example/v1", "does not begin with http:// or https://"),
        ("host.example:8000/v1", "does not begin with http:// or https://"),
        ("ftp://host.example", "does not begin with http:// or https://"),
        ("https:/host.example", "does not begin with http:// or https://"),
        ("https://", "names no host"),
        ("https:///v1", "names no host"),
        ("https://host.example/v1\n", "has a line end"),
        ("https://host.example/v1\r\n", "has a line end"),
        (" https://host.example", "has white space"),
        ("https://host.example/a b", "has white space"),
        ("https://host\u00a0.example", "has white space"),
        ("https://host.example/\x00", "has a control or invisible character"),
        ("https://host.example/\u200b", "has a control or invisible character"),
        ("\u201chttps://host.example\u201d", "has quotation marks"),
        ("'https://host.example'", "has quotation marks"),
        ("https://host.example:99999", "has a port that is no number from 1 to 65535"),
        ("https://host.example:0", "has a port that is no number from 1 to 65535"),
        ("https://host.example:port", "has a port that is no number from 1 to 65535"),
        ("https://user:secret@host.example", "has a user name or a password in it"),
        ("https://secret@host.example", "has a user name or a password in it"),
        ("https://https://host.example/v1", "has a port that is no number from 1 to 65535"),
        ("https://host.example:/v1", "has a port that is no number from 1 to 65535"),
        ("https://host.example/https://host.example/v1", "has a second // after its host"),
        ("https://host.example//v1", "has a second // after its host"),
        ("https://999.999.999.999/v1", "has a malformed host"),
        ("https://10.0.1/v1", "has a malformed host"),
        ("https://[::1", "has a malformed host"),
        ("https://a..b", "has a malformed host"),
        ("https://" + "a" * 64 + ".example", "has a malformed host"),
        ("https://%20/", "has a malformed host"),
        ("https://host.example/caf\u00e9", "has a character that is not ASCII after its host"),
        ("https://host.example/v1?key=1", "has a part that begins with ? or #"),
    ],
)
def test_each_fault_is_named(address: str, fault: str) -> None:
    assert find_address_fault(address) == fault


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost",
        "http://127.0.0.1:8000/v1/",
        "https://api.openai.com/v1",
        "http://[::1]:8080/v1",
        "http://my_service.internal:65535",
        "https://b\u00fccher.example/v1",
        "HTTPS://HOST.example./v1",
    ],
)
def test_a_good_address_has_no_fault(address: str) -> None:
    assert find_address_fault(address) is None


def test_what_is_allowed_is_no_fault() -> None:
    assert find_address_fault("socks5://user:word@host.example:1080", schemes=("socks5",), credentials=True) is None
    assert find_address_fault("https://host.example/a?sig=x&sv=1", query=True) is None


@given(st.text())
def test_any_text_gets_a_judgement_that_does_not_quote_it(text: str) -> None:
    secret = "T0KEN"
    for address in (text, f"https://{text}{secret}", f"https://host.example/{text}{secret}"):
        assert secret not in (find_address_fault(address) or "") + (find_text_fault(address) or "")
