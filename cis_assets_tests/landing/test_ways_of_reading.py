"""A CSV file gives the same rows whichever way it is read: alone or with others, scanned or split line by line."""

from __future__ import annotations

import gzip
import io
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cis_assets.landing.contract import KEYED_ORDERS, ORDER_ITEMS, ORDERS, LandingTable
from cis_assets.landing.file_reader import read_files
from cis_assets.landing.folder import BlockStream, LandingError, LandingFile, LandingFolder
from cis_assets.landing.reader import read_days
from cis_assets.landing.row_cache import RowCache
from cis_assets.landing.rows import LandedRows
from cis_assets.landing.text_pieces import LIMITS, Limits
from cis_assets.storage.errors import StorageError
from cis_assets_tests.landing.mutated_files import damaged_file

pytestmark = pytest.mark.slow

MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)

HEADERS = (
    (ORDERS, "order_id,customer_id,order_hour"),
    (ORDERS, "customer_id,order_id,order_hour"),
    (ORDER_ITEMS, "order_id,product_id,add_to_cart_order,quantity,unit_price"),
    (ORDER_ITEMS, "unit_price,order_id,product_id,add_to_cart_order"),
)
PLAIN = st.integers(0, 10**9 - 1).map(str)
ODD = st.sampled_from(
    [
        *[
            "007",
            "+5",
            "5.0",
            "1e3",
            "1_000",
            "nan",
            "inf",
            "-0",
            "0.1",
            ".5",
            "5.",
            "1e400",
            "--1",
            "1.5.2",
            "x",
            "x^",
            "'1",
            "true",
            "2024-01-01",
            "2147483648",
        ],
        *("", " 5 ", "\t1", "9" * 18, "9" * 19, "-9223372036854775808", "123456789012345.123456789012345"),
        *('"1"', '"1', '1"', '""', '"1,2"', "1\r2", "x\x01", "\x00", "\x0b1", "1\x85", "\u2028", "\ufeff1", "\u00a01"),
    ]
)
LINE_END = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", "\r\r\n", "\n\r\n"])


@st.composite
def files_of_numbers(draw: st.DrawFn) -> tuple[LandingTable, list[bytes]]:
    table = draw(st.sampled_from([ORDERS, ORDER_ITEMS]))
    headers = st.sampled_from([header for of, header in HEADERS if of is table])
    return table, [draw(_file(draw(headers))) for _ in range(draw(st.integers(1, 4)))]


@st.composite
def _file(draw: st.DrawFn, header: str) -> bytes:
    width = header.count(",") + 1
    text = draw(st.sampled_from(["", "", "", "\ufeff"])) + header + draw(st.sampled_from(["\n", "\r\n"]))
    for _ in range(draw(st.integers(0, 6))):
        plain = draw(st.booleans())
        fields = draw(st.integers(width, width if plain else width + 1))
        text += ",".join(draw(PLAIN if plain else st.one_of(PLAIN, ODD)) for _ in range(fields)) + draw(LINE_END)
    return (text if draw(st.booleans()) else text.rstrip("\r\n")).encode()


class Files(LandingFolder):
    """Files that are in memory."""

    def __init__(self, contents: Iterable[bytes]) -> None:
        super().__init__("memory")
        self._contents = {f"{number}.csv": content for number, content in enumerate(contents)}

    def files(self) -> list[LandingFile]:
        arrived = datetime(2025, 1, 1, tzinfo=UTC)
        return [LandingFile(path, len(content), "", arrived) for path, content in self._contents.items()]

    def content(self, file: LandingFile, *, first_bytes: int | None = None) -> bytes:
        return self._contents[file.path][:first_bytes]

    def stream(self, file: LandingFile) -> io.RawIOBase:
        content = self._contents[file.path]
        return BlockStream(content[at : at + 7] for at in range(0, len(content), 7))


def what_is_read(
    folder: Files,
    table: LandingTable,
    cache: RowCache | None = None,
    together_bytes: int = 2**20,
    limits: Limits = LIMITS,
) -> list[tuple]:
    read = read_files(folder, table, folder.files(), cache or RowCache(), together_bytes, limits)
    return [_as_values(landed) for landed in read]


