"""`cis land lines` as a person uses it: what it says, what it refuses, and what the lake makes of the lines."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from cis_assets.catalog import gold, silver
from cis_assets.cli import main
from cis_assets.lake.lake import Lake
from cis_assets.settings import settings
from cis_assets.sources.invoice_lines.ids import stable_id
from cis_assets_tests.sources.invoice_lines.exports import MAPPING, line, write


@pytest.fixture(autouse=True)
def _fresh_settings():
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def own_mapping() -> str:
    Path("corner.toml").write_text(MAPPING)
    return "corner.toml"


def cis(*arguments: str) -> Result:
    settings.cache_clear()
    return CliRunner().invoke(main, list(arguments))


def refusal(result: Result) -> str:
    assert result.exit_code == 1, result.output
    (sentence,) = [line for line in result.stderr.splitlines() if line.startswith("cis: ")]
    return sentence


def rows(table) -> pl.DataFrame:
    return Lake(settings().lake_uri).scan(table).collect()


def test_it_says_what_landed_what_did_not_and_what_to_type_next(own_mapping: str):
    lines = [line(), line(No="A2", Time="2025-03-04 08:00"), line(Time="soon"), line(Time="later"), line(Pieces="some")]
    write(Path("export"), *lines, line(Item=""))
    result = cis("land", "lines", "--mapping", own_mapping, "export")
    assert result.exit_code == 0, result.output
    landing = Path(".cis/landing").resolve()
    said = result.output[result.output.index("Read ") :]
    assert said == (
        "Read 6 invoice lines from 1 file by the mapping corner.toml.\n"
        f"Landed 2 orders with 4 items on 2 dates (2025-03-03 to 2025-03-04) under {landing}.\n"
        "The landing folder now has 1 product and 1 customer.\n"
        "2 invoice lines could not land without a date:\n"
        "        2  Time is not in a known time format\n"
        "2 invoice lines landed although the lake will reject them:\n"
        "        1  Item is empty\n"
        "        1  Pieces is not a number of at most 12 digits\n"
        f"They are listed with file, line number and text in {landing}/_lines_set_aside/lines.csv.\n"
        "Assumed: no customer has consented to notifications (customers.push_consent of the mapping).\n"
        "Next:\n"
        "  cis backfill\n"
        "  cis snapshot\n"
    )
    again = cis("land", "lines", "--mapping", own_mapping, "export").output
    assert "2 dates had landed before without a difference. Their files were left alone." in again


def test_no_more_than_three_lists_are_named():
    Path("own.toml").write_text(MAPPING + "[customers]\nsnapshot = false\n")
    for number in range(1, 6):
        write(Path("export"), line(Time=f"2025-03-0{number} 09:15"), line(Time="soon"), name=f"{number}.csv")
    said = cis("land", "lines", "--mapping", "own.toml", "export").output
    assert "/_lines_set_aside/3.csv and 2 more.\n" in said
    assert "The landing folder now has 1 product.\n" in said
    assert "consented" not in said


def test_dates_before_the_first_partition_are_said_with_the_setting_to_change():
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
    write(Path("export"), "1,A,Tea,2,12/1/2010 8:26,1.5,17850.0,Utopia", header=header)
    result = cis("land", "lines", "--mapping", "online-retail", "export/lines.csv")
    assert "Next:\n  export CIS_FIRST_ORDER_DATE=2010-12-01\n  cis backfill\n" in result.output


def test_an_unknown_mapping_and_a_wrong_column_are_one_sentence(own_mapping: str):
    write(Path("export"), line())
    assert "shipped mappings (online-retail)" in refusal(cis("land", "lines", "--mapping", "retail", "export"))
    words = refusal(cis("land", "lines", "--mapping", "online-retail", "export"))
    assert "export/lines.csv has no column InvoiceNo, which columns.invoice of the mapping online-retail names" in words
    assert not Path(".cis/landing").exists()


def test_lines_that_landed_go_only_if_that_is_asked_for(own_mapping: str):
    for lines in ([line(), line(Item="x-2")], [line()]):
        write(Path("export"), *lines)
        result = cis("land", "lines", "--mapping", own_mapping, "export")
    assert "On 2025-03-03, 1 lines that landed before are not in these files" in refusal(result)
    assert cis("land", "lines", "--mapping", own_mapping, "--replace", "export").exit_code == 0


@pytest.mark.parametrize(
    ("kind", "key", "number"),
    [
        ("customer", "17850.0", 17850),
        ("order", "C536379", stable_id("order", "C536379")),
        ("product", " 85123A", stable_id("product", "85123A")),
    ],
)
def test_the_id_of_a_key_is_printed(kind: str, key: str, number: int):
    assert cis("land", "id", "--mapping", "online-retail", kind, key).output == f"{number}\n"


def test_lines_reach_the_features_of_customers_with_their_spend(own_mapping: str):
    shopping = [
        line(
            No=f"{'AB'[customer - 1]}{day}",
            Customer=f"{customer}.0",
            Time=f"2025-03-{day:02} 09:15",
            Item=item,
            Price=price,
        )
        for day in range(1, 9)
        for customer, price in ((1, 1.5), (2, 10))
        for item in ("x-1", "x-2")
    ]
    write(Path("export"), *shopping, shopping[0], line(No="A3", Customer="", Time="2025-03-03 10:00"))
    assert cis("land", "lines", "--mapping", own_mapping, "export").exit_code == 0
    assert cis("backfill").exit_code == 0
    made = cis("backfill", "--from", "2025-03-08", "--to", "2025-03-08", "--select", 'key:"gold/customer_features"')
    assert made.exit_code == 0, made.output
    features = rows(gold.CUSTOMER_FEATURES).select("customer_id", "order_count", "total_spend", "mean_order_spend")
    assert sorted(features.rows()) == [(1, 8, 48.0, 6.0), (2, 8, 320.0, 40.0)]
    assert set(rows(silver.ORDERS)["order_key"]) == {f"{customer}{day}" for customer in "AB" for day in range(1, 9)}
    assert set(rows(silver.PRODUCTS)["product_key"]) == {"x-1", "x-2"}


def test_what_silver_makes_of_lines_is_counted_by_reason_and_in_all(own_mapping: str):
    purchases = [line(No=f"A{number}") for number in range(1, 9)]
    write(
        Path("export"),
        *(*purchases, purchases[0], purchases[1], purchases[1]),
        line(No="A1", Item="gift", Price=0),
        line(No="A1", Item="x-2", Pieces=-3),
        *(line(No="C1", Pieces=-2), line(No="D1", Pieces=0), line(No="N1", Customer="")),
    )
    assert cis("land", "lines", "--mapping", own_mapping, "export").exit_code == 0
    assert cis("backfill").exit_code == 0
    shown = json.loads(cis("show", "rejected", "--json").output)
    assert {(row["source_table"], row["reason"]): row["rows"] for row in shown["rejected"]} == {
        ("orders", "customer_id is missing"): 1,
        ("orders", "order has no valid line"): 1,
        ("order_items", "its order was rejected"): 1,
        ("order_items", "quantity is 0"): 1,
        ("order_items", "unit_price is not above 0"): 1,
    }
    assert shown["returned_items"] == 2
    assert cis("show", "rejected").output.endswith(
        "In all\n"
        "3 rows in silver/rejected_rows (order_items)\n"
        "2 rows in silver/rejected_rows (orders)\n"
        "2 returned items in silver/returned_items\n"
    )
    reconciliation = json.loads(cis("show", "reconciliation", "--json").output)["reconciliation"]
    assert {row["source_table"]: row["duplicates"] for row in reconciliation} == {"orders": 0, "order_items": 3}
