"""The words of delta-rs and its store, as they came from Azurite behind a fault-injecting proxy, in one line."""

from __future__ import annotations

import pytest
from deltalake.exceptions import DeltaError

from cis_assets.storage.errors import StorageError, describe_error, is_denied, storage_errors

ADDRESS = "http://127.0.0.1:10000/devstoreaccount1/shop/lake/silver/orders/_delta_log/00000000000000000004.json"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            f"Generic MicrosoftAzure error\n\x1b[31m↳\x1b[0m Error performing PUT {ADDRESS} in 5s, after 3 retries, max_retries: 3 - "
            'Server returned non-2xx status code: 503 Service Unavailable: <?xml version="1.0"?><Error><Code>ServerBusy</Code></Error>',
            "the storage answered 503 Service Unavailable (ServerBusy)",
        ),
        (
            f"Generic MicrosoftAzure error\n\x1b[31m↳\x1b[0m Error performing PUT {ADDRESS}?sig=abc%3D in 592µs - HTTP error\n"
            "\x1b[31m↳\x1b[0m client error (SendRequest)\n\x1b[31m↳\x1b[0m Connection reset by peer (os error 104)",
            "Generic MicrosoftAzure error - Connection reset by peer (os error 104)",
        ),
        (
            "The operation lacked the necessary privileges to complete for path lake/silver/orders/_delta_log",
            "the storage denies access: the credential is wrong or lacks a permission",
        ),
        (f"GET {ADDRESS}?sv=2025&sig=secret%3D failed", f"GET {ADDRESS} failed"),
        ("", "OSError"),
    ],
)  # fmt: skip
def test_an_error_of_the_store_becomes_one_line_without_colours_markup_or_signatures(text: str, words: str):
    assert describe_error(OSError(text)) == words


def test_a_lacking_right_is_told_from_a_fault_that_may_pass():
    assert is_denied(OSError("Server returned non-2xx status code: 403 Forbidden: <?xml"))
    assert not is_denied(OSError("Server returned non-2xx status code: 503 Service Unavailable"))


@pytest.mark.parametrize("kind", [OSError, DeltaError])
def test_an_error_of_the_store_says_what_was_being_done(kind: type[Exception]):
    with (
        pytest.raises(StorageError, match=r"^Reading silver/orders failed: no route"),
        storage_errors("Reading silver/orders"),
    ):
        raise kind("no route")


def test_any_other_error_stays_what_it_is():
    with pytest.raises(KeyError), storage_errors("Reading silver/orders"):
        raise KeyError("column")
