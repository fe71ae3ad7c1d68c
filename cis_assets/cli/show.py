"""`cis show`: what is in the lake, as tables for people or JSON for programs."""

from __future__ import annotations

from collections import Counter
from copy import copy
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from cis_assets.cli.console import DAY, heading, json_option, note, plural, print_json, print_table, say, with_lake
from cis_assets.dates import days_in_words

if TYPE_CHECKING:
    from cis_assets.lake.lake import Lake

_CHECKS_LISTED = 20
_COUNT_NAMES = {"unparsed": "not parsed", "erased": "of erased customers", "duplicates": "duplicate rows"}
_as_of_option = click.option("--as-of", type=DAY, help="Day of the snapshot (default: the newest).")


@click.group()
def show() -> None:
    """Print what is in the lake."""


@show.command()
@json_option
@click.pass_context
@with_lake
def tables(lake: Lake, context: click.Context, as_json: bool) -> None:
    """Every table of the catalog: rows, days, files and size.

    Exit status 1 if a table is damaged.
    """
    from cis_assets.views.tables import measure_tables

    rows = measure_tables(lake)
    damaged = [row["damage"] for row in rows if row["damage"]]
    if as_json:
        print_json(rows)
        context.exit(1 if damaged else 0)
    print_table(
        ["table", "rows", "days", "newest", "files", "size"],
        [
            (row["table"], f"{row['rows']:,}", row["days"], row["newest"], row["files"], _format_size(row["bytes"]))
            if row["rows"] is not None
            else (row["table"], "-", "", "damaged" if row["damage"] else "never materialized", "", "")
            for row in rows
        ],
        right=("rows", "days", "files", "size"),
    )
    for sentence in damaged:
        note(f"cis: {sentence}")
    if damaged:
        context.exit(1)


@show.command()
@_as_of_option
@json_option
@with_lake
def segments(lake: Lake, as_of: date | None, as_json: bool) -> None:
    """The customer segments of a snapshot and what marks them.

    Customers and shares are of customers with an order in the last 90 days. The others, quiet customers, stand beside.
    """
    from cis_assets.views.snapshots import list_segments

    rows = list_segments(lake, as_of).to_dicts()
    if as_json:
        print_json(rows)
    elif rows:
        say(f"Customer segments as of {rows[0]['as_of_date']}")
        print_table(
            ["segment", "share", "customers", "quiet", "what marks it"],
            [
                (
                    row["segment_name"],
                    f"{row['customer_share']:.0%}",
                    f"{row['customer_count'] - row['quiet_customers']:,}",
                    f"{row['quiet_customers']:,}",
                    row["segment_marks"],
                )
                for row in rows
            ],
            right=("share", "customers", "quiet"),
        )
    else:
        say("There is no snapshot yet: run `cis snapshot`.")


@show.command()
@_as_of_option
@json_option
@with_lake
def rfm(lake: Lake, as_of: date | None, as_json: bool) -> None:
    """The customers of a snapshot by RFM segment: recency, frequency, and spend against the other customers.

    This view stands beside segments (habits), which change slowly.
    """
    from cis_assets.views.snapshots import list_rfm_segments

    rows = list_rfm_segments(lake, as_of).to_dicts()
    if as_json:
        print_json(rows)
    elif rows:
        say(f"RFM segments as of {rows[0]['as_of_date']}. R: recency, FM: mean of frequency and spend, 1 to 5 (best)")
        print_table(
            ["RFM segment", "R", "FM", "customers", "share"],
            [
                (row["rfm_segment"], row["recency"], row["value"], f"{row['customers']:,}", f"{row['share']:.0%}")
                for row in rows
            ],
            right=("customers", "share"),
        )
    else:
        say("There is no snapshot yet: run `cis snapshot`.")


