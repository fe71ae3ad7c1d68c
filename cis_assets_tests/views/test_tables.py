from __future__ import annotations

from pathlib import Path

from cis_assets.catalog import TABLES, silver
from cis_assets.views.tables import find_newest_order_date, measure_tables
from cis_assets_tests.conftest import day
from cis_assets_tests.views.conftest import SmallLake


def test_every_table_is_measured_in_the_order_of_the_catalog(lake: SmallLake):
    lake.add(silver.ORDERS, {"order_date": day("2025-10-30")}, {"order_date": day("2025-10-31")})
    lake.add(silver.PRODUCTS, {}, {}, {})
    measured = measure_tables(lake)
    assert [row["table"] for row in measured] == list(TABLES)
    rows = {row["table"]: row for row in measured}
    orders, products = rows["silver/orders"], rows["silver/products"]
    assert (orders["rows"], orders["files"], orders["days"], orders["newest"]) == (2, 2, 2, day("2025-10-31"))
    assert orders["bytes"] > 0
    assert (products["rows"], products["files"], products["days"], products["newest"]) == (3, 1, None, None)
    assert set(rows["gold/notifications"].values()) == {"gold/notifications", None}


def test_a_damaged_table_is_named_and_the_others_are_measured(lake: SmallLake):
    lake.add(silver.ORDERS, {"order_date": day("2025-10-30")})
    lake.add(silver.PRODUCTS, {})
    Path(lake.location(silver.ORDERS).uri, "_delta_log", f"{0:020}.json").write_text("torn")
    rows = {row["table"]: row for row in measure_tables(lake)}
    assert "silver/orders is damaged" in rows["silver/orders"]["damage"]
    assert rows["silver/orders"]["rows"] is None
    assert (rows["silver/products"]["rows"], rows["silver/products"]["damage"]) == (1, None)


def test_the_newest_order_date_is_not_after_the_limit(lake: SmallLake):
    assert find_newest_order_date(lake, day("2025-10-31")) is None
    lake.add(silver.ORDERS, {"order_date": day("2025-10-30")}, {"order_date": day("2025-11-02")})
    assert find_newest_order_date(lake, day("2025-10-29")) is None
    assert find_newest_order_date(lake, day("2025-11-01")) == day("2025-10-30")
    assert find_newest_order_date(lake, day("2025-11-02")) == day("2025-11-02")
