"""The writer: what a source yields is what the reader finds, at fixed places, however often it is landed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from cis_assets.landing.contract import OFFERS, SNAPSHOTS
from cis_assets.landing.folder import LandingError, LandingFolder
from cis_assets.landing.reader import read_days
from cis_assets.landing.snapshots import read_snapshots
from cis_assets.sources.landing_writer import LandingReport, land
from cis_assets.sources.sample import SampleOptions, SampleSource
from cis_assets.sources.source import LandedDay
from cis_assets_tests.conftest import day
from cis_assets_tests.landing.landing_files import whole

END = day("2025-06-30")


class OnlyDays:
    """A source of these days and of one snapshot."""

    def __init__(self, *days: LandedDay, snapshots: dict[str, pl.DataFrame] | None = None) -> None:
        self.name = "invented"
        self._days = days
        self._snapshots = snapshots or {"aisles": pl.DataFrame({"aisle_id": [1], "aisle": ["bread"]})}

    @property
    def day_count(self) -> int:
        return len(self._days)

    def snapshots(self) -> dict[str, pl.DataFrame]:
        return self._snapshots

    def days(self) -> Iterator[LandedDay]:
        yield from self._days


def landed_day(order_date: date, *order_ids: int, dirty: tuple[str, ...] = ()) -> LandedDay:
    orders = pl.DataFrame(
        {"order_id": order_ids, "customer_id": [7] * len(order_ids), "order_hour": [9] * len(order_ids)}
    )
    items = pl.DataFrame(
        {"order_id": order_ids, "product_id": [5] * len(order_ids), "add_to_cart_order": [1] * len(order_ids)}
    )
    return LandedDay(order_date, orders, items, dirty_orders=dirty)


def files_below(root: Path) -> dict[str, bytes]:
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("[!_]*") if file.is_file()}


@pytest.mark.parametrize("dirty_share", [0, 0.1])
def test_a_landed_sample_is_read_back_as_it_was_generated(tmp_path: Path, dirty_share: float) -> None:
    source = SampleSource(SampleOptions(end=END, customers=80, days=12, dirty_share=dirty_share))
    report = land(source, str(tmp_path))
    days = list(source.days())
    landed = read_days(LandingFolder(str(tmp_path)), [each.order_date for each in days])
    # Some dirty rows are of the right types, and are for the rules of silver to find.
    clean = pl.col("order_id") < 9_000_000_000
    for found, name in ((whole(landed.orders), "orders"), (whole(landed.order_items), "order_items")):
        wanted = pl.concat([getattr(each, name).with_columns(order_date=each.order_date) for each in days])
        found = found.filter(clean).select(wanted.columns).collect()
        assert found.equals(wanted)
    rows = sum(
        whole(frame).select(pl.len()).collect().item() for frame in (landed.orders, landed.order_items, landed.rejected)
    )
    assert rows == report.orders + report.order_items + report.dirty_rows
    assert (report.dirty_rows > 0) == (dirty_share > 0)


def test_landed_snapshots_are_read_back_as_they_were_generated(tmp_path: Path) -> None:
    source = SampleSource(SampleOptions(end=END, customers=80, days=12))
    land(source, str(tmp_path))
    landed = read_snapshots(LandingFolder(str(tmp_path)))
    written = source.snapshots()
    for table in SNAPSHOTS:
        rows = landed.rows[table.name]
        if table.name in written:
            rows, expected = rows.select(written[table.name].columns), written[table.name]
        else:
            expected = pl.DataFrame(schema=rows.collect_schema())
        assert rows.collect().equals(expected)
    assert whole(landed.rejected).collect().is_empty()


def test_landing_twice_gives_the_same_files(tmp_path: Path) -> None:
    for _ in range(2):
        land(SampleSource(SampleOptions(end=END, customers=30, days=5)), str(tmp_path / "twice"))
    land(SampleSource(SampleOptions(end=END, customers=30, days=5)), str(tmp_path / "once"))
    assert files_below(tmp_path / "twice") == files_below(tmp_path / "once")


def test_files_have_fixed_names(tmp_path: Path) -> None:
    land(OnlyDays(landed_day(END, 1), landed_day(END + timedelta(days=1))), str(tmp_path))
    assert files_below(tmp_path) == {
        "aisles/aisles.csv": b"aisle_id,aisle\n1,bread\n",
        "orders/order_date=2025-06-30/orders.csv": b"order_id,customer_id,order_hour\n1,7,9\n",
        "order_items/order_date=2025-06-30/order_items.csv": b"order_id,product_id,add_to_cart_order\n1,5,1\n",
        "orders/order_date=2025-07-01/orders.csv": b"order_id,customer_id,order_hour\n",
        "order_items/order_date=2025-07-01/order_items.csv": b"order_id,product_id,add_to_cart_order\n",
    }


def test_landing_a_date_again_replaces_it_and_leaves_other_dates(tmp_path: Path) -> None:
    land(OnlyDays(landed_day(END, 1, 2), landed_day(END - timedelta(days=1), 3)), str(tmp_path))
    land(OnlyDays(landed_day(END, 4)), str(tmp_path))
    landed = read_days(LandingFolder(str(tmp_path)), [END - timedelta(days=1), END])
    assert whole(landed.orders).select("order_id").collect()["order_id"].to_list() == [3, 4]


def test_dirty_lines_are_written_as_they_stand_below_the_clean_rows(tmp_path: Path) -> None:
    land(OnlyDays(landed_day(END, 1, dirty=("2,x", "é,7,9"))), str(tmp_path))
    text = (tmp_path / "orders/order_date=2025-06-30/orders.csv").read_text(encoding="utf-8")
    assert text == "order_id,customer_id,order_hour\n1,7,9\n2,x\né,7,9\n"


def test_the_report_counts_what_was_landed_and_each_day_is_told(tmp_path: Path) -> None:
    told: list[int] = []
    source = OnlyDays(landed_day(END, 1, 2, dirty=("x",)), landed_day(END - timedelta(days=3), 3))
    report = land(source, str(tmp_path), told.append)
    assert report == LandingReport(END - timedelta(days=3), END, days=2, orders=3, order_items=3, dirty_rows=1)
    assert told == [1, 1]


def test_order_lines_are_there_before_their_orders(tmp_path: Path) -> None:
    land(OnlyDays(landed_day(END, 1)), str(tmp_path))
    written = {path: (tmp_path / path).stat().st_mtime_ns for path in files_below(tmp_path)}
    assert max(written, key=written.__getitem__) == "orders/order_date=2025-06-30/orders.csv"


def test_a_source_without_days_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"^The source has no orders, so only its snapshots were landed\.$"):
        land(OnlyDays(), str(tmp_path))


def test_a_snapshot_without_rows_is_landed_with_its_header(tmp_path: Path) -> None:
    source = OnlyDays(landed_day(END, 1), snapshots={"offers": pl.DataFrame(schema=OFFERS.columns)})
    land(source, str(tmp_path))
    assert (tmp_path / "offers/offers.csv").read_text() == ",".join(OFFERS.columns) + "\n"


def test_files_that_another_source_or_a_person_wrote_are_not_touched(tmp_path: Path) -> None:
    theirs = tmp_path / "customers" / "customers.csv"
    theirs.parent.mkdir()
    theirs.write_text("customer_id,push_consent,time_zone\n1,true,UTC\n")
    with pytest.raises(LandingError, match=r"holds files that `cis land sample` did not write"):
        land(SampleSource(SampleOptions(end=END, customers=5, days=2)), str(tmp_path))
    assert files_below(tmp_path) == {"customers/customers.csv": b"customer_id,push_consent,time_zone\n1,true,UTC\n"}
