"""Runs several worker processes as one server, and passes them their settings over a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from .dispatch.provider import Provider
from .settings import Settings
from .state.opening import FOLDER
from .state.redis import open_store
from .state.serialization import decode, encode
from .state.store import Store
from .transport.serving import Serving
from .transport.supervisor import Supervisor

if TYPE_CHECKING:
    import socket

    from .transport.tls import Certificates

# The command of a worker.
COMMAND = (sys.executable, "-m", "fauxscale.cli.worker")


class Handover(Struct, frozen=True, kw_only=True):
    """What several processes need in common to serve as one.

    `providers` are names. `store` is an address, `clustered` and `secret` come from it; `socket` is the number of
    the listening socket's descriptor. `chain` and `key` are the files of the certificate, "" without TLS.
    """

    settings: Settings
    store: str
    providers: tuple[str, ...]
    clustered: bool
    secret: bytes
    socket: int
    chain: str = ""
    key: str = ""

    def line(self) -> bytes:
        return encode(self) + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Handover:
        return decode(line, cls)


def check_workers(workers: int, store: Store | str | None, *, alone: bool) -> None:
    """Raise ValueError if several processes cannot serve."""
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    if not isinstance(store, str) or store.startswith(FOLDER):
        raise ValueError(
            f"{workers} workers share their state through Redis: add --store redis://127.0.0.1:6379/0"
        )
    if alone:
        raise ValueError("several workers need a socket, and cannot notify an observer in this process")
    if sys.platform == "win32":
        raise ValueError("several workers need Linux, macOS or another POSIX system; on Windows, start one")


def supervised(
    count: int,
    settings: Settings,
    providers: Sequence[Provider],
    store: str,
    sock: socket.socket,
    issue: Callable[[], Certificates | None],
) -> Serving:
    """Have `count` processes serve on one socket. The memory for renderings is divided among them."""
    # Before anything is served: an unsuitable Redis is reported at once.
    opened = open_store(store, memory=settings.upload_memory)
    certificates = issue()

    def handover(descriptor: int) -> bytes:
        return Handover(
            settings=replace(settings, rendering_memory=settings.rendering_memory // count),
            store=store,
            providers=tuple(provider.name for provider in providers),
            secret=opened.secret or b"",
            clustered=opened.clustered,
            socket=descriptor,
            chain=str(certificates.chain) if certificates else "",
            key=str(certificates.key) if certificates else "",
        ).line()

    supervisor = Supervisor(COMMAND, handover, sock, count)
    return Serving(None, _nothing, sock, certificates, supervisor=supervisor)


async def _nothing() -> None:
    """Nothing to close here: each worker closes its own."""
