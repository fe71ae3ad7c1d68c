"""The sample shop: reproducible, true to the contract, and shopped in as people do."""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import narwhals as nw
import polars as pl
import pytest
from sklearn.metrics import adjusted_rand_score

from cis_assets.catalog.gold import SEGMENT_MODEL
from cis_assets.dates import EPOCH
from cis_assets.landing.contract import CUSTOMERS, OFFER_AUDIENCE, OFFERS, ORDER_ITEMS, ORDERS, SNAPSHOTS
from cis_assets.segmentation.assignment import place_customers
from cis_assets.segmentation.habits import customer_habits
from cis_assets.segmentation.model import TrainingOptions, train_segment_model
from cis_assets.segmentation.versions import add_challenger
from cis_assets.sources.sample import ARCHETYPES, FIRST_DIRTY_ID, SampleOptions, SampleSource
from cis_assets.sources.sample.seasons import gap_factors
from cis_assets.sources.source import LandedDay

END = date(2025, 6, 30)
PROJECT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Landed:
    """A sample, read to its end; `lines` knows each line's order, customer, archetype and date."""

    source: SampleSource
    days: list[LandedDay]
    orders: pl.DataFrame
    lines: pl.DataFrame
    offers: pl.DataFrame

    def of(self, archetype: str) -> pl.DataFrame:
        return self.orders.filter(pl.col("archetype") == archetype)


def land(**options: Any) -> Landed:
    source = SampleSource(SampleOptions(**{"end": END, **options}))
    days = list(source.days())
    orders = pl.concat([day.orders.with_columns(order_date=pl.lit(day.order_date)) for day in days])
    orders = orders.join(archetypes(source), on="customer_id", maintain_order="left")
    lines = pl.concat([day.order_items for day in days]).join(orders, on="order_id", maintain_order="left")
    gap = pl.col("order_date").diff().over("customer_id").dt.total_days()
    return Landed(source, days, orders.with_columns(gap=gap), lines, source.snapshots()["offers"])


def archetypes(source: SampleSource) -> pl.DataFrame:
    """The archetype of each customer, by customer_id."""
    names = [ARCHETYPES[number].name for number in source.customers.archetype]
    return pl.DataFrame({"customer_id": range(1, len(names) + 1), "archetype": names})


def digest(options: SampleOptions) -> str:
    """A fingerprint of all that a sample lands, to the byte."""
    source = SampleSource(options)
    found = hashlib.sha256()
    for name, frame in source.snapshots().items():
        found.update(f"{name}\n{frame.write_csv()}".encode())
    for day in source.days():
        for part in (day.order_date, day.orders.write_csv(), day.order_items.write_csv()):
            found.update(str(part).encode())
        found.update("\n".join((*day.dirty_orders, *day.dirty_order_items)).encode())
    return found.hexdigest()


@pytest.fixture(scope="module")
def sample() -> Landed:
    return land()


def test_same_options_land_the_same_bytes_whatever_the_number_of_threads() -> None:
    script = (
        "from datetime import date; from cis_assets.sources.sample import SampleOptions;"
        "from cis_assets_tests.sources.sample.test_source import digest;"
        "print(digest(SampleOptions(end=date(2025, 6, 30), customers=60, days=30, dirty_share=0.05)))"
    )
    environment = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "3"}
    other = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment, cwd=PROJECT
    )
    assert digest(SampleOptions(end=END, customers=60, days=30, dirty_share=0.05)) == other.stdout.strip()


def test_days_can_be_read_twice_with_the_same_result(sample: Landed) -> None:
    again = list(sample.source.days())
    assert all(
        one.orders.equals(two.orders) and one.order_items.equals(two.order_items)
        for one, two in zip(sample.days, again, strict=True)
    )


def test_another_seed_lands_other_orders() -> None:
    assert digest(SampleOptions(end=END, customers=60, days=30, seed=8)) != digest(
        SampleOptions(end=END, customers=60, days=30)
    )


def test_every_frame_has_the_contract_columns_and_types(sample: Landed) -> None:
    snapshots = sample.source.snapshots()
    for table in SNAPSHOTS:
        if table != OFFER_AUDIENCE:
            landed = snapshots[table.name].schema
            assert set(table.required) <= landed.keys()
            assert dict(landed) == {name: table.columns[name] for name in landed}
    for day in sample.days:
        assert list(day.orders.schema.items()) == [(name, ORDERS.columns[name]) for name in ORDERS.required]
        assert dict(day.order_items.schema) == ORDER_ITEMS.columns


