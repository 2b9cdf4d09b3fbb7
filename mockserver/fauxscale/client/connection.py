"""FauxscaleClient: sends control calls to a running server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from json import dumps, loads
from typing import Any

import httpx

from fauxscale.errors import FauxscaleError
from fauxscale.settings import Terms
from fauxscale.spelling import choose_from

from .account import AccountHandle
from .lines import HttpLine, Line, LineDown


class Refused(FauxscaleError, RuntimeError):
    """The control API refused a call. The message says why."""


class InvalidRequest(Refused, ValueError):
    """The control API does not know an argument or its value. The message lists what it knows."""


class NotFound(Refused, LookupError):
    """There is no account, call, fault, job or link of this name."""


class ServerGone(FauxscaleError, RuntimeError):
    """Raised if the server has stopped unexpectedly. The message says why."""


class FauxscaleClient:
    """The client of one running server's control API. Close it when done.

    `line` connects to a server of this process. `why_gone` says why the server does not answer any more, "" while
    it does. `closing` is called with an account before it is deleted.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        line: Line | None = None,
        why_gone: Callable[[], str] = lambda: "",
        closing: Callable[[str], None] = lambda account: None,
    ) -> None:
        self.url = url.rstrip("/")
        self._why_gone = why_gone
        self._closing = closing
        self._line = line or HttpLine(self.url, token)
        self.opened: set[str] = set()
        self._closed: Counter[str] = Counter()
        self._providers: dict[str, Any] = {}

    def close(self) -> None:
        self._line.close()

    def call(self, method: str, path: str, json: object = None) -> dict[str, Any]:
        """Make one control call. Raises Refused, or one of its kinds, with the server's message."""
        status, content = self._ask(method, path, b"" if json is None else dumps(json).encode())
        body: dict[str, Any] = _read(content) if content else {}
        if status >= 400:
            kind = {400: InvalidRequest, 404: NotFound}.get(status, Refused)
            raise kind(f"{method} {path}: {status} {body.get('error', content.decode(errors='replace'))}")
        return body

    def read(self, path: str) -> bytes:
        """Read the bytes of a picture. Raises NotFound if there is none."""
        status, content = self._ask("GET", path)
        if status >= 400:
            raise NotFound(f"GET {path}: {status} {content.decode(errors='replace')}")
        return content

    def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        self._check_alive()
        try:
            return self._line.ask(method, path, body)
        except LineDown as down:
            self._check_alive()
            raise ServerGone(f"the server at {self.url} is gone: {down}") from None
        except httpx.TransportError:
            self._check_alive()
            raise

    def _check_alive(self) -> None:
        if why := self._why_gone():
            raise ServerGone(f"the server at {self.url} is gone: {why}")

    @property
    def providers(self) -> Mapping[str, Any]:
        """The providers by name: base, env, parameters, operations (with prices in micro-dollars), options."""
        if not self._providers:
            self._providers = self.call("GET", "/providers")["providers"]
        return self._providers

    def provider(self, name: str) -> Mapping[str, Any]:
        """One of `providers`. Raises ValueError naming them."""
        if name not in self.providers:
            raise ValueError(f"no provider {name!r}{choose_from(name, self.providers)}")
        about: Mapping[str, Any] = self.providers[name]
        return about

    def account(self, terms: Terms | None = None, label: str = "") -> AccountHandle:
        """Open an account with its own keys. `label` is its name in the inspector, and seeds its random numbers."""
        arguments = {} if terms is None else {"terms": terms.to_mapping()}
        made = self.call("POST", "/accounts", {**arguments, "label": label} if label else arguments)
        self.opened.add(made["id"])
        return AccountHandle(self, made["id"], made["keys"])

    def delete(self, account_id: str) -> None:
        """Close an account: its keys and links stop working, its state is deleted."""
        self._closing(account_id)
        self._closed.update(self.call("DELETE", f"/accounts/{account_id}"))
        self.opened.discard(account_id)

    def totals(self) -> dict[str, int]:
        """Sum up all accounts opened here, also over resets: calls, refused, images, micros (micro-dollars)."""
        sums = Counter(self._closed)
        for account_id in self.opened:
            sums.update(self.call("GET", f"/accounts/{account_id}/totals"))
        return dict(sums)

    def reset(self) -> None:
        """Delete every account, call, link and charge."""
        self.call("POST", "/reset")


def _read(content: bytes) -> dict[str, Any]:
    body: dict[str, Any] = loads(content)
    return body
