"""RemoteServer: a server that runs elsewhere, used by a run instead of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, Unpack

import httpx

from fauxscale import FauxscaleError, MockServer
from fauxscale.client import AccountHandle, FauxscaleClient
from fauxscale.client.arguments import TermArguments
from fauxscale.settings import Scalar, Terms

if TYPE_CHECKING:
    from fauxscale.dispatch.provider import Provider


class RemoteServer:
    """A remote server, with the members of MockServer that tests use."""

    def __init__(
        self,
        url: str,
        token: str | None,
        providers: Sequence[Provider],
        closing: Callable[[str], None] = lambda account: None,
    ) -> None:
        """`closing` is called with an account before it is deleted."""
        self.client = FauxscaleClient(url, token=token, closing=closing)
        self.url = self.client.url
        self.providers = tuple(providers)

    def why_silent(self) -> str:
        """Check that the server answers; returns why it does not, "" if it does."""
        try:
            self.client.call("GET", "/health")
        except (httpx.TransportError, FauxscaleError, ValueError) as error:
            return str(error) or type(error).__name__
        return ""

    def base_url(self, provider: str) -> str:
        """The base URL for clients of that provider."""
        return self.url + str(self.client.provider(provider)["base"])

    def account(
        self, *, options: Mapping[str, Scalar] | None = None, label: str = "", **terms: Unpack[TermArguments]
    ) -> AccountHandle:
        """A fresh account with keys of its own; terms as in `Terms`."""
        given: dict[str, object] = {**terms, "options": options} if options else {**terms}
        return self.client.account(Terms.from_mapping(given), label)

    def reset(self) -> None:
        """Refuse: others may be using it."""
        raise RuntimeError("a test cannot reset a shared server: reset the account, or open a new one")


Server: TypeAlias = MockServer | RemoteServer
