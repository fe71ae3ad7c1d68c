"""`cis doctor`: are the places of the lake and the landing files fit for use, and what to do if not."""

from __future__ import annotations

import click

from cis_assets.cli.console import heading, print_json, say
from cis_assets.settings import settings

_WORDS = {"ok": "ok", "remark": "remark", "failed": "FAILED"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Check that the lake and the landing folder can be reached, listed, written and read.

    Writes a small file and deletes it again. Exit status 1 if something that is needed fails.
    """
    from cis_assets.storage.doctor import examine, places

    found = []
    for place in places(settings()):
        if not as_json:
            heading(f"{place.name}: {place.uri}")
        for check in examine(place):
            found.append((place, check))
            if not as_json:
                say(f"{_WORDS[check.status]:<8}{check.name:<15}{check.sentence}")
    failed = sum(check.status == "failed" for _, check in found)
    if as_json:
        print_json(
            [
                {
                    "place": place.name,
                    "uri": place.uri,
                    "check": check.name,
                    "status": check.status,
                    "sentence": check.sentence,
                }
                for place, check in found
            ]
        )
    else:
        say()
        say(f"{failed} check{'s' * (failed > 1)} failed." if failed else "Lake and landing are fit for use.")
    if failed:
        context.exit(1)
