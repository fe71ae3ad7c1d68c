"""Verdicts on the tables that silver makes, and on tables with a defect."""

import re
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from cis_assets.catalog import quality
from cis_assets.quality import verdicts as checks
from cis_assets.quality.reconciliation import COUNTS, reconciliation
from cis_assets.quality.verdicts import CHECKS, QualityPolicy, Verdicts, judge
from cis_assets_tests.quality.day_tables import (
    PRODUCTS,
    Landed,
    good_orders,
    line,
    order,
    tables_of,
    unparsed,
    without_row,
)

MONDAY = date(2026, 1, 5)
TUESDAY = date(2026, 1, 6)
POLICY = QualityPolicy(rejected_share_warn=0.1, rejected_share_block=0.5, volume_false_alarm_rate=0.01)


def judged(tables, *, days=(MONDAY, TUESDAY), counts: dict[date, int] | None = None) -> Verdicts:
    per_day = tables.silver["orders"].group_by("order_date").agg(rows=pl.len().cast(pl.Int64)).collect()
    if counts is not None:
        per_day = pl.DataFrame({"order_date": list(counts), "rows": list(counts.values())})
    return judge(tables, PRODUCTS.lazy(), per_day, list(days), POLICY)


def verdict(found: Verdicts, check: str, day: date) -> dict:
    rows = found.rows.filter(pl.col("check") == check, pl.col("order_date") == day)
    assert rows.height == 1
    return rows.row(0, named=True)


def faults(found: Verdicts) -> dict[tuple[date, str], str]:
    held = found.rows.filter(pl.col("fault").is_not_null())
    return {(row["order_date"], row["check"]): row["fault"] for row in held.iter_rows(named=True)}


def dirty(day: date) -> Landed:
    """Rows of every fate: valid, duplicate, conflict, rejected, returned, a credit note, not parsed."""
    return good_orders({day: 20}).and_these(
        orders=[
            order(day, 3, source_line=900),
            order(day, 90, order_hour=30),
            order(day, 91),
            order(day, 92),
            order(day, 92, order_hour=10, source_line=901),
            order(day, 93),
            order(day, None),
        ],
        lines=[
            line(day, 3, source_line=902),
            line(day, 91, quantity=-2),
            line(day, 4, 2, quantity=-1),
            line(day, 5, 2, product_id=99),
            line(day, 6, 2, quantity=0),
            line(day, 93, product_id=98),
            line(day, 777),
        ],
        unparsed=[unparsed(day, 50), unparsed(day, 51)],
    )


def test_every_date_gets_one_verdict_of_each_check_in_the_shape_of_the_table():
    found = judged(tables_of(good_orders({MONDAY: 3, TUESDAY: 2})))
    assert quality.DATE_CHECKS.dtypes == dict(found.rows.schema)
    assert found.rows.select("order_date", "check").rows() == [
        (day, name) for day in (MONDAY, TUESDAY) for name in sorted(CHECKS)
    ]
    assert found.rows["passed"].all()
    assert not found.offenders


def test_the_reconciliation_of_a_dirty_day_counts_every_row_once():
    kept = reconciliation(tables_of(dirty(MONDAY)), [MONDAY]).to_dicts()
    assert [row["source_table"] for row in kept] == ["order_items", "orders"]
    lines, orders = ([row[name] for name in COUNTS] for row in kept)
    assert COUNTS == ("landed", "erased", "typed", "unparsed", "valid", "returned", "rejected", "duplicates")
    assert orders == [29, 0, 27, 2, 20, 1, 5, 1]
    assert lines == [27, 0, 27, 0, 20, 2, 4, 1]


def test_a_dirty_day_balances():
    found = judged(tables_of(dirty(MONDAY)), days=[MONDAY])
    assert verdict(found, checks.LANDED, MONDAY)["passed"]
    assert verdict(found, checks.TYPED, MONDAY)["passed"]
    assert not faults(found)


def test_rows_of_erased_customers_are_accounted_for():
    found = judged(tables_of(good_orders({MONDAY: 3}), erased=2), days=[MONDAY])
    said = verdict(found, checks.LANDED, MONDAY)
    assert said["passed"]
    assert "orders: 5 landed, 3 typed + 0 not parsed + 2 of erased customers" in said["detail"]


def test_a_date_without_files_passes_with_nothing_to_count():
    found = judged(tables_of(good_orders({MONDAY: 3})))
    assert verdict(found, checks.LANDED, TUESDAY)["passed"]
    assert verdict(found, checks.REJECTED, TUESDAY)["measured"] == 0.0


