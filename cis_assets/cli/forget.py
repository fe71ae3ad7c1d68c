"""`cis forget`: erase customers from the lake and its history."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

import click

from cis_assets.cli.console import Refused, print_table, progress, say
from cis_assets.settings import settings

if TYPE_CHECKING:
    from cis_assets.erasure.landing_files import LandingFiles


@click.command()
@click.argument("customers", nargs=-1, metavar="CUSTOMER_ID...")
@click.option(
    "--from-file",
    type=click.File("rb"),
    help="Take numbers from a file, one per line; - is the standard input.",
)
@click.option("--dry-run", is_flag=True, help="Show what is there of them, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--despite-run", multiple=True, metavar="RUN_ID", help="A Dagster run that was killed and will not end.")
def forget(
    customers: tuple[str, ...], from_file: BinaryIO | None, dry_run: bool, yes: bool, despite_run: tuple[str, ...]
) -> None:
    """Erase customers: from every table, from the tables' history, and from whatever is read again.

    Earlier versions of all tables are gone afterwards. Nothing may write to the lake meanwhile. Landing files are not
    changed; those that still hold the customers are listed.
    """
    from cis_assets.erasure.requests import parse_customer_number, parse_customer_numbers

    numbers = {parse_customer_number(text, f"CUSTOMER_ID {place}") for place, text in enumerate(customers, start=1)}
    if from_file:
        numbers |= parse_customer_numbers(from_file.read(), "the file given")
    if not numbers:
        raise Refused("Name at least one customer, as an argument or with --from-file.")
    if dry_run:
        _show(frozenset(numbers))
        return
    if not yes:
        _ask(len(numbers))
    _erase(frozenset(numbers), despite_run)


def _show(customers: frozenset[int]) -> None:
    from cis_assets.erasure.erase import find_customers
    from cis_assets.lake.lake import Lake
    from cis_assets.landing.folder import LandingFolder

    found = find_customers(Lake(settings().lake_uri), LandingFolder(settings().landing_uri), customers)
    print_table(
        ["table", "rows to remove"],
        [(table, f"{rows:,}") for table, rows in found.rows.items()],
        right=("rows to remove",),
    )
    _print_landing(found.landing_files)
    say("Nothing was changed.")


def _ask(count: int) -> None:
    if not sys.stdin.isatty():
        raise Refused("This cannot be undone: say --yes, since there is no terminal to ask on.")
    who = "one customer" if count == 1 else f"{count:,} customers"
    click.confirm(
        f"Erase {who} from {settings().lake_uri} and drop all earlier versions of its tables? This cannot be undone.",
        abort=True,
    )


def _erase(customers: frozenset[int], despite_run: tuple[str, ...]) -> None:
    from cis_assets.cli.instance import dagster_instance
    from cis_assets.defs.erasure.jobs import refuse_runs_in_progress
    from cis_assets.erasure.erase import count_steps, erase
    from cis_assets.lake.erased_customers import ErasureKey
    from cis_assets.lake.lake import Lake
    from cis_assets.landing.folder import LandingFolder

    lake = Lake(settings().lake_uri)
    key = ErasureKey(settings().erasure_key)
    with dagster_instance() as instance, progress("Erasing", count_steps(lake)) as advance:
        receipt = erase(
            lake,
            LandingFolder(settings().landing_uri),
            key,
            customers,
            now=datetime.now(UTC),
            refuse_in_use=lambda: refuse_runs_in_progress(instance, but=despite_run),
            advance=advance,
        )
    address = receipt.write(lake.uri)
    say(
        f"Erased: {receipt.rows_removed:,} rows removed from {sum(table.rows_removed > 0 for table in receipt.tables)} tables, "
        f"and the history of {len(receipt.tables)} tables ({receipt.history_files_removed:,} files). No row is left."
    )
    _print_landing(receipt.landing_files)
    if receipt.elsewhere_in_the_lake:
        say(
            f"In the lake, but no table of the catalog, so not looked into: {', '.join(receipt.elsewhere_in_the_lake)}."
        )
    say(f"Receipt: {address}")


def _print_landing(found: LandingFiles) -> None:
    """Which landing files a person has to see to."""
    if found.holding:
        say("Landing files that hold them, to be corrected or removed by you:")
        print_table(["rows", "file"], [(f"{rows:,}", file) for file, rows in found.holding.items()], right=("rows",))
    for files, words in (
        (found.unreadable, "Landing files that cannot be read, so nobody knows"),
        (found.unread, "In the landing folder, but no landing files, so not looked into"),
    ):
        if files:
            say(f"{words}: {', '.join(files)}.")
