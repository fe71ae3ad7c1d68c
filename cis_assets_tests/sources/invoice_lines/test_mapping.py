"""Mappings: what ships is valid, and every wrong key is named in a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cis_assets.sources.invoice_lines.mapping import InvoiceLinesError, parse_mapping, read_mapping, shipped_mappings
from cis_assets_tests.sources.invoice_lines.exports import MAPPING, mapping

SMALLEST = """
source = "s"
columns = {invoice = "a", customer = "b", timestamp = "c", sku = "d"}
timestamp = {formats = "%Y-%m-%d %H:%M"}
"""


@pytest.mark.parametrize("name", shipped_mappings())
def test_a_shipped_mapping_is_read_by_its_name(name: str):
    assert read_mapping(name).source == name


def test_uci_online_retail_ships():
    assert "online-retail" in shipped_mappings()


def test_a_mapping_is_read_from_a_file(tmp_path: Path):
    (tmp_path / "own.toml").write_text(MAPPING)
    assert read_mapping(str(tmp_path / "own.toml")) == mapping()


def test_nobody_has_consented_unless_the_mapping_says_so():
    assert parse_mapping(SMALLEST, "m").customers.push_consent is False


def test_one_text_stands_for_a_list_of_one():
    found = parse_mapping(SMALLEST + 'files = {encoding = "latin-1", missing = "-"}', "m")
    assert (found.files.encoding, found.files.missing) == (("latin-1",), ("-",))
    assert found.timestamp.formats == ("%Y-%m-%d %H:%M",)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('invoice = "No"', "", "Mapping m has no columns.invoice, which it needs."),
        ('source = "corner-shop"', "", "Mapping m has no source, which it needs."),
        ('price = "Price"', 'cost = "Price"', "Mapping m has columns.cost, which is not a key of a mapping."),
        ('sku = "Item"', "sku = 7", r"In mapping m, columns.sku is 7: Input should be a valid string."),
        ('customer = "number"', 'customer = "serial"', r"In mapping m, ids.customer is 'serial': Input should be 'hash' or 'number'."),
        ("%d.%m.%Y %H:%M", "%d.%m.%Y", r"'%d.%m.%Y' must have year, month, day, hour and minute"),
        ("%d.%m.%Y %H:%M", "%d.%m.%Y %I:%M", r"'%d.%m.%Y %I:%M' must have"),
        ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M %z", r"and no time zone."),
        ("%d.%m.%Y %H:%M", "%H:%M", r"'%H:%M' must have"),
        ("[ids]", '[files]\nencoding = ["utf-8", "utf-99"]\n[ids]', r"files.encoding is .*'utf-99' is not an encoding"),
        ("[ids]", '[files]\ndelimiter = "||"\n[ids]', r"files.delimiter is '\|\|': must be one character"),
        ("[ids]", '[files]\ndecimal = ";"\n[ids]', r"files.decimal is ';': Input should be '.' or ','."),
        ("[ids]", '[customers]\npush_consent = "yes"\n[ids]', r"customers.push_consent is 'yes': Input should be a valid boolean."),
        ("[ids]", '[customers]\ntime_zone = "Mars"\n[ids]', r"customers.time_zone is 'Mars': is not an IANA time zone"),
        ("[ids]", "[ids", r"Mapping m is not valid TOML: .*line \d+"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_named_in_a_sentence(old: str, new: str, words: str):
    assert old in MAPPING
    with pytest.raises(InvoiceLinesError, match=words) as refusal:
        parse_mapping(MAPPING.replace(old, new), "m")
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_a_mapping_that_is_absent_is_named_with_those_that_ship(tmp_path: Path):
    with pytest.raises(InvoiceLinesError, match=r"There is no mapping online-retial: .*\(online-retail\)\."):
        read_mapping("online-retial")


def test_a_mapping_that_is_no_text_is_named(tmp_path: Path):
    (tmp_path / "m.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvoiceLinesError, match=re.escape(f"Mapping {tmp_path / 'm.toml'} cannot be read")):
        read_mapping(str(tmp_path / "m.toml"))