@pytest.mark.parametrize("source_table", ["orders", "order_items"])
def test_a_row_lost_between_landing_and_bronze_quarantines_its_date_and_no_other(source_table: str):
    whole = tables_of(good_orders({MONDAY: 3, TUESDAY: 3}))
    tables = without_row(whole, "bronze", source_table, order_date=MONDAY, order_id=2)
    tables = replace(tables, silver={name: rows.filter(~_row(2)) for name, rows in tables.silver.items()})
    found = judged(tables)
    assert {day for day, _ in faults(found)} == {MONDAY}
    assert f"{source_table}: 3 landed, 2 typed + 0 not parsed" in faults(found)[MONDAY, checks.LANDED]
    (file,) = found.offenders[checks.LANDED].to_dicts()
    assert file["where"].startswith(f"{source_table}/order_date={MONDAY}/")
    assert file["what"] == "3 rows landed, 2 found"


def _row(order_id: int) -> pl.Expr:
    return (pl.col("order_date") == MONDAY) & (pl.col("order_id") == order_id)


def test_a_row_lost_from_one_file_cannot_hide_behind_an_extra_row_of_another():
    tables = tables_of(good_orders({MONDAY: 3}))
    whole = tables.landed_files.filter(pl.col("source_table") == "orders")
    other = whole.with_columns(source_file=pl.lit("orders/b.csv"), row_count=pl.lit(2, pl.Int64))
    orders = tables.bronze["orders"]
    found = pl.concat([orders, orders.head(1), orders.head(1).with_columns(source_file=pl.lit("orders/b.csv"))])
    landed_files = pl.concat([tables.landed_files, other])
    said = judged(replace(tables, landed_files=landed_files, bronze={**tables.bronze, "orders": found}), days=[MONDAY])
    assert verdict(said, checks.LANDED, MONDAY)["measured"] == 2
    assert set(said.offenders[checks.LANDED]["what"]) == {"3 rows landed, 4 found", "2 rows landed, 1 found"}
    assert (MONDAY, checks.LANDED) in faults(said)


def test_a_row_lost_between_bronze_and_silver_quarantines_its_date():
    tables = without_row(tables_of(dirty(MONDAY)), "silver", "order_items", order_id=2)
    found = judged(tables, days=[MONDAY])
    assert (
        "order_items: 27 typed, 19 valid + 2 returned + 4 rejected + 1 duplicates"
        in faults(found)[MONDAY, checks.TYPED]
    )


def test_a_lost_row_cannot_hide_as_a_duplicate():
    tables = without_row(tables_of(dirty(MONDAY)), "silver", "orders", order_id=3)
    found = judged(tables, days=[MONDAY])
    assert "19 valid + 1 returned + 5 rejected + 1 duplicates" in faults(found)[MONDAY, checks.TYPED]


@pytest.mark.parametrize(
    ("orders", "bad", "passes", "blocks"),
    [(40, 4, True, False), (4, 1, False, False), (4, 4, False, False), (4, 5, False, True)],
)
def test_rejected_rows_pass_then_warn_then_block(orders: int, bad: int, passes: bool, blocks: bool):
    landed = good_orders({MONDAY: orders}).and_these(unparsed=[unparsed(MONDAY, 50 + number) for number in range(bad)])
    found = judged(tables_of(landed), days=[MONDAY])
    said = verdict(found, checks.REJECTED, MONDAY)
    assert said["measured"] == bad / (orders + bad)
    assert said["passed"] is passes
    assert (said["fault"] is not None) is blocks


def test_orders_that_lost_their_lines_are_judged_apart_from_the_lines_of_others():
    """A file of lines that is cut off after a whole line shows only in the orders."""
    whole = good_orders({MONDAY: 10})
    landed = whole.and_these(lines=[line(MONDAY, 1, position) for position in range(2, 100)])
    found = judged(
        tables_of(Landed(landed.orders, [row for row in landed.lines if row["order_id"] < 5], [])), days=[MONDAY]
    )
    said = verdict(found, checks.REJECTED, MONDAY)
    assert said["measured"] == pytest.approx(0.6)
    assert "6 of 10 orders" in said["detail"]
    assert (MONDAY, checks.REJECTED) in faults(found)


def test_the_first_ten_rejected_rows_are_shown_by_place_and_rule_and_without_values():
    reasons = ["customer_id is not a whole number: 4711;x: 12\n13; order_hour is not a whole number: noon"] * 12
    landed = good_orders({MONDAY: 1}).and_these(
        unparsed=[unparsed(MONDAY, 95 + number, reason) for number, reason in reversed(list(enumerate(reasons)))]
    )
    shown = judged(tables_of(landed), days=[MONDAY]).offenders[checks.REJECTED]
    assert shown.height == 10
    assert shown["where"].to_list() == [f"orders/order_date={MONDAY}/orders.csv line {95 + at}" for at in range(10)]
    assert set(shown["what"]) == {"customer_id is not a whole number"}


def test_offenders_are_those_of_dates_that_failed():
    landed = good_orders({MONDAY: 30, TUESDAY: 1}).and_these(
        unparsed=[unparsed(MONDAY, 50), *(unparsed(TUESDAY, 60 + number) for number in range(9))]
    )
    shown = judged(tables_of(landed)).offenders[checks.REJECTED]
    assert set(shown["order_date"]) == {TUESDAY}


