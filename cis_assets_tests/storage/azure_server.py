"""A server on loopback that plays what Azure's clients talk to: the authorities that give tokens, and a blob store.

It keeps every request, gives everybody a token, and lets into its store who shows that token or any signature. How
Azure judges signatures and rights is not played here: Azurite does that.

The server is a thread: a client that waits without giving up Python's lock (`DeltaTable.is_deltatable`) waits for ever.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

ACCOUNT = "shop"
CONTAINER = "lake"
URI = f"abfss://{CONTAINER}@{ACCOUNT}.dfs.core.windows.net/orders"
TOKEN = "token-of-the-test"
# A key is base64 of anything.
KEY = "a2V5LW9mLXRoZS10ZXN0"
SAS = "sv=2024-11-04&sr=c&sp=racwdl&se=2999-01-01T00%3A00%3A00Z&sig=c2lnbmF0dXJlLW9mLXRoZS10ZXN0"


@dataclass(frozen=True)
class Request:
    """What a client sent; names of headers in small letters."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def asks_for_a_token(self) -> bool:
        return self.path.endswith("/token")


@dataclass(frozen=True)
class Reply:
    """What the server answers, after a wait; a slow one lets its body trickle over some seconds."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    trickle: float = 0.0


def refusal(status: int, code: str, message: str = "") -> Reply:
    """An error as Azure Storage words it."""
    xml = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Reply(status, xml.encode(), {"Content-Type": "application/xml", "x-ms-error-code": code})


@dataclass
class AzureServer:
    """The server's blobs and memory. `rule` may answer a request before the store does."""

    port: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    rule: Callable[[Request], Reply | None] = lambda _: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a client here, without a credential."""
        return {"AZURE_STORAGE_ENDPOINT": self.url, "AZURE_STORAGE_ALLOW_HTTP": "true"}

    @property
    def token_requests(self) -> list[Request]:
        return [request for request in self.requests if request.asks_for_a_token]

    @property
    def store_requests(self) -> list[Request]:
        return [request for request in self.requests if not request.asks_for_a_token]

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        reply = self.rule(request)
        if reply is not None:
            return reply
        return _token() if request.asks_for_a_token else self._store(request)

    def _store(self, request: Request) -> Reply:
        shown = request.headers.get("authorization", "")
        if shown != f"Bearer {TOKEN}" and not shown.startswith(f"SharedKey {ACCOUNT}:") and "sig" not in request.query:
            return refusal(401, "NoAuthenticationInformation", "Server failed to authenticate the request.")
        container, _, name = request.path.removeprefix("/").partition("/")
        if container != CONTAINER:
            return refusal(404, "ContainerNotFound", "The specified container does not exist.")
        if request.query.get("comp") == "list":
            return self._listing(request.query.get("prefix", ""))
        if request.query.get("comp") == "batch":
            return self._batch(request)
        if request.method == "PUT":
            if "if-none-match" in request.headers and name in self.blobs:
                return refusal(409, "BlobAlreadyExists", "The specified blob already exists.")
            self.blobs[name] = request.body
            return Reply(201, headers=_file_headers())
        if name not in self.blobs:
            return refusal(404, "BlobNotFound", "The specified blob does not exist.")
        if request.method == "DELETE":
            del self.blobs[name]
            return Reply(202)
        return self._content(self.blobs[name], request)

    def _content(self, content: bytes, request: Request) -> Reply:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if asked is None:
            return Reply(200, content, _file_headers())
        first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        place = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
        return Reply(206, content[first : last + 1], _file_headers() | place)

    def _listing(self, prefix: str) -> Reply:
        blobs = "".join(
            f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{formatdate(usegmt=True)}</Last-Modified>"
            f"<Content-Length>{len(content)}</Content-Length><Content-Type>text/plain</Content-Type>"
            f"<Etag>0x1</Etag></Properties></Blob>"
            for name, content in sorted(self.blobs.items())
            if name.startswith(prefix)
        )
        xml = f"<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>"
        return Reply(200, xml.encode(), {"Content-Type": "application/xml"})

    def _batch(self, request: Request) -> Reply:
        """Delete what the parts of a batch name, and answer part by part."""
        answers = []
        for number, target in enumerate(re.findall(rb"DELETE (\S+) HTTP/1.1", request.body)):
            name = unquote(urlsplit(target.decode()).path).split("/", 2)[-1]
            found = self.blobs.pop(name, None) is not None
            line = "HTTP/1.1 202 Accepted" if found else "HTTP/1.1 404 The specified blob does not exist."
            answers.append(
                f"--batch_1\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\n{line}\r\n\r\n\r\n"
            )
        body = "".join(answers) + "--batch_1--\r\n"
        return Reply(202, body.encode(), {"Content-Type": "multipart/mixed; boundary=batch_1"})


def _file_headers() -> dict[str, str]:
    return {"ETag": '"0x1"', "Last-Modified": formatdate(usegmt=True), "x-ms-version-id": "1"}


def _token() -> Reply:
    expires = int(time.time()) + 3600
    token = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600, "expires_on": str(expires)}
    return Reply(200, json.dumps(token).encode(), {"Content-Type": "application/json"})


class _PatientServer(ThreadingHTTPServer):
    block_on_close = False
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, as it does after a timeout, is no error of the test's."""


def _handler(server: AzureServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            # As it was sent: the server's own path lacks slashes that are one too many.
            path, _, query_text = self.requestline.split()[1].partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[0] for name, values in parse_qs(query_text, keep_blank_values=True).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.answer(Request(self.command, unquote(path), query, headers, body))
            time.sleep(reply.wait)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self._send(reply)

        def _send(self, reply: Reply) -> None:
            parts = 10 if reply.trickle else 1
            size = -(-len(reply.body) // parts) or 1
            for start in range(0, len(reply.body), size):
                time.sleep(reply.trickle / parts)
                self.wfile.write(reply.body[start : start + size])
                self.wfile.flush()

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def azure_server(port: int = 0) -> Iterator[AzureServer]:
    """A running server; on `port`, or on any that is free."""
    server = AzureServer()
    httpd = _PatientServer(("127.0.0.1", port), _handler(server))
    server.port = httpd.server_port
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word; it closes after a minute, lest a test waits for ever."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        end = threading.Timer(60, listener.close)
        end.daemon = True
        end.start()
        try:
            yield listener.getsockname()[1]
        finally:
            end.cancel()


@contextmanager
def unreachable_port() -> Iterator[int]:
    """A port at which no further connection comes about, as behind a firewall that drops packets."""
    with socket.socket() as listener, ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        yield port


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
