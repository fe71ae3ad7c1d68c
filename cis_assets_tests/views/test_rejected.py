from __future__ import annotations

from cis_assets.catalog import bronze, silver
from cis_assets.views.rejected import count_rejected_rows, count_returned_items
from cis_assets_tests.conftest import day
from cis_assets_tests.views.conftest import SmallLake

DAY = day("2025-10-31")


def test_reasons_are_counted_without_the_values_of_rows_most_first_with_the_first_row(lake: SmallLake):
    unparsed = {"order_date": DAY, "source_table": "orders", "source_file": "a.csv"}
    lake.add(
        bronze.REJECTED_ROWS,
        {**unparsed, "source_line": 3, "reason": "order_hour is no number: noon", "raw_text": "1,1,noon"},
        {**unparsed, "source_line": 2, "reason": "order_hour is no number: late", "raw_text": "2,1,late"},
    )
    lake.add(
        silver.REJECTED_ROWS,
        {"order_date": DAY, "source_table": "orders", "source_key": "9", "reason": "x", "row_json": "{}"},
    )
    assert count_rejected_rows(lake).to_dicts() == [
        {
            "table": "bronze/rejected_rows",
            "source_table": "orders",
            "reason": "order_hour is no number",
            "rows": 2,
            "where": "a.csv line 2",
            "row": "2,1,late",
        },
        {
            "table": "silver/rejected_rows",
            "source_table": "orders",
            "reason": "x",
            "rows": 1,
            "where": "2025-10-31 orders 9",
            "row": "{}",
        },
    ]


def test_an_empty_lake_has_neither_rejected_rows_nor_returned_items(lake: SmallLake):
    assert count_rejected_rows(lake).to_dicts() == []
    assert count_returned_items(lake) == 0
    lake.add(silver.RETURNED_ITEMS, {}, {})
    assert count_returned_items(lake) == 2
