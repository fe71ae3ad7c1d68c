"""Parquet landing files: their types are checked against the contract before a row is read."""

from __future__ import annotations

import polars as pl

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder
from cis_assets.landing.rows import LandedRows, first_line, refuse_header, split_by_reason, type_words, wrong_types


def read_parquet(folder: LandingFolder, table: LandingTable, file: LandingFile) -> LandedRows:
    """Read one Parquet file lazily; LandingError if it is none, lacks a column, or holds one as another kind of value."""
    scan = pl.scan_parquet(
        folder.address(file),
        row_index_name="source_line",
        row_index_offset=1,
        hive_partitioning=False,
        glob=False,
        storage_options=folder.storage_options or None,
    )
    try:
        schema = scan.drop("source_line").collect_schema()
    except pl.exceptions.ComputeError as error:
        raise LandingError(f"Landing file {file.path} is no readable Parquet file: {first_line(error)}.") from None
    refuse_header(table, file, list(schema))
    for name, dtype in table.columns.items():
        if name in schema and not _holds(schema[name], dtype):
            raise LandingError(f"Landing file {file.path} holds {name} as {schema[name]} where {type_words(dtype)} is expected.")
    values = {name: pl.col(name) for name in table.columns if name in schema}
    parsed = {name: value.cast(table.columns[name], strict=False) for name, value in values.items()}
    absent = {name: pl.lit(None, dtype) for name, dtype in table.columns.items() if name not in schema}
    typed = scan.with_columns(
        reason=wrong_types(table, values, parsed),
        raw_text=pl.struct(list(values)).struct.json_encode(),
        **parsed,
        **absent,
    )
    return split_by_reason(table, file, typed, frozenset(schema) - table.columns.keys())


def _holds(found: pl.DataType, wanted: pl.DataType) -> bool:
    """Whether values of a Parquet type can be taken for the contract's without losing anything unseen."""
    if wanted.is_integer():
        return found.is_integer() or found == pl.String()
    if wanted.is_float():
        return found.is_numeric() or found == pl.String()
    return found == wanted
