"""A server, and the real hosts led to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from fauxscale import MockServer, Settings, intercept
from fauxscale.interception.forward import Forward
from fauxscale.interception.intercept import policy_for, routed


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(Settings(key_policy="issued")) as server:
        yield server


@pytest.fixture(params=["in-process", "elsewhere"])
def interception(
    request: pytest.FixtureRequest, mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Real hosts led to the app in this process, and to a server that could be anywhere; if asked for, without the
    extra that makes certificates."""
    if request.param == "without the extra":
        monkeypatch.setitem(sys.modules, "trustme", None)
    if request.param != "elsewhere":
        with intercept(mock):
            yield
    else:
        policy = policy_for(mock.providers, mock.url, routed=True)
        with Forward(mock.url) as there, routed(there, mock.providers, policy, ports=there):
            yield
