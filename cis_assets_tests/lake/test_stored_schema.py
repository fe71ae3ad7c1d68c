"""Lakes that an older version made: their rows are read and kept, whether or not the landing files still exist."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl
import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake
from polars.testing import assert_frame_equal

from cis_assets.catalog import SchemaMismatchError, Table, bronze, gold, silver
from cis_assets.dates import DateRange
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.maintenance import maintain
from cis_assets.lake.slices import WHOLE, Slice
from cis_assets.lake.stored_schema import COMPAT
from cis_assets.lake.write_path import Commit
from cis_assets_tests.frames import table_frame

DAYS = [date(2026, 1, 1) + timedelta(days=day) for day in range(4)]
# How the version before goods by weight described its tables, where it differs.
FORMER_TYPES: dict[Table, dict[str, pl.DataType]] = {
    bronze.ORDER_ITEMS: {"quantity": pl.Int32()},
    silver.ORDER_ITEMS: {"quantity": pl.Int32()},
    silver.RETURNED_ITEMS: {"returned_quantity": pl.Int64()},
    silver.OFFERS: {},
    silver.PRODUCTS: {},
}
FORMER_RULES = {
    silver.ORDER_ITEMS: {"quantity_min": "quantity >= 1"},
    silver.OFFERS: {"percent_off_min": "percent_off >= 1"},
}
FORMER_COLUMNS = {
    silver.OFFERS: ("offer_id", "product_id", "percent_off", "starts_on", "ends_on"),
    silver.PRODUCTS: ("product_id", "product_name", "aisle_id", "aisle", "department_id", "department", "product_key"),
}
EVERY_TABLE = pytest.mark.parametrize("table", FORMER_TYPES, ids=lambda table: table.path)


def rows_of_today(table: Table, *days: date, amount: Any = 7) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, day in enumerate(days or [None], start=1):
        named = dict.fromkeys(FORMER_TYPES[table], amount) | ({} if day is None else {"order_date": day})
        rows += [{**named, table.key[-1]: 10 * number + place} for place in range(3)]
    return table_frame(table, rows)


def former_rows(table: Table) -> pl.DataFrame:
    frame = rows_of_today(table, *(DAYS if table.partition_by else ()))
    return frame.select(FORMER_COLUMNS.get(table, frame.columns)).cast(FORMER_TYPES[table])  # pyright: ignore[reportArgumentType]


def make_former_table(table: Table, folder: Path, rows: pl.DataFrame | None = None) -> TableLocation:
    """Store rows as the former version did: with its types, its rules, and NOT NULL in offers."""
    location = TableLocation(str(folder / table.path), lake_uri=str(folder))
    arrow = (former_rows(table) if rows is None else rows).to_arrow(compat_level=COMPAT)
    fields = [
        pa.field(field.name, field.type, nullable=table != silver.OFFERS and table.columns[field.name].nullable)
        for field in arrow.schema
    ]
    stored = DeltaTable.create(
        location.uri,
        schema=Schema.from_arrow(pa.schema(fields)),
        partition_by=list(table.partition_by) or None,
        name=table.path,
        description="former",
    )
    if table in FORMER_RULES:
        stored.alter.add_constraint(FORMER_RULES[table])
    write_deltalake(stored, arrow.cast(pa.schema(fields)), mode="append")
    return location


def read(table: Table, location: TableLocation) -> pl.DataFrame:
    return PolarsEngine().scan_polars(table, location).collect().sort(table.key)


def replace(table: Table, location: TableLocation, rows: pl.DataFrame, *days: date) -> None:
    where = Slice.of(order_date=DateRange(min(days), max(days))) if days else WHOLE
    PolarsEngine().replace(table, location, where, LazyChunks.of([rows]))


@EVERY_TABLE
def test_a_former_table_reads_as_the_catalog_says_before_anything_is_written(tmp_path: Path, table: Table):
    location = make_former_table(table, tmp_path)
    before = DeltaTable(location.uri).version()
    found = read(table, location)
    assert dict(found.schema) == dict(table.dtypes)
    kept = former_rows(table)
    kept = kept.with_columns(pl.col(name).cast(table.dtypes[name]) for name in kept.columns)
    assert_frame_equal(found.select(kept.columns), kept, check_row_order=False)
    assert DeltaTable(location.uri).version() == before
    for name, value in table.fills.items():
        assert found[name].to_list() == [value] * found.height


@pytest.mark.parametrize("table", [table for table in FORMER_TYPES if table.partition_by], ids=lambda table: table.path)
def test_the_next_write_of_a_day_keeps_every_other_row_of_a_former_table(tmp_path: Path, table: Table):
    location = make_former_table(table, tmp_path)
    new = rows_of_today(table, DAYS[1], amount=Decimal("0.532"))
    replace(table, location, new, DAYS[1])
    kept = pl.col("order_date") != DAYS[1]
    expected = former_rows(table).cast(dict(table.dtypes)).filter(kept)  # pyright: ignore[reportArgumentType]
    assert_frame_equal(read(table, location).filter(kept), expected, check_row_order=False)
    assert_frame_equal(read(table, location).filter(~kept), new, check_row_order=False)


@EVERY_TABLE
def test_a_former_table_is_converted_in_one_commit_and_then_left_alone(tmp_path: Path, table: Table):
    location = make_former_table(table, tmp_path)
    days = DAYS[:1] if table.partition_by else []
    new = rows_of_today(table, *days)
    replace(table, location, new, *days)
    commits = DeltaTable(location.uri).history()
    converted = [entry for entry in commits if "cis_migration" in entry]
    assert len(converted) == (table != silver.PRODUCTS)
    assert [entry["operation"] for entry in commits].count("WRITE") == 2 + len(converted)
    version = DeltaTable(location.uri).version()
    replace(table, location, new, *days)
    assert DeltaTable(location.uri).version() == version + 1


def test_rules_of_the_former_version_are_replaced(tmp_path: Path):
    location = make_former_table(silver.ORDER_ITEMS, tmp_path)
    replace(silver.ORDER_ITEMS, location, rows_of_today(silver.ORDER_ITEMS, DAYS[0]), DAYS[0])
    rules = DeltaTable(location.uri).metadata().configuration
    assert "delta.constraints.quantity_min" not in rules
    assert rules["delta.constraints.quantity_min_exclusive"] == "quantity > 0"


def test_a_process_that_is_killed_while_it_converts_loses_nothing(tmp_path: Path):
    table = silver.ORDER_ITEMS
    location = make_former_table(table, tmp_path)
    script = f"""
