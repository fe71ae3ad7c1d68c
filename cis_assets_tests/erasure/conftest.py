"""A shop with one customer whose number, and whose orders' numbers, stand nowhere else, in every place there is."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from cis_assets.catalog import ORDER_DATE, bronze, gold
from cis_assets.dates import DateRange
from cis_assets.erasure.erase import erase
from cis_assets.erasure.receipt import Receipt
from cis_assets.lake.erased_customers import ErasureKey
from cis_assets.landing.folder import LandingFolder
from cis_assets.settings import settings
from cis_assets_tests.defs.pipeline import GOLD, INGEST, MADE_TABLES, Shop, land_sample, shop_at

CUSTOMER = 7_316_502_948_117
FIRST_ORDER = 8_620_417_935_001
SECRET = "a secret of the tests that is long enough"
END = date(2025, 10, 31)
DAYS = 14
SUPERSEDED = "customers/superseded.csv"
NOW = datetime(2025, 11, 1, 9, 30, tzinfo=UTC)


@dataclass
class ShopWithCustomer:
    """The shop, and what is in it of the customer."""

    folder: Path
    landing: Path = field(init=False)
    shop: Shop = field(init=False)
    numbers: tuple[int, ...] = ()
    holding: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.landing = self.folder / "landing"
        self.shop = shop_at(self.folder)

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    @property
    def days(self) -> DateRange:
        return DateRange(END - timedelta(days=DAYS - 1), END)

    def erase(self, *customers: int, **arguments) -> Receipt:
        return erase(
            self.shop.lake,
            LandingFolder(str(self.landing)),
            **{
                "key": ErasureKey(settings().erasure_key),
                "customers": customers or (CUSTOMER,),
                "now": NOW,
                "refuse_in_use": lambda: None,
                **arguments,
            },
        )

    def rows(self) -> dict[str, pl.DataFrame]:
        return {path: self.shop.rows(table) for path, table in MADE_TABLES.items()}

    def copy_to(self, folder: Path) -> ShopWithCustomer:
        shutil.copytree(self.folder, folder, copy_function=shutil.copy2)
        copy = ShopWithCustomer(folder)
        copy.numbers, copy.holding = self.numbers, self.holding
        return copy


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CIS_ERASURE_KEY", SECRET)
    with _dates_may_be_set_aside():
        yield


@contextmanager
def _dates_may_be_set_aside() -> Iterator[None]:
    """In a small shop, the rows of one customer that are rejected on purpose are most of a date's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIS_REJECTED_SHARE_BLOCK", "1")
        settings.cache_clear()
        yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def shop_made_once(tmp_path_factory: pytest.TempPathFactory) -> ShopWithCustomer:
    with _dates_may_be_set_aside():
        return _made(tmp_path_factory)


def _made(tmp_path_factory: pytest.TempPathFactory) -> ShopWithCustomer:
    # The whole pipeline runs in a folder with a name that is spelled in another way in addresses.
    made = ShopWithCustomer(tmp_path_factory.mktemp("shop") / "My Käse & #1 100% {off}")
    land_sample(made.landing, end=END, customers=40, days=DAYS)
    made.shop.run(INGEST, made.days)
    made.shop.run(GOLD, DateRange(END, END))
    _rename_one_who_is_written_to(made)
    _land_what_is_set_aside(made)
    # Several times, so that there is a history; the first time with a snapshot that is superseded later.
    made.shop.run(INGEST, made.days)
    os.utime(made.landing / "customers/customers.csv")
    made.shop.run(INGEST, made.days)
    for day in (END - timedelta(days=1), END):
        made.shop.run(GOLD, DateRange(day, day))
    _leave_behind(made)
    return made


@pytest.fixture
def with_customer(shop_made_once: ShopWithCustomer, tmp_path: Path) -> ShopWithCustomer:
    return shop_made_once.copy_to(tmp_path / "Shop 😀 'of' #2")


def _rename_one_who_is_written_to(made: ShopWithCustomer) -> None:
    """Give one customer, and their orders, the numbers that stand nowhere else."""
    written_to = made.shop.rows(gold.NOTIFICATIONS)["customer_id"]
    orders = made.shop.rows(bronze.ORDERS).filter(pl.col("customer_id").is_in(written_to.to_list()))
    # The one who ordered longest ago stays due, whatever is added to their first days.
    old = orders.group_by("customer_id").agg(pl.col(ORDER_DATE).max()).sort(ORDER_DATE, "customer_id")["customer_id"][0]
    theirs = orders.filter(pl.col("customer_id") == old).sort(ORDER_DATE, "order_id")
    for place, order in enumerate(theirs.iter_rows(named=True)):
        number = FIRST_ORDER + place
        made.numbers += (number,)
        day = order[ORDER_DATE]
        for table, renamed in (
            ("orders", f"{number},{CUSTOMER},{order['order_hour']}"),
            ("order_items", f"{number},"),
        ):
            path = f"{table}/order_date={day}/{table}.csv"
            before = f"{order['order_id']},{old}," if table == "orders" else f"{order['order_id']},"
            lines = (made.landing / path).read_text().splitlines()
            mine = [line.startswith(before) for line in lines]
            after = [
                (renamed if table == "orders" else renamed + line[len(before) :]) if is_mine else line
                for line, is_mine in zip(lines, mine, strict=True)
            ]
            (made.landing / path).write_text("\n".join(after) + "\n")
            made.holding[path] = made.holding.get(path, 0) + sum(mine)
    snapshot = made.landing / "customers/customers.csv"
    snapshot.write_text(snapshot.read_text().replace(f"\n{old},", f"\n{CUSTOMER},"))
    made.holding["customers/customers.csv"] = 1
    made.numbers = (CUSTOMER, *made.numbers)