def test_every_date_of_the_window_is_landed_once_oldest_first(sample: Landed) -> None:
    first = END - timedelta(days=179)
    assert [day.order_date for day in sample.days] == [first + timedelta(days=number) for number in range(180)]
    assert sample.source.day_count == 180


def test_order_ids_are_positive_and_unique_and_rows_are_sorted(sample: Landed) -> None:
    assert sample.orders["order_id"].is_unique().all()
    assert sample.orders["order_id"].min() == 1
    assert all(day.orders["order_id"].is_sorted() for day in sample.days)
    assert sample.lines.equals(sample.lines.sort("order_id", "add_to_cart_order"))


def test_order_ids_follow_the_hours_of_each_day(sample: Landed) -> None:
    assert all(day.orders["order_hour"].is_sorted() for day in sample.days)


def test_each_order_has_lines_at_positions_from_1_with_different_products(sample: Landed) -> None:
    per_order = sample.lines.group_by("order_id").agg(
        count=pl.len(),
        products=pl.col("product_id").n_unique(),
        positions=pl.col("add_to_cart_order").n_unique(),
        first=pl.col("add_to_cart_order").min(),
        last=pl.col("add_to_cart_order").max(),
    )
    assert per_order.height == sample.orders.height
    assert per_order.filter(
        (pl.col("products") != pl.col("count"))
        | (pl.col("positions") != pl.col("count"))
        | (pl.col("first") != 1)
        | (pl.col("last") != pl.col("count"))
    ).is_empty()


def test_lines_belong_to_orders_of_their_day_and_name_known_products_and_customers(sample: Landed) -> None:
    snapshots = sample.source.snapshots()
    for day in sample.days:
        assert day.order_items["order_id"].is_in(day.orders["order_id"].implode()).all()
    assert sample.lines["product_id"].is_in(snapshots["products"]["product_id"].implode()).all()
    assert sample.orders["customer_id"].is_in(snapshots["customers"]["customer_id"].implode()).all()
    assert sample.offers["product_id"].is_in(snapshots["products"]["product_id"].implode()).all()


def test_values_are_in_range(sample: Landed) -> None:
    assert sample.orders["order_hour"].is_between(0, 23).all()
    assert sample.lines["quantity"].is_between(1, 4).all()
    assert (sample.lines["unit_price"] > 0).all()
    assert (sample.lines["unit_price"].round(2) == sample.lines["unit_price"]).all()


@pytest.mark.parametrize(("customers", "days"), [(1, 1), (3, 7), (40, 30), (12, 800), (200, 2)])
def test_small_and_narrow_samples_hold_to_the_contract_too(customers: int, days: int) -> None:
    landed = land(customers=customers, days=days)
    assert len(landed.days) == days
    assert landed.lines["order_id"].n_unique() == landed.orders.height
    assert landed.lines.select("order_id", "product_id").is_unique().all()
    assert landed.source.snapshots()["customers"]["customer_id"].to_list() == list(range(1, customers + 1))


def test_customers_have_consent_and_known_time_zones(sample: Landed) -> None:
    customers = sample.source.snapshots()["customers"]
    assert list(customers.schema.items()) == [(name, CUSTOMERS.columns[name]) for name in CUSTOMERS.required]
    assert customers["customer_id"].to_list() == list(range(1, 2001))
    assert 0.68 < customers["push_consent"].mean() < 0.76
    assert set(customers["time_zone"]) <= available_timezones()
    assert customers["time_zone"].n_unique() >= 4


def test_volume_and_baskets_are_those_of_a_grocer(sample: Landed) -> None:
    assert 18_000 <= sample.orders.height <= 26_000
    assert 9 <= sample.lines.height / sample.orders.height <= 10.5
    assert sample.orders["customer_id"].n_unique() > 1900


def test_two_years_hold_as_many_orders_and_lines_per_customer_as_instacart() -> None:
    landed = land(customers=3000, days=731)
    assert landed.orders.height / 3000 == pytest.approx(3_400_000 / 206_209, rel=0.1)
    assert landed.lines.height / 3000 == pytest.approx(32_000_000 / 206_209, rel=0.1)


def test_more_than_half_of_the_lines_are_reorders(sample: Landed) -> None:
    first_order = pl.col("order_id").min().over("customer_id", "product_id")
    assert 0.50 <= sample.lines.select((pl.col("order_id") > first_order).mean()).item() <= 0.60


def test_every_archetype_has_its_share_of_the_customers(sample: Landed) -> None:
    counts = dict(archetypes(sample.source)["archetype"].value_counts().iter_rows())
    assert counts == {each.name: pytest.approx(2000 * each.share, abs=1) for each in ARCHETYPES}


