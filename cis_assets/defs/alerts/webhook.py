"""Posting a line of text to a webhook of a chat, such as Slack's or Teams': {"text": ...}.

The address lets anybody post who knows it, so neither it nor an error that quotes it goes into a message.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException

from cis_assets.errors import OperatorError

_TIMEOUT_SECONDS = 5


class WebhookError(OperatorError):
    """A webhook did not take a text; the message names the reason and not the address."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """urllib would repeat the request elsewhere without its text, and take that for success."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def post_text(url: str, text: str) -> None:
    """Post a text, once; WebhookError if it was not taken."""
    try:
        request = urllib.request.Request(  # noqa: S310 - the settings allow http and https alone
            url, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
        )
        with _OPENER.open(request, timeout=_TIMEOUT_SECONDS):
            pass
    except urllib.error.HTTPError as error:
        raise WebhookError(f"the webhook answered with HTTP status {error.code}") from None
    except urllib.error.URLError as error:
        raise WebhookError(f"the webhook could not be reached: {type(error.reason).__name__}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise WebhookError(f"the webhook could not be reached: {type(error).__name__}") from None
