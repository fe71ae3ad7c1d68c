"""The files of the public Instacart release as typed frames, with the column names of its known copies.

Does not belong here: what the rows mean (`source.py`).
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import polars as pl

from cis_assets.errors import OperatorError, first_line
from cis_assets.landing.headers import column_name, describe_header

# Some copies of the release have these other column names.
_ALIASES = {
    "customer_id": "user_id",
    "order_day_of_week": "order_dow",
    "day_of_week": "order_dow",
    "order_hour": "order_hour_of_day",
    "hour_of_day": "order_hour_of_day",
    "days_since_prior": "days_since_prior_order",
    "days_since_last_order": "days_since_prior_order",
    "cart_order": "add_to_cart_order",
    "name": "product_name",
}
_MISSING = ["", "NULL", "NaN", "nan"]


class InstacartError(OperatorError):
    """The folder does not hold the release; the message names the file."""


class InstacartFiles:
    """The folder with the release's CSV files, plain or gzipped."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InstacartError(f"{folder} is not a folder: give the folder that holds orders.csv of the release.")
        self._folder = folder

    def path(self, name: str) -> Path:
        for ending in ("csv", "csv.gz"):
            path = self._folder / f"{name}.{ending}"
            if path.is_file():
                return path
        raise InstacartError(f"{self._folder} has no {name}.csv, which is part of the release.")

    def read(
        self,
        name: str,
        columns: Mapping[str, pl.DataType],
        *,
        may_be_missing: Collection[str] = (),
        reshape: Callable[[pl.LazyFrame], pl.LazyFrame] = lambda rows: rows,
    ) -> pl.DataFrame:
        """Read the named columns of a file with their types, streamed through `reshape`.

        Raises InstacartError if the file or a column is absent, if a value has another type, or if the result lacks a
        value in a column outside `may_be_missing`.
        """
        path = self.path(name)
        try:
            rows = reshape(_scan(path, columns)).collect(engine="streaming")
        except (pl.exceptions.PolarsError, OSError) as error:
            raise InstacartError(f"{path} cannot be read: {first_line(error)}.") from None
        for column in rows.columns:
            missing = rows[column].null_count()
            if missing and column not in may_be_missing:
                raise InstacartError(f"{path} has no valid {column} in {missing} of its rows.")
        return rows


def _scan(path: Path, columns: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Scan the named columns of a file, with their own names and types."""
    scan = pl.scan_csv(path, infer_schema=False, null_values=_MISSING, glob=False)
    header = scan.collect_schema().names()
    spelling = {column_name(name): name for name in header}
    for alias, name in _ALIASES.items():
        if alias in spelling and name not in spelling:
            spelling[name] = spelling[alias]
    absent = [name for name in columns if name not in spelling]
    if absent:
        raise InstacartError(
            f"{path} has no column {' and no column '.join(absent)}; {describe_header(header, columns.keys())}."
        )
    rows = scan.select(pl.col(spelling[name]).alias(name) for name in columns)
    # Whole numbers may be written as 8, 08 or 8.0.
    return rows.with_columns(
        pl.col(name).str.strip_chars().str.strip_suffix(".0").cast(dtype)
        for name, dtype in columns.items()
        if dtype.is_integer()
    )
