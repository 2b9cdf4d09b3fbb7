"""A client's own server: keeps the notices it is told, and answers as it is set to."""

from __future__ import annotations

import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """What came to an address of this machine; `status` is what it is answered with."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hook"
        self.notices: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self.came = threading.Condition()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        with self.came:
            self.notices.append((headers, body))
            self.came.notify_all()
        return self.status

    def wait(self, count: int) -> bool:
        with self.came:
            return self.came.wait_for(lambda: len(self.notices) >= count, timeout=60)


def open_receiver() -> Generator[Receiver]:
    """A receiver on a free port: `yield from open_receiver()`."""
    receivers: list[Receiver] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receivers[0].take(headers, self.rfile.read(int(headers["content-length"])))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # http.server's name
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receivers.append(Receiver(server.server_port))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receivers[0]
        finally:
            # Left alone, it would poll a closed socket as fast as it can until the run ends.
            server.shutdown()
            thread.join()
