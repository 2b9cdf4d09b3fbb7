"""Reads the journal of an account over the control API, for the handles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode


class Wire(Protocol):
    """The protocol the handles need of a connection; FauxscaleClient implements it."""

    url: str

    @property
    def providers(self) -> Mapping[str, Any]: ...

    def provider(self, name: str) -> Mapping[str, Any]: ...

    def call(self, method: str, path: str, json: object = None) -> dict[str, Any]: ...

    def read(self, path: str) -> bytes: ...

    def delete(self, account_id: str) -> None: ...


class JournalReader:
    """The journal of one account. `looked` is the most refused live calls that were ever read from it."""

    def __init__(self, client: Wire, account: str) -> None:
        self._client = client
        self._path = f"{account}/calls"
        self.looked = 0

    def fetch(self, query: Mapping[str, object]) -> dict[str, Any]:
        """Read the calls that match a query of the control API: `calls`, and whether they are `enough`."""
        return self._client.call("GET", f"{self._path}?{urlencode(query)}" if query else self._path)

    def paid(self) -> frozenset[str]:
        """The operations that cost money when they succeed."""
        return frozenset(
            operation
            for provider in self._client.providers.values()
            for operation, price in provider["operations"].items()
            if price
        )

    def parameters(self) -> frozenset[str]:
        """The names of all parameters that calls of any provider can be filtered by."""
        return frozenset(name for one in self._client.providers.values() for name in one["parameters"])
