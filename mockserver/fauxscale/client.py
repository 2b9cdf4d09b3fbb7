"""Speaks the control API: what tests, scripts and the plugin hold in their hands."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from .settings import Terms

API = "/__fauxscale/api"


class FauxscaleClient:
    """A running stand-in, seen from outside. Close it when done."""

    def __init__(self, url: str, *, token: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        # verify=False saves 20 ms of loading certificates that a loopback call has no use for.
        self._http = httpx.Client(base_url=self.url + API, headers=headers, transport=transport, verify=False)

    def close(self) -> None:
        self._http.close()

    def call(self, method: str, path: str, json: object = None) -> dict[str, object]:
        """One control call. Raises RuntimeError with the server's own words on a refusal."""
        reply = self._http.request(method, path, json=json)
        body: dict[str, object] = reply.json() if reply.content else {}
        if reply.is_error:
            raise RuntimeError(f"{method} {path}: {reply.status_code} {body.get('error', reply.text)}")
        return body

    def account(self, terms: Terms | None = None) -> Account:
        """Open an account with keys of its own."""
        made = self.call("POST", "/accounts", {} if terms is None else {"terms": _words(terms)})
        keys = made["keys"]
        assert isinstance(keys, dict)
        return Account(self, str(made["id"]), {str(name): str(key) for name, key in keys.items()})

    def reset(self) -> None:
        self.call("POST", "/reset")


class Account:
    """One tenant of a running stand-in."""

    def __init__(self, client: FauxscaleClient, account_id: str, keys: Mapping[str, str]) -> None:
        self._client = client
        self.id = account_id
        self._keys = dict(keys)

    @property
    def url(self) -> str:
        return self._client.url

    def api_key(self, provider: str) -> str:
        """The key to give a client of that provider."""
        if provider not in self._keys:
            raise ValueError(f"no provider {provider!r}: choose from {', '.join(self._keys)}")
        return self._keys[provider]


def _words(terms: Terms) -> dict[str, object]:
    names = ("balance", "rate_limit", "in_flight", "link_ttl", "latency")
    words: dict[str, object] = {name: getattr(terms, name) for name in names if getattr(terms, name) is not None}
    return words | ({"options": dict(terms.options)} if terms.options else {})