import os
from cis_assets.catalog import silver
from cis_assets.lake import checked_batches
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.write_path import commit_once
before = checked_batches.CheckedBatches._record_batches
def killed(self, frames, schema):
    yield from before(self, frames, schema)
    os._exit(9)
checked_batches.CheckedBatches._record_batches = killed
commit_once(silver.ORDER_ITEMS, TableLocation({location.uri!r}, lake_uri={str(tmp_path)!r}), lambda commit: None)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    assert read(table, location).height == former_rows(table).height
    replace(table, location, rows_of_today(table, DAYS[0]), DAYS[0])
    assert_frame_equal(read(table, location), former_rows(table).cast(dict(table.dtypes)), check_row_order=False)  # pyright: ignore[reportArgumentType]


def test_rows_that_another_writer_adds_while_a_table_is_converted_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    table = bronze.ORDER_ITEMS
    location = make_former_table(table, tmp_path)
    late = former_rows(table).with_columns(source_file=pl.lit("late.csv")).filter(order_date=DAYS[3])
    convert = Commit.convert

    def convert_too_late(commit: Commit, changes: list[str]) -> None:
        if DeltaTable(location.uri).history(1)[0].get("writer") != "other":
            properties = CommitProperties(custom_metadata={"writer": "other"})
            write_deltalake(
                location.uri, late.to_arrow(compat_level=COMPAT), mode="append", commit_properties=properties
            )
        convert(commit, changes)

    monkeypatch.setattr(Commit, "convert", convert_too_late)
    replace(table, location, rows_of_today(table, DAYS[0]), DAYS[0])
    assert read(table, location).height == former_rows(table).height + late.height


def test_maintenance_of_a_former_table_keeps_its_rows(tmp_path: Path):
    table = silver.ORDER_ITEMS
    location = make_former_table(table, tmp_path)
    write_deltalake(
        location.uri, former_rows(table).filter(order_date=DAYS[0]).to_arrow(compat_level=COMPAT), mode="append"
    )
    before = read(table, location)
    maintain(table, location, 24)
    assert_frame_equal(read(table, location), before, check_row_order=False)


def test_values_that_do_not_fit_the_new_type_are_refused_and_stay(tmp_path: Path):
    table = silver.RETURNED_ITEMS
    rows = former_rows(table).with_columns(returned_quantity=pl.lit(2**62))
    location = make_former_table(table, tmp_path, rows)
    with pytest.raises(SchemaMismatchError, match=r"stored rows cannot be converted .*Move the table at .* aside"):
        replace(table, location, rows_of_today(table, DAYS[0]), DAYS[0])
    assert pl.read_delta(location.uri)["returned_quantity"].to_list() == [2**62] * rows.height


class _Narrower(bronze.BronzeOrderItems):
    unit_price = dy.Int32(nullable=True, description="Price.")


def test_a_narrower_type_is_refused(tmp_path: Path):
    table = dataclasses.replace(bronze.ORDER_ITEMS, schema=_Narrower)
    location = make_former_table(bronze.ORDER_ITEMS, tmp_path)
    with pytest.raises(
        SchemaMismatchError, match="'unit_price' is stored as double nullable where the catalog says integer"
    ):
        replace(table, location, table.empty(), DAYS[0])


def test_a_table_in_an_older_form_that_cannot_be_read_says_what_to_do(tmp_path: Path):
    location = TableLocation(str(tmp_path / "segment_model"), {})
    former = gold.SEGMENT_MODEL.empty().drop("version", "state")
    write_deltalake(location.uri, former.to_arrow(compat_level=COMPAT))
    with pytest.raises(SchemaMismatchError, match=r"older form, without version, state\. Move that folder aside"):
        PolarsEngine().scan(gold.SEGMENT_MODEL, location).collect()
