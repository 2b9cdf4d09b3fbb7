"""What a stage or a local app answers is held against the recorded contracts: a lie fails the test that hears it.

Not judged are answers to clients of another make (the SDKs', those of a documentation snippet), and MockServers a test
starts by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from fauxscale.client import FauxscaleClient
from fauxscale_contracts import Contract, Exchange, api_versions, load
from fauxscale_contracts.contract.violations import Violation

# Pages of our own; no service answers there.
OWN = "__fauxscale"


class JudgedClient(httpx.Client):
    """A client that raises AssertionError for an answer no recorded contract knows.

    `control` tells which answers a fault was configured for: those lie by intention. Answers that are streamed
    are not looked at, nor what is no operation of any service.
    """

    control: FauxscaleClient | None = None

    def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        response = super().send(request, stream=stream, **options)
        if stream:
            return response
        return judged(response, self._calls)

    def _calls(self) -> list[Mapping[str, Any]]:
        if self.control is None:
            return []
        accounts = self.control.call("GET", "/accounts")["accounts"]
        return [
            call
            for account in accounts[-8:]  # a test's own are the newest
            for call in self.control.call("GET", f"/accounts/{account['id']}/calls")["calls"]
        ]


def judged(response: httpx.Response, calls: Callable[[], Iterable[Mapping[str, Any]]]) -> httpx.Response:
    """The response. AssertionError where it departs from every recorded contract, and the newest of the journal's
    `calls` that it can be the answer to was applied by no fault."""
    found = violations(response)
    if not found:
        return response
    path = response.request.url.path
    fitting = [
        call
        for call in calls()
        if call["status"] == response.status_code and path.endswith(call["path"].partition("?")[0])
    ]
    newest = max(fitting, key=lambda call: float(call["ended"]), default=None)
    if newest is not None and newest["faults"]:
        return response
    lines = "\n".join(map(str, found))
    told = f"{response.status_code} {response.request.method} {path}"
    raise AssertionError(f"{told} departs from the contract:\n{lines}")


def violations(response: httpx.Response) -> list[Violation]:
    """How an answer departs from the API version it comes closest to; empty where it departs from none."""
    try:
        exchange = Exchange.of(response)
    except ValueError:
        return []  # its request was streamed and is gone
    asked = exchange.request
    exchange = replace(exchange, request=replace(asked, url=_addressed(response.request)))
    verdicts = [contract.check_response(exchange) for contract in _contracts(exchange)]
    return min(verdicts, key=len, default=[])


def _contracts(exchange: Exchange) -> Sequence[Contract]:
    """Every API version that has the operation of an exchange: of the provider its path begins with, if it says."""
    first = urlsplit(exchange.request.url).path.split("/")[1]
    if first == OWN:
        return ()
    every = [one for one in _all() if one.provider == first] or _all()
    return [one for one in every if one.find(exchange.request.method, exchange.request.url) is not None]


def _addressed(request: httpx.Request) -> str:
    """The address of a request: of the real host it names in its Host header, wherever it was sent."""
    url = urlsplit(str(request.url))
    host = request.headers.get("host", "").partition(":")[0]
    return urlunsplit(url._replace(netloc=host)) if host in _hosts() else urlunsplit(url)


@cache
def _hosts() -> frozenset[str]:
    operations = [operation for contract in _all() for operation in contract.operations.values()]
    return frozenset(urlsplit(server).hostname or "" for one in operations for server in one.servers)


@cache
def _all() -> tuple[Contract, ...]:
    return tuple(load(name, api_version=date) for name, dates in api_versions().items() for date in dates)
