"""A small server on loopback that speaks the Responses API, and answers as a test tells it to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

KEY = "sk-test-0123456789abcdefghij"


@dataclass(frozen=True)
class Reply:
    """What the server sends back: a status, a body (text and bytes stay as they are) and headers, after a wait in seconds."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0


def response(*contents: dict, status: str = "completed", **more: Any) -> Reply:
    """A response of the Responses API that holds one message."""
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": status, "content": list(contents)}
    usage = {"input_tokens": 11, "output_tokens": 13, "total_tokens": 24}
    body = {"id": "resp_1", "object": "response", "status": status, "model": "small-model", "output": [message]}
    return Reply(body=body | {"usage": usage} | more)


def text(content: str, **more: Any) -> Reply:
    return response({"type": "output_text", "text": content, "annotations": []}, **more)


def versions(*words: tuple[str, str]) -> Reply:
    return text(json.dumps({"versions": [{"title": title, "body": body} for title, body in words]}))


def error(status: int, code: str | None = None, message: str = "Something is wrong.", kind: str | None = None) -> Reply:
    body = {"error": {"message": message, "type": kind or code, "param": None, "code": code}}
    return Reply(status, body, {"retry-after-ms": "1"})


@dataclass
class ModelServer:
    """The server's script and memory: `replies` answer one request each, in order; then `otherwise` answers."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    otherwise: Callable[[dict], Reply] = lambda _: versions(("Running low?", "Get {product} this {weekday}."))
    requests: list[dict] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, path: str, request: dict) -> Reply:
        with self._lock:
            self.paths.append(path)
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            reply = self.replies.pop(0) if self.replies else self.otherwise(request)
        time.sleep(reply.wait)
        with self._lock:
            self._at_once -= 1
        return reply


class _PatientServer(ThreadingHTTPServer):
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, as it does after a timeout, is no error of the test's."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A running server that the client finds in OPENAI_BASE_URL."""
    model_server = ModelServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers["Authorization"] != f"Bearer {KEY}":
                reply = error(401, "invalid_api_key", f"Incorrect API key provided: {self.headers['Authorization']}.")
            else:
                reply = model_server.reply(self.path, request)
            body = reply.body if isinstance(reply.body, str | bytes) else json.dumps(reply.body)
            payload = body.encode() if isinstance(body, str) else body
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    httpd = _PatientServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    model_server.url = f"http://127.0.0.1:{httpd.server_port}/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", model_server.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield model_server
    httpd.shutdown()
    httpd.server_close()
