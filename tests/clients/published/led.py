"""Runs a Python program whose address of Ideogram is a literal, with the way there led to a port of this machine.

`led.py PORT MODULE …`: only where connections to port 443 go is changed. The program, its calls
and their https are its own.
"""

from __future__ import annotations

import runpy
import sys
from typing import Any

from urllib3.util import connection


def lead(port: int) -> None:
    """Lead connections to port 443 of any host, as urllib3 makes them, to `port` of this machine."""
    connect = connection.create_connection

    def led(address: tuple[str, int], *rest: Any, **options: Any) -> Any:
        return connect(("127.0.0.1", port) if address[1] == 443 else address, *rest, **options)

    connection.create_connection = led


if __name__ == "__main__":
    lead(int(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__")
