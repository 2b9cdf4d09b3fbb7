"""Descriptors: a server knows how many it may have, and a program of our own allows itself enough."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack

import httpx
import pytest

from fauxscale.transport import guard
from tests.served import serving_logged

resource = pytest.importorskip("resource", reason="limits of POSIX")

RAISED = """
import resource, sys
from fauxscale.transport.descriptors import descriptor_limit, raise_descriptor_limit
from fauxscale.transport.guard import PeerLimits
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
before = descriptor_limit(), PeerLimits().connections
raise_descriptor_limit()
print(*before, descriptor_limit(), PeerLimits().connections)
"""


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [(256, 256, "256 156 256 156"), (256, 1_000, "256 156 1000 900"), (64, 8_000, "64 32 4096 1000")],
)
def test_the_limit_is_raised_as_far_as_it_may_be_and_connections_stay_below_it(
    soft: int, hard: int, expected: str
) -> None:
    command = [sys.executable, "-c", RAISED, str(soft), str(hard)]
    assert (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == expected.split()
    )


@pytest.mark.parametrize(
    ("descriptors", "connections"), [(64, 32), (256, 156), (1_024, 924), (4_096, 1_000), (1_000_000, 1_000)]
)
def test_connections_leave_descriptors_for_all_else(
    descriptors: int, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "descriptor_limit", lambda: descriptors)
    assert guard.PeerLimits().connections == connections


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="asks for the limits of another process")
def test_serve_allows_itself_enough() -> None:
    with serving_logged(256, 2_000) as (_, pid, _):
        assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (2_000, 2_000)


@pytest.mark.e2e
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHo"], ids=["silent", "half a head"])
def test_more_idle_connections_than_descriptors_keep_nobody_waiting(sent: bytes) -> None:
    with serving_logged(256) as (url, _, log), ExitStack() as idle:
        where = httpx.URL(url)
        for _ in range(300):
            sock = socket.create_connection((where.host, where.port or 0), timeout=30)
            idle.enter_context(sock).sendall(sent)
        # Each on a connection of its own, and before a deadline could have ended the idle ones.
        fresh = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(limits=fresh, verify=False, timeout=5) as http:
            for _ in range(100):
                assert http.get(f"{url}/__fauxscale/api/health").status_code == 200
        log.seek(0)
        assert len(log.read()) < 1_000
