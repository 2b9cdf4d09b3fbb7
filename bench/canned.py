"""A rival: pytest-httpserver with one reply for everything, in a process of its own."""

from __future__ import annotations

import json
import sys
import threading
from importlib import import_module
from pathlib import Path


def main(port: int, reply: Path) -> None:
    canned = json.loads(reply.read_text(encoding="utf-8"))
    server = import_module("pytest_httpserver").HTTPServer(host="127.0.0.1", port=port)
    server.expect_request("/json").respond_with_json(canned)
    server.expect_request("/upscale", method="POST").respond_with_json(canned)
    server.start()
    threading.Event().wait()


main(int(sys.argv[1]), Path(sys.argv[2]))
