"""The webhook of a chat: a real server on loopback with the answers that a test sets.

With `posts_only_cards`, it plays Teams: it accepts everything with status 202, and posts only what has a card.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Chat:
    """What was posted, and what to answer."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}/services/secret-token"
        self.posts: list[dict] = []
        self.status = 200
        self.answer = b""
        self.delay = 0.0
        self.posts_only_cards = False

    @property
    def channel(self) -> list[dict]:
        """The bodies that people see in the chat."""
        bodies = [post["body"] for post in self.posts]
        return [body for body in bodies if body.get("attachments")] if self.posts_only_cards else bodies


@contextmanager
def chat_server() -> Iterator[Chat]:
    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            chat.posts.append({"path": self.path, "type": self.headers["Content-Type"], "body": json.loads(body)})
            time.sleep(chat.delay)
            self.send_response(202 if chat.posts_only_cards else chat.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(chat.answer)))
            self.end_headers()
            self.wfile.write(chat.answer)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Webhook) as server:
        chat = Chat(server)
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield chat
        finally:
            server.shutdown()
            serving.join()
