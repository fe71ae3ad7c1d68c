"""Post a line of text to the webhook of a chat such as Slack or Teams, as {"text": ...}.

The address is a secret: anyone who knows it can post. No message contains it, and no message quotes an error that does.
"""

import json
import urllib.error
import urllib.request
from http.client import HTTPException

from cis_assets.errors import OperatorError

_TIMEOUT_SECONDS = 5.0


class WebhookError(OperatorError):
    """The webhook did not accept a text. The message gives the reason without the address."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuse redirects: urllib would repeat the request without its text and report success."""

    def redirect_request(self, *_: object) -> None:
        return None


def post_text(url: str, text: str, *, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
    """Post a text once. WebhookError if the webhook does not accept it."""
    try:
        request = urllib.request.Request(  # noqa: S310 - the settings allow http and https only
            url, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.build_opener(_NoRedirects).open(request, timeout=timeout_seconds).close()
    except urllib.error.HTTPError as error:
        raise WebhookError(f"the webhook answered with HTTP status {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        raise WebhookError(f"the webhook could not be reached: {type(cause).__name__}") from None
