"""What usually goes wrong on a user's machine, looked up without sending anything anywhere."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from .providers import PROVIDERS
from .redact import shorten
from .routing import host_name, is_local

EXTRAS = {"pytest": "respx", "contracts": "schemathesis", "tls": "trustme", "redis": "redis"}
PORT = 2160


def findings(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Lines with a mark each: "+" fine, "-" worth knowing, "!" trouble."""
    for provider in PROVIDERS:
        for name in provider.env:
            yield from _variable(name, environ.get(name))
    yield from _variable("OPENAI_BASE_URL", environ.get("OPENAI_BASE_URL"))
    for extra, module in EXTRAS.items():
        if importlib.util.find_spec(module) is None:
            yield "-", f"the extra [{extra}] is not installed: pip install 'fauxscale[{extra}]'"
        else:
            yield "+", f"the extra [{extra}] is installed"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as probe:
        probe.settimeout(0.5)
        busy = probe.connect_ex(("127.0.0.1", PORT)) == 0
    yield "+", f"something answers on 127.0.0.1:{PORT}" if busy else f"port {PORT} is free"


def _variable(name: str, value: str | None) -> Iterator[tuple[str, str]]:
    if value is None:
        yield "-", f"{name} is not set: a client that reads it would use its default, the real service"
    elif name.endswith(("_URL", "_HOST")):
        host = host_name(urlsplit(value).netloc or value.partition("/")[0])
        if is_local(host):
            yield "+", f"{name} points at {host}"
        else:
            yield "!", f"{name} points at {host}, which is not this machine: calls there may cost money"
    else:
        yield "-", f"{name} is set to {shorten(value)}: nothing here needs a real key"
