"""A search for numbers in every byte of a folder, in every encoding that a Delta table may hold them in.

Independent of the code under test: files are found by walking, Parquet is read by pyarrow, and its pages are taken apart
and decompressed here.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_MAGIC = b"PAR1"


def traces_of(numbers: Collection[int], folder: Path) -> dict[str, set[str]]:
    """Path below the folder -> the ways in which any of the numbers is in that file; files without them are left out."""
    search = _Search(numbers)
    found = {path.relative_to(folder).as_posix(): set(search.ways(path)) for path in sorted(folder.rglob("*"))}
    return {path: ways for path, ways in found.items() if ways}


class _Search:
    def __init__(self, numbers: Collection[int]) -> None:
        self._numbers = frozenset(numbers)
        self._texts = [str(number) for number in numbers]
        self._encoded = [code for number in numbers for code in _encodings(number)]

    def ways(self, path: Path) -> Iterator[str]:
        if any(text in path.name for text in self._texts):
            yield "name"
        if not path.is_file():
            return
        content = path.read_bytes()
        if self._in_bytes(content):
            yield "bytes"
        if content[:4] == _MAGIC and content[-4:] == _MAGIC:
            file = pq.ParquetFile(path)
            if any(self._in_value(value) for batch in file.iter_batches() for value in batch.to_pylist()):
                yield "value"
            if any(self._in_value(limit) for limit in _limits(file.metadata)):
                yield "statistics"
            if any(self._in_bytes(page) for page in _pages(content, file.metadata)):
                yield "page"

    def _in_bytes(self, content: bytes) -> bool:
        return any(code in content for code in self._encoded)

    def _in_value(self, value: Any) -> bool:
        if isinstance(value, dict):
            return any(self._in_value(each) for pair in value.items() for each in pair)
        if isinstance(value, list | tuple):
            return any(self._in_value(each) for each in value)
        if isinstance(value, bytes):
            return self._in_bytes(value)
        if isinstance(value, str):
            return any(text in value for text in self._texts)
        return value in self._numbers


def _encodings(number: int) -> Iterator[bytes]:
    yield from (str(number).encode(), str(number).encode("utf-16-le"), f"{number:x}".encode())
    yield from (struct.pack(order + kind, number) for order in "<>" for kind in ("q", "d"))


def _limits(metadata: pq.FileMetaData) -> Iterator[Any]:
    for chunk in _chunks(metadata):
        if chunk.statistics is not None and chunk.statistics.has_min_max:
            yield chunk.statistics.min
            yield chunk.statistics.max


def _chunks(metadata: pq.FileMetaData) -> Iterator[pq.ColumnChunkMetaData]:
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            yield metadata.row_group(group).column(column)


def _pages(content: bytes, metadata: pq.FileMetaData) -> Iterator[bytes]:
    """Every page of every column, dictionaries among them, decompressed."""
    for chunk in _chunks(metadata):
        place = chunk.dictionary_page_offset or chunk.data_page_offset
        end = place + chunk.total_compressed_size
        while place < end:
            header, place = _thrift_struct(content, place)
            # Fields of a Parquet page header: 2 is the uncompressed size, 3 the compressed one, 8 a page of version 2.
            compressed = content[place : place + header[3]]
            place += header[3]
            levels = header[8].get(5, 0) + header[8].get(6, 0) if 8 in header else 0
            yield compressed[:levels] + _decompressed(chunk.compression, compressed[levels:], header[2] - levels)


def _decompressed(codec: str, compressed: bytes, size: int) -> bytes:
    if codec == "UNCOMPRESSED" or not size:
        return compressed
    return pa.Codec(codec.lower()).decompress(compressed, size).to_pybytes()


def _thrift_struct(content: bytes, place: int) -> tuple[dict[int, Any], int]:
    """A struct of Thrift's compact protocol by field number, and the place after it."""
    fields: dict[int, Any] = {}
    number = 0
    while content[place]:
        delta, kind = content[place] >> 4, content[place] & 15
        place += 1
        if delta:
            number += delta
        else:
            number, place = _zigzag(content, place)
        fields[number], place = _thrift_value(content, place, kind)
    return fields, place + 1


def _thrift_value(content: bytes, place: int, kind: int) -> tuple[Any, int]:
    if kind in (1, 2):
        return kind == 1, place
    if kind == 3:
        return content[place], place + 1
    if kind in (4, 5, 6):
        return _zigzag(content, place)
    if kind == 7:
        return struct.unpack_from("<d", content, place)[0], place + 8
    if kind == 8:
        length, place = _varint(content, place)
        return content[place : place + length], place + length
    if kind in (9, 10):
        count, inner = content[place] >> 4, content[place] & 15
        place += 1
        if count == 15:
            count, place = _varint(content, place)
        values = []
        for _ in range(count):
            value, place = _thrift_value(content, place, inner)
            values.append(value)
        return values, place
    assert kind == 12, f"Thrift type {kind} stands in no page header."
    return _thrift_struct(content, place)


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, place


def _zigzag(content: bytes, place: int) -> tuple[int, int]:
    value, place = _varint(content, place)
    return (value >> 1) ^ -(value & 1), place
