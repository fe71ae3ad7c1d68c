"""`cis show`: what is in the lake, as tables for people or JSON for programs."""

from __future__ import annotations

from typing import Any

import click

from cis_assets.cli.console import Refused, heading, print_json, print_table, say
from cis_assets.settings import settings

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
@_JSON
def segments(as_json: bool) -> None:
    """The customer segments of the newest snapshot and what marks them."""
    rows = segment_rows()
    if as_json:
        print_json(rows)
        return
    if not rows:
        say("No snapshot has been made yet.")
        return
    say(f"Customer segments as of {rows[0]['as_of_date']}")
    print_segments(rows)


@show.command()
@click.argument("customer_id", type=int)
@_JSON
def customer(customer_id: int, as_json: bool) -> None:
    """One customer: features, segment, last orders with what was bought again, messages."""
    found = _customer(customer_id)
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
@click.option("--limit", default=20, show_default=True, help="Most messages shown.")
@_JSON
def notifications(limit: int, as_json: bool) -> None:
    """Messages of the newest snapshot, each with the facts it rests on."""
    rows = notification_rows(limit)
    if as_json:
        print_json(rows)
        return
    print_notifications(rows)


def table_counts() -> list[tuple[str, int]]:
    """Rows of every table that exists."""
    from cis_assets.catalog import TABLES

    rows = (_table_row(table) for table in TABLES.values())
    return [(row["table"], row["rows"]) for row in rows if row["rows"] is not None]


def segment_rows() -> list[dict[str, Any]]:
    from cis_assets.catalog import gold

    return _lake().newest_snapshot(gold.SEGMENT_PROFILES).sort("segment_id").collect().to_dicts()


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


def notification_rows(limit: int) -> list[dict[str, Any]]:
    """Messages of the newest snapshot with their contexts, one of each occasion and tone in turn."""
    import polars as pl

    from cis_assets.catalog import gold

    lake = _lake()
    facts = lake.newest_snapshot(gold.NOTIFICATION_CONTEXTS).drop("as_of_date", "product_id", "offer_id", "segment_id")
    messages = lake.newest_snapshot(gold.NOTIFICATIONS).join(facts, on="customer_id")
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
        say("Nobody is addressed on that day.")
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


def _customer(customer_id: int) -> dict[str, Any]:
    import narwhals as nw
    import polars as pl

    from cis_assets.catalog import gold, silver
    from cis_assets.transforms.reorders import mark_reorders

    lake = _lake()
    mine = pl.col("customer_id") == customer_id
    features = lake.newest_snapshot(gold.CUSTOMER_FEATURES).filter(mine).collect().to_dicts()
    if not features:
        raise Refused(
            f"Customer {customer_id} has no order in the window of the newest snapshot of gold/customer_features."
        )
    segment = (
        lake.newest_snapshot(gold.CUSTOMER_SEGMENTS).filter(mine).drop("as_of_date", "customer_id").collect().to_dicts()
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
    messages = lake.newest_snapshot(gold.NOTIFICATIONS).filter(mine).collect()
    favourite = (
        names.filter(pl.col("product_id") == features[0]["favourite_product_id"]).collect()["product_name"].to_list()
    )
    return {
        "features": features[0] | {"favourite_product": favourite[0] if favourite else None},
        "segment": segment[0] if segment else {},
        "orders": orders.to_dicts(),
        "notifications": messages.to_dicts(),
    }


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
