"""Coupons as offers without a number, for the households of their campaign and for nobody else."""

from __future__ import annotations

from pathlib import Path

from cis_assets.sources.complete_journey.coupons import Coupons, read_coupons
from cis_assets.sources.complete_journey.products import read_products
from cis_assets_tests.sources.complete_journey.package_files import LOAF, MILK, UNKNOWN, write_package


def coupons_of(folder: Path) -> Coupons:
    return read_coupons(folder, read_products(folder))


def test_a_household_hears_of_the_coupons_of_its_own_campaigns_only(tmp_path: Path) -> None:
    package = write_package(
        tmp_path,
        campaigns=[(1, "Type B"), (2, "Type C"), (3, "Type B")],
        coupons=[(500, MILK, 1), (501, LOAF, 2), (502, LOAF, 3)],
        households=[(1, 5), (2, 6), (2, 7)],
    )
    found = coupons_of(package)
    assert found.audience.rows() == [(1_000_000_011, 5), (2_000_000_012, 6), (2_000_000_012, 7)]
    assert set(found.offers["kind"]) == {"coupon"}
    assert "percent_off" not in found.offers.columns


def test_an_offer_of_a_campaign_without_households_does_not_land(tmp_path: Path) -> None:
    """An offer without audience is for everybody."""
    found = coupons_of(write_package(tmp_path, coupons=[(500, MILK, 1)], households=[]))
    assert found.offers.is_empty()


def test_several_coupons_of_a_campaign_on_a_product_are_one_offer(tmp_path: Path) -> None:
    package = write_package(tmp_path, coupons=[(500, MILK, 1), (501, MILK, 1)], households=[(1, 5), (1, 5)])
    found = coupons_of(package)
    assert found.offers["offer_id"].to_list() == [1_000_000_011]
    assert found.audience.rows() == [(1_000_000_011, 5)]


def test_campaigns_with_a_pool_of_coupons_are_left_out_and_counted(tmp_path: Path) -> None:
    package = write_package(
        tmp_path,
        campaigns=[(1, "Type A"), (2, "Type B")],
        coupons=[(500, MILK, 1), (501, LOAF, 2), (501, UNKNOWN, 2)],
        households=[(1, 5), (2, 6)],
    )
    found = coupons_of(package)
    assert found.offers["product_id"].to_list() == [LOAF]
    assert found.audience["customer_id"].to_list() == [6]
    assert (found.campaigns, found.pool_campaigns, found.unknown_products) == (1, 1, 1)
