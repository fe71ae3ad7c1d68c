"""The IO manager through Dagster: assets are materialized on an ephemeral instance into a real lake."""

import dataclasses
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import dataframely as dy
import narwhals as nw
import polars as pl
import pytest

from cis_assets.catalog import SchemaMismatchError, Table, gold, silver
from cis_assets.defs.partitions import ONE_RUN
from cis_assets.lake.engines.engine import OutsideSliceError
from cis_assets.lake.io_manager import FrameTypeError, LakeIOManager, UnknownTableError, WriteModeError
from cis_assets.lake.lake import Lake
from cis_assets.lake.partition_slices import PartitionsError
from cis_assets.lake.resource import LakeResource
from cis_assets_tests.frames import table_frame
from cis_assets_tests.partitions import ORDER_DATES

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
        resources={"io_manager": LakeIOManager(lake=LakeResource(uri=str(lake)))},
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


def test_what_an_asset_says_of_its_partitions_itself_is_recorded_beside_the_figures(tmp_path: Path):
    @dg.asset(
        key=["test", "by_region"],
        partitions_def=REGIONS,
        backfill_policy=ONE_RUN,
        metadata={"partition_expr": BY_REGION.partition_by[0]},
        io_manager_key="sales",
    )
    def by_region(context: dg.AssetExecutionContext) -> pl.DataFrame:
        for region in context.partition_keys:
            context.add_asset_metadata({"said": region}, partition_key=region)
        return sales((DAYS[0], "north", 1, 1))

    result = run(tmp_path, by_region, span=("north", "it's south"))
    told = {event.partition: event.materialization.metadata for event in result.get_asset_materialization_events()}
    assert {region: one["said"].value for region, one in told.items()} == {"north": "north", "it's south": "it's south"}
    rows = {region: one["dagster/partition_row_count"].value for region, one in told.items()}
    assert rows == {"north": 1, "it's south": 0}


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


def test_a_materialization_names_its_table_and_the_query_of_its_slice(tmp_path: Path):
    result = materialize(orders_asset(orders()), tmp_path, span=(DAYS[0], DAYS[1]))
    for event in result.get_asset_materialization_events():
        metadata = {name: value.value for name, value in event.materialization.metadata.items()}
        assert metadata["dagster/table_name"] == "silver.orders"
        assert metadata["Query"] == (
            "SELECT * FROM silver.orders WHERE\n"
            "order_date >= '2026-01-01 00:00:00' AND order_date < '2026-01-03 00:00:00'"
        )
        assert (metadata["rows_written"], metadata["table_version"]) == (6, 2)


@pytest.mark.parametrize("made", [None, {"order_id": 1}, "orders"])
def test_an_asset_that_returns_no_frame_is_refused(tmp_path: Path, made: object):
    @dg.asset(key=["silver", "products"])
    def products():
        return made

    with pytest.raises(FrameTypeError, match=r"silver/products must return a frame or LazyChunks, not \w+\."):
        materialize(products, tmp_path)


def test_an_input_of_another_type_than_a_frame_is_refused(tmp_path: Path):
    @dg.asset(ins={"products": dg.AssetIn(["silver", "products"])})
    def reader(products: list) -> None: ...

    @dg.asset(key=["silver", "products"])
    def products() -> pl.DataFrame:
        return table_frame(silver.PRODUCTS, [{}])

    with pytest.raises(FrameTypeError, match="silver/products can be read as a LazyFrame or a DataFrame"):
        materialize(products, tmp_path, also=[reader])


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

    with pytest.raises(UnknownTableError, match="silver/surprise is not a table of the catalog"):
        materialize(surprise, tmp_path)


def test_an_unpartitioned_asset_cannot_overwrite_a_partitioned_table(tmp_path: Path):
    @dg.asset(key=["gold", "customer_features"])
    def features() -> pl.DataFrame:
        return table_frame(gold.CUSTOMER_FEATURES, [{}])

    with pytest.raises(
        PartitionsError, match="partitioned by as_of_date in the catalog, but its asset has no partitions"
    ):
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


class _Sales(dy.Schema):
    """Sales of a region on a day."""

    sold_on = dy.Date(description="Day.")
    region = dy.String(description="Region.")
    shelf = dy.Int64(description="Shelf.")
    sales = dy.Int64(min=0, description="Sales.")


BY_REGION = Table("test", "by_region", _Sales, "sale", ("shelf",), ("region",), may_be_empty=True)
BY_SHELF = Table("test", "by_shelf", _Sales, "sale", ("sold_on",), ("shelf",), may_be_empty=True)
BY_DAY = Table("test", "by_day", _Sales, "sale", ("region", "shelf"), ("sold_on",), may_be_empty=True)
TEST_TABLES = {table.path: table for table in (BY_REGION, BY_SHELF, BY_DAY)}

REGIONS = dg.StaticPartitionsDefinition(["north", "it's south", "west"])
SHELVES = dg.StaticPartitionsDefinition(["1", "2", "30"])
WEEKS = dg.WeeklyPartitionsDefinition(start_date="2026-01-04")
HOURS = dg.HourlyPartitionsDefinition(start_date="2026-01-01-00:00")


