"""The public Instacart release as dated landing files.

Most tests write an invented release in the public file format; some read the real files where they are present.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cis_assets.landing.folder import LandingFolder
from cis_assets.landing.reader import read_days
from cis_assets.landing.snapshots import read_snapshots
from cis_assets.sources.instacart.source import WEEKDAYS, InstacartError, InstacartSource
from cis_assets.sources.landing_writer import land
from cis_assets_tests.landing.landing_files import whole

END = date(2025, 6, 30)
ORDERS_HEADER = "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order"
LINES_HEADER = "order_id,product_id,add_to_cart_order,reordered"

# Each order as (order_id, user_id, eval_set, order_number, order_dow, hour, days since the order before).
Order = tuple[int, int, str, int, int, Any, Any]


def write_release(folder: Path, orders: Sequence[Order], **files: str | bytes) -> Path:
    """A release of these orders, each with one line of product 1, as the public one is written; `files` replace its own."""
    folder.mkdir(exist_ok=True)
    lines = {"prior": [], "train": [], "test": []}
    for order in orders:
        lines[order[2]].append(f"{order[0]},1,1,0")
    contents: dict[str, str | bytes] = {
        "aisles.csv": "aisle_id,aisle\n1,bread\n",
        "departments.csv": "department_id,department\n3,bakery\n",
        "products.csv": "product_id,product_name,aisle_id,department_id\n1,Plain Loaf,1,3\n",
        "orders.csv": "\n".join((ORDERS_HEADER, *(",".join(map(str, order)) for order in orders))) + "\n",
        "order_products__prior.csv": "\n".join((LINES_HEADER, *lines["prior"])) + "\n",
        "order_products__train.csv": "\n".join((LINES_HEADER, *lines["train"])) + "\n",
        **{name.replace("_csv", ".csv"): content for name, content in files.items()},
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def source_of(folder: Path, **options: Any) -> InstacartSource:
    return InstacartSource(folder, **{"end": END, **options})


def orders_of_one_customer(*steps: tuple[int, int | str], user_id: int = 4) -> list[Order]:
    """Orders 1, 2, 3 … of a customer from (order_dow, days since the order before)."""
    return [(number, user_id, "prior", number, dow, 9, gap) for number, (dow, gap) in enumerate(steps, start=1)]


def gaps(source: InstacartSource) -> list[int]:
    by_number = source.dated_orders.sort("order_number")["order_date"]
    return by_number.diff().drop_nulls().dt.total_days().to_list()


def iso_weekday(order_dow: int, weekday_zero: str) -> int:
    return (WEEKDAYS.index(weekday_zero) + order_dow) % 7 + 1


def test_gaps_under_thirty_days_are_exact(tmp_path: Path) -> None:
    steps = [(2, ""), (3, "15.0"), (3, "0.0"), (4, "29.0"), (5, "1.0"), (4, "6.0")]
    release = source_of(write_release(tmp_path, orders_of_one_customer(*steps)))
    assert gaps(release) == [15, 0, 29, 1, 6]
    assert release.contradicting_gaps == 0


@pytest.mark.parametrize(("dow", "days"), [(2, 35), (3, 36), (4, 30), (5, 31), (6, 32), (0, 33), (1, 34)])
def test_a_gap_at_the_cap_is_the_smallest_from_thirty_that_leads_to_the_weekday(
    tmp_path: Path, dow: int, days: int
) -> None:
    release = source_of(write_release(tmp_path, orders_of_one_customer((2, ""), (dow, "30.0"), (dow, "7.0"))))
    assert gaps(release) == [days, 7]
    weekdays = release.dated_orders.sort("order_number")["order_date"].dt.weekday().to_list()
    assert weekdays == [iso_weekday(each, "saturday") for each in (2, dow, dow)]


@pytest.mark.parametrize("weekday_zero", [*WEEKDAYS, "Sunday"])
def test_order_dow_0_stands_for_the_weekday_that_is_chosen(tmp_path: Path, weekday_zero: str) -> None:
    steps = [(0, ""), (1, "1.0"), (3, "30.0"), (6, "3.0"), (6, "28.0")]
    release = source_of(write_release(tmp_path, orders_of_one_customer(*steps)), weekday_zero=weekday_zero)
    weekdays = release.dated_orders.sort("order_number")["order_date"].dt.weekday().to_list()
    assert weekdays == [iso_weekday(dow, weekday_zero.lower()) for dow, _ in steps]


def test_saturday_is_taken_for_weekday_0_unless_another_is_chosen(tmp_path: Path) -> None:
    release = source_of(write_release(tmp_path, orders_of_one_customer((0, ""))))
    assert release.dated_orders["order_date"].dt.weekday().to_list() == [6]


@pytest.mark.parametrize("end", [END + timedelta(days=ahead) for ahead in range(7)])
def test_last_orders_lie_within_the_four_weeks_before_the_end_in_weeks_by_customer(tmp_path: Path, end: date) -> None:
    orders = [(user * 10, user, "prior", 1, dow, 9, "") for user in range(1, 41) for dow in [user % 7]]
    release = source_of(write_release(tmp_path, orders), end=end)
    back = [(end - day).days for day in release.dated_orders.sort("customer_id")["order_date"]]
    assert set(back) <= set(range(28))
    assert min(back) < 7
    assert {days // 7 for days in back} == {0, 1, 2, 3}


def test_a_customer_is_placed_alike_whoever_else_is_in_the_release(tmp_path: Path) -> None:
    orders = [(user * 10, user, "prior", 1, 2, 9, "") for user in range(1, 9)]
    all_of_them = source_of(write_release(tmp_path / "all", orders)).dated_orders
    for order in orders:
        alone = source_of(write_release(tmp_path / "one", [order])).dated_orders
        assert alone.equals(all_of_them.filter(pl.col("customer_id") == order[1]))


def test_gaps_count_within_each_customer_whatever_the_order_of_the_file(tmp_path: Path) -> None:
    first = [(1, 1, "prior", 1, 0, 9, ""), (2, 1, "prior", 2, 3, 9, "3.0"), (3, 1, "train", 3, 0, 9, "11.0")]
    second = [(4, 2, "prior", 1, 5, 9, ""), (5, 2, "train", 2, 6, 9, "1.0")]
    dated = source_of(write_release(tmp_path, [second[1], first[2], first[0], second[0], first[1]])).dated_orders
    by_customer = dated.sort("customer_id", "order_number").with_columns(
        gap=pl.col("order_date").diff().dt.total_days().over("customer_id")
    )
    assert by_customer.select("order_id", "gap").rows() == [(1, None), (2, 3), (3, 11), (4, None), (5, 1)]


def test_a_gap_that_contradicts_the_weekday_is_believed_and_counted(tmp_path: Path) -> None:
    release = source_of(write_release(tmp_path, orders_of_one_customer((0, ""), (3, "5.0"), (3, "7.0"), (5, "30.0"))))
    assert gaps(release) == [5, 7, 30]
    assert release.contradicting_gaps == 1


def test_a_missing_gap_is_taken_for_the_days_to_the_weekday(tmp_path: Path) -> None:
    release = source_of(write_release(tmp_path, orders_of_one_customer((5, ""), (2, "NULL"), (3, "8.0"))))
    assert gaps(release) == [4, 8]
    assert release.contradicting_gaps == 0


def test_prior_and_train_orders_land_and_test_orders_are_counted_and_left_out(tmp_path: Path) -> None:
    orders = [
        (1, 1, "prior", 1, 0, 9, ""),
        (2, 1, "train", 2, 1, 10, "8.0"),
        (3, 2, "prior", 1, 0, 11, ""),
        (4, 2, "test", 2, 1, 12, "15.0"),
        (5, 3, "test", 1, 1, 12, ""),
    ]
    release = source_of(write_release(tmp_path, orders))
    assert release.dated_orders["order_id"].sort().to_list() == [1, 2, 3]
    assert release.test_orders == 2
    assert release.snapshots()["customers"].rows() == [(1, True, None), (2, True, None)]
    # The last order that lands is the one that is placed before the end.
    last = release.dated_orders.filter(pl.col("order_id") == 3)["order_date"].item()
    assert 0 <= (END - last).days < 28


def test_each_day_holds_its_orders_and_their_lines_by_position(tmp_path: Path) -> None:
    orders = [(30, 1, "prior", 1, 0, 9, ""), (20, 1, "prior", 2, 1, 10, "1.0"), (10, 5, "train", 1, 1, 11, "")]
    lines = f"{LINES_HEADER}\n20,7,2,1\n30,6,1,0\n20,8,1,0\n20,9,11,0\n"
    release = write_release(
        tmp_path, orders, order_products__prior_csv=lines, order_products__train_csv=f"{LINES_HEADER}\n10,6,1,0\n"
    )
    days = list(source_of(release).days())
    assert [each.orders["order_id"].to_list() for each in days] == [[30], [20, 10]]
    assert [each.order_items.rows() for each in days] == [
        [(30, 6, 1)],
        [(20, 8, 1), (20, 7, 2), (20, 9, 11), (10, 6, 1)],
    ]
    assert [each.order_date for each in days] == sorted(each.order_date for each in days)
    assert source_of(release).day_count == 2


def test_orders_of_one_customer_on_one_day_land_in_their_order(tmp_path: Path) -> None:
    orders = [(900, 1, "prior", 1, 0, 9, ""), (20, 1, "prior", 2, 0, 9, "0.0"), (500, 1, "prior", 3, 0, 9, "0.0")]
    (day,) = source_of(write_release(tmp_path, orders)).days()
    assert day.orders["order_id"].to_list() == [900, 20, 500]


def test_orders_without_lines_land_and_lines_of_unknown_orders_do_not(tmp_path: Path) -> None:
    orders = [(1, 1, "prior", 1, 0, 9, ""), (2, 1, "prior", 2, 1, 9, "1.0")]
    lines = f"{LINES_HEADER}\n2,7,1,0\n99,7,1,0\n"
    days = list(source_of(write_release(tmp_path, orders, order_products__prior_csv=lines)).days())
    assert [each.orders["order_id"].to_list() for each in days] == [[1], [2]]
    assert [each.order_items.rows() for each in days] == [[], [(2, 7, 1)]]


def test_what_is_landed_is_read_back_with_consent_as_given_and_without_offers(tmp_path: Path) -> None:
    release = source_of(write_release(tmp_path / "release", orders_of_one_customer((0, ""), (3, "3.0"))))
    report = land(release, str(tmp_path / "landing"))
    folder = LandingFolder(str(tmp_path / "landing"))
    landed, snapshots = read_days(folder, [report.first, report.last]), read_snapshots(folder)
    assert whole(landed.orders).select("order_id", "customer_id", "order_hour").collect().rows() == [
        (1, 4, 9),
        (2, 4, 9),
    ]
    assert whole(landed.order_items).select("order_id", "quantity", "unit_price").collect().rows() == [
        (1, None, None),
        (2, None, None),
    ]
    assert snapshots.rows["customers"].select("customer_id", "push_consent", "time_zone").collect().rows() == [
        (4, True, None)
    ]
    assert snapshots.rows["offers"].collect().is_empty()
    assert landed.warnings() + snapshots.warnings() == []


def test_names_lose_the_backslash_before_their_quotes_and_stray_blanks(tmp_path: Path) -> None:
    products = (
        "product_id,product_name,aisle_id,department_id\n"
        '1,"6\\"" Plain Loaf",1,3\n2,"Salt, Fine",1,3\n3, Crème Fraîche ,1,3\n4,"The \\""Best\\"" Tea",1,3\n'
    )
    release = source_of(write_release(tmp_path, orders_of_one_customer((0, "")), products_csv=products))
    names = release.snapshots()["products"]["product_name"].to_list()
    assert names == ['6" Plain Loaf', "Salt, Fine", "Crème Fraîche", 'The "Best" Tea']


def test_hours_with_a_leading_zero_and_missing_values_as_words_are_understood(tmp_path: Path) -> None:
    orders: list[Order] = [
        (1, 1, "prior", 1, 0, "08", "NULL"),
        (2, 1, "prior", 2, 1, "00", "8.0"),
        (3, 2, "prior", 1, 1, " 9", ""),
    ]
    dated = source_of(write_release(tmp_path, orders)).dated_orders
    assert dict(dated.select("order_id", "order_hour").iter_rows()) == {1: 8, 2: 0, 3: 9}


def test_orders_after_a_capped_gap_say_that_the_gap_is_a_minimum(tmp_path: Path) -> None:
    orders: list[Order] = [
        (1, 1, "prior", 1, 0, "08", ""),
        (2, 1, "prior", 2, 1, "09", "29"),
        (3, 1, "prior", 3, 3, "09", "30"),
    ]
    release = source_of(write_release(tmp_path, orders))
    landed = pl.concat(day.orders for day in release.days())
    assert dict(landed.select("order_id", "gap_is_minimum").iter_rows()) == {1: False, 2: False, 3: True}


def test_columns_may_be_reordered_renamed_and_more(tmp_path: Path) -> None:
    orders = (
        "\ufeffDays_Since_Prior,extra,order_hour,day_of_week,order_number,eval_set,customer_id,Order_ID \r\n"
        ",x,9,0,1,prior,4,1\r\n3,x,10,3,2,prior,4,2\r\n"
    )
    lines = "cart_order,reordered,product_id,order_id\n1,0,7,1\n2,0,8,1\n1,0,9,2\n"
    products = "department_id,aisle_id,name,product_id\n3,1,Plain Loaf,1\n"
    release = source_of(
        write_release(tmp_path, [], orders_csv=orders, order_products__prior_csv=lines, products_csv=products)
    )
    assert release.dated_orders.select("order_id", "customer_id", "order_hour", "order_dow").rows() == [
        (1, 4, 9, 0),
        (2, 4, 10, 3),
    ]
    assert gaps(release) == [3]
    assert [each.order_items.rows() for each in release.days()] == [[(1, 7, 1), (1, 8, 2)], [(2, 9, 1)]]
    assert release.snapshots()["products"].rows() == [(1, "Plain Loaf", 1, 3)]


def test_a_column_of_the_release_goes_before_one_of_another_name_for_it(tmp_path: Path) -> None:
    orders = f"customer_id,{ORDERS_HEADER}\n77,1,4,prior,1,0,9,\n"
    assert source_of(write_release(tmp_path, [], orders_csv=orders)).dated_orders["customer_id"].to_list() == [4]


def test_gzipped_files_are_read_too(tmp_path: Path) -> None:
    folder = write_release(tmp_path, orders_of_one_customer((0, ""), (3, "3.0")))
    for name in ("orders", "order_products__prior"):
        plain = folder / f"{name}.csv"
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    assert sum(each.order_items.height for each in source_of(folder).days()) == 2


def read_all(folder: Path) -> None:
    release = source_of(folder)
    release.snapshots()
    list(release.days())


@pytest.mark.parametrize(
    "name", ["orders", "products", "aisles", "departments", "order_products__prior", "order_products__train"]
)
def test_a_file_that_is_absent_is_named(tmp_path: Path, name: str) -> None:
    folder = write_release(tmp_path, orders_of_one_customer((0, "")))
    (folder / f"{name}.csv").unlink()
    with pytest.raises(InstacartError) as refusal:
        read_all(folder)
    assert str(refusal.value) == f"{folder} has no {name}.csv, which is part of the release."


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("orders", "order_id,user_id,eval_set\n1,1,prior\n", "has no column order_number and no column order_dow and "),
        ("aisles", "id,aisle\n1,bread\n", "has no column aisle_id; its header has aisle and 1 other field."),
        ("order_products__train", "order_id,product_id\n1,1\n", "has no column add_to_cart_order; its header is "),
        ("orders", f"{ORDERS_HEADER}\n1,1,prior,1,0,noon,\n", "cannot be read: .*order_hour_of_day.*noon"),
        ("orders", f"{ORDERS_HEADER}\n1,1,prior,1,0,9,2.5\n", "cannot be read: .*days_since_prior_order.*2.5"),
        ("orders", f"{ORDERS_HEADER}\n1,1,prior,1,,9,\n", "has no valid order_dow in 1 of its rows."),
        ("orders", f"{ORDERS_HEADER}\n1,1,prior,1,7,9,\n", "has the order_dow 7 in 1 of its rows; known are 0, 1, 2, 3, 4, 5, 6."),
        ("orders", f"{ORDERS_HEADER}\n1,1,dev,1,0,9,\n", "has the eval_set dev in 1 of its rows; known are prior, train, test."),
        ("order_products__prior", f"{LINES_HEADER}\n1,x,1,0\n", "cannot be read: .*product_id.*x"),
        ("order_products__prior", f"{LINES_HEADER}\n1,1,NULL,0\n", "has no valid add_to_cart_order in 1 of its rows."),
        ("products", "product_id,product_name,aisle_id,department_id\none,Loaf,1,3\n", "cannot be read: .*product_id.*one"),
        ("departments", "department_id,department\n3,bakery,x\n", "cannot be read: "),
        ("aisles", "", "cannot be read: "),
    ],
)  # fmt: skip
def test_a_file_that_is_not_as_expected_is_refused_in_a_sentence_with_its_name(
    tmp_path: Path, file: str, content: str, words: str
) -> None:
    folder = write_release(tmp_path, orders_of_one_customer((0, "")))
    (folder / f"{file}.csv").write_text(content)
    with pytest.raises(InstacartError, match=rf"^{folder}/{file}\.csv {words}") as refusal:
        read_all(folder)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_a_truncated_gzip_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_release(tmp_path, orders_of_one_customer((0, "")))
    (folder / "orders.csv").unlink()
    (folder / "orders.csv.gz").write_bytes(gzip.compress(f"{ORDERS_HEADER}\n1,1,prior,1,0,9,\n".encode())[:-10])
    with pytest.raises(InstacartError, match=r"orders\.csv\.gz cannot be read: .+\.$"):
        read_all(folder)


def test_a_folder_that_is_none_and_a_weekday_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InstacartError, match=r"nowhere is not a folder: give the folder that holds orders\.csv of the release\.$"
    ):
        source_of(tmp_path / "nowhere")
    with pytest.raises(InstacartError, match=r"^Weekday 'someday' is not one of monday, tuesday, .*sunday\.$"):
        source_of(tmp_path, weekday_zero="someday")


@pytest.fixture(scope="module")
def real(instacart_release: Path) -> InstacartSource:
    return source_of(instacart_release)


@pytest.fixture(scope="module")
def real_orders(instacart_release: Path) -> pl.DataFrame:
    """The release's own orders, without those of the test set."""
    return pl.read_csv(instacart_release / "orders.csv").filter(pl.col("eval_set") != "test")


