"""Landing invoice lines beside what landed before: nothing goes unasked, and the order of landing does not count."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from cis_assets.landing.folder import LandingError
from cis_assets.sources.invoice_lines.ids import stable_id
from cis_assets.sources.invoice_lines.landing import land_invoice_lines
from cis_assets.sources.invoice_lines.mapping import InvoiceLinesError
from cis_assets.sources.invoice_lines.orders import read_invoice_lines
from cis_assets.sources.landing_writer import land
from cis_assets.sources.sample import SampleOptions, SampleSource
from cis_assets_tests.conftest import day
from cis_assets_tests.sources.invoice_lines.exports import (
    files_below,
    land_files,
    landed_rows,
    line,
    mapping,
    product_names,
    snapshot,
    write,
)

MONDAY, TUESDAY = "2025-03-03 09:15", "2025-03-04 10:00"


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    return tmp_path / "landing"


def test_what_lands_is_read_back(tmp_path: Path, landing: Path):
    file = write(
        tmp_path, line(), line(Item="x-2", Pieces=-1, Price=0.1), line(), line(No="C2", Customer="", Time=TUESDAY)
    )
    report = land_files([file], landing)
    orders, items, rejected = landed_rows(landing)
    a1, c2 = stable_id("order", "A1"), stable_id("order", "C2")
    x1, x2 = stable_id("product", "x-1"), stable_id("product", "x-2")
    assert orders.select("order_date", "order_id", "customer_id", "order_hour", "order_key").rows() == [
        (day("2025-03-03"), a1, 7, 9, "A1"),
        (day("2025-03-04"), c2, None, 10, "C2"),
    ]
    assert items.select("order_id", "product_id", "add_to_cart_order", "quantity", "unit_price").rows() == [
        (a1, x1, 1, 2, 1.5),
        (a1, x2, 2, -1, 0.1),
        (a1, x1, 1, 2, 1.5),
        (c2, x1, 1, 2, 1.5),
    ]
    assert rejected.is_empty()
    assert (report.lines, report.orders, report.order_items, report.products, report.customers) == (4, 2, 4, 2, 1)
    assert (report.first, report.last, report.days) == (day("2025-03-03"), day("2025-03-04"), 2)


def test_snapshots_say_what_the_lines_and_the_mapping_say(tmp_path: Path, landing: Path):
    by = mapping(more='[customers]\ntime_zone = "Europe/Berlin"\n[products]\ndepartment = "Groceries"\n')
    land_files(
        [write(tmp_path, line(), line(No="A2", Customer="K-9", Item="x-2"), line(No="A3", Customer=""))], landing, by=by
    )
    assert snapshot(landing, "products").select("product_key", "product_name").rows() == [
        ("x-1", "Tea"),
        ("x-2", "Tea"),
    ]
    assert snapshot(landing, "aisles")["aisle"].to_list() == ["All products"]
    assert snapshot(landing, "departments").select("department_id", "department").rows() == [
        (stable_id("department", "Groceries"), "Groceries")
    ]
    assert snapshot(landing, "products")["department_id"].unique().to_list() == [stable_id("department", "Groceries")]
    assert snapshot(landing, "customers").select("customer_id", "push_consent", "time_zone").sort(
        "customer_id"
    ).rows() == [
        (7, False, "Europe/Berlin"),
        (stable_id("customer", "K-9"), False, "Europe/Berlin"),
    ]


def test_aisles_and_departments_come_from_columns_where_the_mapping_names_them(tmp_path: Path, landing: Path):
    by = mapping(('price = "Price"', 'price = "Price"\naisle = "Shelf"\ndepartment = "Group"'))
    lines = [f"{line()},teas,drinks", f"{line(Item='x-2')},,drinks", f"{line(Item='x-3')},teas,"]
    land_files([write(tmp_path, *lines, header="No,Customer,Time,Item,Name,Pieces,Price,Shelf,Group")], landing, by=by)
    aisles, departments = (
        dict(snapshot(landing, f"{name}s").select(f"{name}_id", name).iter_rows()) for name in ("aisle", "department")
    )
    named = snapshot(landing, "products").sort("product_key").select("aisle_id", "department_id")
    assert [(aisles[aisle], departments[department]) for aisle, department in named.iter_rows()] == [
        ("teas", "drinks"),
        ("All products", "drinks"),
        ("teas", "All products"),
    ]
    assert (sorted(aisles.values()), sorted(departments.values())) == (
        ["All products", "teas"],
        ["All products", "drinks"],
    )


def test_customers_are_left_to_others_where_the_mapping_says_so(tmp_path: Path, landing: Path):
    land_files([write(tmp_path, line())], landing, by=mapping(more="[customers]\nsnapshot = false\n"))
    assert snapshot(landing, "customers").is_empty()
    assert not (landing / "customers").exists()


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ([line(Name="old"), line(Name="new", Time=TUESDAY)], "new"),
        ([line(Name="new", Time=TUESDAY), line(Name="old")], "new"),
        ([line(Name="tea"), line(Name="", Time=TUESDAY)], "tea"),
        ([line(Name="tea"), line(Name="found", Time=TUESDAY, Price=0)], "tea"),
        ([line(Name="tea"), line(Name="damaged", Time=TUESDAY, Pieces=-3)], "tea"),
        ([line(Name="found", Price=0), line(Name="damaged", Time=TUESDAY, Pieces=-3)], "damaged"),
        ([line(Name="tea", Pieces="", Price=""), line(Name="found", Time=TUESDAY, Price=0)], "tea"),
        ([line(Name="")], "x-1"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_product_has_the_name_of_its_newest_sale(
    tmp_path: Path, landing: Path, lines: list[str], name: str, at_once: bool
):
    files = (
        [write(tmp_path, *lines)] if at_once else [write(tmp_path, one, name=f"{n}.csv") for n, one in enumerate(lines)]
    )
    for file in files:
        land_files([file], landing)
    assert product_names(landing) == {"x-1": name}


def test_days_that_land_one_by_one_in_any_order_give_the_same_files_as_all_at_once(tmp_path: Path, landing: Path):
    chance = random.Random(3)
    files = []
    for number in range(1, 7):
        lines = [
            line(
                No=f"A{chance.randrange(5)}",
                Customer=chance.choice(["", "1", "K-2", "3.0"]),
                Time=f"2025-03-0{number} {chance.randrange(8, 10):02}:00",
                Item=f"x-{chance.randrange(8)}",
                Name=chance.choice(["", "tea", "green tea", "found"]),
                Price=chance.choice([0, 1.5]),
            )
            for _ in range(12)
        ]
        files.append(write(tmp_path, *lines, name=f"{number}.csv"))
    land_files(files, landing)
    for seed in range(4):
        random.Random(seed).shuffle(files)
        for file in files:
            land_files([file], tmp_path / str(seed))
        assert files_below(tmp_path / str(seed)) == files_below(landing)


def test_a_further_day_leaves_the_files_of_earlier_dates_alone(tmp_path: Path, landing: Path):
    monday = write(tmp_path, line(), name="1.csv")
    land_files([monday], landing)
    dated = [file for file in landing.rglob("*2025-03-03/*") if file.is_file()]
    before = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in dated}
    tuesday = write(tmp_path, line(Customer="8", Item="x-2", Time=TUESDAY), name="2.csv")
    for files, left_alone in (([tuesday], 0), ([monday, tuesday], 2)):
        assert land_files(files, landing).days_left_alone == left_alone
        assert len(dated) == 2
        assert {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in dated} == before
        assert set(product_names(landing)) == {"x-1", "x-2"}
        assert snapshot(landing, "customers")["customer_id"].to_list() == [7, 8]


def test_landing_twice_gives_the_same_files(tmp_path: Path, landing: Path):
    file = write(tmp_path, line(), line(Time=TUESDAY), line(Pieces="some"), line(Time="soon"))
    land_files([file], landing)
    before = files_below(landing)
    assert land_files([file], landing).days_left_alone == 2
    assert files_below(landing) == before


def test_consent_that_the_mapping_changes_lands_although_no_line_changed(tmp_path: Path, landing: Path):
    file = write(tmp_path, line())
    land_files([file], landing)
    land_files([file], landing, by=mapping(more="[customers]\npush_consent = true\n"))
    assert snapshot(landing, "customers")["push_consent"].to_list() == [True]


def test_constants_of_the_mapping_hold_for_products_of_earlier_days_too(tmp_path: Path, landing: Path):
    land_files([write(tmp_path, line())], landing)
    later = write(tmp_path, line(Item="x-2", Time=TUESDAY), name="2.csv")
    land_files([later], landing, by=mapping(more='[products]\ndepartment = "Tea"\n'))
    assert snapshot(landing, "departments")["department"].to_list() == ["Tea"]
    assert snapshot(landing, "products")["department_id"].to_list() == [stable_id("department", "Tea")] * 2


def test_further_lines_of_a_date_are_added(tmp_path: Path, landing: Path):
    land_files([write(tmp_path, line(), line())], landing)
    land_files([write(tmp_path, line(Item="x-0"), line(), line(), line(No="A2"))], landing)
    assert landed_rows(landing)[1].height == 4


@pytest.mark.parametrize(
    ("lines", "lost"),
    [([line()], 2), ([line(), line(Pieces="some")], 1), ([line(), line(), line(Pieces=3)], 1)],
)
def test_lines_that_landed_do_not_go_unasked(tmp_path: Path, landing: Path, lines: list[str], lost: int):
    land_files([write(tmp_path, line(), line(), line(Pieces="some"))], landing)
    before = files_below(landing)
    other = [write(tmp_path, *lines, name="b.csv"), write(tmp_path, line(Time=TUESDAY), name="c.csv")]
    with pytest.raises(LandingError, match=rf"^On 2025-03-03, {lost} lines that landed before .* --replace") as refusal:
        land_files(other, landing)
    assert "\n" not in str(refusal.value)
    assert files_below(landing) == before
    land_files(other, landing, replace=True)
    orders, items, rejected = landed_rows(landing)
    assert (orders.height, items.height + rejected.height) == (2, len(lines) + 1)


def test_names_outlive_a_landing_that_was_stopped_before_its_end(tmp_path: Path, landing: Path):
    land_files([write(tmp_path, line(Name="green tea"), line(Item="x-2", Name="", No="A2"))], landing)
    (landing / "products" / "_named.csv").unlink()
    land_files([write(tmp_path, line(Item="x-3", Name="salt", Time=TUESDAY), name="b.csv")], landing)
    assert product_names(landing) == {"x-1": "green tea", "x-2": "x-2", "x-3": "salt"}
    land_files([write(tmp_path, line(Item="x-1", Name="", Time=TUESDAY), name="b.csv")], landing, replace=True)
    land_files([write(tmp_path, line(Item="x-2", Name="rice", Time="2025-03-02 08:00"), name="c.csv")], landing)
    assert product_names(landing) == {"x-1": "green tea", "x-2": "rice", "x-3": "salt"}


def test_rows_that_are_faulty_are_rejected_by_the_reader(tmp_path: Path, landing: Path):
    land_files([write(tmp_path, line(), line(Item="x-2", Pieces="some, or none"), line(No="", Item=""))], landing)
    _, items, rejected = landed_rows(landing)
    assert items.select("order_id", "product_id").rows()[1:] == [(None, None)]
    assert rejected.select("source_table", "source_line").rows() == [("order_items", 4)]
    assert "'some, or none'" in rejected["raw_text"].item()


@pytest.mark.parametrize(("price", "by"), [("1.950", 'delimiter = ";"\ndecimal = ","'), ("1,950", 'delimiter = ";"')])
def test_a_number_in_the_other_style_is_not_read_as_one_further_on(tmp_path: Path, landing: Path, price: str, by: str):
    header = "No;Customer;Time;Item;Name;Pieces;Price"
    file = write(tmp_path, line(";", Price=2), line(";", Price=price, Item="x-2"), header=header)
    land_files([file], landing, by=mapping(("[ids]", f"[files]\n{by}\n[ids]")))
    _, items, rejected = landed_rows(landing)
    assert (items["unit_price"].to_list(), rejected.height) == ([2.0], 1)


def test_lines_that_cannot_land_are_listed_beside_and_no_reader_minds(tmp_path: Path, landing: Path):
    bad = 'A1,7,"3 March, 9 am",x-1,"6"" tea",2,1.5'
    report = land_files([write(tmp_path, line(), bad, line(Pieces="some"))], landing)
    listed = landing / "_lines_set_aside" / "lines.csv"
    assert report.fault_lists == [str(listed)]
    assert report.faults == {
        ("Time is not in a known time format", False): 1,
        ("Pieces is not a number of at most 12 digits", True): 1,
    }
    with listed.open(newline="") as rows:
        assert list(csv.reader(rows)) == [
            ["source_file", "source_line", "reason", "landed_on", "raw_text"],
            [str(tmp_path / "lines.csv"), "3", "Time is not in a known time format", "", bad],
            [
                str(tmp_path / "lines.csv"),
                "4",
                "Pieces is not a number of at most 12 digits",
                "2025-03-03",
                line(Pieces="some"),
            ],
        ]
    orders, items, _ = landed_rows(landing)
    assert (orders.height, items.height) == (1, 1)


def test_the_list_of_a_file_goes_when_nothing_is_wrong_with_it_any_more_and_others_stay(tmp_path: Path, landing: Path):
    for name, time in (("a.csv", MONDAY), ("b.csv", TUESDAY)):
        land_files([write(tmp_path, line(Time=time), line(Time="soon"), name=name)], landing)
    report = land_files([write(tmp_path, line(), line(Item="x-2"), name="a.csv")], landing)
    assert report.fault_lists == []
    assert [file.name for file in (landing / "_lines_set_aside").iterdir()] == ["b.csv"]


def test_lines_never_mix_with_files_of_another_source(tmp_path: Path, landing: Path):
    land(SampleSource(SampleOptions(end=day("2025-03-03"), customers=60, days=2)), str(landing))
    before = files_below(landing)
    with pytest.raises(LandingError, match=r"holds files that `cis land lines --mapping corner-shop` did not write"):
        land_files([write(tmp_path, line())], landing)
    assert files_below(landing) == before


def test_lines_of_two_shops_never_mix_and_mappings_of_one_shop_may(tmp_path: Path, landing: Path):
    land_files([write(tmp_path, line())], landing)
    with pytest.raises(LandingError, match=r"`cis land lines --mapping market` did not write"):
        land_files([write(tmp_path, line(Time=TUESDAY))], landing, by=mapping(("corner-shop", "market")))
    newer = write(
        tmp_path, line(Time=TUESDAY).replace("A1", "A9"), header="Receipt,Customer,Time,Item,Name,Pieces,Price"
    )
    land_files([newer], landing, by=mapping(('invoice = "No"', 'invoice = "Receipt"')))
    assert landed_rows(landing)[0]["order_key"].to_list() == ["A1", "A9"]


def test_a_key_that_collides_with_one_of_an_earlier_day_is_refused(tmp_path: Path, landing: Path):
    by = mapping(("[ids]", '[ids]\nproduct = "number"'))
    land_files([write(tmp_path, line(Item="C1"))], landing, by=by)
    before = files_below(landing)
    clash = write(tmp_path, line(Item=str(stable_id("product", "C1")), Time=TUESDAY), name="b.csv")
    with pytest.raises(InvoiceLinesError, match=r"^The products '\d+' and 'C1' would get the same id"):
        land_files([clash], landing, by=by)
    assert files_below(landing) == before


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        (
            "products/products.csv",
            "a,b\n1,2\n",
            r"products/products.csv was changed since it landed \(.*\): remove it, and",
        ),
        (
            "order_items/order_date=2025-03-03/order_items.csv",
            "a,b\n1\n2,3,4\n",
            r"was changed since it landed .* --replace",
        ),
    ],
)
def test_a_landed_file_that_somebody_changed_is_named(
    tmp_path: Path, landing: Path, path: str, content: str, words: str
):
    land_files([write(tmp_path, line())], landing)
    (landing / path).write_text(content)
    with pytest.raises(LandingError, match=words):
        land_files([write(tmp_path, line(), line(Item="x-2"))], landing)


def test_each_date_is_told_once(tmp_path: Path, landing: Path):
    told: list[int] = []
    lines = read_invoice_lines(mapping(), [write(tmp_path, line(), line(Time=TUESDAY), line(Time="2025-03-05 00:00"))])
    for _ in range(2):
        land_invoice_lines(lines, str(landing), on_day=told.append)
        assert sum(told) == lines.dates == 3
        told.clear()