class SalesIOManager(LakeIOManager):
    @staticmethod
    def tables():
        return TEST_TABLES


def sales_asset(table: Table, partitions, frame: pl.DataFrame, expr: str | None = None, **metadata):
    @dg.asset(
        key=table.path.split("/"),
        partitions_def=partitions,
        backfill_policy=ONE_RUN,
        metadata={"partition_expr": expr or table.partition_by[0], **metadata},
        io_manager_key="sales",
    )
    def sales() -> pl.DataFrame:
        return frame

    return sales


def run(lake: Path, *assets, key: str | None = None, span: tuple[str, str] | None = None, instance=None, **options):
    return dg.materialize(
        list(assets),
        resources={"sales": SalesIOManager(lake=LakeResource(uri=str(lake)))},
        partition_key=key,
        tags=dict(zip(RANGE, span, strict=True)) if span else {},
        instance=instance or dg.DagsterInstance.ephemeral(),
        **options,
    )


def sales(*rows: tuple[date, str, int, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={name: column.dtype for name, column in _Sales.columns().items()}, orient="row")


def stored_sales(lake: Path, table: Table) -> list[tuple]:
    return sorted(Lake(str(lake)).scan(table).collect().rows())


def test_a_static_partition_is_replaced_and_the_others_stay(tmp_path: Path):
    for region, count in (("north", 1), ("it's south", 2), ("it's south", 3)):
        run(tmp_path, sales_asset(BY_REGION, REGIONS, sales((DAYS[0], region, 1, count))), key=region)
    assert stored_sales(tmp_path, BY_REGION) == [(DAYS[0], "it's south", 1, 3), (DAYS[0], "north", 1, 1)]


def test_a_range_of_static_partitions_is_replaced_as_one_slice(tmp_path: Path):
    frame = sales((DAYS[0], "north", 1, 1), (DAYS[0], "it's south", 1, 2))
    run(tmp_path, sales_asset(BY_REGION, REGIONS, sales((DAYS[0], "west", 1, 9))), key="west")
    result = run(tmp_path, sales_asset(BY_REGION, REGIONS, frame), span=("north", "it's south"))
    assert len(stored_sales(tmp_path, BY_REGION)) == 3
    rows = {
        event.partition: event.materialization.metadata["dagster/partition_row_count"].value
        for event in result.get_asset_materialization_events()
    }
    assert rows == {"north": 1, "it's south": 1}


def test_a_static_partition_of_numbers_is_compared_as_numbers(tmp_path: Path):
    for shelf in (1, 2, 30, 2):
        run(tmp_path, sales_asset(BY_SHELF, SHELVES, sales((DAYS[0], "north", shelf, shelf))), key=str(shelf))
    assert [row[2] for row in stored_sales(tmp_path, BY_SHELF)] == [1, 2, 30]


def test_a_partition_that_is_no_value_of_its_column_is_refused(tmp_path: Path):
    partitions = dg.StaticPartitionsDefinition(["top"])
    with pytest.raises(PartitionsError, match="partition 'top' is not a value of column shelf, which is Int64"):
        run(tmp_path, sales_asset(BY_SHELF, partitions, sales()), key="top")


def test_a_row_of_another_static_partition_is_refused(tmp_path: Path):
    with pytest.raises(OutsideSliceError, match="a row with region west was about to be written to region north"):
        run(tmp_path, sales_asset(BY_REGION, REGIONS, sales((DAYS[0], "west", 1, 1))), key="north")


def test_a_week_is_a_slice_of_seven_days(tmp_path: Path):
    days = [date(2026, 1, 4) + timedelta(days=offset) for offset in range(14)]
    run(
        tmp_path,
        sales_asset(BY_DAY, WEEKS, sales(*[(day, "north", 1, 1) for day in days])),
        span=("2026-01-04", "2026-01-11"),
    )
    result = run(tmp_path, sales_asset(BY_DAY, WEEKS, sales((days[7], "north", 1, 5))), key="2026-01-11")
    assert stored_sales(tmp_path, BY_DAY) == [*((day, "north", 1, 1) for day in days[:7]), (days[7], "north", 1, 5)]
    (event,) = result.get_asset_materialization_events()
    assert event.materialization.metadata["dagster/partition_row_count"].value == 1


def test_an_input_of_single_days_brings_these_and_not_those_between(tmp_path: Path):
    seen = []
    days = [DAYS[0], DAYS[4]]
    run(
        tmp_path,
        sales_asset(BY_DAY, ORDER_DATES, sales(*[(day, "north", 1, 1) for day in DAYS])),
        span=(str(DAYS[0]), str(DAYS[6])),
    )

    @dg.asset(
        ins={
            "rows": dg.AssetIn(
                ["test", "by_day"],
                partition_mapping=dg.SpecificPartitionsPartitionMapping([day.isoformat() for day in days]),
            )
        }
    )
    def reader(rows: pl.DataFrame) -> None:
        seen.extend(rows["sold_on"].sort())

    run(tmp_path, sales_asset(BY_DAY, ORDER_DATES, sales()), reader, selection=[reader])
    assert seen == days


def test_partitions_shorter_than_a_day_are_refused(tmp_path: Path):
    with pytest.raises(PartitionsError, match="partition 2026-01-01-05:00 is not a span of whole days"):
        run(tmp_path, sales_asset(BY_DAY, HOURS, sales()), key="2026-01-01-05:00")


def test_an_asset_partitioned_by_another_column_than_its_table_is_refused(tmp_path: Path):
    with pytest.raises(PartitionsError, match="partitioned by region in the catalog, but its asset by shelf"):
        run(tmp_path, sales_asset(BY_REGION, SHELVES, sales(), "shelf"), key="1")


def test_an_input_without_any_partition_before_the_first_day_is_empty(tmp_path: Path):
    seen = []
    first = ORDER_DATES.get_first_partition_key()
    run(tmp_path, sales_asset(BY_DAY, ORDER_DATES, sales((DAYS[0], "north", 1, 1))), key=DAYS[0].isoformat())

    @dg.asset(
        partitions_def=ORDER_DATES,
        ins={
            "rows": dg.AssetIn(
                ["test", "by_day"],
                partition_mapping=dg.TimeWindowPartitionMapping(
                    start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True
                ),
            )
        },
    )
    def reader(rows: pl.DataFrame) -> None:
        seen.append(rows.height)

    upstream = sales_asset(BY_DAY, ORDER_DATES, sales())
    run(tmp_path, upstream, reader, key=first, selection=[reader])
    assert seen == [0]


def test_an_input_brings_the_columns_that_it_asks_for(tmp_path: Path):
    seen = []

    @dg.asset(
        partitions_def=ORDER_DATES,
        ins={"rows": dg.AssetIn(["test", "by_day"], metadata={"columns": ["shelf", "region"]})},
    )
    def reader(rows: pl.DataFrame) -> None:
        seen.append(rows.columns)

    upstream = sales_asset(BY_DAY, ORDER_DATES, sales((DAYS[0], "north", 1, 1)))
    run(tmp_path, upstream, reader, key=DAYS[0].isoformat())
    assert seen == [["shelf", "region"]]


def test_an_appending_asset_adds_each_partition_once(tmp_path: Path):
    for _ in range(2):
        for day in DAYS[:2]:
            asset = sales_asset(BY_DAY, ORDER_DATES, sales((day, "north", 1, 1)), lake_mode="append")
            run(tmp_path, asset, key=day.isoformat())
    assert [row[0] for row in stored_sales(tmp_path, BY_DAY)] == DAYS[:2]


def test_an_appending_asset_without_partitions_adds_once_per_run_and_its_retries(tmp_path: Path):
    attempts = []

    class LosesAnswers(SalesIOManager):
        """Fails after the rows were written, as a run that dies before Dagster has noted its success."""

        def handle_output(self, context, obj):
            super().handle_output(context, obj)
            attempts.append(1)
            if len(attempts) < 3:
                raise dg.RetryRequested(max_retries=3)

        @staticmethod
        def tables():
            return {"test/all": dataclasses.replace(BY_DAY, name="all", partition_by=())}

    @dg.asset(key=["test", "all"], metadata={"lake_mode": "append"}, retry_policy=dg.RetryPolicy(max_retries=3))
    def all_sales() -> pl.DataFrame:
        return sales((DAYS[0], "north", 1, 1))

    resources = {"io_manager": LosesAnswers(lake=LakeResource(uri=str(tmp_path)))}
    table = LosesAnswers.tables()["test/all"]
    dg.materialize([all_sales], resources=resources, raise_on_error=False)
    assert len(attempts) == 3
    assert len(stored_sales(tmp_path, table)) == 1
    dg.materialize([all_sales], resources=resources)
    assert len(stored_sales(tmp_path, table)) == 2


def test_a_merging_asset_updates_by_key_and_keeps_the_rest(tmp_path: Path):
    first = sales((DAYS[0], "north", 1, 1), (DAYS[0], "north", 2, 1))
    second = sales((DAYS[0], "north", 2, 5), (DAYS[0], "north", 3, 5))
    for frame in (first, second):
        run(tmp_path, sales_asset(BY_DAY, ORDER_DATES, frame, lake_mode="merge"), key=DAYS[0].isoformat())
    assert [row[2:] for row in stored_sales(tmp_path, BY_DAY)] == [(1, 1), (2, 5), (3, 5)]


def test_a_mode_that_there_is_not_is_refused(tmp_path: Path):
    with pytest.raises(WriteModeError, match="lake_mode 'overwrite' is unknown; use replace, append or merge"):
        run(tmp_path, sales_asset(BY_DAY, ORDER_DATES, sales(), lake_mode="overwrite"), key=DAYS[0].isoformat())