def test_gaps_of_weekly_customers_cluster_at_seven_days(sample: Landed) -> None:
    gaps = sample.of("weekly stock-up")["gap"].drop_nulls()
    assert (gaps == 7).mean() > 0.5
    assert (gaps % 7 == 0).mean() > 0.7
    assert (sample.of("occasional")["gap"].drop_nulls() == 7).mean() < 0.1


def test_weekly_customers_keep_to_their_weekday(sample: Landed) -> None:
    def share_on_own_weekday(archetype: str) -> float:
        weekday = sample.of(archetype).with_columns(weekday=pl.col("order_date").dt.weekday())
        counts = weekday.group_by("customer_id", "weekday").len().group_by("customer_id")
        return (  # pyright: ignore[reportReturnType]
            counts.agg(share=pl.col("len").max() / pl.col("len").sum(), n=pl.col("len").sum())
            .filter(pl.col("n") >= 8)["share"]
            .mean()
        )

    assert share_on_own_weekday("weekly stock-up") > 0.8
    assert share_on_own_weekday("frequent top-up") < 0.45


def test_archetypes_differ_in_cadence_and_basket(sample: Landed) -> None:
    gap = dict(sample.orders.group_by("archetype").agg(pl.col("gap").median()).iter_rows())
    assert gap["frequent top-up"] < 6 < gap["weekly stock-up"] < 10 < gap["occasional"] < gap["monthly bulk"] < 33
    baskets = sample.lines.group_by("archetype", "order_id").len().group_by("archetype").agg(pl.col("len").mean())
    basket = dict(baskets.iter_rows())
    assert basket["frequent top-up"] < basket["occasional"] < basket["weekly stock-up"] < basket["monthly bulk"]


def test_new_customers_begin_in_the_last_weeks(sample: Landed) -> None:
    assert sample.of("new")["order_date"].min() > END - timedelta(days=36)


def test_gaps_of_lapsing_customers_stretch_and_they_have_been_away_for_long(sample: Landed) -> None:
    last = (
        sample.of("lapsing")
        .group_by("customer_id")
        .agg(
            away=(END - pl.col("order_date").max()).dt.total_days(),
            earlier=pl.col("gap").drop_nulls().head(3).mean(),
            latest=pl.col("gap").max(),
            orders=pl.len(),
        )
    )
    assert last["away"].median() > 28
    many = last.filter(pl.col("orders") >= 8)
    assert (many["latest"] / many["earlier"]).median() > 2


def test_gaps_and_baskets_vary_as_much_as_those_of_real_customers(sample: Landed) -> None:
    sizes = sample.lines.group_by("customer_id", "order_id").len().group_by("customer_id")
    known = sample.orders.filter(pl.len().over("customer_id") >= 6).group_by("customer_id")
    gaps = known.agg(pl.col("gap").std() / pl.col("gap").mean())["gap"]
    baskets = sizes.agg(pl.col("len").std() / pl.col("len").mean(), n=pl.len()).filter(pl.col("n") >= 6)["len"]
    assert 0.6 < gaps.median() < 1.0
    assert 0.5 < baskets.median() < 0.9


def test_customers_pause_now_and_then_and_come_back(sample: Landed) -> None:
    regular = sample.of("weekly stock-up").filter(pl.len().over("customer_id") >= 10)
    longest = regular.group_by("customer_id").agg(pl.col("gap").max())["gap"]
    # Three weeks skipped in a row are rare without pauses: at most 0.4 to the third power for the least steady.
    assert 0.25 < (longest >= 28).mean() < 0.75