@show.command()
@click.argument("customer_id", type=int)
@_as_of_option
@json_option
@with_lake
def customer(lake: Lake, customer_id: int, as_of: date | None, as_json: bool) -> None:
    """One customer: features, segment, lifecycle stage, predictions with reasons, last orders and messages."""
    from cis_assets.views.customers import describe_customer

    found = describe_customer(lake, customer_id, as_of)
    if as_json:
        print_json(found)
        return
    heading(f"Customer {customer_id} as of {found['features']['as_of_date']}")
    facts = {**found["features"], **found["segment"]}
    if found["lifecycle"]:
        facts["stage"] = f"{found['lifecycle']['stage']} since {found['lifecycle']['since']}"
    print_table(["", ""], [(name, _format(value)) for name, value in facts.items() if name != "customer_id"])
    _print_predictions(found)
    heading(f"Last {plural(len(found['orders']), 'order')} (* bought before)")
    print_table(
        ["date", "hour", "products"],
        [(order["order_date"], f"{order['order_hour']}:00", ", ".join(order["products"])) for order in found["orders"]],
    )
    heading("Messages")
    for message in found["notifications"]:
        say(f"{message['send_at']:%Y-%m-%d %H:%M} UTC  {message['title']}", f"  {message['body']}")
    if not found["notifications"]:
        say("None in this snapshot.")


def _print_predictions(found: dict[str, Any]) -> None:
    """Print the next order and what is likely in it, with reasons."""
    heading("Next order")
    forecast = found["next_order"]
    if forecast:
        expected = forecast["expected_order_date"] or "not within 90 days"
        say(
            f"Expected: {expected}. Probability within 7 days {forecast['probability_7d']:.0%}, within 28 days "
            f"{forecast['probability_28d']:.0%}; {forecast['expected_orders_90d']:.1f} orders in 90 days."
        )
    else:
        say("No forecast in this snapshot: `cis train --predictions` needs five weeks of orders.")
    recommendations = found["recommendations"]
    if not recommendations:
        say("No recommendation in this snapshot.")
        return
    print_table(
        ["rank", "product", "kind", "probability", "reason"],
        [
            (row["rank"], row["product_name"], row["kind"], f"{row['probability']:.0%}", row["reason"])
            for row in recommendations
        ],
        right=("rank", "probability"),
    )


@show.command()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many messages to print.")
@_as_of_option
@json_option
@with_lake
def notifications(lake: Lake, limit: int, as_of: date | None, as_json: bool) -> None:
    """Messages of a snapshot, each with the facts behind it."""
    from cis_assets.views.snapshots import list_notifications

    rows = list_notifications(lake, limit, as_of).to_dicts()
    if as_json:
        print_json(rows)
        return
    for row in rows:
        say(row["title"], f"  {row['body']}", f"  because: {_explain(row)}")
    if not rows:
        say("There is no message: no customer with consent has an occasion on the day after the snapshot.")


def _explain(row: dict[str, Any]) -> str:
    offer = row["offer_words"] or f"{row['percent_off']}% off"
    facts = [
        f"customer {row['customer_id']} ({row['segment_name']})",
        f"{row['product_name']} in {row['product_orders']} of {plural(row['order_count'], 'order')}, last {plural(row['product_recency_days'], 'day')} ago",
        f"last order {plural(row['recency_days'], 'day')} ago",
        f"{row['occasion']}, {row['tone']}",
        f"offer {row['offer_id']}: {offer}" if row["offer_id"] is not None else "no offer",
        f"sent {row['weekday']} {row['send_hour']}:00 {row['time_zone']}",
        f"copy by {row['generator']}",
    ]
    return "; ".join(facts)


@show.command()
@json_option
@with_lake
def rejected(lake: Lake, as_json: bool) -> None:
    """Rejected rows by reason, each with an example."""
    from cis_assets.views.rejected import count_rejected_rows, count_returned_items

    rows, returned = count_rejected_rows(lake).to_dicts(), count_returned_items(lake)
    if as_json:
        print_json({"rejected": rows, "returned_items": returned})
        return
    totals = Counter[str]()
    for row in rows:
        table = f"{row['table']} ({row['source_table']})"
        totals[table] += row["rows"]
        say(f"{row['rows']:,} x {table}: {row['reason']}", f"  {row['where']}: {row['row']}")
    if rows:
        heading("In all")
    else:
        say("No row was rejected.")
    for table, count in sorted(totals.items()):
        say(f"{plural(count, 'row')} in {table}")
    if returned:
        say(f"{plural(returned, 'returned item')} in silver/returned_items")


