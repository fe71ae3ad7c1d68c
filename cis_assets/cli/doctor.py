"""`cis doctor`: check that the lake and the landing folder can be used, and say what to do if not."""

import click

from cis_assets.cli.console import heading, json_option, plural, print_json, say, with_settings
from cis_assets.settings import Settings

_WORDS = {"ok": "ok", "remark": "remark", "failed": "FAILED"}


@click.command()
@json_option
@click.pass_context
@with_settings
def doctor(settings: Settings, context: click.Context, as_json: bool) -> None:
    """Check that the lake and the landing folder can be used.

    The command reaches, lists, writes and reads them. It writes a small file and deletes it again. Exit status 1 if a check
    fails.
    """
    from cis_assets.storage.doctor import examine, places

    rows = []
    for place in places(settings):
        if not as_json:
            heading(f"{place.name}: {place.uri}")
        for check in examine(place):
            rows.append(
                {
                    "place": place.name,
                    "uri": place.uri,
                    "check": check.name,
                    "status": check.status,
                    "sentence": check.sentence,
                }
            )
            if not as_json:
                say(f"{_WORDS[check.status]:<8}{check.name:<15}{check.sentence}")
    failed = sum(row["status"] == "failed" for row in rows)
    if as_json:
        print_json(rows)
    else:
        say()
        say(f"{plural(failed, 'check')} failed." if failed else "The lake and the landing folder can be used.")
    if failed:
        context.exit(1)