def test_products_are_given_up_and_others_taken_up(sample: Landed) -> None:
    place, orders = (
        pl.col("order_id").rank("dense").over("customer_id"),
        pl.col("order_id").n_unique().over("customer_id"),
    )
    halves = (
        sample.lines.filter(orders >= 10)
        .with_columns(is_first=place <= orders // 2)
        .group_by("customer_id", "product_id")
        .agg(first=pl.col("is_first").sum(), second=(~pl.col("is_first")).sum())
    )
    given_up = halves.filter(pl.col("first") >= 3)["second"] == 0
    taken_up = halves.filter(pl.col("second") >= 3)["first"] == 0
    assert 0.10 < given_up.mean() < 0.30
    assert 0.10 < taken_up.mean() < 0.30


def test_what_is_in_season_sells_more_and_summers_are_quiet() -> None:
    year = land(customers=600, days=365, end=date(2025, 12, 31))
    snapshots = year.source.snapshots()
    aisles = snapshots["products"].join(snapshots["aisles"], on="aisle_id").select("product_id", "aisle")
    months = (
        year.lines.join(aisles, on="product_id")
        .group_by(month=pl.col("order_date").dt.month())
        .agg(ice_cream=(pl.col("aisle") == "ice cream").mean(), soup=(pl.col("aisle") == "soups and broths").mean())
    )
    of_month = {row["month"]: row for row in months.iter_rows(named=True)}
    assert of_month[7]["ice_cream"] > 1.5 * of_month[12]["ice_cream"]
    assert of_month[12]["soup"] > 1.5 * of_month[7]["soup"]
    factors = gap_factors(date(2025, 1, 1), 365)
    assert factors[195] > 1.1 > 1 > 0.9 > factors[345]
    assert factors.mean() == pytest.approx(1, abs=0.01)


def test_segments_on_habits_find_the_archetypes(sample: Landed) -> None:
    """By the adjusted Rand index: 1 if they agree, 0 if they agree by chance."""
    sizes = sample.lines.group_by("order_id").agg(item_count=pl.len().cast(pl.Int32))
    days = (pl.col("order_date") - EPOCH).dt.total_days().cast(pl.Int32)
    place = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("customer_id", "order_date")
    orders = sample.orders.join(sizes, on="order_id").with_columns(day_number=days, order_of_day=place)
    habits = customer_habits(nw.from_native(orders.lazy()), [END], 365)
    trained = train_segment_model(
        habits, SEGMENT_MODEL.empty(), TrainingOptions(segments_min=4, segments_max=8, seed=7)
    )
    placed = place_customers(habits, add_challenger(SEGMENT_MODEL.empty(), trained.rows))
    known = placed.filter(pl.col("segment_id") > 0).join(archetypes(sample.source), on="customer_id")
    assert known.height > 1500
    assert adjusted_rand_score(known["archetype"], known["segment_id"]) >= 0.6


def test_orders_peak_at_weekends_and_in_the_daytime(sample: Landed) -> None:
    by_weekday = sample.orders.group_by(pl.col("order_date").dt.weekday()).len().sort("order_date")["len"].to_list()
    assert min(by_weekday[5:]) > 1.1 * max(by_weekday[1:4])
    assert sample.orders["order_hour"].is_between(9, 17).mean() > 0.65
    assert sample.orders["order_hour"].is_between(0, 5).mean() < 0.03


def test_customers_have_hours_of_their_own(sample: Landed) -> None:
    per_customer = sample.orders.group_by("customer_id").agg(pl.col("order_hour").median(), n=pl.len())
    hours = per_customer.filter(pl.col("n") >= 8)["order_hour"]
    assert (hours <= 8.5).mean() > 0.05
    assert (hours >= 17).mean() > 0.08


def test_what_runs_out_fast_is_bought_again_sooner(sample: Landed) -> None:
    snapshots = sample.source.snapshots()
    # Those who joined late had no time to buy laundry again.
    joined = pl.col("order_date").min().over("customer_id")
    again = (
        sample.lines.filter(pl.col("archetype") == "weekly stock-up", joined < END - timedelta(days=150))
        .with_columns(days=pl.col("order_date").diff().over("customer_id", "product_id").dt.total_days())
        .join(snapshots["products"].join(snapshots["aisles"], on="aisle_id"), on="product_id")
    )
    days = dict(again.group_by("aisle").agg(pl.col("days").median()).iter_rows())
    assert days["milk"] < days["paper goods"] < 60
    assert 2 * days["milk"] < days["laundry"]


def test_two_orders_on_one_day_are_rare_but_happen(sample: Landed) -> None:
    assert 0 < (sample.orders["gap"] == 0).sum() < 0.01 * sample.orders.height


def live_on(offers: pl.DataFrame, day: date) -> pl.DataFrame:
    return offers.filter((pl.col("starts_on") <= day) & (pl.col("ends_on") >= day))


def test_about_four_percent_of_the_products_are_on_offer_on_any_day_also_after_the_end(sample: Landed) -> None:
    products = sample.source.snapshots()["products"].height
    for day in [*(each.order_date for each in sample.days), *(END + timedelta(days=ahead) for ahead in range(1, 8))]:
        assert 0.02 <= live_on(sample.offers, day).height / products <= 0.06


def test_offers_of_one_product_never_overlap(sample: Landed) -> None:
    by_start = sample.offers.sort("product_id", "starts_on")
    previous_end = pl.col("ends_on").shift().over("product_id")
    assert by_start.filter(pl.col("starts_on") <= previous_end).is_empty()
    assert by_start.filter(pl.col("starts_on") > pl.col("ends_on")).is_empty()


def test_offers_have_unique_ids_and_plain_percentages(sample: Landed) -> None:
    assert list(sample.offers.schema.items()) == list(OFFERS.columns.items())[:5]
    assert sample.offers["offer_id"].is_unique().all()
    assert set(sample.offers["percent_off"]) == {5, 10, 15, 20, 25}


def test_a_product_on_offer_costs_its_percentage_less(sample: Landed) -> None:
    prices = sample.lines.select("product_id", "order_date", "unit_price").unique()
    assert prices.select("product_id", "order_date").is_unique().all()
    live = prices.join(sample.offers, on="product_id").filter(
        pl.col("order_date").is_between(pl.col("starts_on"), pl.col("ends_on"))
    )
    regular = prices.join(live, on=["product_id", "order_date"], how="anti").rename({"order_date": "other_date"})
    near = live.join(regular, on="product_id", suffix="_regular").filter(
        (pl.col("other_date") - pl.col("order_date")).dt.total_days().abs() <= 10
    )
    ratio = pl.col("unit_price") / pl.col("unit_price_regular") / (1 - pl.col("percent_off") / 100)
    assert near.height > 1000
    # A price review or the rounding of a small price may lie between the two days.
    assert near.select((ratio - 1).abs().max()).item() < 0.05
    assert near.select((ratio - 1).abs().median()).item() < 0.005


def test_prices_change_little_over_the_window(sample: Landed) -> None:
    spread = (
        sample.lines.group_by("product_id")
        .agg(
            pl.col("unit_price").max() / pl.col("unit_price").filter(pl.col("order_date") < date(2025, 1, 20)).max() - 1
        )["unit_price"]
        .drop_nulls()
    )
    assert 0 < spread.max() < 0.40
    assert 0 < spread.median() < 0.05


def dirty(landed: Landed) -> tuple[list[str], list[str]]:
    return (
        [line for day in landed.days for line in day.dirty_orders],
        [line for day in landed.days for line in day.dirty_order_items],
    )


def test_dirty_rows_leave_the_clean_rows_as_they_are(sample: Landed) -> None:
    for share in (0.0, 0.3):
        other = land(dirty_share=share)
        assert other.orders.equals(sample.orders)
        assert other.lines.equals(sample.lines)


def test_dirty_rows_are_as_many_as_their_share_says() -> None:
    landed = land(customers=400, dirty_share=0.1)
    dirty_orders, dirty_items = dirty(landed)
    assert len(dirty_orders) == pytest.approx(0.1 * landed.orders.height, rel=0.15)
    assert len(dirty_items) == pytest.approx(0.1 * landed.lines.height, rel=0.05)
    assert dirty(land(customers=400, dirty_share=0)) == ([], [])


def whole(text: str) -> int | None:
    return int(text) if text.lstrip("-").isdigit() else None


def order_is_clean(fields: list[str]) -> bool:
    if len(fields) != 3 or None in (numbers := [whole(field) for field in fields]):
        return False
    return 0 <= (numbers[2] or 0) <= 23


def order_item_is_clean(fields: list[str], products: Iterable[int]) -> bool:
    if len(fields) != 5 or None in (numbers := [whole(field) for field in fields[:4]]):
        return False
    return numbers[1] in products and (numbers[3] or 0) >= 1 and fields[4].replace(".", "").isdigit()


def test_no_dirty_row_could_pass_as_clean_and_none_uses_a_clean_order_id() -> None:
    landed = land(customers=400, dirty_share=0.2)
    dirty_orders, dirty_items = dirty(landed)
    products = set(landed.source.snapshots()["products"]["product_id"])
    assert not any(order_is_clean(fields) for fields in csv.reader(dirty_orders))
    assert not any(order_item_is_clean(fields, products) for fields in csv.reader(dirty_items))
    ids = [whole(line.split(",")[0].removeprefix("A-")) for line in (*dirty_orders, *dirty_items)]
    assert min(each for each in ids if each is not None) >= FIRST_DIRTY_ID > landed.orders["order_id"].max()


def test_dirty_rows_are_of_many_kinds() -> None:
    dirty_orders, dirty_items = dirty(land(customers=400, dirty_share=0.1))
    orders, items = list(csv.reader(dirty_orders)), list(csv.reader(dirty_items))
    assert {len(fields) for fields in orders} == {2, 3, 4}
    assert {len(fields) for fields in items} == {3, 5, 6}
    assert {"noon", "25"} <= {fields[2] for fields in orders if len(fields) == 3}
    assert "" in {fields[1] for fields in orders}
    assert {"0", "-2"} <= {fields[3] for fields in items if len(fields) == 5}
    assert any((whole(fields[1]) or 0) > 1000 for fields in items)
