"""The summary of a run: on the newest partition alone, with a picture if one can be drawn."""

from datetime import date

import dagster as dg
import polars as pl
import pytest

from cis_assets.dashboard.extra import DashboardExtraMissingError
from cis_assets.defs.customers import newest_metadata
from cis_assets.defs.customers.newest_metadata import describe_newest

DAYS = dg.DailyPartitionsDefinition("2026-03-01", end_date="2026-03-04")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest_metadata, "picture", lambda chart: f"![picture of {chart} rows]")


def summaries(first: str, last: str, days_with_rows: tuple[int, ...] = (1, 2, 3)) -> dict[str, str | None]:
    """The summary of each partition of a run of some days."""
    made = pl.DataFrame({"as_of_date": [date(2026, 3, day) for day in days_with_rows]})

    @dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
    def table(context: dg.AssetExecutionContext) -> None:
        describe_newest(context, made, lambda rows: f"{rows.height} row of {rows.item()}", lambda rows: rows.height)

    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    run = dg.materialize([table], tags=tags) if first != last else dg.materialize([table], partition_key=first)
    events = [event.step_materialization_data.materialization for event in run.get_asset_materialization_events()]
    return {
        str(event.partition): str(event.metadata["summary"].value) if "summary" in event.metadata else None
        for event in events
    }


@pytest.mark.usefixtures("drawn")
def test_a_range_describes_its_newest_day_and_a_day_itself():
    text = "1 row of 2026-03-03\n\n![picture of 1 rows]"
    assert summaries("2026-03-01", "2026-03-03") == {"2026-03-01": None, "2026-03-02": None, "2026-03-03": text}
    assert summaries("2026-03-03", "2026-03-03") == {"2026-03-03": text}


@pytest.mark.usefixtures("drawn")
def test_a_day_without_rows_has_no_summary():
    assert summaries("2026-03-02", "2026-03-02", days_with_rows=(1,)) == {"2026-03-02": None}


def test_without_the_extra_the_picture_is_left_out(monkeypatch: pytest.MonkeyPatch):
    def fail(chart: object) -> str:
        raise DashboardExtraMissingError("The dashboard needs altair, which is not installed.")

    monkeypatch.setattr(newest_metadata, "picture", fail)
    assert summaries("2026-03-01", "2026-03-01") == {"2026-03-01": "1 row of 2026-03-01"}