def _land_what_is_set_aside(made: ShopWithCustomer) -> None:
    """Rows of the customer that do not parse or break a rule, in every format."""
    known = made.numbers[1]
    of_known = next(path for path in made.holding if path.startswith("orders/")).split("/")[1]
    day = made.shop.rows(bronze.ORDERS).select(pl.col(ORDER_DATE).min()).item()
    product = made.shop.rows(bronze.PRODUCTS)["product_id"][0]
    unparsed, hour_25, alone = (FIRST_ORDER + 100 + place for place in range(3))
    made.numbers += (unparsed, hour_25, alone)
    files = {
        f"orders/order_date={day}/late.csv": (
            "customer_id,order_id,order_hour,note\n"
            f"{CUSTOMER},{unparsed},noon,\n"
            f"{CUSTOMER},{hour_25},25,\n"
            f"{CUSTOMER},{alone}\n"
            f'"{CUSTOMER},{alone},9,\n'
            f"{CUSTOMER}x,,9,\n"
            f",,morning,called by {CUSTOMER}\n",
            6,
        ),
        f"order_items/order_date={day}/late.csv.gz": (
            "order_id,product_id,add_to_cart_order,quantity,unit_price\n"
            f"{unparsed},{product},1,1,2.5\n"
            f"{hour_25},{product},1,1,2.5\n"
            f"{alone},{product},1,1,2.5\n"
            f"{alone},milk,2,1,2.5\n"
            f"{hour_25},{product},2,-1,2.5\n",
            5,
        ),
        f"order_items/{of_known}/returned.csv": (
            f"order_id,product_id,add_to_cart_order,quantity,unit_price\n{known},{product},901,-1,2.5\n",
            1,
        ),
    }
    for path, (text, rows) in files.items():
        (made.landing / path).write_bytes(gzip.compress(text.encode()) if path.endswith(".gz") else text.encode())
        made.holding[path] = rows
    frame = pl.DataFrame({"order_id": [known, alone], "customer_id": [CUSTOMER, CUSTOMER], "order_hour": ["x", "11"]})
    frame.write_parquet(made.landing / f"orders/order_date={day}/late.parquet")
    made.holding[f"orders/order_date={day}/late.parquet"] = 2
    # As long as the one before, so that it is not quarantined.
    text = (made.landing / "customers/customers.csv").read_text()
    (made.landing / SUPERSEDED).write_text(
        re.sub(rf"^{CUSTOMER},.*$", f"{CUSTOMER},true,Mars/Olympus", text, flags=re.M)
    )
    with (made.landing / "customers/customers.csv").open("a") as snapshot:
        snapshot.write(f"{CUSTOMER},perhaps,UTC\n")
    made.holding |= {"customers/customers.csv": 2, SUPERSEDED: 1}
    audience = made.landing / "offer_audience/audience.csv"
    audience.parent.mkdir()
    audience.write_text(f"offer_id,customer_id\n1,{CUSTOMER}\n1,{CUSTOMER + 1}\n")
    made.holding["offer_audience/audience.csv"] = 1


def _leave_behind(made: ShopWithCustomer) -> None:
    """A checkpoint in every table, and what killed writers leave in the folders of three."""
    for path in MADE_TABLES:
        DeltaTable(str(made.lake / path)).create_checkpoint()
    for path in ("bronze/orders", "gold/customer_features", "silver/customers"):
        folder = made.lake / path
        data = next(file for file in sorted(folder.rglob("*.parquet")) if _holds_customer(file))
        shutil.copy(data, data.with_name("part-00000-of-a-killed-writer.snappy.parquet"))
        data.with_name("part-00001-of-a-killed-writer.snappy.parquet#1").write_bytes(data.read_bytes()[:-8])
        commit = next(file for file in sorted((folder / "_delta_log").glob("*.json")) if _in_text(file))
        shutil.copy(commit, commit.with_name("_commit_of-a-killed-writer.json.tmp"))


def _holds_customer(file: Path) -> bool:
    if "_delta_log" in file.parts:
        return False
    rows = pl.read_parquet(file, hive_partitioning=False)
    return "customer_id" in rows.columns and CUSTOMER in rows["customer_id"].to_list()


def _in_text(file: Path) -> bool:
    return str(CUSTOMER) in file.read_text()