def test_real_orders_and_lines_land_but_for_the_test_set(real: InstacartSource, tmp_path: Path) -> None:
    report = land(real, str(tmp_path))
    assert (report.orders, report.order_items, real.test_orders) == (973, 8_976, 27)
    assert real.contradicting_gaps == 0
    folder = LandingFolder(str(tmp_path))
    landed = read_days(folder, list(folder.order_dates()))
    assert whole(landed.orders).collect().height == 973
    assert whole(landed.order_items).collect().height == 8_976
    assert whole(landed.rejected).collect().is_empty()
    snapshots = read_snapshots(folder)
    assert {name: rows.collect().height for name, rows in snapshots.rows.items()} == {
        "products": 2_861, "aisles": 134, "departments": 21, "customers": 64, "offers": 0, "offer_audience": 0,
    }  # fmt: skip


def test_the_weekday_of_every_real_order_is_that_of_its_order_dow(
    real: InstacartSource, real_orders: pl.DataFrame
) -> None:
    dated = real.dated_orders.select("order_id", "order_date").join(real_orders, on="order_id")
    assert dated.height == 973
    assert dated.select((pl.col("order_date").dt.weekday() == (5 + pl.col("order_dow")) % 7 + 1).all()).item()


def test_real_last_orders_lie_within_four_weeks_before_the_end(real: InstacartSource) -> None:
    last = real.dated_orders.group_by("customer_id").agg(pl.col("order_date").max())["order_date"]
    assert len(last) == 64
    assert END - timedelta(days=28) < last.min() <= last.max() <= END


