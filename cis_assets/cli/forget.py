"""`cis forget`: erase customers from the lake and its history."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, BinaryIO

import click

from cis_assets.cli.console import Refused, confirm, plural, print_table, progress, say, with_settings
from cis_assets.settings import Settings

if TYPE_CHECKING:
    from cis_assets.erasure.landing_files import LandingFiles

_FOUND_NOWHERE = 3
_NUMBERS_NAMED = 20


@click.command()
@click.argument("customers", nargs=-1, metavar="CUSTOMER_ID...")
@click.option("--from-file", type=click.File("rb"), help="Read numbers from a file, one per line (-: standard input).")
@click.option("--dry-run", is_flag=True, help="Show what an erasure would remove, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--despite-run", multiple=True, metavar="RUN_ID", help="Ignore this Dagster run, which was killed.")
@with_settings
def forget(
    settings: Settings,
    customers: tuple[str, ...],
    from_file: BinaryIO | None,
    dry_run: bool,
    yes: bool,
    despite_run: tuple[str, ...],
) -> None:
    """Erase customers from every table and its history.

    Later runs leave their rows out. Earlier versions of all tables are deleted, and tables that `cis doctor --repair`
    moved aside. Nothing may write to the lake meanwhile. Landing files are not changed; the command lists those that still
    hold the customers.

    Exit status 3: some numbers were found nowhere. The command names them; the other customers are erased.
    """
    from cis_assets.actions.erase import erase_customers
    from cis_assets.cli.instance import dagster_instance
    from cis_assets.erasure.erase import count_steps, find_customers
    from cis_assets.erasure.requests import parse_customer_number, parse_customer_numbers
    from cis_assets.lake.erased_customers import ErasureKey
    from cis_assets.lake.lake import Lake
    from cis_assets.landing.folder import LandingFolder
    from cis_assets.storage.durability import choose_sync

    numbers = {parse_customer_number(text, f"CUSTOMER_ID {place}") for place, text in enumerate(customers, start=1)}
    if from_file:
        numbers |= parse_customer_numbers(from_file.read(), "the file given")
    if not numbers:
        raise Refused("Name at least one customer, as an argument or with --from-file.")
    lake = Lake(settings.lake_uri, sync=choose_sync(settings.sync_writes))
    folder = LandingFolder(settings.landing_uri, follow_links=settings.landing_links)
    if dry_run:
        found = find_customers(lake, folder, numbers)
        rows = [(table, f"{rows:,}") for table, rows in found.rows.items()]
        print_table(["table", "rows to remove"], rows, right=("rows to remove",))
        _print_landing_files(found.landing_files)
        if found.moved_aside:
            say(f"Not searched, since the erasure deletes them: {', '.join(found.moved_aside)}.")
        _say_key_needed(settings)
        say("Nothing was changed.")
        _end(found.nowhere)
        return
    if not yes:
        _confirm(
            f"Erase {plural(len(numbers), 'customer')} from {lake.uri} and delete all earlier versions of its tables?"
        )
    key = ErasureKey(settings.erasure_key)
    with dagster_instance() as instance, progress("Erasing", count_steps(lake)) as advance:
        receipt, address = erase_customers(
            lake, folder, key, numbers, instance, ignored_runs=despite_run, advance=advance
        )
    changed = sum(table.rows_removed > 0 for table in receipt.tables)
    say(
        f"Erased: {plural(receipt.rows_removed, 'row')} removed from {plural(changed, 'table')}, and the history of "
        f"{plural(len(receipt.tables), 'table')} ({plural(receipt.history_files_removed, 'file')})."
        + (" No row is left." if receipt.rows_removed else " The tables had no row of these customers.")
    )
    if receipt.moved_aside_removed:
        say(f"Deleted, since repairs had moved these tables aside: {', '.join(receipt.moved_aside_removed)}.")
    _print_landing_files(receipt.landing_files)
    _say_not_searched("the catalog does not know them", receipt.elsewhere_in_the_lake)
    say(f"Receipt: {address}")
    _end({number for number in numbers if key.hash(number) in receipt.hashes_found_nowhere})


def _end(nowhere: Collection[int]) -> None:
    """Name the numbers that were found nowhere and end with their exit status."""
    if nowhere:
        named = ", ".join(map(str, sorted(nowhere)[:_NUMBERS_NAMED]))
        more = f" and {len(nowhere) - _NUMBERS_NAMED:,} more" if len(nowhere) > _NUMBERS_NAMED else ""
        say(f"Found in no table and in no landing file: {named}{more}. Check these numbers for typing errors.")
        click.get_current_context().exit(_FOUND_NOWHERE)


def _say_key_needed(settings: Settings) -> None:
    from cis_assets.lake.erased_customers import ErasureKey, ErasureKeyError

    try:
        ErasureKey(settings.erasure_key)
    except ErasureKeyError as error:
        say(f"The erasure will need a key. {error}")


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise Refused("An erasure cannot be undone. There is no terminal to ask on: confirm it with --yes.")
    confirm(f"{question} This cannot be undone.")


def _print_landing_files(found: LandingFiles) -> None:
    """Print the landing files that a person must deal with."""
    if found.holding:
        say("These landing files still hold the customers. Correct or remove them:")
        print_table(["rows", "file"], [(f"{rows:,}", file) for file, rows in found.holding.items()], right=("rows",))
    _say_not_searched("they cannot be read", found.unreadable)
    _say_not_searched("they are no landing files", found.unread)


def _say_not_searched(reason: str, places: tuple[str, ...]) -> None:
    if places:
        say(f"Not searched, since {reason}: {', '.join(places)}.")
