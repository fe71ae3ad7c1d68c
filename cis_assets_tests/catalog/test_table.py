from __future__ import annotations

from datetime import date

import dataframely as dy
import polars as pl
import pytest

from cis_assets.catalog import SchemaMismatchError, Table, silver


class Jar(dy.Schema):
    """A jar
    on a shelf.
    """

    label = dy.String(min_length=1, description="What it says.")
    code = dy.String(nullable=True, min_length=3, description="Its code.")
    pieces = dy.Int32(nullable=True, min=1, max=1_000_000, description="What is in it.")
    share = dy.Float64(nullable=True, min=0.0, max_exclusive=1.0, description="How full it is.")
    weight = dy.Float64(nullable=True, min_exclusive=0.5, description="Its weight.")


JARS = Table("silver", "jars", Jar, "jar", ("label",))
GOOD = {"label": "plum", "code": "abc", "pieces": 3, "share": 0.5, "weight": 1.0}


def reason_of(columns: list[str] | None = None, **values: object) -> str | None:
    frame = pl.DataFrame([{**GOOD, **values}], schema=JARS.dtypes)
    return frame.select(JARS.broken_rules(columns)).item()


def test_a_row_that_keeps_every_rule_has_no_reason():
    assert reason_of() is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"label": None}, "label is missing"),
        ({"label": ""}, "label is empty"),
        ({"code": "ab"}, "code breaks the rule min_length"),
        ({"pieces": 0}, "pieces is below 1"),
        ({"pieces": 1_000_001}, "pieces is above 1000000"),
        ({"share": -0.5}, "share is below 0"),
        ({"share": 1.0}, "share is not below 1"),
        ({"weight": 0.5}, "weight is not above 0.5"),
        ({"weight": float("nan")}, "weight is not a number"),
        ({"weight": float("inf")}, "weight is infinite"),
    ],
)
def test_a_broken_rule_is_said_in_words(value: dict[str, object], reason: str):
    assert reason_of(**value) == reason  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "value", [{"pieces": 1}, {"pieces": 1_000_000}, {"share": 0.0}, {"code": None}, {"pieces": None}]
)
def test_limits_themselves_and_permitted_gaps_break_nothing(value: dict[str, object]):
    assert reason_of(**value) is None  # pyright: ignore[reportArgumentType]


def test_several_broken_rules_are_all_named():
    assert reason_of(label=None, pieces=0) == "label is missing; pieces is below 1"


def test_only_the_columns_asked_for_are_judged():
    assert reason_of(["pieces"], label=None) is None


def test_a_rule_asked_of_an_unknown_column_is_an_error():
    with pytest.raises(KeyError, match="piece"):
        JARS.broken_rules(["piece"])


def test_columns_without_rules_break_none():
    class Note(dy.Schema):
        """A note."""

        text = dy.String(nullable=True, description="Anything.")

    rules = Table("silver", "notes", Note, "note").broken_rules()
    assert pl.DataFrame({"text": ["", "a"]}).with_columns(reason=rules)["reason"].to_list() == [None, None]


def test_a_description_is_one_paragraph():
    assert JARS.description == "A jar on a shelf."


def test_conform_casts_orders_and_drops_columns():
    frame = pl.LazyFrame(
        {"weight": [2], "extra": ["x"], "pieces": [7], "share": [0], "code": [None], "label": ["plum"]}
    )
    conformed = JARS.conform(frame).collect()
    assert list(conformed.schema.items()) == list(JARS.dtypes.items())
    assert conformed.row(0) == ("plum", None, 7, 0.0, 2.0)


def test_conform_fails_on_a_value_that_the_type_cannot_hold():
    too_large = pl.LazyFrame([{**GOOD, "pieces": 2**40}])
    with pytest.raises(pl.exceptions.InvalidOperationError, match="pieces"):
        JARS.conform(too_large).collect()


def test_the_catalogs_own_schema_is_accepted_in_any_order():
    JARS.refuse_other_schema(dict(reversed(list(JARS.dtypes.items()))))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pieces": None}, "column 'pieces' is missing"),
        ({"extra": pl.Int8()}, "column 'extra' is not in the catalog"),
        ({"pieces": pl.Int64()}, "column 'pieces' is Int64 where the catalog says Int32"),
    ],
)
def test_another_schema_is_refused_with_table_column_and_types(change: dict[str, pl.DataType | None], words: str):
    schema = {name: dtype for name, dtype in {**JARS.dtypes, **change}.items() if dtype is not None}
    with pytest.raises(SchemaMismatchError) as refusal:
        JARS.refuse_other_schema(schema)
    assert str(refusal.value) == f"Nothing was written to silver/jars: {words}."


def test_every_difference_of_a_schema_is_named_at_once():
    with pytest.raises(
        SchemaMismatchError, match=r"'label' is missing.*'weight' is missing.*'extra' is not in the catalog"
    ):
        JARS.refuse_other_schema({"extra": pl.Int8()})


def test_the_rules_of_silver_order_items_read_as_sentences_do():
    line = {"order_date": date(2026, 1, 1), "order_id": 1, "quantity": 0, "unit_price": -1.0}
    frame = pl.DataFrame(line, schema_overrides={name: silver.ORDER_ITEMS.dtypes[name] for name in line})
    reason = frame.select(silver.ORDER_ITEMS.broken_rules(["order_id", "quantity", "unit_price"])).item()
    assert reason == "quantity is not above 0; unit_price is not above 0"


def test_a_caller_cannot_change_what_the_catalog_says():
    for mapping in (JARS.columns, JARS.dtypes, JARS.checks):
        with pytest.raises(TypeError):
            mapping["pieces"] = None  # pyright: ignore[reportIndexIssue]
