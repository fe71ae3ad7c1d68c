"""An HTTP proxy in front of a blob server that fails requests of a chosen kind, in a chosen way, as often as asked.

Clients reach it as their blob endpoint; it forwards a request as it came (the signature covers path and headers, but
not the host), or does what the fault that a test has set says. Every fault counts what it hit, so that a test can
tell "survived the fault" from "never met it". What the lake does about a fault is not said here.
"""

from __future__ import annotations

import http.client
import multiprocessing
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

_COMMIT = re.compile(r"/_delta_log/[^/]+\.json$")
_CHECKPOINT = re.compile(r"/_delta_log/([^/]+\.checkpoint[^/]*\.parquet|_last_checkpoint)$")
# Headers of one connection, which the other side of a proxy must not see.
_OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_ERROR_CODES = {403: "AuthorizationFailure", 429: "TooManyRequests", 500: "InternalError", 503: "ServerBusy"}


class Operation(StrEnum):
    """What a request does to a Delta table."""

    LIST = "list"
    LOG_READ = "log read"
    DATA_READ = "data read"
    DATA_WRITE = "data write"
    LOG_WRITE = "log write"
    CHECKPOINT_WRITE = "checkpoint write"
    OTHER = "other"


class Kind(StrEnum):
    """How a request fails."""

    FORBIDDEN = "403"
    THROTTLED = "429"
    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    RESET = "reset"
    """The connection breaks before the request reaches the store."""
    LOST_ANSWER = "lost answer"
    """The store does what it was asked; then the connection breaks."""
    FALSE_ERROR = "false 500"
    """The store does what it was asked; the client is told 500."""
    HANG = "hang"
    """Neither the store nor the client ever hears of the request again."""
    OUTAGE = "outage"
    """The store does what it was asked; then it answers nothing at all, to no request, until the fault ends."""
    LATE = "late"
    """The store does what it was asked, but when the next such request comes, or the fault ends; the client hears nothing."""
    SLOW = "slow"
    """The request reaches the store, and the answer the client, when the fault ends."""


@dataclass(frozen=True)
class Fault:
    """Fails the first `times` requests of an operation, or all of them (None)."""

    operation: Operation
    kind: Kind
    times: int | None = None


class FaultProxy:
    """A test's hold on a running proxy; `endpoint` is what clients are told instead of the blob server's own."""

    def __init__(self, endpoint: str, control: Connection) -> None:
        self.endpoint = endpoint
        self._control = control

    @contextmanager
    def failing(self, operation: Operation, kind: Kind, times: int | None = None) -> Iterator[None]:
        """Set a fault for a while; requests that hang are let go, unanswered, at its end."""
        self._tell(Fault(operation, kind, times))
        try:
            yield
        finally:
            self.heal()

    def heal(self) -> None:
        """End the fault before its time."""
        self._tell(None)

    def hits(self) -> int:
        """How many requests the fault of now, or the last one, has failed."""
        return self._tell("hits")

    def _tell(self, order: Fault | Literal["hits"] | None) -> int:
        self._control.send(order)
        return self._control.recv()


@contextmanager
def proxy_to(endpoint: str) -> Iterator[FaultProxy]:
    """Run a proxy to the blob endpoint `http://HOST:PORT/ACCOUNT` on a free port of loopback.

    In a process of its own, since delta-rs holds the interpreter's lock while it waits for some answers.
    """
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=_serve, args=(endpoint, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield FaultProxy(ours.recv(), ours)
    finally:
        ours.close()
        process.join(timeout=10)
        process.terminate()


def _serve(endpoint: str, control: Connection) -> None:
    """Answer requests on threads until the test's end of `control` is closed."""
    upstream = urlsplit(endpoint)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.upstream = (str(upstream.hostname), int(upstream.port or 80))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    control.send(f"http://127.0.0.1:{server.server_port}{upstream.path}")
    with suppress(EOFError):
        while True:
            order = control.recv()
            if order != "hits":
                server.rule.change(order)
            control.send(server.rule.hits)


class _Rule:
    """The fault of now, shared by the threads that answer."""

    def __init__(self) -> None:
        self.hits = 0
        self._fault: Fault | None = None
        self._held: list[Callable[[], object]] = []
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

    def change(self, fault: Fault | None) -> None:
        with self._lock:
            self._send_held()
            self._fault = fault
            if fault is not None:
                self.hits = 0
            self._changed.notify_all()

    def take(self, method: str, target: str) -> Kind | None:
        """How this request is to fail, if at all."""
        with self._lock:
            fault = self._fault
            if fault is None:
                return None
            if fault.kind is Kind.OUTAGE and self.hits:
                return Kind.RESET
            if fault.operation is not operation_of(method, target):
                return None
            self._send_held()
            if fault.times is not None and self.hits >= fault.times:
                return None
            self.hits += 1
            return fault.kind

    def hold(self, send: Callable[[], object]) -> None:
        """Keep a request until the next one of its operation comes, or the fault ends."""
        with self._lock:
            self._held.append(send)

    def wait_for_change(self) -> None:
        with self._lock:
            self._changed.wait()

    def _send_held(self) -> None:
        while self._held:
            self._held.pop(0)()


def operation_of(method: str, target: str) -> Operation:
    """What a request to the blob service does to a table."""
    parts = urlsplit(target)
    path = unquote(parts.path)
    if method in {"GET", "HEAD"}:
        if parse_qs(parts.query).get("comp") == ["list"]:
            return Operation.LIST
        return Operation.LOG_READ if "/_delta_log/" in path else Operation.DATA_READ
    if method != "PUT":
        return Operation.OTHER
    if _COMMIT.search(path):
        return Operation.LOG_WRITE
    return Operation.CHECKPOINT_WRITE if _CHECKPOINT.search(path) else Operation.DATA_WRITE


class _Server(ThreadingHTTPServer):
    upstream: tuple[str, int]
    # Threads wait on connections that clients keep open; the end of the test must not wait for them.
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.rule = _Rule()

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        # Without the polite half-close of the base class, which would turn a reset into an orderly end.
        self.close_request(request)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.server.rule.take(self.command, self.path)
        match kind:
            case None:
                self._answer(*self._forward(body))
            case Kind.RESET:
                self._reset()
            case Kind.HANG | Kind.LATE:
                if kind is Kind.LATE:
                    self.server.rule.hold(partial(self._forward, body))
                self.server.rule.wait_for_change()
                self._reset()
            case Kind.SLOW:
                self.server.rule.wait_for_change()
                self._answer(*self._forward(body))
            case Kind.LOST_ANSWER | Kind.OUTAGE:
                self._forward(body)
                self._reset()
            case Kind.FALSE_ERROR:
                self._forward(body)
                self._refuse(500)
            case _:
                self._refuse(int(kind.value))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self.server.upstream, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "connection":
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        length = next((value for name, value in headers if name.lower() == "content-length"), "0")
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _OF_THE_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _refuse(self, status: int) -> None:
        code = _ERROR_CODES[status]
        body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{code}.</Message></Error>'
        headers = [("Content-Type", "application/xml"), ("x-ms-error-code", code), ("Content-Length", str(len(body)))]
        self._answer(status, headers, b"" if self.command == "HEAD" else body.encode())

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what went through is counted, not printed."""