def _as_values(landed: LandedRows | LandingError) -> tuple:
    if isinstance(landed, LandingError):
        return (str(landed).split(maxsplit=3)[-1],)
    good = landed.rows.drop("source_file").collect()  # pyright: ignore[reportAttributeAccessIssue]
    bad = landed.rejected.drop("source_file").collect()  # pyright: ignore[reportAttributeAccessIssue]
    return good.rows(), good.schema, bad.rows(), landed.row_count  # pyright: ignore[reportAttributeAccessIssue]


@MANY
@given(files_of_numbers())
@example((ORDER_ITEMS, [f"{HEADERS[2][1]}\n{first},5,1,1,1\n1,5,1,1,1\n".encode() for first in ("x^", "x\x01", "1")]))
@example((ORDERS, [f"{HEADERS[0][1]}\n{first},10,9\n".encode() for first in ("\ufeff1", "1", "x\x9c")]))
def test_a_file_of_numbers_gives_the_same_rows_alone_and_with_others_scanned_and_taken_apart(
    found: tuple[LandingTable, list[bytes]],
) -> None:
    table, contents = found
    together = what_is_read(Files(contents), table)
    assert what_is_read(Files(contents), table, RowCache(room=0)) == together
    # As if each were a large one: scanned if it is clean, else split into fields.
    assert what_is_read(Files(contents), table, together_bytes=1) == together
    # A last line that is no text makes the reader split all lines.
    ended = [content if content.endswith(b"\n") else content + b"\n" for content in contents]
    damaged = what_is_read(Files([content + b"\xff\n" for content in ended]), table)
    for read, (*rows, bad, row_count) in zip(together, damaged, strict=True):
        assert (*rows, bad[:-1], row_count - 1) == read
        assert bad[-1][2] == "is not UTF-8"


QUOTED = (
    b"order_id,customer_id,order_hour,order_key\n"
    b'1,2,3,"a ""b"""\n\n2,2,3,5" wide\n3,2,3,"two\nlines"\n4,2,3,"and\n\n\nfour"\n5,2,3,"not closed\n6,2,3,x\n'
    b'7,2,3,\xff\n8,2,3,"9\xff\n"\n9,2,3,\r\n10,2,3,"\n'
)


@settings(MANY, max_examples=120)
@given(st.integers(0, 10**9), st.sampled_from([1, 2, 7, 20, 64]), st.sampled_from([1, 2, 3, 10**6]), st.booleans())
def test_a_file_gives_the_same_rows_in_pieces_and_at_once(seed: int, size: int, lines: int, packed: bool) -> None:
    file = damaged_file(random.Random(seed))
    _same_in_pieces(file.table, file.content, Limits(piece_bytes=size, piece_lines=lines), packed=packed)


