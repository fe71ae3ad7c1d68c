"""What the tables of gold share: the first columns of a snapshot, and one partition for each of its days."""

from typing import Any

import dataframely as dy

from cis_assets.catalog.table import AS_OF_DATE, Table

SEGMENT = "Segment of gold/segment_model."


class Snapshot(dy.Schema):
    """The first column of every snapshot."""

    as_of_date = dy.Date(description="Day of the snapshot, which uses no later order.")


class SegmentSnapshot(Snapshot):
    """The first columns of every snapshot by segment."""

    segment_id = dy.Int32(description=SEGMENT)
    segment_name = dy.String(description="Name of the segment.")


def snapshot(
    name: str, schema: type[dy.Schema], grain: str, key: tuple[str, ...], may_be_empty: bool = True, **fills: Any
) -> Table:
    """A table with one partition per `as_of_date`; `key` is the key within a day. `fills` are those of the table."""
    return Table("gold", name, schema, grain, (AS_OF_DATE, *key), (AS_OF_DATE,), may_be_empty, fills=fills)
