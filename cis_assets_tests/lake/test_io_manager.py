"""The IO manager through Dagster: assets are materialized on an ephemeral instance into a real lake."""

from datetime import date
from pathlib import Path

import dagster as dg
import narwhals as nw
import polars as pl
import pytest

from cis_assets.assets.partitioning import ONE_RUN, ORDER_DATES
from cis_assets.catalog import SchemaMismatchError, gold, silver
from cis_assets.lake.io_manager import LakeIOManager, UnknownTableError
from cis_assets.lake.lake import Lake
from cis_assets_tests.frames import table_frame

DAYS = [date(2026, 1, number) for number in range(1, 8)]
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def orders_asset(frame: pl.DataFrame | pl.LazyFrame | nw.LazyFrame):
    """An asset that writes those rows of `frame` that belong to the days of its run."""

    @dg.asset(
        key=["silver", "orders"],
        partitions_def=ORDER_DATES,
        backfill_policy=ONE_RUN,
        metadata={"partition_expr": "order_date"},
    )
    def orders(context: dg.AssetExecutionContext):
        days = [date.fromisoformat(key) for key in context.partition_keys]
        return frame.filter(pl.col("order_date").is_in(days)) if not isinstance(frame, nw.LazyFrame) else frame

    return orders


def materialize(asset, lake: Path, *, partition: date | None = None, span: tuple[date, date] | None = None, also=()):
    return dg.materialize(
        [asset, *also],
        resources={"io_manager": LakeIOManager(lake_uri=str(lake))},
        partition_key=partition.isoformat() if partition else None,
        tags=dict(zip(RANGE, (day.isoformat() for day in span), strict=True)) if span else {},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=True,
    )


def orders(days=DAYS, count: int = 3) -> pl.DataFrame:
    return table_frame(
        silver.ORDERS, [{"order_date": day, "order_id": number} for day in days for number in range(count)]
    )


def stored_counts(lake: Path) -> dict[date, int]:
    stored = Lake(str(lake)).scan(silver.ORDERS)
    return dict(stored.group_by("order_date").len().sort("order_date").collect().iter_rows())


def test_a_single_day_and_a_range_land_in_the_same_table(tmp_path: Path):
    asset = orders_asset(orders().lazy())
    materialize(asset, tmp_path, span=(DAYS[0], DAYS[4]))
    materialize(asset, tmp_path, partition=DAYS[5])
    assert stored_counts(tmp_path) == dict.fromkeys(DAYS[:6], 3)


def test_a_range_can_be_run_again(tmp_path: Path):
    for count in (3, 5):
        materialize(orders_asset(orders(count=count)), tmp_path, span=(DAYS[0], DAYS[4]))
    assert stored_counts(tmp_path) == dict.fromkeys(DAYS[:5], 5)


def test_each_day_of_a_range_gets_its_own_figures(tmp_path: Path):
    frame = pl.concat([orders(DAYS[:1], count=2), orders(DAYS[2:3], count=4)])
    result = materialize(orders_asset(frame), tmp_path, span=(DAYS[0], DAYS[2]))
    rows = {
        event.partition: event.materialization.metadata["dagster/partition_row_count"].value
        for event in result.get_asset_materialization_events()
    }
    assert rows == {"2026-01-01": 2, "2026-01-02": 0, "2026-01-03": 4}
    for event in result.get_asset_materialization_events():
        columns = event.materialization.metadata["dagster/column_schema"].schema.columns
        assert [column.name for column in columns] == list(silver.ORDERS.columns)


def test_figures_of_an_unpartitioned_table_are_recorded(tmp_path: Path):
    @dg.asset(key=["silver", "products"])
    def products() -> pl.DataFrame:
        return table_frame(silver.PRODUCTS, [{}, {}])

    (event,) = materialize(products, tmp_path).get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["dagster/row_count"].value == 2
    assert metadata["files"].value == 1
    assert metadata["size_bytes"].value > 0


