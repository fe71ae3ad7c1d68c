from __future__ import annotations

import pytest

from cis_assets.catalog import AS_OF_DATE, ORDER_DATE, TABLES, Table, bronze, gold, quality, silver

EVERY_TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))


def test_no_two_tables_share_a_path():
    described = (*bronze.TABLES, *silver.TABLES, *quality.TABLES, *gold.TABLES)
    assert len({table.path for table in described}) == len(described) == len(TABLES)


@pytest.mark.parametrize("module", [bronze, silver, quality, gold])
def test_a_table_lies_in_the_layer_of_its_module_and_none_is_forgotten(module):
    described = {table.path for table in vars(module).values() if isinstance(table, Table)}
    assert described == {table.path for table in module.TABLES}
    assert {table.layer for table in module.TABLES} == {module.__name__.rpartition(".")[2]}


@EVERY_TABLE
def test_a_table_says_in_words_what_it_holds_and_what_a_row_is(table: Table):
    assert table.description.endswith(".")
    assert "\n" not in table.description
    # A schema without a docstring of its own would show dataframely's.
    assert "__doc__" in vars(table.schema)
    assert table.grain


@EVERY_TABLE
def test_every_column_is_described_in_a_sentence(table: Table):
    vague = [name for name in table.dtypes if not table.column_description(name).endswith(".")]
    assert vague == []


@EVERY_TABLE
def test_key_and_partition_are_columns_that_are_never_missing(table: Table):
    named = {*table.key, *table.partition_by}
    assert named <= set(table.columns)
    assert not [name for name in named if table.columns[name].nullable]


@EVERY_TABLE
def test_a_table_with_a_date_of_slices_is_partitioned_by_it(table: Table):
    dates = [name for name in (ORDER_DATE, AS_OF_DATE) if name in table.columns]
    assert table.partition_by == tuple(dates[:1])


@EVERY_TABLE
def test_the_empty_frame_of_a_table_has_its_schema(table: Table):
    empty = table.empty()
    assert (empty.height, dict(empty.schema)) == (0, table.dtypes)
    table.refuse_other_schema(empty.schema)


def test_silver_keeps_the_types_of_bronze():
    for valid, landed in (
        (silver.ORDERS, bronze.ORDERS),
        (silver.ORDER_ITEMS, bronze.ORDER_ITEMS),
        (silver.PRODUCTS, bronze.PRODUCTS),
        (silver.CUSTOMERS, bronze.CUSTOMERS),
        (silver.OFFERS, bronze.OFFERS),
    ):
        shared = valid.dtypes.keys() & landed.dtypes.keys()
        assert {name: valid.dtypes[name] for name in shared} == {name: landed.dtypes[name] for name in shared}
