"""The search that the tests of erasure rest on finds what there is to find."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cis_assets_tests.erasure.byte_search import traces_of

NUMBER = 7_316_502_948_117


@pytest.mark.parametrize("codec", ["none", "snappy", "zstd", "gzip"])
@pytest.mark.parametrize("page", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_a_number_in_a_compressed_column_is_found_in_values_statistics_and_pages(
    tmp_path: Path, codec: str, page: str, dictionary: bool
):
    rows = pa.table({"number": pa.array([5, None, *range(2000), NUMBER])})
    path = tmp_path / "rows.parquet"
    pq.write_table(rows, path, compression=codec, data_page_version=page, use_dictionary=dictionary)
    assert traces_of([3, NUMBER], tmp_path)["rows.parquet"] >= {"value", "statistics", "page"}


@pytest.mark.parametrize(
    ("value", "ways"),
    [
        (f"{NUMBER},perhaps,UTC", {"value", "page"}),
        (json.dumps({"customer_id": NUMBER}), {"value", "page"}),
        ({"nested": [{"number": NUMBER}]}, {"value", "page"}),
        (float(NUMBER), {"value", "page"}),
        (str(NUMBER).encode(), {"value", "page"}),
    ],
)
def test_a_number_in_another_type_is_found(tmp_path: Path, value: object, ways: set[str]):
    pq.write_table(pa.table({"column": pa.array([value])}), tmp_path / "rows.parquet", compression="zstd")
    assert traces_of([NUMBER], tmp_path)["rows.parquet"] >= ways


def test_a_number_in_text_in_half_a_file_and_in_a_name_is_found(tmp_path: Path):
    (tmp_path / "0.json.tmp").write_text(f'{{"stats": "{{\\"max\\": {NUMBER}}}"}}')
    (tmp_path / "half.parquet#1").write_bytes(b"PAR1" + NUMBER.to_bytes(8, "little"))
    (tmp_path / f"customer={NUMBER}").mkdir()
    (tmp_path / "other.txt").write_text(str(NUMBER + 1))
    assert traces_of([NUMBER], tmp_path) == {
        "0.json.tmp": {"bytes"},
        "half.parquet#1": {"bytes"},
        f"customer={NUMBER}": {"name"},
    }
