"""The private names of Dagster that the platform uses still do what it needs: if one of these fails, Dagster changed."""

from datetime import date

import dagster as dg
import pytest
from dagster._core.execution.context.metadata_logging import AssetMetadataHandle, OutputMetadataAccumulator
from dagster._core.storage.db_io_manager import TablePartitionDimension, TableSlice
from dagster_deltalake.io_manager import DeltaLakeDbClient

from cis_assets.catalog import silver
from cis_assets.dates import DateRange
from cis_assets.lake.dagster_internals import add_partition_metadata, leave_partitions_as_they_are, query_text
from cis_assets.lake.slices import WHOLE, Slice

REGIONS = dg.StaticPartitionsDefinition(["east", "north", "west"])
RANGE = {"dagster/asset_partition_range_start": "east", "dagster/asset_partition_range_end": "west"}


def materialize(handle_output) -> dict[str | None, dict[str, object]]:
    """Write the three regions in one run; return the metadata of each materialization by partition."""

    class Manager(dg.IOManager):
        def handle_output(self, context: dg.OutputContext, obj: object) -> None:
            handle_output(context)

        def load_input(self, context: dg.InputContext) -> None: ...

    @dg.asset(partitions_def=REGIONS, backfill_policy=dg.BackfillPolicy.single_run())
    def sales(context: dg.AssetExecutionContext) -> int:
        context.add_asset_metadata({"said": "by the asset"}, partition_key="north")
        return 1

    result = dg.materialize([sales], resources={"io_manager": Manager()}, tags=RANGE)
    events = result.get_asset_materialization_events()
    return {
        event.partition: {name: value.value for name, value in event.materialization.metadata.items()}
        for event in events
    }


def test_a_run_reports_the_partitions_of_the_context_s_subset():
    found = materialize(lambda context: leave_partitions_as_they_are(context, ["east", "west"]))
    assert found.keys() == {"east", "west"}


def test_an_output_context_names_its_partitions_by_a_private_subset():
    seen = []
    materialize(lambda context: seen.append(set(context._asset_partitions_subset.get_partition_keys())))
    assert seen == [{"east", "north", "west"}]


def test_metadata_of_a_partition_is_added_beside_what_the_asset_said():
    found = materialize(lambda context: add_partition_metadata(context, {"north": {"rows": 2}, "west": {"rows": 3}}))
    assert found["north"]["rows"] == 2
    assert found["north"]["said"] == "by the asset"
    assert found["west"]["rows"] == 3
    assert "rows" not in found["east"]


def test_a_step_accumulates_metadata_by_handle():
    seen = []
    materialize(lambda context: seen.append(context.step_context._metadata_accumulator))
    (accumulator,) = seen
    assert isinstance(accumulator, OutputMetadataAccumulator)
    handle = AssetMetadataHandle(asset_key=dg.AssetKey("sales"), partition_key="north")
    assert accumulator.per_output_metadata[handle] == {"said": "by the asset"}


def test_a_table_slice_becomes_a_query():
    dimension = TablePartitionDimension("region", ["north"])
    query = DeltaLakeDbClient.get_select_statement(TableSlice("sales", "gold", partition_dimensions=[dimension]))
    assert query == "SELECT * FROM gold.sales WHERE\nregion in ('north')"


@pytest.mark.parametrize(
    ("where", "columns", "query"),
    [
        (WHOLE, None, "SELECT * FROM silver.orders"),
        (WHOLE, ["order_id", "spend"], "SELECT order_id, spend FROM silver.orders"),
        (
            Slice.of(order_date=DateRange(date(2026, 1, 1), date(2026, 1, 3))),
            None,
            "SELECT * FROM silver.orders WHERE\n"
            "order_date >= '2026-01-01 00:00:00' AND order_date < '2026-01-04 00:00:00'",
        ),
        (
            Slice.of(order_date=(date(2026, 1, 1), date(2026, 1, 5))),
            None,
            "SELECT * FROM silver.orders WHERE\norder_date in ('2026-01-01', '2026-01-05')",
        ),
    ],
)
def test_the_query_names_table_columns_and_slice(where: Slice, columns: list[str] | None, query: str):
    assert query_text(silver.ORDERS, where, columns) == query
