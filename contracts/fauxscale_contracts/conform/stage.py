"""Stages a scenario on an account of its own, lets the client play it, and gathers the facts."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any

from fauxscale import MockServer, Settings
from fauxscale.client import Account

from .candidate import Candidate, Endpoint, Task
from .judge import Facts, Finding, Verdict, judge
from .pictures import picture
from .scenario import Expect, Meanwhile, Scenario

# Names that openai's clients read by themselves, beside those of the gateway.
_OPENAI = {
    "AIGATEWAY_BASE_URL": "OPENAI_BASE_URL",
    "AIGATEWAY_API_KEY": "OPENAI_API_KEY",
    "LUMENFALL_BASE_URL": "OPENAI_BASE_URL",
    "LUMENFALL_API_KEY": "OPENAI_API_KEY",
}


def open_server(provider: str, vintage: str | None = None, *, tls: bool = False) -> MockServer:
    """A stand-in to stage scenarios on, not yet started; `vintage` for providers of which it imitates several."""
    options = {f"{provider}.vintage": vintage} if vintage and provider == "ideogram" else {}
    return MockServer(Settings(key_policy="issued", options=options), tls=tls)


class Stage:
    """A running stand-in and a client: plays any number of scenarios, several at once too."""

    def __init__(self, mock: MockServer, provider: str, candidate: Candidate, *, limit: float = 10.0) -> None:
        self._mock = mock
        self._provider = provider
        self._candidate = candidate
        self._limit = limit
        _ = mock.client  # made now: threads that ask for it at once would each make one

    def play(self, scenario: Scenario, expect: Expect | None = None) -> Finding:
        """Stage one scenario; `expect` instead of what it expects itself. Raises Unable."""
        expect = expect or scenario.expect
        if not self._candidate.takes(scenario.options):
            names = ", ".join(f"{{{name}}}" for name in scenario.options)
            return Finding(scenario.id, "not run", str(expect), f"the command has no {names}")
        began = time.perf_counter()
        facts = self._facts(scenario)
        if scenario.only and scenario.only not in facts.operations:
            return Finding(
                scenario.id, "not run", str(expect), f"the client makes no call of {scenario.only}"
            )
        faults = tuple(judge(expect, facts))
        verdict: Verdict = "fell short" if faults else "held"
        return Finding(scenario.id, verdict, str(expect), str(facts), faults, time.perf_counter() - began)

    def _facts(self, scenario: Scenario) -> Facts:
        images = tuple(picture(scenario.picture, number) for number in range(scenario.together))
        terms: dict[str, Any] = dict(scenario.terms)
        with self._mock.account(**terms) as account:
            for strike in scenario.strikes:
                account.faults.add(strike.fault, on=strike.on, times=strike.times)
            if scenario.clock:
                account.clock.set(account.clock.now() + scenario.clock)
            endpoint = self.endpoint(account)
            if scenario.key == "wrong":
                endpoint = _locked_out(endpoint)
            director = _Director(scenario.meanwhile, account)
            tasks = [Task(endpoint, image, scenario.options, self._limit) for image in images]
            with director, ThreadPoolExecutor(len(tasks)) as pool:
                made = tuple(pool.map(self._candidate.run, tasks))
            everything = account.calls
            calls = everything.upscales
            bills = account.ledger.kept
            return Facts(
                made=made,
                images=images,
                calls=len(calls),
                operations=frozenset(call.operation for call in everything),
                gaps=tuple(max(0.0, two.started - one.ended) for one, two in pairwise(calls)),
                charges=len(bills),
                micros=sum(bill.micros for bill in bills),
                params=calls.last.params if calls else {},
                options=scenario.options,
            )

    def endpoint(self, account: Account) -> Endpoint:
        """Where the client goes to play on this account."""
        env = account.env(self._provider)
        env |= {_OPENAI[name]: value for name, value in env.items() if name in _OPENAI}
        if self._mock.ca is not None:
            env |= {"SSL_CERT_FILE": str(self._mock.ca), "NODE_EXTRA_CA_CERTS": str(self._mock.ca)}
        # A proxy of the machine has no business between a client and this server.
        env |= {name: "127.0.0.1,localhost" for name in ("NO_PROXY", "no_proxy") if name not in os.environ}
        return Endpoint(
            self._provider, account.base_url(self._provider), account.api_key(self._provider), env
        )


def _locked_out(endpoint: Endpoint) -> Endpoint:
    """The same address with a key of the same make that nobody issued."""
    good = endpoint.api_key
    wrong = good[:-6] + "".join("B" if one != "B" else "C" for one in good[-6:])
    env = {name: value.replace(good, wrong) for name, value in endpoint.env.items()}
    return replace(endpoint, api_key=wrong, env=env)


class _Director:
    """Works behind the client's back while it plays."""

    def __init__(self, what: Meanwhile, account: Account) -> None:
        self._orders: Mapping[str, Callable[[], None]] = {
            "reordered": self._reordered,
            "cancelled": self._cancelled,
        }
        self._what = what
        self._account = account
        self._thread: threading.Thread | None = None
        self._over = threading.Event()

    def __enter__(self) -> None:
        if self._what:
            self._thread = threading.Thread(target=self._orders[self._what], daemon=True)
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _await_jobs(self, count: int) -> list[str]:
        """The ids of the first `count` jobs, oldest first; fewer if the clients are done before."""
        while len(jobs := self._account.jobs.list()) < count and not self._over.wait(0.01):
            pass
        return [job.id for job in jobs]

    def _cancelled(self) -> None:
        for job in self._await_jobs(1):
            self._account.jobs.fail(job, status=499, code="client_cancelled")

    def _reordered(self) -> None:
        for job in reversed(self._await_jobs(2)):
            self._account.jobs.finish(job)
