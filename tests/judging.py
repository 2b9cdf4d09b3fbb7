"""Every answer a test gets is held against the recorded contracts: a stand-in that lies fails the test that sees it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx

from fauxscale.client import FauxscaleClient
from fauxscale_contracts import Contract, Exchange, load, vintages
from fauxscale_contracts.violations import Violation

# Pages of our own; no service answers there.
OWN = "__fauxscale"


class JudgedClient(httpx.Client):
    """A client that raises AssertionError for an answer no recorded contract knows.

    `control` tells which answers a fault was ordered for: those lie by intention. Answers that are streamed
    are not looked at, nor what is no operation of any service.
    """

    control: FauxscaleClient | None = None

    def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        response = super().send(request, stream=stream, **options)
        if stream:
            return response
        found = violations(response)
        if found and not self._ordered(response):
            lines = "\n".join(map(str, found))
            raise AssertionError(
                f"{response.status_code} {request.method} {request.url.path} departs from the contract:\n{lines}"
            )
        return response

    def _ordered(self, response: httpx.Response) -> bool:
        """Whether the newest call that this can be the answer to was struck by a fault."""
        if self.control is None:
            return False
        accounts = self.control.call("GET", "/accounts")["accounts"]
        path = response.request.url.path
        fitting: list[dict[str, Any]] = [
            call
            for account in accounts[-8:]  # a test's own are the newest
            for call in self.control.call("GET", f"/accounts/{account['id']}/calls")["calls"]
            if call["status"] == response.status_code and path.endswith(call["path"].partition("?")[0])
        ]
        newest = max(fitting, key=lambda call: float(call["ended"]), default=None)
        return newest is not None and bool(newest["faults"])


def violations(response: httpx.Response) -> list[Violation]:
    """How an answer departs from the vintage it comes closest to; empty where it departs from none."""
    try:
        exchange = Exchange.of(response)
    except ValueError:
        return []  # its request was streamed and is gone
    verdicts = [contract.check_response(exchange) for contract in _contracts(exchange)]
    return min(verdicts, key=len, default=[])


def _contracts(exchange: Exchange) -> Sequence[Contract]:
    """Every vintage that has the operation of an exchange: of the provider its path begins with, if it says."""
    first = urlsplit(exchange.request.url).path.split("/")[1]
    if first == OWN:
        return ()
    every = [one for one in _all() if one.provider == first] or _all()
    return [one for one in every if one.find(exchange.request.method, exchange.request.url) is not None]


@cache
def _all() -> tuple[Contract, ...]:
    return tuple(load(name, vintage=date) for name, dates in vintages().items() for date in dates)