@pytest.mark.parametrize(
    ("kind", "expected"), [(pl.LazyFrame, pl.LazyFrame), (pl.DataFrame, pl.DataFrame), (nw.LazyFrame, nw.LazyFrame)]
)
def test_an_input_arrives_as_its_asset_asks_with_the_rows_of_its_day_only(tmp_path: Path, kind: type, expected: type):
    seen = []

    def downstream(context, orders):
        seen.append(orders)

    downstream.__annotations__ = {"orders": kind, "return": None}
    asset = dg.asset(
        key=["silver", "reader"],
        partitions_def=ORDER_DATES,
        backfill_policy=ONE_RUN,
        ins={"orders": dg.AssetIn(["silver", "orders"])},
    )(downstream)
    upstream = orders_asset(orders())
    materialize(upstream, tmp_path, span=(DAYS[0], DAYS[4]))
    materialize(upstream, tmp_path, partition=DAYS[2], also=[asset])
    (frame,) = seen
    assert isinstance(frame, expected)
    dates = nw.from_native(frame).lazy().collect()["order_date"].to_list()
    assert dates == [DAYS[2]] * 3


def test_a_trailing_window_of_a_range_run_reaches_from_its_first_to_its_last_day(tmp_path: Path):
    seen = []

    @dg.asset(
        key=["silver", "reader"],
        partitions_def=ORDER_DATES,
        backfill_policy=ONE_RUN,
        ins={
            "orders": dg.AssetIn(["silver", "orders"], partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-2))
        },
    )
    def reader(orders: pl.LazyFrame) -> None:
        seen.extend(orders.collect()["order_date"].unique().sort())

    upstream = orders_asset(orders())
    materialize(upstream, tmp_path, span=(DAYS[0], DAYS[6]))
    materialize(upstream, tmp_path, span=(DAYS[3], DAYS[4]), also=[reader])
    assert seen == DAYS[1:5]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (pl.col("order_id").cast(pl.Int32), "'order_id' is Int32 where the catalog says Int64"),
        (pl.lit(1).alias("colour"), "'colour' is not in the catalog"),
    ],
)
def test_other_columns_or_types_than_the_catalogs_are_refused_before_anything_is_written(
    tmp_path: Path, change: pl.Expr, words: str
):
    with pytest.raises(SchemaMismatchError, match=words):
        materialize(orders_asset(orders().with_columns(change)), tmp_path, partition=DAYS[0])
    assert not (tmp_path / "silver").exists()


def test_a_missing_column_is_refused(tmp_path: Path):
    with pytest.raises(SchemaMismatchError, match="silver/orders: column 'spend' is missing"):
        materialize(orders_asset(orders().drop("spend")), tmp_path, partition=DAYS[0])


def test_an_asset_that_is_no_table_of_the_catalog_is_refused(tmp_path: Path):
    @dg.asset(key=["silver", "surprise"])
    def surprise() -> pl.DataFrame:
        return pl.DataFrame({"a": [1]})

    with pytest.raises(UnknownTableError, match="silver/surprise is no table of the catalog"):
        materialize(surprise, tmp_path)


def test_an_unpartitioned_asset_cannot_overwrite_a_partitioned_table(tmp_path: Path):
    @dg.asset(key=["gold", "customer_features"])
    def features() -> pl.DataFrame:
        return table_frame(gold.CUSTOMER_FEATURES, [{}])

    with pytest.raises(ValueError, match="partitioned by as_of_date in the catalog, but its asset has no partitions"):
        materialize(features, tmp_path)
    assert not (tmp_path / "gold").exists()


def test_a_failed_open_while_writing_a_further_day_loses_nothing_and_fails(tmp_path: Path):
    asset = orders_asset(orders())
    materialize(asset, tmp_path, span=(DAYS[0], DAYS[2]))
    log = tmp_path / "silver" / "orders" / "_delta_log"
    commits = {path: path.read_bytes() for path in log.glob("*.json")}
    for path in commits:
        path.write_bytes(b"{ broken")
    with pytest.raises(Exception, match=r"(?i)json|log|parse|invalid"):
        materialize(asset, tmp_path, partition=DAYS[3])
    for path, content in commits.items():
        path.write_bytes(content)
    assert stored_counts(tmp_path) == dict.fromkeys(DAYS[:3], 3)
