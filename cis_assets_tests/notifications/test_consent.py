"""Consent fails closed: without a row in the newest usable customers snapshot, a customer gets no message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import narwhals as nw
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.catalog import bronze, silver
from cis_assets.notifications.consent import (
    consenting_customers,
    find_consent_fault,
    find_snapshot_of_nobody,
    hash_consent,
)
from cis_assets_tests.frames import table_frame

ARRIVAL = datetime(2026, 3, 2, tzinfo=UTC)
LEFT = ARRIVAL + timedelta(days=1)


def landed(*faults: str | None, table: str = "customers") -> pl.LazyFrame:
    """Snapshots of customers, oldest first, each with its fault."""
    rows = [
        {"source_table": table, "snapshot": f"{table}/{place}.csv", "arrived_at": ARRIVAL + timedelta(hours=place)}
        | {"fault": fault, "in_force": fault is None}
        for place, fault in enumerate(faults)
    ]
    return table_frame(bronze.LANDED_SNAPSHOTS, rows).lazy()


def customers(*rows: tuple[int, bool, datetime | None]) -> pl.LazyFrame:
    names = ("customer_id", "push_consent", "delisted_at")
    given = [{**dict(zip(names, row, strict=True)), "time_zone": "UTC"} for row in rows]
    return table_frame(silver.CUSTOMERS, given).lazy()


def consenting(rows: pl.LazyFrame, snapshots: pl.LazyFrame) -> list[int]:
    found = consenting_customers(nw.from_native(rows), snapshots).to_native()
    return sorted(found.collect()["customer_id"])


EVERYBODY = customers((1, True, None), (2, False, None), (3, True, LEFT), (4, False, LEFT))


def test_only_a_customer_of_the_newest_snapshot_who_agreed_has_consent():
    assert consenting(EVERYBODY, landed(None)) == [1]


def test_while_the_newest_snapshot_cannot_be_used_nobody_has_consent():
    assert consenting(EVERYBODY, landed(None, "cannot be read")) == []
    assert find_consent_fault(landed(None, "cannot be read")) == "cannot be read"


def test_a_fault_of_an_earlier_snapshot_or_of_another_table_takes_nobodys_consent():
    assert consenting(EVERYBODY, landed("cannot be read", None)) == [1]
    other = landed("cannot be read", table="offers")
    assert consenting(EVERYBODY, pl.concat([landed(None), other])) == [1]


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([None, LEFT])), max_size=6),
    st.lists(st.sampled_from([None, "cannot be read"]), min_size=1, max_size=3),
)
def test_nobody_has_consent_against_the_newest_snapshot(states: list, faults: list):
    rows = customers(*((place, agreed, left) for place, (agreed, left) in enumerate(states)))
    expected = [place for place, (agreed, left) in enumerate(states) if agreed and left is None and faults[-1] is None]
    assert consenting(rows, landed(*faults)) == expected


def test_the_fingerprint_changes_with_consent_and_not_with_anything_else():
    before = hash_consent(EVERYBODY, landed(None))
    assert hash_consent(EVERYBODY.reverse(), landed(None, None)) == before
    assert hash_consent(EVERYBODY.with_columns(last_seen=pl.lit(LEFT)), landed(None)) == before
    assert hash_consent(EVERYBODY, landed(None, "cannot be read")) != before
    assert hash_consent(customers((1, False, None)), landed(None)) != before
    assert hash_consent(EVERYBODY.with_columns(time_zone=pl.lit("Asia/Tokyo")), landed(None)) != before


def test_a_snapshot_in_force_of_nobody_or_of_erased_customers_alone_is_named():
    for counts, name in (((0, 0), "customers/0.csv"), ((2, 2), "customers/0.csv"), ((3, 2), None)):
        row_count, erased = (pl.lit(count, pl.Int64) for count in counts)
        snapshots = landed(None).with_columns(row_count=row_count, erased_row_count=erased)
        assert find_snapshot_of_nobody(snapshots) == name
    assert find_snapshot_of_nobody(landed()) is None
