"""`cis show`: what is in the lake, as tables for people or JSON for programs."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from cis_assets.cli.console import Refused, heading, print_json, print_table, say
from cis_assets.settings import settings

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_AS_OF = click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=lambda _context, _option, value: value.date() if value else None,
    help="Day of the snapshot (default: the newest).",
)
_ORDERS_SHOWN = 5


@click.group()
def show() -> None:
    """Print what is in the lake."""


@show.command()
@_JSON
def tables(as_json: bool) -> None:
    """Every table of the catalog: rows, size, files and days."""
    from cis_assets.catalog import TABLES

    rows = [_table_row(table) for table in TABLES.values()]
    if as_json:
        print_json(rows)
        return
    columns = ["table", "rows", "days", "newest", "files", "size"]
    print_table(
        columns,
        [
            (row["table"], f"{row['rows']:,}", row["days"], row["newest"], row["files"], _size(row["bytes"]))
            if row["rows"] is not None
            else (row["table"], "-", "", "never materialized", "", "")
            for row in rows
        ],
        right=("rows", "days", "files", "size"),
    )


@show.command()
@_AS_OF
@_JSON
def segments(as_of: date | None, as_json: bool) -> None:
    """The customer segments of a snapshot and what marks them."""
    rows = segment_rows(as_of)
    if as_json:
        print_json(rows)
        return
    if not rows:
        say("There is no such snapshot.")
        return
    say(f"Customer segments as of {rows[0]['as_of_date']}")
    print_segments(rows)


@show.command()
@click.argument("customer_id", type=int)
@_AS_OF
@_JSON
def customer(customer_id: int, as_of: date | None, as_json: bool) -> None:
    """One customer: features, segment, last orders with what was bought again, messages."""
    found = _customer(customer_id, as_of)
    if as_json:
        print_json(found)
        return
    heading(f"Customer {customer_id} as of {found['features']['as_of_date']}")
    print_table(
        ["", ""],
        [
            (name, _value(value))
            for name, value in {**found["features"], **found["segment"]}.items()
            if name != "customer_id"
        ],
    )
    heading(f"Last {len(found['orders'])} orders (* bought before)")
    print_table(
        ["date", "hour", "products"],
        [(order["order_date"], f"{order['order_hour']}:00", ", ".join(order["products"])) for order in found["orders"]],
    )
    heading("Messages")
    for message in found["notifications"]:
        say(f"{message['send_at']:%Y-%m-%d %H:%M} UTC  {message['title']}\n  {message['body']}")
    if not found["notifications"]:
        say("None: not addressed on that day.")


@show.command()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Most messages shown.")
@_AS_OF
@_JSON
def notifications(limit: int, as_of: date | None, as_json: bool) -> None:
    """Messages of a snapshot, each with the facts it rests on."""
    from cis_assets.catalog import gold

    if as_of and as_of not in _lake().figures(gold.CUSTOMER_FEATURES).days:
        raise Refused(f"There is no snapshot as of {as_of}.")
    rows = notification_rows(limit, as_of)
    if as_json:
        print_json(rows)
        return
    print_notifications(rows)


@show.command()
@_JSON
def rejected(as_json: bool) -> None:
    """Rows that were set aside: how many for which reason, with one row as an example; and returned lines."""
    rows, returned = _rejected(), _returned_lines()
    if as_json:
        print_json({"rejected": rows, "returned_items": returned})
        return
    for row in rows:
        say(f"{row['rows']:,} x {row['table']} ({row['source_table']}): {row['reason']}")
        say(f"  {row['where']}: {row['row']}")
    if rows:
        heading("In all")
        for table, count in _totals(rows).items():
            say(f"{count:,} rows in {table}")
    else:
        say("No row was set aside.")
    if returned:
        say(f"{returned:,} returned lines, kept apart in silver/returned_items")


def table_counts() -> list[tuple[str, int]]:
    """Rows of every table that exists."""
    from cis_assets.catalog import TABLES

    rows = (_table_row(table) for table in TABLES.values())
    return [(row["table"], row["rows"]) for row in rows if row["rows"] is not None]


def segment_rows(as_of: date | None = None) -> list[dict[str, Any]]:
    from cis_assets.catalog import gold

    return _lake().snapshot(gold.SEGMENT_PROFILES, as_of).sort("segment_id").collect().to_dicts()


def print_segments(rows: list[dict[str, Any]]) -> None:
    print_table(
        ["segment", "customers", "share", "what marks it"],
        [
            (
                row["segment_name"],
                f"{row['customer_count']:,}",
                f"{row['customer_share']:.0%}",
                row["segment_marks"],
            )
            for row in rows
        ],
        right=("customers", "share"),
    )


def notification_rows(limit: int, as_of: date | None = None) -> list[dict[str, Any]]:
    """Messages of a snapshot with their contexts, one of each occasion and tone in turn."""
    import polars as pl

    from cis_assets.catalog import gold

    lake = _lake()
    facts = lake.snapshot(gold.NOTIFICATION_CONTEXTS, as_of).drop("as_of_date", "product_id", "offer_id", "segment_id")
    messages = lake.snapshot(gold.NOTIFICATIONS, as_of).join(facts, on="customer_id")
    turn = pl.int_range(pl.len()).over("occasion", "tone", pl.col("offer_id").is_null(), order_by="customer_id")
    return (
        messages.with_columns(turn=turn)
        .sort("turn", "occasion", "tone", "customer_id")
        .head(limit)
        .drop("turn")
        .collect()
        .to_dicts()
    )


def print_notifications(rows: list[dict[str, Any]]) -> None:
    if not rows:
        say("Nobody is addressed: nobody who consented has an occasion on the day after the snapshot.")
    for row in rows:
        say(f"{row['title']}")
        say(f"  {row['body']}")
        say(f"  because: {_because(row)}")


def _because(row: dict[str, Any]) -> str:
    facts = [
        f"customer {row['customer_id']} ({row['segment_name']})",
        f"{row['product_name']} in {row['product_orders']} of {row['order_count']} orders, last {row['product_recency_days']} days ago",
        f"last order {row['recency_days']} days ago",
        f"{row['occasion']}, {row['tone']}",
        f"offer {row['offer_id']}: {row['percent_off']}% off" if row["offer_id"] is not None else "no offer",
        f"sent {row['weekday']} {row['send_hour']}:00 {row['time_zone']}",
        f"words by {row['generator']}",
    ]
    return "; ".join(facts)


def _customer(customer_id: int, as_of: date | None) -> dict[str, Any]:
    import narwhals as nw
    import polars as pl

    from cis_assets.catalog import gold, silver
    from cis_assets.quality.reorders import mark_reorders

    lake = _lake()
    mine = pl.col("customer_id") == customer_id
    features = lake.snapshot(gold.CUSTOMER_FEATURES, as_of).filter(mine).collect().to_dicts()
    if not features:
        raise Refused(f"Customer {customer_id} has no order in the window of the snapshot of gold/customer_features.")
    segment = (
        lake.snapshot(gold.CUSTOMER_SEGMENTS, as_of).filter(mine).drop("as_of_date", "customer_id").collect().to_dicts()
    )
    lines = mark_reorders(nw.from_native(lake.scan(silver.ORDER_ITEMS).filter(mine))).to_native()
    names = lake.scan(silver.PRODUCTS, columns=["product_id", "product_name"])
    shown = pl.col("product_name") + pl.when("is_reorder").then(pl.lit("*")).otherwise(pl.lit(""))
    key = ["order_date", "order_of_day", "order_hour"]
    orders = (
        lines.join(names, on="product_id")
        .sort("add_to_cart_order")
        .group_by(key, maintain_order=True)
        .agg(shown.alias("products"))
        .sort(key, descending=True)
        .head(_ORDERS_SHOWN)
        .collect()
    )
    messages = lake.snapshot(gold.NOTIFICATIONS, as_of).filter(mine).collect()
    favourite = (
        names.filter(pl.col("product_id") == features[0]["favourite_product_id"]).collect()["product_name"].to_list()
    )
    return {
        "features": features[0] | {"favourite_product": favourite[0] if favourite else None},
        "segment": segment[0] if segment else {},
        "orders": orders.to_dicts(),
        "notifications": messages.to_dicts(),
    }


def _rejected() -> list[dict[str, Any]]:
    """Counts by table, source and kind of reason, most first, each with the place and text of its first row."""
    import polars as pl

    from cis_assets.catalog import bronze, silver

    lake = _lake()
    in_file = pl.format("{} line {}", "source_file", "source_line")
    by_key = pl.format("{} {}", "source_table", "source_key")
    places = {
        bronze.REJECTED_ROWS: (in_file, "raw_text"),
        bronze.REJECTED_SNAPSHOT_ROWS: (in_file, "raw_text"),
        silver.REJECTED_ROWS: (pl.format("{} {}", "order_date", by_key), "row_json"),
        silver.REJECTED_SNAPSHOT_ROWS: (by_key, "row_json"),
    }
    # What stands behind a colon in a reason is the value of that row.
    kind = pl.col("reason").str.replace_all(r": [^;]*", "")
    counted = [
        lake.scan(table)
        .group_by(pl.lit(table.path).alias("table"), "source_table", kind)
        .agg(pl.len().alias("rows"), place.min().alias("where"), pl.col(text).sort_by(place).first().alias("row"))
        for table, (place, text) in places.items()
        if lake.exists(table)
    ]
    if not counted:
        return []
    order = ["rows", "table", "source_table", "reason"]
    return pl.concat(counted).sort(order, descending=[True, False, False, False]).collect().to_dicts()


def _totals(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Rows set aside by table and by the table that they come from."""
    totals: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: (row["table"], row["source_table"])):
        place = f"{row['table']} ({row['source_table']})"
        totals[place] = totals.get(place, 0) + row["rows"]
    return totals


def _returned_lines() -> int:
    from cis_assets.catalog import silver

    lake = _lake()
    return lake.figures(silver.RETURNED_ITEMS).total.rows if lake.exists(silver.RETURNED_ITEMS) else 0


def _lake():
    from cis_assets.lake.lake import Lake

    return Lake(settings().lake_uri)


def _table_row(table) -> dict[str, Any]:
    lake = _lake()
    row: dict[str, Any] = {
        "table": table.path,
        "rows": None,
        "bytes": None,
        "files": None,
        "days": None,
        "newest": None,
    }
    if lake.exists(table):
        figures = lake.figures(table)
        row |= {"rows": figures.total.rows, "bytes": figures.total.bytes, "files": figures.total.files}
        if table.partition_by:
            row |= {"days": len(figures.days), "newest": max(figures.days, default=None)}
    return row


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"


def _value(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