@show.command()
@click.option("--from", "first", type=DAY, help="First order date (default: the first that was read).")
@click.option("--to", "last", type=DAY, help="Last order date (default: the last that was read).")
@json_option
@click.pass_context
@with_lake
def reconciliation(lake: Lake, context: click.Context, first: date | None, last: date | None, as_json: bool) -> None:
    """Where landed rows of order dates and snapshots went, and which checks failed.

    Also lists quarantined dates and snapshots. JSON has the counts of each date. Counting the rows of many dates takes a while. Exit
    status 1 if rows are not accounted for.
    """
    from cis_assets.quality import snapshots
    from cis_assets.quality.reconciliation import COUNTS, list_imbalances
    from cis_assets.views import reconciliation as view

    days = view.find_read_range(lake, first, last)
    counts, failed = view.reconcile(lake, days), view.list_failed_checks(lake, days).to_dicts()
    held = view.list_quarantined_dates(lake, days)
    quarantined = {str(day): reason for day, reason in held.items()}
    of_snapshots, faults = view.reconcile_snapshots(lake), view.list_snapshot_faults(lake)
    pending = view.list_pending_dates(lake, days, counts)
    missing = list_imbalances(counts, without=held, pending=pending)
    missing += snapshots.list_imbalances(of_snapshots)
    if as_json:
        content = {"reconciliation": counts.to_dicts(), "failed_checks": failed, "quarantined": quarantined}
        content |= {"snapshots": of_snapshots.to_dicts(), "snapshots_not_in_force": faults}
        print_json(content | {"not_accounted_for": missing, "pending": [str(day) for day in pending]})
        context.exit(1 if missing else 0)
    unreadable = days_in_words(view.list_unreadable_dates(lake, days))
    say(f"Rows of {days}" + (f" without {unreadable}, which cannot be read" if unreadable else ""))
    if not counts.is_empty():
        sums = (
            counts.group_by("source_table").sum().select("source_table", *COUNTS).sort("source_table", descending=True)
        )
        columns = [_COUNT_NAMES.get(name, name) for name in COUNTS]
        print_table(["", *columns], [(name, *(f"{sum:,}" for sum in row)) for name, *row in sums.rows()], right=columns)
        say("landed = typed + not parsed + of erased customers; typed = valid + returned + rejected + duplicate rows")
    if pending:
        say(f"Pending: {days_in_words(pending)} is read and not yet in silver. Run `cis backfill` for it.")
    heading("Snapshots in force")
    if not of_snapshots.is_empty():
        columns = [_COUNT_NAMES.get(name, name) for name in snapshots.COUNTS]
        listed = [(name, *(f"{count:,}" for count in row)) for _, name, *row in of_snapshots.rows()]
        print_table(["", *columns], listed, right=columns)
    for sentence in missing[:_CHECKS_LISTED]:
        say(f"Not accounted for: {sentence}. Run `cis doctor`, then `cis backfill` for the date.")
    if len(missing) > _CHECKS_LISTED:
        say(f"and {len(missing) - _CHECKS_LISTED} more (--json lists all)")
    heading(plural(len(quarantined), "quarantined date"))
    for day, reason in quarantined.items():
        say(f"{day}: {reason}")
    if faults:
        heading(f"{plural(len(faults), 'newest snapshot')} not in force")
    for fault in faults.values():
        say(fault)
    heading(f"{plural(len(failed), 'check')} failed")
    for row in failed[:_CHECKS_LISTED]:
        say(f"{row['order_date']} {row['check']}: {row['detail']}")
    if len(failed) > _CHECKS_LISTED:
        say(f"and {len(failed) - _CHECKS_LISTED} more (--json lists all)")
    context.exit(1 if missing else 0)


# The former name of `cis show reconciliation`.
books = copy(reconciliation)
books.hidden = True
show.add_command(books, "books")


def _format_size(size: float) -> str:
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def _format(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
