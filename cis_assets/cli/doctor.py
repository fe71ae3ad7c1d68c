"""`cis doctor`: check that the lake and the landing folder can be used and that tables are whole; repair tables."""

from collections.abc import Iterator
from typing import Any

import click

from cis_assets.cli.console import Refused, heading, json_option, note, plural, print_json, say, with_settings
from cis_assets.settings import Settings

_WORDS = {"ok": "ok", "remark": "remark", "failed": "FAILED"}


@click.command()
@click.option("--deep", is_flag=True, help="Read every file of every table. This takes a while for a large lake.")
@click.option(
    "--repair", "repaired", multiple=True, metavar="TABLE", help="Repair a damaged table, given as LAYER/NAME."
)
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="TABLE",
    help="Take a table as it is now, after a backup was restored or the table was moved aside.",
)
@json_option
@click.pass_context
@with_settings
def doctor(
    settings: Settings,
    context: click.Context,
    deep: bool,
    repaired: tuple[str, ...],
    accepted: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check that the lake and the landing folder can be used, and that the tables are whole.

    The command reaches, lists, writes and reads both places. It writes a small file and a small table, and removes them
    again. With CIS_WRITER=openai, it checks the key, the address and the proxies, and sends no request. Then it compares
    the log of each table with its files. Exit status 1 if a check fails.

    --repair and --accept change the named tables first, and say what they did. Stop runs meanwhile.
    """
    for name in (*repaired, *accepted):
        _table(name)
    for name in accepted:
        _accept(settings, name)
    for name in repaired:
        _repair(settings, name, deep)
    rows = []
    for row in _examine(settings, deep, to_people=not as_json):
        rows.append(row)
        if not as_json and not (row["status"] == "ok" and row["place"] == "table"):
            say(f"{_WORDS[row['status']]:<8}{row['check']:<14} {row['sentence']}")
    failed = sum(row["status"] == "failed" for row in rows)
    if as_json:
        print_json(rows)
    else:
        whole = sum(row["place"] == "table" and row["status"] == "ok" for row in rows)
        if whole:
            say(f"{'ok':<8}{plural(whole, 'table')}: log and files are whole.")
        say()
        say(f"{plural(failed, 'check')} failed." if failed else "The lake and the landing folder can be used.")
    if failed:
        context.exit(1)


def _examine(settings: Settings, deep: bool, *, to_people: bool) -> Iterator[dict[str, Any]]:
    from cis_assets.errors import OperatorError
    from cis_assets.lake.round_trip import write_and_read_table
    from cis_assets.storage.doctor import examine, places

    lake_works = True
    for place in places(settings):
        if to_people:
            heading(f"{place.name}: {place.uri}")
        for check in examine(place):
            lake_works &= place.name != "lake" or check.status != "failed"
            yield _row(place.name, place.uri, check.name, check.status, check.sentence)
        if place.name == "lake" and lake_works:
            try:
                write_and_read_table(place.uri)
                yield _row(place.name, place.uri, "round trip", "ok", "A table that was written is read back.")
            except OperatorError as error:
                yield _row(place.name, place.uri, "round trip", "failed", str(error))
    yield from _examine_writer(settings, to_people=to_people)
    if lake_works:
        yield from _examine_tables(settings, deep, to_people=to_people)


def _examine_writer(settings: Settings, *, to_people: bool) -> Iterator[dict[str, Any]]:
    """Examine what a model is asked with. No request is sent, because requests cost money."""
    from cis_assets.notifications.wording import WriterError
    from cis_assets.writers.resource import CopyWriterResource

    if settings.writer == "template":
        return
    if to_people:
        heading(f"writer: {settings.writer}")
    try:
        CopyWriterResource.from_settings(settings).chosen()
    except WriterError as error:
        yield _row("writer", settings.writer, "environment", "failed", str(error))
    else:
        sentence = f"Requests to {settings.openai_model} can be made. None was sent."
        yield _row("writer", settings.writer, "environment", "ok", sentence)


def _examine_tables(settings: Settings, deep: bool, *, to_people: bool) -> Iterator[dict[str, Any]]:
    from cis_assets.catalog import SYSTEM_TABLES, TABLES
    from cis_assets.errors import OperatorError
    from cis_assets.lake.damage import find_damage, way_back
    from cis_assets.lake.delta_table import open_table
    from cis_assets.lake.lake import Lake
    from cis_assets.lake.log_files import list_log
    from cis_assets.lake.stored_schema import compare

    lake = Lake(settings.lake_uri)
    shown = not to_people
    for table in (TABLES | SYSTEM_TABLES).values():
        location = lake.location(table)
        try:
            damage = [(str(found), way_back(location, found)) for found in find_damage(location, deep=deep)]
            if not damage and list_log(location).newest is None:
                continue
            refused = [] if damage else compare(table, open_table(table, location)).refused
            if refused:
                again = (
                    f"Move the folder aside, run `cis doctor --accept {table.path}`, and materialize the table again."
                )
                damage = [(f"The table is in an older form: {'; '.join(refused)}", again)]
        except OperatorError as error:
            damage = [(str(error), "")]
        if not shown:
            heading("tables")
            shown = True
        for what, repair in damage:
            yield _row("table", location.uri, table.path, "failed", f"{what}. {repair}".strip())
        if not damage:
            yield _row("table", location.uri, table.path, "ok", "Log and files are whole.")


def _row(place: str, uri: str, check: str, status: str, sentence: str) -> dict[str, Any]:
    return {"place": place, "uri": uri, "check": check, "status": status, "sentence": sentence}


def _table(name: str) -> Any:
    from cis_assets.catalog import SYSTEM_TABLES, TABLES

    known = TABLES | SYSTEM_TABLES
    if name not in known:
        raise Refused(f"{name} is no table of the lake. The tables are {', '.join(known)}.")
    return known[name]


def _accept(settings: Settings, name: str) -> None:
    from cis_assets.actions.repair import accept
    from cis_assets.lake.lake import Lake

    version = accept(Lake(settings.lake_uri), _table(name))
    there = "There is no table now; the next run creates it" if version is None else f"It ends at version {version} now"
    note(f"{name} is accepted as it is. {there}.")


def _repair(settings: Settings, name: str, deep: bool) -> None:
    from cis_assets.actions.repair import repair_table
    from cis_assets.lake.lake import Lake

    done = repair_table(Lake(settings.lake_uri), settings.landing_uri, _table(name), deep=deep)
    for sentence in done or ["It is whole, and nothing was changed."]:
        note(f"{name}: {sentence}")
