"""Posting an alert to a webhook. Its address is a secret: anyone who knows it can post."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from urllib.parse import urlsplit

from cis_assets.defs.alerts.failures import Alert
from cis_assets.defs.alerts.formats import FORMATS
from cis_assets.errors import OperatorError

_MOST_ANSWER_BYTES = 4096
# An Office connector reports a failure with status 200.
_OFFICE_FAILURE = b"Webhook message delivery failed"


class WebhookError(OperatorError):
    """The webhook did not accept an alert. The message gives the reason without the address."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuse redirects: urllib would repeat the request without its body and report success."""

    def redirect_request(self, *_: object) -> None:
        return None


def post(url: str, format_name: str, alert: Alert, *, timeout_seconds: float = 5.0) -> None:
    """Post an alert once, in a format of `FORMATS`. WebhookError if the webhook does not accept it."""
    # Escapes of letters would count against the size that a service takes.
    body = json.dumps(FORMATS[format_name](alert), ensure_ascii=False).encode(errors="replace")
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - by the settings
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=timeout_seconds) as response:
            answer = response.read(_MOST_ANSWER_BYTES).strip()
    except urllib.error.HTTPError as error:
        raise WebhookError(f"the webhook answered with HTTP status {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        raise WebhookError(f"the webhook could not be reached: {type(cause).__name__}") from None
    if _is_refusal(urlsplit(url).hostname or "", answer):
        raise WebhookError("the webhook answered with status 200, but not as one that posted the alert")


def _is_refusal(host: str, answer: bytes) -> bool:
    """Whether an answer of success is none: a page of a proxy or a login, or the text of an error."""
    return (
        answer.startswith((b"<", _OFFICE_FAILURE))
        # Slack's answer is "ok".
        or (host == "hooks.slack.com" and answer != b"ok")
    )
