"""The bodies of webhooks. Text of alerts holds data, so no format lets it act as markup."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cis_assets.defs.alerts.failures import Alert

MOST_CHARACTERS = 3000
"""Longest text of a message. Slack cuts longer ones, and Teams takes no more than 28 KB."""
_MOST_CAUSES = 20
_SLACK_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

Body = Mapping[str, Any]


def slack(alert: Alert) -> Body:
    """A text, which Mattermost and Google Chat take too. Escaped, no part of it is a link or calls a channel."""
    return {"text": _cut(alert.line).translate(_SLACK_ESCAPES)}


def teams(alert: Alert) -> Body:
    """An adaptive card. A text run, unlike a text block, is no Markdown: Teams shows it as it is."""
    run = {"type": "TextRun", "text": _cut(alert.line)}
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": [{"type": "RichTextBlock", "inlines": [run]}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def generic(alert: Alert) -> Body:
    """Fields for programs (docs/operate.md). The text is not escaped."""
    causes = [_cut(cause) for cause in alert.causes[:_MOST_CAUSES]]
    return {
        "event": alert.event,
        "text": _cut(alert.line),
        "job": alert.job,
        "dates": alert.dates or None,
        "causes": causes,
        "run_id": alert.run_id,
    }


FORMATS: Mapping[str, Callable[[Alert], Body]] = {"slack": slack, "teams": teams, "generic": generic}


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} ..."
