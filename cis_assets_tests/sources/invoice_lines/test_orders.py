"""Invoice lines as landing rows: every line with a date lands, whatever it says, and nothing is added or lost."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_assets.sources.invoice_lines.ids import stable_id
from cis_assets.sources.invoice_lines.mapping import InvoiceLinesError
from cis_assets.sources.invoice_lines.orders import read_invoice_lines
from cis_assets_tests.sources.invoice_lines.exports import HEADER, items, line, mapping, orders, read, write

POINT_TO_COMMA = '[files]\ndelimiter = ";"\ndecimal = ","\n'


def test_lines_of_one_invoice_are_one_order_with_the_hour_of_its_earliest(tmp_path: Path):
    lines = read(
        tmp_path,
        line(Time="2025-03-03 10:02"),
        line(Item="x-2", Time="2025-03-03 09:58"),
        line(No="A2", Customer="8", Time="2025-03-03 00:00"),
    )
    assert orders(lines) == [("2025-03-03", "A1", 7, 9), ("2025-03-03", "A2", 8, 0)]
    assert items(lines) == [("x-1", 1, 2, 1.5), ("x-2", 2, 2, 1.5), ("x-1", 1, 2, 1.5)]


def test_an_order_id_is_made_from_the_invoice_and_a_product_id_from_the_sku(tmp_path: Path):
    (day,) = read(tmp_path, line()).days()
    assert day.orders["order_id"].to_list() == [stable_id("order", "A1")]
    assert day.order_items.rows() == [(stable_id("order", "A1"), stable_id("product", "x-1"), 1, 2, 1.5)]


def test_numbers_stay_ids_where_the_mapping_keeps_them(tmp_path: Path):
    by = mapping(('customer = "number"', 'customer = "number"\norder = "number"\nproduct = "number"'))
    (day,) = read(tmp_path, line(No="536365", Customer="17850.0", Item="22139"), by=by).days()
    assert day.orders.rows() == [(536365, 17850, 9, "536365")]
    assert day.order_items["product_id"].to_list() == [22139]


def test_cancellations_and_absurd_amounts_land_as_they_are(tmp_path: Path):
    lines = read(
        tmp_path,
        line(No="C1", Pieces=-2),
        line(Item="a", Pieces=0),
        line(Item="b", Price=0),
        line(Item="c", Price=-11062.06),
        line(Item="d", Pieces="", Price=""),
    )
    assert [row[2:] for row in items(lines)] == [(-2, 1.5), (0, 1.5), (2, 0.0), (2, -11062.06), (None, None)]
    assert lines.faulty.is_empty()


def test_a_line_without_customer_lands_in_an_order_without_customer(tmp_path: Path):
    assert orders(read(tmp_path, line(Customer=""))) == [("2025-03-03", "A1", None, 9)]


def test_copies_of_a_line_land_as_the_same_row_and_others_count_on(tmp_path: Path):
    first, second, third = line(), line(Pieces=3), line(Item="x-2")
    lines = read(tmp_path, first, second, first, third, second, line(No="A2"))
    assert [row[1] for row in items(lines)] == [1, 2, 1, 3, 2, 1]
    (day,) = lines.days()
    assert Counter(Counter(day.order_items.iter_rows()).values()) == {2: 2, 1: 2}


def test_lines_that_differ_only_in_what_does_not_land_are_no_copies(tmp_path: Path):
    assert [row[1] for row in items(read(tmp_path, line(), line(Name="tea"), line(Time="2025-03-03 09:16")))] == [
        1,
        2,
        3,
    ]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("xyz"), st.integers(1, 2)), min_size=1, max_size=25))
def test_positions_count_the_different_lines_of_an_order(tmp_path_factory: pytest.TempPathFactory, bought: list):
    lines = read(tmp_path_factory.mktemp("shop"), *(line(No=no, Item=item, Pieces=n) for no, item, n in bought))
    places = lines.dated.select("order_key", "product_key", "quantity", "position").rows()
    assert [row[:3] for row in places] == bought
    for no in {no for no, _, _ in bought}:
        expected = {each: place for place, each in enumerate(dict.fromkeys(b for b in bought if b[0] == no), start=1)}
        assert {row[:3]: row[3] for row in places if row[0] == no} == expected


def test_an_invoice_over_two_dates_is_an_order_on_each_with_the_same_id(tmp_path: Path):
    lines = read(tmp_path, line(Time="2025-03-03 23:59"), line(Time="2025-03-04 00:01"), line(Time="2025-03-04 07:00"))
    assert orders(lines) == [("2025-03-03", "A1", 7, 23), ("2025-03-04", "A1", 7, 0)]
    assert lines.dated["order_id"].n_unique() == 1
    assert [row[1] for row in items(lines)] == [1, 1, 2]


def test_an_invoice_of_several_customers_is_an_order_of_each(tmp_path: Path):
    lines = read(
        tmp_path, line(), line(Customer="8"), line(Customer=""), line(Item="x-2"), line(Customer="8", Item="x-2")
    )
    assert orders(lines) == [("2025-03-03", "A1", 7, 9), ("2025-03-03", "A1", 8, 9), ("2025-03-03", "A1", None, 9)]
    (day,) = lines.days()
    assert day.orders["order_id"].to_list() == [
        stable_id("order", "A1"),
        stable_id("order", "A1", "8"),
        stable_id("order", "A1", ""),
    ]
    assert lines.dated.select("customer_key", "position").rows() == [("7", 1), ("8", 1), (None, 1), ("7", 2), ("8", 2)]


def test_the_order_of_a_further_customer_does_not_take_the_id_of_another(tmp_path: Path):
    taken = stable_id("order", "A1", "1")
    kept_numbers = mapping(('"number"', '"number"\norder = "number"'))
    words = f"^The orders '{taken}' and 'A1 of customer 1' would get the same id {taken}"
    with pytest.raises(InvoiceLinesError, match=words):
        read(tmp_path, line(Customer="0"), line(Customer="1"), line(No=str(taken)), by=kept_numbers)


def test_two_spellings_of_a_customer_number_are_one_customer(tmp_path: Path):
    lines = read(tmp_path, line(Customer="17850.0"), line(Customer="17850", Item="x-2"))
    assert orders(lines) == [("2025-03-03", "A1", 17850, 9)]


def test_blanks_around_values_and_texts_for_nothing_do_not_count(tmp_path: Path):
    by = mapping(("[ids]", '[files]\nmissing = ["NULL", "n/a"]\n[ids]'))
    lines = read(
        tmp_path, line(No=" A1 ", Customer="NULL", Item=" x-1", Name="n/a", Pieces=" 6.0 ", Price=" 2.50"), by=by
    )
    assert orders(lines) == [("2025-03-03", "A1", None, 9)]
    assert items(lines) == [("x-1", 1, 6, 2.5)]
    assert lines.dated["description"].to_list() == [None]


def test_times_may_be_written_in_several_ways(tmp_path: Path):
    lines = read(tmp_path, line(Time="2025-03-03 21:15"), line(No="A2", Time="4.3.2025 7:05"))
    assert [(day, hour) for day, _, _, hour in orders(lines)] == [("2025-03-03", 21), ("2025-03-04", 7)]


def test_a_year_of_two_digits_is_not_taken_for_one_of_the_first_century(tmp_path: Path):
    lines = read(tmp_path, line(), line(Time="04.03.25 07:05"))
    assert lines.faulty.select("source_line", "reason").rows() == [(3, "Time is not in a known time format")]


def test_other_delimiters_encodings_and_decimal_commas_are_read(tmp_path: Path):
    text = f"{HEADER.replace(',', ';')}\n{line(';', Name='Gläser; groß', Price='1,95', Pieces='-3')}\n"
    (tmp_path / "lines.csv").write_bytes(text.encode("latin-1"))
    by = mapping(("[ids]", POINT_TO_COMMA + 'encoding = ["utf-8", "latin-1"]\n[ids]'))
    lines = read_invoice_lines(by, [tmp_path])
    assert items(lines) == [("x-1", 1, -3, 1.95)]
    assert lines.dated["description"].to_list() == ["Gläser; groß"]


def test_the_first_encoding_that_fits_is_taken(tmp_path: Path):
    by = mapping(("[ids]", '[files]\nencoding = ["utf-8", "latin-1"]\n[ids]'))
    assert read(tmp_path, line(Name="Gläser"), by=by).dated["description"].to_list() == ["Gläser"]


def test_values_may_hold_quotes_delimiters_and_line_breaks_and_lines_keep_their_numbers(tmp_path: Path):
    name = 'Two\r\nlines, 6" wide\n'
    path = write(tmp_path, line(Name=name), "", line(Item="x-2"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    lines = read_invoice_lines(mapping(), [path])
    assert lines.dated.select("description", "source_line").rows() == [(name.strip(), 2), ("Tea", 6)]


def test_gzipped_files_and_other_cases_of_the_header_are_read(tmp_path: Path):
    (tmp_path / "lines.csv.gz").write_bytes(gzip.compress(f"{HEADER.upper()} ,More\n{line()},x\n".encode()))
    assert items(read_invoice_lines(mapping(), [tmp_path])) == [("x-1", 1, 2, 1.5)]


def test_columns_that_the_mapping_does_not_name_may_be_absent(tmp_path: Path):
    by = mapping(('description = "Name"\n', ""), ('quantity = "Pieces"\n', ""), ('price = "Price"\n', ""))
    path = write(tmp_path, "2025-03-03 09:15,A1,7,x-1", header="Time,No,Customer,Item")
    assert items(read_invoice_lines(by, [path])) == [("x-1", 1, None, None)]


def test_files_of_a_folder_are_read_in_order_of_name_and_hidden_ones_are_not(tmp_path: Path):
    write(tmp_path, line(Item="second"), name="b.csv")
    write(tmp_path, line(Item="first"), name="a.csv")
    for name in ("_c.csv", ".d.csv", "notes.txt"):
        write(tmp_path, line(Item="none"), name=name)
    lines = read_invoice_lines(mapping(), [tmp_path, tmp_path / "a.csv"])
    assert [row[:2] for row in items(lines)] == [("first", 1), ("second", 2)]


def test_lines_that_cannot_land_whole_are_listed_with_file_line_reason_and_text(tmp_path: Path):
    bad = (
        line(Time="soon"),
        line(Time=""),
        "A1,7,2025-03-03 09:15,x-1",
        line(No="", Item=""),
        line(Pieces="some", Price="1.5.0"),
        'A1,7,2025-03-03 09:15,x-1,"Tea,2,1.5',
    )
    lines = read(tmp_path, line(), *bad)
    assert set(lines.faulty["source_file"]) == {str(tmp_path / "lines.csv")}
    assert lines.faulty.drop("source_file").rows() == [
        (3, "Time is not in a known time format", None, bad[0]),
        (4, "Time is empty", None, bad[1]),
        (5, "has 4 fields where the header has 7", None, bad[2]),
        (6, "No is empty; Item is empty", date(2025, 3, 3), bad[3]),
        (7, "Pieces is not a number of at most 12 digits; Price is not a number", date(2025, 3, 3), bad[4]),
        (8, "is not well-formed CSV: unexpected end of data", None, bad[5]),
    ]
    assert lines.count == 7


def test_a_quote_that_is_not_closed_takes_no_other_line_with_it(tmp_path: Path):
    lines = read(tmp_path, line(), 'A1,7,2025-03-03 09:15,x-1,"Tea,2,1.5', line(Item="x-2"), line(Item="x-3", Name='"'))
    assert [row[0] for row in items(lines)] == ["x-1", "x-2", "x-3"]
    assert lines.faulty["source_line"].to_list() == [3]


def test_a_quote_that_a_further_line_closes_elsewhere_takes_no_line_with_it(tmp_path: Path):
    lines = read(
        tmp_path, 'A1,7,2025-03-03 09:15,x-1,"Tea,2,1.5', 'A1,7,2025-03-03 09:15,x-2,Tea,2",1.5', line(Item="x-3")
    )
    assert lines.faulty.select("source_line", "reason").rows() == [
        (2, "is not well-formed CSV: a quote is not closed"),
        (3, "Pieces is not a number of at most 12 digits"),
    ]
    assert [row[0] for row in items(lines)] == ["x-2", "x-3"]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"Pieces": "2.5.0"}, "'2.5.0',1.5"),
        ({"Pieces": 10**12}, "'1000000000000',1.5"),
        ({"Price": "inf"}, "2,'inf'"),
        ({"Price": "NaN"}, "2,'NaN'"),
        ({"Price": "1,50"}, "2,\"'1,50'\""),
        ({"Price": "£1", "Pieces": "a\nb"}, "'a b','£1'"),
    ],
)
def test_amounts_that_are_none_land_as_text(tmp_path: Path, values: dict, kept: str):
    (day,) = read(tmp_path, line(), line(Item="x-2", **values)).days()
    assert day.order_items.height == 1
    assert day.dirty_order_items == (f"{stable_id('order', 'A1')},{stable_id('product', 'x-2')},2,{kept}",)


def test_a_point_is_no_decimal_comma(tmp_path: Path):
    lines = read_invoice_lines(
        mapping(("[ids]", POINT_TO_COMMA + "[ids]")),
        [write(tmp_path, line(";", Price="1.950"), header=HEADER.replace(",", ";"))],
    )
    assert lines.faulty["reason"].to_list() == ["Price is not a number"]


MANY = [line(No=f"A{number}") for number in range(5)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\n".join([HEADER.replace("Item", "SKU"), *MANY]),
         r"lines.csv has no column Item, which columns.sku of the mapping corner-shop names; its header has No,Customer,Time,Name,Pieces,Price and 1 other field"),
        ("\n".join([f"{HEADER},no", *MANY]), r"lines.csv has more than one column No, which columns.invoice of"),
        ("\n".join([HEADER.replace(",", ";"), *MANY]), r"has no column No, .* Check files.delimiter, which is ','\."),
        ("\n".join([HEADER, *(each + ",x" for each in MANY)]),
         r"lines.csv does not hold invoice lines as the mapping corner-shop describes them: 5 of its 5 lines do not fit its "
         r"header\. The first is line 2, which has 8 fields where the header has 7\. Check files.delimiter of the mapping, which is ','\."),
        ("\n".join([HEADER, *(line(Time="03/03/2025 09:15") for _ in MANY), *MANY[:4]]),
         r"lines.csv has no timestamp as the mapping corner-shop describes it in 5 of 9 lines: column Time of line 2 is "
         r"'03/03/2025 09:15' where timestamp.formats says %Y-%m-%d %H:%M or %d.%m.%Y %H:%M\. "
         r"Set timestamp.formats or columns.timestamp of the mapping corner-shop\."),
        ("\n".join([HEADER, *(line(Price="1,5") for _ in MANY)]), r"no price .* column Price of line 2 is '1,5' where files.decimal says a number, decimal '.'"),
        ("\n".join([HEADER, *(line(Pieces="two") for _ in MANY)]), r"no quantity .* Set files.decimal or columns.quantity of"),
        ("\n".join([HEADER, line(Time="soon"), line(Time="")]), r"None of 2 lines has a date, .*lines.csv line 2, Time is not in a known time format\."),
        (HEADER, r"There are no lines in .*lines.csv\."),
        ("", r"lines.csv has no header"),
        ("\n" + HEADER, r"lines.csv has no header"),
        ('No,"Cust', r"lines.csv has no readable header: "),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_the_mapping_is_refused_in_a_sentence(tmp_path: Path, text: str, words: str):
    (tmp_path / "lines.csv").write_text(text)
    with pytest.raises(InvoiceLinesError, match=words) as refusal:
        read_invoice_lines(mapping(), [tmp_path])
    assert "\n" not in str(refusal.value)


def test_half_of_a_file_may_be_wrong_and_a_few_lines_prove_nothing(tmp_path: Path):
    assert read(tmp_path, *MANY, *(line(Time="soon") for _ in MANY)).faulty.height == 5
    assert read(tmp_path, MANY[0], *(line(Time="soon") for _ in range(4))).faulty.height == 4


def test_bytes_of_another_encoding_are_named_with_their_line(tmp_path: Path):
    (tmp_path / "lines.csv").write_bytes(f"{HEADER}\n{line()}\n{line(Name='Gläser')}\n".encode("latin-1"))
    with pytest.raises(
        InvoiceLinesError, match=r"lines.csv is not written in utf-8 \(byte 0xe4 in line 3\): set files.encoding"
    ):
        read_invoice_lines(mapping(), [tmp_path])


def test_a_truncated_gzip_is_named(tmp_path: Path):
    (tmp_path / "lines.csv.gz").write_bytes(gzip.compress(f"{HEADER}\n{line()}\n".encode())[:-9])
    with pytest.raises(InvoiceLinesError, match=r"lines.csv.gz cannot be read: "):
        read_invoice_lines(mapping(), [tmp_path])


def test_places_without_files_are_named(tmp_path: Path):
    with pytest.raises(InvoiceLinesError, match=re.escape(f"There is no file or folder {tmp_path / 'x.csv'}.")):
        read_invoice_lines(mapping(), [tmp_path / "x.csv"])
    with pytest.raises(
        InvoiceLinesError, match=re.escape(f"The folder {tmp_path} has no file that ends with .csv or .csv.gz.")
    ):
        read_invoice_lines(mapping(), [tmp_path])
