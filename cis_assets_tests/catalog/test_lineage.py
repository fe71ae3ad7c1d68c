"""The lineage of the catalog, compared with the asset graph, the column types and the rows of a small shop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import get_type_hints

import dagster as dg
import narwhals as nw
import polars as pl
import pytest

from cis_assets.catalog import TABLES, Table, bronze, gold, silver
from cis_assets.catalog.lineage import CARRIED, COMPUTED, LINEAGE, ColumnRef
from cis_assets.dates import DateRange
from cis_assets.definitions import defs
from cis_assets.defs.tables import asset_key
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.metadata import column_lineage
from cis_assets.landing import contract
from cis_assets.segmentation.features import CLUSTERED_FEATURES
from cis_assets_tests.defs.pipeline import INGEST, land_sample, shop_at

END = date(2025, 10, 31)
GRAPH = defs.resolve_asset_graph()
DTYPES: Mapping[str, Mapping[str, pl.DataType]] = {
    **{path: table.dtypes for path, table in TABLES.items()},
    **{f"landing/{table.name}": table.columns for table in (*contract.DATED, *contract.SNAPSHOTS)},
}
EVERY_TABLE = pytest.mark.parametrize("path", LINEAGE)

# Rows that would show these are missing from the sample: a delisted product or customer, a product twice in one order, orders without prices, a
# customer with one order between two segments, a capped gap, orders of more than a quarter of the window, a product without a display name.
NOT_IN_THE_SAMPLE = {
    *(("delisted_at", ColumnRef(f"bronze/{name}", "delisted_at")) for name in ("products", "customers")),
    ("favourite_product_orders", ColumnRef("silver/order_items", "order_id")),
    *(("monetary_score", ColumnRef("gold/customer_features", name)) for name in ("order_count", "mean_basket_size")),
    *(
        (name, ColumnRef("silver/orders", "gap_is_minimum"))
        for name in ("cadence_days", "gap_p75_days", "gap_p90_days", "capped_gap_share")
    ),
    *((name, ColumnRef("silver/orders", "day_number")) for name in ("order_trend", "basket_trend")),
    ("basket_trend", ColumnRef("silver/orders", "item_count")),
    ("rfm_segment", ColumnRef("gold/customer_features", "mean_basket_size")),
    ("capped_order_count", ColumnRef("silver/orders", "gap_is_minimum")),
    *(("top_products", ColumnRef("silver/products", name)) for name in ("product_name", "aisle")),
    *((name, ColumnRef("gold/segment_model", "feature_fill")) for name in ("segment_id", "segment_name")),
    *(("naming_fault", ColumnRef("bronze/products", name)) for name in ("product_name", "display_name")),
    ("naming_fault", ColumnRef("bronze/departments", "department")),
}

Rows = Mapping[str, pl.DataFrame]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """All rows of a small shop, with gold as of its last day."""
    folder = tmp_path_factory.mktemp("shop")
    days = land_sample(folder / "landing", end=END, customers=60, days=40)
    _land_returns(folder / "landing")
    _land_optional_columns(folder / "landing")
    shop = shop_at(folder)
    shop.run(INGEST, days)
    shop.run(dg.AssetSelection.groups("gold"), DateRange(END, END))
    # Tables without lineage are read too: silver/customers asks bronze/landed_snapshots whether its snapshot can be used.
    return {path: shop.rows(TABLES[path]) for path in (*LINEAGE, bronze.LANDED_SNAPSHOTS.path)}


def _land_returns(landing: Path) -> None:
    """A returned line of every order of the last day, which the sample has none of."""
    orders = pl.read_csv(landing / f"orders/order_date={END}/orders.csv", columns=["order_id"], ignore_errors=True)
    numbers = orders["order_id"].drop_nulls().unique().sort().to_list()
    lines = [f"{order},{place},{900 + place},-{place},{place}.5" for place, order in enumerate(numbers, start=1)]
    header = "order_id,product_id,add_to_cart_order,quantity,unit_price"
    (landing / f"order_items/order_date={END}/returns.csv").write_text("\n".join([header, *lines, ""]))


def _land_optional_columns(landing: Path) -> None:
    """What the sample does not tell: names for people, languages, keys, and offers of other kinds with an audience."""
    number = pl.int_range(pl.len())
    for table, columns in (
        (
            "products",
            {"display_name": pl.format("Name {}", number), "unit_cost": number / 8, "in_stock": number % 3 > 0},
        ),
        ("customers", {"locale": pl.format("en-{}", number), "customer_key": pl.format("K{}", number)}),
    ):
        path = landing / table / f"{table}.csv"
        pl.read_csv(path).with_columns(**columns).write_csv(path)
    offers = landing / "offers" / "offers.csv"
    columns = "offer_id,product_id,percent_off,starts_on,ends_on,kind,scope,amount_off,department_id,minimum_spend,code,budget"
    landed = pl.read_csv(offers, infer_schema=False).rows()
    rows = [",".join((*row, "", "", "", "", "", "", "")) for row in landed]
    rows += [
        f"9001,,,2020-01-01,2099-01-01,amount,order,5,,20,TAKE5,1000\n9002,,,2020-01-01,2099-01-01,coupon,department,,{department},,,"
        for department in (4,)
    ]
    offers.write_text("\n".join([columns, *rows, ""]))
    (landing / "offer_audience").mkdir()
    (landing / "offer_audience" / "audience.csv").write_text("offer_id,customer_id\n9001,1\n9001,2\n9002,3\n")


@EVERY_TABLE
def test_tables_and_columns_are_those_of_the_catalog_and_of_the_landing_contract(path: str):
    assert LINEAGE[path].keys() <= DTYPES[path].keys()
    named = {origin for origins in LINEAGE[path].values() for origin in origins}
    assert [origin for origin in named if origin.column not in DTYPES.get(origin.table, ())] == []


@EVERY_TABLE
def test_every_column_named_has_origins_and_each_once(path: str):
    assert [
        column for column, origins in LINEAGE[path].items() if len(set(origins)) != len(origins) or not origins
    ] == []


@EVERY_TABLE
def test_origins_are_columns_of_what_the_asset_is_made_from(path: str):
    upstream = {key.to_user_string() for key in GRAPH.get(asset_key(TABLES[path])).parent_keys}
    assert {origin.table for origins in LINEAGE[path].values() for origin in origins} <= upstream


@EVERY_TABLE
def test_a_column_is_carried_over_or_computed_but_not_both(path: str):
    assert CARRIED.get(path, {}).keys() & COMPUTED.get(path, {}).keys() == set()


@pytest.mark.parametrize("path", CARRIED)
def test_columns_that_are_carried_over_keep_their_type(path: str):
    types = {
        (column, origin): (DTYPES[path][column], DTYPES[origin.table][origin.column])
        for column, origins in CARRIED[path].items()
        for origin in origins
    }
    assert {where: pair for where, pair in types.items() if pair[0] != pair[1]} == {}


@pytest.mark.parametrize("path", [path for path in CARRIED if not path.startswith("bronze/")])
def test_values_that_are_carried_over_stand_in_their_origin(rows: Rows, path: str):
    for columns in _carried_together(path):
        origins = zip(*(CARRIED[path][column] for column in columns), strict=True)
        upstream = pl.concat([_renamed(rows, dict(zip(columns, places, strict=True))) for places in origins])
        carried = rows[path].select(columns).filter(~pl.all_horizontal(pl.all().is_null()))
        assert carried.height > 0
        foreign = carried.join(upstream, on=columns, how="anti", nulls_equal=True)
        assert foreign.is_empty(), f"{path} holds {foreign.row(0, named=True)}, which {CARRIED[path]} do not"


def _carried_together(path: str) -> list[list[str]]:
    """The columns of a table whose values come from one row of one origin: alone, a small number proves little."""
    by_tables: dict[tuple[str, ...], list[str]] = {}
    for column, origins in CARRIED[path].items():
        by_tables.setdefault(tuple(origin.table for origin in origins), []).append(column)
    if path != "gold/customer_features":
        return list(by_tables.values())
    # Favourites are chosen one by one, from different orders of the customer.
    orders, order_items = by_tables[("silver/orders",)], by_tables[("silver/order_items",)]
    return [
        *(["customer_id", column] for column in orders if column != "customer_id"),
        *([name] for name in order_items),
    ]


def _renamed(rows: Rows, places: Mapping[str, ColumnRef]) -> pl.DataFrame:
    (table,) = {place.table for place in places.values()}
    return rows[table].select(pl.col(place.column).alias(name) for name, place in places.items())


@pytest.mark.parametrize(
    "table",
    [
        silver.PRODUCTS,
        silver.CUSTOMERS,
        gold.CUSTOMER_FEATURES,
        gold.CUSTOMER_SEGMENTS,
        gold.SEGMENT_PROFILES,
        gold.ORDER_FREQUENCY,
    ],
    ids=lambda table: table.path,
)
def test_a_computed_column_changes_with_each_column_that_it_is_computed_from(rows: Rows, table: Table):
    before = recomputed(table, rows)
    declared = {(column, origin) for column, origins in COMPUTED[table.path].items() for origin in origins}
    seen = set()
    for origin in {origin for _, origin in declared}:
        of_origin = {column for column, other in declared if other == origin}
        for changed in _with_other_values(rows[origin.table], origin.column):
            after = recomputed(table, {**rows, origin.table: changed})
            seen |= {(column, origin) for column in of_origin if _differs(table, column, before, after)}
            if {(column, origin) for column in of_origin} <= seen:
                break
    assert declared - seen - NOT_IN_THE_SAMPLE == set()


def test_features_do_not_change_with_columns_that_are_no_origin_of_theirs(rows: Rows):
    table = gold.CUSTOMER_FEATURES
    before = recomputed(table, rows)
    # These also decide which rows count and belong together.
    selecting = {"customer_id", "order_date", "order_id", "day_number", "product_id"}
    for path in ("silver/orders", "silver/order_items"):
        for name in DTYPES[path].keys() - selecting:
            after = recomputed(table, {**rows, path: next(_with_other_values(rows[path], name))})
            moved = {column for column in table.columns if _differs(table, column, before, after)}
            made_of_it = {column for column, origins in LINEAGE[table.path].items() if (path, name) in origins}
            assert moved <= made_of_it, f"after a change of {path}.{name}"


def recomputed(table: Table, rows: Rows) -> pl.DataFrame:
    """The table as its asset makes it from these rows."""
    asset = GRAPH.get(asset_key(table)).assets_def
    wanted = get_type_hints(asset.op.compute_fn.decorated_fn)
    read = {name: key.to_user_string() for name, key in asset.keys_by_input_name.items() if name in wanted}
    inputs = {name: _as(wanted[name], rows[path]) for name, path in read.items()}
    with dg.build_asset_context(partition_key=END.isoformat() if asset.partitions_def else None) as context:
        made = asset(context, **inputs) if "context" in wanted else asset.op.compute_fn.decorated_fn(**inputs)
    made = made.value if isinstance(made, dg.Output) else made
    return (made.whole() if isinstance(made, LazyChunks) else made).lazy().collect()  # pyright: ignore[reportAttributeAccessIssue]


def _as(wanted: type, frame: pl.DataFrame) -> pl.DataFrame | pl.LazyFrame | nw.LazyFrame:
    if wanted is nw.LazyFrame:
        return nw.from_native(frame.lazy())
    return frame.lazy() if wanted is pl.LazyFrame else frame


def _with_other_values(frame: pl.DataFrame, column: str) -> Iterator[pl.DataFrame]:
    """The frame with the column changed in every second row, among rows, and in all rows.

    A column that is the same in all rows stays so.
    """
    value = pl.col(column)
    other = _other(value, frame.schema[column])
    if frame[column].n_unique() > 1:
        yield frame.with_columns(pl.when(pl.int_range(pl.len()) % 2 == 1).then(other).otherwise(value).alias(column))
        yield frame.with_columns(value.shuffle(seed=1))
    yield frame.with_columns(other)


def _other(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.List):
        return value.list.eval(_other(pl.element(), pl.DataType.from_python(dtype.inner)))  # pyright: ignore[reportArgumentType]
    if dtype == pl.Boolean():
        return ~value
    if dtype.is_temporal():
        return value.dt.offset_by("1d")
    # Far enough not to be the number of another row.
    return value + ("x" if dtype == pl.String() else 10_000)


def _differs(table: Table, column: str, before: pl.DataFrame, after: pl.DataFrame) -> bool:
    """Whether the column differs between rows of the same key; for a part of the key, whether its values do."""
    key = [name for name in table.key if name != column]
    shared = before.select(key).unique().join(after.select(key).unique(), on=key)
    left, right = (
        frame.join(shared, on=key, how="semi").select(*key, column).sort(pl.all()) for frame in (before, after)
    )
    return not left.equals(right)


def test_the_segments_are_said_to_be_made_from_the_habits_that_are_clustered():
    assert LINEAGE["gold/segment_model"]["centroid"] == tuple(
        ColumnRef("gold/customer_habits", name) for name in CLUSTERED_FEATURES
    )


def test_dagster_is_told_the_origins_in_the_order_of_the_columns():
    lineage = column_lineage(silver.ORDERS)
    assert lineage is not None
    told = {
        column: [(dep.asset_key.to_user_string(), dep.column_name) for dep in deps]
        for column, deps in lineage.deps_by_column.items()
    }
    assert told == {column: sorted(origins) for column, origins in LINEAGE["silver/orders"].items()}
    assert list(told) == [column for column in silver.ORDERS.columns if column in told]


def test_dagster_is_told_nothing_of_a_table_without_known_origins():
    assert column_lineage(Table("gold", "new", silver.ORDERS.schema, "row")) is None
