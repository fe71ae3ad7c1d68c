"""Cuts off answers of the model's server while they arrive, so one of any size cannot fill the memory."""

from collections.abc import AsyncIterator

import httpx2

MOST_ANSWER_BYTES = 1024 * 1024
# A compressed answer may unpack to a thousand times its size. The client asks for plain ones.
_COMPRESSED_SHARE = 64


async def cut_off(response: httpx2.Response) -> None:
    """Limit the bytes that are read of a response; a hook of the HTTP client."""
    compressed = response.headers.get("Content-Encoding", "identity") != "identity"
    limit = MOST_ANSWER_BYTES // _COMPRESSED_SHARE if compressed else MOST_ANSWER_BYTES
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _FirstBytes(response.stream, limit)


class _FirstBytes(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, limit: int) -> None:
        self._stream, self._limit = stream, limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        async for block in self._stream:
            yield block[:left]
            left -= len(block)
            if left <= 0:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()