@pytest.mark.parametrize("size", range(1, 70))
def test_quotes_and_damage_across_the_ends_of_pieces_change_no_row(size: int) -> None:
    _same_in_pieces(KEYED_ORDERS, QUOTED, Limits(piece_bytes=size))
    _same_in_pieces(KEYED_ORDERS, QUOTED, Limits(piece_lines=max(1, size // 8)))


def _same_in_pieces(table: LandingTable, content: bytes, limits: Limits, *, packed: bool = False) -> None:
    content = gzip.compress(content, mtime=0) if packed else content
    (at_once,) = what_is_read(Files([content]), table)
    for room in (0, 10**6):
        (in_pieces,) = what_is_read(Files([content]), table, RowCache(room), limits=limits)
        # A damaged gzip may show another fault first.
        assert in_pieces == at_once or len(in_pieces) == len(at_once) == 1


def test_columns_may_stand_in_another_order_in_the_next_file() -> None:
    first, second = what_is_read(
        Files([b"order_id,customer_id,order_hour\n1,2,3\n", b"customer_id,order_id,order_hour\n2,1,3\n"]), ORDERS
    )
    assert first == second
    assert first[0][0][:3] == (1, 2, 3)


@pytest.mark.parametrize("rows", ["1,2\n", "1,2,3,4\n", "1,2,\n3,4\n", "1,2,3,\n", "1,,\n4,5\n"])
@pytest.mark.parametrize("limit", [1, 2**20], ids=["scanned", "together"])
def test_a_row_with_a_field_too_few_or_too_many_is_no_row_with_missing_values(rows: str, limit: int) -> None:
    folder = Files([f"order_id,customer_id,order_hour\n{rows}".encode()])
    ((_, _, bad, count),) = what_is_read(folder, ORDERS, together_bytes=limit)
    assert bad
    assert count == rows.count("\n")


def test_a_column_that_is_called_like_packed_text_begins_is_an_unknown_column() -> None:
    folder = Files([b"x^,offer_id,order_id,customer_id,order_hour\n9,8,1,2,3\n"])
    (landed,) = read_files(folder, ORDERS, folder.files(), RowCache())
    assert not isinstance(landed, LandingError)
    assert landed.rows.collect().height == 1
    assert "orders.x^" in landed.unknown_columns


def test_files_that_unpack_to_much_are_not_in_memory_at_once() -> None:
    events: list[str] = []

    class WatchedFiles(Files):
        def content(self, file: LandingFile, *, first_bytes: int | None = None) -> bytes:
            events.append("fetch")
            return super().content(file, first_bytes=first_bytes)

    class WatchedCache(RowCache):
        def keep(self, frames: Sequence[pl.DataFrame]) -> list[pl.LazyFrame]:
            events.append(f"keep {len(frames)}")
            return super().keep(frames)

    rows = b"1,2,3\n" * 100
    folder = WatchedFiles([b"order_id,customer_id,order_hour\n" + rows] * 5)
    read = what_is_read(folder, ORDERS, WatchedCache(), together_bytes=2 * len(rows) + 64)
    assert [len(good) for good, *_ in read] == [100] * 5
    assert events == [*["fetch", "fetch", "keep 2"] * 2, "fetch", "keep 1"]


def test_frames_that_are_views_of_one_are_kept_in_memory_all_or_none() -> None:
    whole = pl.DataFrame({"number": pl.int_range(1000, eager=True)})
    cache = RowCache(room=4000)
    large, small = cache.keep([whole.head(999), whole.tail(1)])
    assert (large.collect().height, small.collect().height) == (999, 1)
    (alone,) = cache.keep([whole.head(500)])
    # The room is still there, since neither of the two took any.
    assert "DF [" in alone.explain()
    assert "DF [" not in small.explain()


@pytest.mark.parametrize("first", [b"x", b"\xff"], ids=["no number", "no text"])
def test_rejected_rows_keep_nothing_else_of_their_file_in_memory(first: bytes) -> None:
    content = (
        b"order_id,customer_id,order_hour\n"
        + b"1000000,2000000,3\n" * 1000
        + first
        + b",a text of more than twelve bytes,1\n"
    )
    folder = Files([content])
    (landed,) = read_files(folder, ORDERS, folder.files(), RowCache())
    assert not isinstance(landed, LandingError)
    rejected = landed.rejected.collect()
    assert rejected.height == 1
    held = rejected.select(pl.exclude("source_file", "source_table")).to_arrow(compat_level=pl.CompatLevel.newest())
    assert sum(chunk.get_total_buffer_size() for column in held.columns for chunk in column.chunks) < 1000


def test_many_threads_may_keep_rows_at_once() -> None:
    cache = RowCache(room=0)
    frames = [pl.DataFrame({"number": [number] * (number % 50 + 1)}) for number in range(400)]
    with ThreadPoolExecutor(8) as threads:
        kept = list(threads.map(lambda frame: cache.keep([frame])[0], frames))
        loaded = list(threads.map(lambda rows: rows.collect(), kept))
    assert [frame.rows() for frame in loaded] == [frame.rows() for frame in frames]


def test_little_is_fetched_from_a_store_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days = [date(2025, 3, 1) + timedelta(number) for number in range(200)]
    texts: Mapping[str, str] = {"orders": HEADERS[0][1] + "\n1,10,9\n", "order_items": HEADERS[2][1] + "\n1,5,1,1,1\n"}
    for day in days:
        for table, text in texts.items():
            folder = tmp_path / table / f"order_date={day}"
            folder.mkdir(parents=True)
            (folder / "one.csv").write_text(text)
    fetched = []

    def content(self: LandingFolder, file: LandingFile, *, first_bytes: int | None = None) -> bytes:
        fetched.append(file.path)
        time.sleep(0.002)
        if file.path.startswith(f"orders/order_date={days[0]}"):
            raise StorageError("The store failed.")
        return real(self, file, first_bytes=first_bytes)

    real = LandingFolder.content
    monkeypatch.setattr(LandingFolder, "content", content)
    with pytest.raises(StorageError):
        read_days(LandingFolder(str(tmp_path)), days)
    assert len(fetched) < len(days) / 2
