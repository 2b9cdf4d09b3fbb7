"""SDKs that keep a client in their module read their key anew for each test."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

import fal_client
import pytest

from pytest_fauxscale.sdk_keys import read_anew


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    with read_anew():
        yield


def test_fal_client_s_module_functions_forget_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "first:key")
    assert fal_client.sync_client._auth.token == "first:key"
    assert asyncio.run(kept()) == "first:key"
    first = fal_client.sync_client._client
    monkeypatch.setenv("FAL_KEY", "second:key")
    assert fal_client.sync_client._auth.token == "first:key"
    with read_anew():
        assert fal_client.sync_client._auth.token == "second:key"
        assert asyncio.run(kept()) == "second:key"
        assert first.is_closed
        monkeypatch.setenv("FAL_KEY", "third:key")
    assert fal_client.sync_client._auth.token == "third:key"


async def kept() -> str:
    return (await fal_client.async_client._auth).token


def test_where_it_is_not_loaded_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "fal_client")
    with read_anew():
        assert "fal_client" not in sys.modules