def test_offenders_of_quarantined_dates_are_shown_instead_of_those_of_warnings():
    warned, held = good_orders({MONDAY: 4}), good_orders({TUESDAY: 1})
    warned = warned.and_these(unparsed=[unparsed(MONDAY, 50), unparsed(MONDAY, 51)])
    held = held.and_these(unparsed=[unparsed(TUESDAY, 60 + number) for number in range(9)])
    apart = Verdicts.merge(judged(tables_of(rows), days=[day]) for day, rows in ((MONDAY, warned), (TUESDAY, held)))
    together = judged(tables_of(warned.and_these(**vars_of(held))))
    for found in (apart, together):
        assert set(found.offenders[checks.REJECTED]["order_date"]) == {TUESDAY}


def days_before(count: int, days: int = 56) -> dict[date, int]:
    """The same number of orders on each day before."""
    return {MONDAY - timedelta(days=back): count for back in range(1, days + 1)}


@pytest.mark.parametrize(("orders", "passes"), [(20, True), (14, True), (4, False), (0, False), (60, False)])
def test_volume_warns_outside_of_what_the_eight_weeks_before_make_usual_and_never_blocks(orders: int, passes: bool):
    tables = tables_of(good_orders({MONDAY: orders, TUESDAY: 1}))
    found = judged(tables, days=[MONDAY], counts={**days_before(20), MONDAY: orders})
    said = verdict(found, checks.VOLUME, MONDAY)
    assert said["measured"] == pytest.approx(orders / 20, rel=0.02)
    assert said["passed"] is passes
    assert said["fault"] is None
    assert re.fullmatch(rf"{orders} orders; \d+ to \d+ are usual for this weekday", said["detail"])


def test_two_orders_where_one_is_usual_are_no_alarm():
    tables = tables_of(good_orders({MONDAY: 2}))
    assert verdict(judged(tables, days=[MONDAY], counts={**days_before(1), MONDAY: 2}), checks.VOLUME, MONDAY)["passed"]


def test_a_date_with_few_earlier_days_is_not_judged_and_says_so():
    tables = tables_of(good_orders({MONDAY: 10}))
    said = verdict(judged(tables, days=[MONDAY], counts={**days_before(500, 20), MONDAY: 10}), checks.VOLUME, MONDAY)
    assert said["passed"]
    assert said["measured"] is None
    assert said["detail"].startswith(
        "10 orders; not judged, because 20 earlier days of the 56 before were read and 21 "
    )


def test_lines_without_their_order_or_product_quarantine_the_date_and_are_named():
    tables = tables_of(good_orders({MONDAY: 3, TUESDAY: 3}))
    lines = tables.silver["order_items"].with_columns(product_id=pl.when(_row(3)).then(99).otherwise("product_id"))
    orders = tables.silver["orders"].filter(~_row(1))
    found = judged(replace(tables, silver={"orders": orders, "order_items": lines}))
    assert verdict(found, checks.REFERENCES, MONDAY)["measured"] == 2
    assert (MONDAY, checks.REFERENCES) in faults(found)
    assert (TUESDAY, checks.REFERENCES) not in faults(found)
    assert found.offenders[checks.REFERENCES].select("where", "what").rows() == [
        ("silver/order_items order_id=1, add_to_cart_order=1", "its order is not in silver/orders"),
        ("silver/order_items order_id=3, add_to_cart_order=1", "its product is not in silver/products"),
    ]


def test_stored_rows_that_break_a_rule_or_share_a_key_quarantine_the_date_and_are_named():
    tables = tables_of(good_orders({MONDAY: 3}))
    late = tables.silver["orders"].with_columns(
        order_hour=pl.when(_row(2)).then(25).otherwise("order_hour").cast(pl.Int32)
    )
    twice = pl.concat([tables.silver["order_items"], tables.silver["order_items"].filter(_row(1))])
    found = judged(replace(tables, silver={"orders": late, "order_items": twice}), days=[MONDAY])
    assert (MONDAY, checks.RULES) in faults(found)
    assert found.offenders[checks.RULES].select("where", "what").rows() == [
        ("silver/order_items order_id=1, add_to_cart_order=1", "2 rows have this key"),
        ("silver/orders order_id=2", "order_hour is above 23"),
    ]


def test_the_dates_of_a_range_are_judged_as_one_by_one():
    whole = dirty(MONDAY).and_these(**vars_of(dirty(TUESDAY)))
    counts = {**days_before(21), MONDAY: 20, TUESDAY: 20}
    together = judged(tables_of(whole), counts=counts)
    apart = Verdicts.merge(judged(tables_of(dirty(day)), days=[day], counts=counts) for day in (MONDAY, TUESDAY))
    assert together.rows.equals(apart.rows)
    assert together.offenders.keys() == apart.offenders.keys()


def vars_of(landed: Landed) -> dict:
    return {"orders": landed.orders, "lines": landed.lines, "unparsed": landed.unparsed}