def test_real_gaps_are_reproduced(real: InstacartSource, real_orders: pl.DataFrame) -> None:
    dated = (
        real.dated_orders.select("order_id", "order_date")
        .join(real_orders, on="order_id")
        .sort("user_id", "order_number")
        .with_columns(days=pl.col("order_date").diff().over("user_id").dt.total_days())
        .drop_nulls("days_since_prior_order")
    )
    capped = pl.col("days_since_prior_order") == 30
    assert dated.filter(~capped, pl.col("days") != pl.col("days_since_prior_order")).is_empty()
    assert dated.filter(capped)["days"].is_between(30, 36).all()
    assert dated.height == 973 - 64


def test_real_names_come_out_clean(real: InstacartSource) -> None:
    names = real.snapshots()["products"]["product_name"]
    assert not names.str.contains("\\", literal=True).any()
    assert (names == names.str.strip_chars()).all()


def test_lines_without_an_order_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = f"{LINES_HEADER}\n1,1,1,0\n999,1,1,0\n998,1,1,0\n"
    release = source_of(write_release(tmp_path, [(1, 4, "prior", 1, 2, 9, "")], order_products__prior_csv=lines))
    landed = list(release.days())
    assert [day.order_items.height for day in landed] == [1]
    assert release.lines_left_out == 2
