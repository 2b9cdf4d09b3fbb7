"""AccountHandle: everything a test can read and set on one account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from fauxscale.spelling import choose_from

from .arguments import TermChanges
from .calls import Calls
from .clock import ClockHandle
from .faults import FaultsHandle
from .jobs import JobsHandle
from .journal import JournalReader, Wire
from .ledger import LedgerView, billed_once
from .links import LinksHandle
from .names import ProviderName


class AccountHandle:
    """One account on a running server. As a context manager it is deleted at the end; an exception raised inside
    gets a note that lists its calls."""

    def __init__(self, client: Wire, account_id: str, keys: Mapping[str, str]) -> None:
        self._client = client
        self.id = account_id
        self._path = f"/accounts/{account_id}"
        self._source = JournalReader(client, self._path)
        self._keys = dict(keys)

    def __enter__(self) -> AccountHandle:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            error.add_note(f"fauxscale calls:\n{self.calls}")
        self.delete()

    def __repr__(self) -> str:
        return f"<account {self.id} at {self.url}>"

    # Where a client goes, and with which key.

    @property
    def url(self) -> str:
        """The server's origin, without a slash at the end."""
        return self._client.url

    def base_url(self, provider: ProviderName | str) -> str:
        """The base URL for clients of that provider."""
        return self.url + str(self._client.provider(provider)["base"])

    def api_key(self, provider: ProviderName | str) -> str:
        """The API key for clients of that provider."""
        if provider not in self._keys:
            raise ValueError(f"no provider {provider!r}{choose_from(provider, self._keys)}")
        return self._keys[provider]

    def env(self, *providers: ProviderName | str) -> dict[str, str]:
        """The environment variables that point clients here: for these providers, or for all if none is given."""
        variables: dict[str, str] = {}
        for name in providers or tuple(self._client.providers):
            values = {
                "base_url": self.base_url(name),
                "url": self.url,
                "host": self.url.partition("://")[2],
                "key": self.api_key(name),
            }
            about = self._client.provider(name)
            templates: dict[str, str] = {
                **about["env"],
                **(about["tls_env"] if self.url.startswith("https:") else {}),
            }
            variables.update({variable: one.format(**values) for variable, one in templates.items()})
        return variables

    # What is asked, what it cost.

    @property
    def calls(self) -> Calls:
        """The calls so far, oldest first: a snapshot that does not change."""
        return Calls(self._source)

    @property
    def refusals_read(self) -> int:
        """How many of its refused live calls `calls.refused` has shown so far."""
        return self._source.looked

    def upload(self, call: str) -> bytes:
        """The picture a call sent, by the call's id."""
        return self._client.read(f"{self._path}/calls/{call}/upload")

    def result(self, call: str, number: int = 0) -> bytes:
        """A result of a call as its link shows it, read without a call of the API."""
        return self._client.read(f"{self._path}/calls/{call}/results/{number}")

    @property
    def ledger(self) -> LedgerView:
        """Every charge and refund so far, oldest first."""
        return LedgerView(self._client.call("GET", f"{self._path}/ledger"))

    @property
    def balance(self) -> float | None:
        """Dollars left; None if unlimited."""
        return self.ledger.balance

    @property
    def spend(self) -> float:
        """Dollars charged and not refunded."""
        return self.ledger.spend

    def assert_billed_once(self) -> None:
        """Fail unless something was charged and no identical work was charged twice. Refunds count."""
        __tracebackhide__ = True
        billed_once(self.ledger)

    # What the test decides.

    @property
    def faults(self) -> FaultsHandle:
        """Configure what goes wrong."""
        return FaultsHandle(self._client.call, self._path)

    @property
    def clock(self) -> ClockHandle:
        """The account's time."""
        return ClockHandle(self._client.call, self._path)

    @property
    def links(self) -> LinksHandle:
        """The links to results."""
        return LinksHandle(self._client.call, self._path)

    @property
    def jobs(self) -> JobsHandle:
        """Queued work."""
        return JobsHandle(self._client.call, self._path)

    def settings(self, **terms: Unpack[TermChanges]) -> dict[str, Any]:
        """Change the given terms, as in `Terms`, and return the current ones; None removes the override."""
        if not terms:
            return self._client.call("GET", f"{self._path}/settings")
        return self._client.call("PATCH", f"{self._path}/settings", terms)

    def reset(self, *what: str) -> None:
        """Reset calls, clock, faults, jobs, ledger, limits, links, seed: the given ones, or all if none is given."""
        self._client.call("POST", f"{self._path}/reset", {"what": list(what)} if what else {})

    def delete(self) -> None:
        """Close the account: its keys and links stop working, its state is deleted."""
        self._client.delete(self.id)
