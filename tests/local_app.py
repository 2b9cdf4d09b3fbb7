"""The app on a loop of the test's own, its rooms within reach: for tests that move clocks and add faults."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import httpx
from msgspec.structs import asdict

from fauxscale import Settings, create_app
from fauxscale.faults import Fault, Rule
from fauxscale.operations.job_results import catch_up
from fauxscale.settings import Scalar, Terms
from fauxscale.state.account import Account
from fauxscale.state.ledger import Charge
from tests.judging import judged

ORIGIN = "http://localhost"
KEY = "a-key"


class LocalApp:
    """One app, one account. `ask` is a call with its key, whose answer is held against the contracts as
    tests/judging.py says; the rest reaches into the account."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._runner = asyncio.Runner()
        self.app = create_app(settings)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=ORIGIN)
        self.account: Account = self.run(self.app.accounts.of_key(KEY, "fal"))

    _T = TypeVar("_T")

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self.http.aclose())
        self.run(self.app.accounts.close())
        self._runner.close()

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        options["headers"] = {"authorization": f"Key {KEY}", **options.get("headers", {})}
        response = self.run(self.http.request(method, path, **options))
        return judged(response, lambda: [asdict(call) for call in self.run(self.account.journal.entries())])

    def terms(self, *, balance: float | None = None, **options: Scalar) -> None:
        """Set the wallet and fal's options."""
        named = {f"fal.{name}": value for name, value in options.items()}
        self.run(self.account.set_terms(Terms(balance=balance, options=named)))

    def freeze(self) -> float:
        clock = self.run(self.account.clock()).freeze()
        self.run(self.account.set_clock(clock))
        return clock.now()

    def advance(self, seconds: float) -> None:
        """Move the clock and nothing else: what is due is for whoever asks next."""
        self.run(self.account.set_clock(self.run(self.account.clock()).advance(seconds)))

    def catch_up(self) -> None:
        providers = {provider.name: provider for provider in self.app.routes.providers}
        self.run(catch_up(self.app.accounts, self.account, providers))

    def add_fault(self, fault: Fault, on: str) -> None:
        self.run(self.account.faults.add(Rule("", (fault,), on)))

    def charges(self) -> list[Charge]:
        return self.run(self.account.ledger.charges())


def open_local_app(settings: Settings | None = None) -> Iterator[LocalApp]:
    local = LocalApp(settings)
    yield local
    local.close()
