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
from fauxscale.client import AccountHandle

from .candidate import Candidate, Endpoint, Made, Task
from .judge import Facts, Finding, Verdict, judge
from .sample_images import picture
from .scenario import Expect, Meanwhile, Scenario

# Names that openai's clients read by themselves, beside those of the gateway.
_OPENAI = {
    "AIGATEWAY_BASE_URL": "OPENAI_BASE_URL",
    "AIGATEWAY_API_KEY": "OPENAI_API_KEY",
    "LUMENFALL_BASE_URL": "OPENAI_BASE_URL",
    "LUMENFALL_API_KEY": "OPENAI_API_KEY",
}
# fal-client 1.0.3 also takes a key in halves.
_HALVES = ("FAL_KEY_ID", "FAL_KEY_SECRET")
# A call that its client has hung up on is written down a moment later, on a busy machine a long one.
_LATE, _PAUSE = 1.0, 0.01


def open_server(provider: str, api_version: str | None = None, *, tls: bool = False) -> MockServer:
    """A stand-in to stage scenarios on, not yet started; `api_version` for providers of which it imitates several."""
    options = {f"{provider}.api_version": api_version} if api_version and provider == "ideogram" else {}
    return MockServer(Settings(key_policy="issued", options=options), tls=tls)


class Stage:
    """A running stand-in and a client: plays any number of scenarios, several at once too."""

    def __init__(self, mock: MockServer, provider: str, candidate: Candidate, *, limit: float = 10.0) -> None:
        self._mock = mock
        self._provider = provider
        self._candidate = candidate
        self._limit = limit

    def play(self, scenario: Scenario, expect: Expect | None = None) -> Finding:
        """Stage one scenario; `expect` instead of what it expects itself. Raises Unable."""
        expect = expect or scenario.expect
        if not self._candidate.takes(scenario.options):
            names = ", ".join(f"{{{name}}}" for name in scenario.options)
            return Finding(scenario.id, "not run", str(expect), f"the command has no {names}")
        began = time.perf_counter()
        facts = self._facts(scenario, expect)
        if scenario.only and scenario.only not in facts.operations:
            return Finding(
                scenario.id, "not run", str(expect), f"the client makes no call of {scenario.only}"
            )
        return found(scenario.id, expect, facts, time.perf_counter() - began)

    def stop(self) -> None:
        """End the clients that run, and start no more."""
        self._candidate.stop()

    def _facts(self, scenario: Scenario, expect: Expect) -> Facts:
        images = tuple(picture(scenario.picture, number) for number in range(scenario.together))
        terms: dict[str, Any] = dict(scenario.terms)
        with self._mock.account(**terms) as account:
            for staged in scenario.faults:
                account.faults.add(staged.fault, on=staged.on, times=staged.times)
            if scenario.clock:
                account.clock.set(account.clock.now() + scenario.clock)
            endpoint = self.endpoint(account)
            if scenario.key == "wrong":
                endpoint = _locked_out(endpoint)
            director = _Director(scenario.meanwhile, account)
            tasks = [Task(endpoint, image, scenario.options, self._limit) for image in images]
            with director, ThreadPoolExecutor(len(tasks)) as pool:
                made = tuple(pool.map(self._candidate.run, tasks))
            return witness(account, expect, made, images, scenario.options)

    def endpoint(self, account: AccountHandle) -> Endpoint:
        """Where the client goes to play on this account."""
        env = account.env(self._provider)
        env |= {_OPENAI[name]: value for name, value in env.items() if name in _OPENAI}
        # Where the user has set them: a client that reads another service's shall not meet that service.
        env = {name: value for name, value in _others(account).items() if name in os.environ} | env
        if self._mock.ca is not None:
            env |= {"SSL_CERT_FILE": str(self._mock.ca), "NODE_EXTRA_CA_CERTS": str(self._mock.ca)}
        # A proxy of the machine has no business between a client and this server.
        env |= {name: "127.0.0.1,localhost" for name in ("NO_PROXY", "no_proxy") if name not in os.environ}
        return Endpoint(
            self._provider, account.base_url(self._provider), account.api_key(self._provider), env
        )


def witness(
    account: AccountHandle,
    expect: Expect,
    made: tuple[Made, ...],
    images: tuple[bytes, ...],
    options: Mapping[str, object],
) -> Facts:
    """What an account saw of its clients, once they are done; waits a moment for calls that are missing."""
    deadline = time.perf_counter() + _LATE
    while True:
        everything = account.calls
        calls = everything.upscales
        if len(calls) >= expect.calls[0] or time.perf_counter() > deadline:
            break
        threading.Event().wait(_PAUSE)
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
        options=options,
    )


def found(name: str, expect: Expect, facts: Facts, seconds: float = 0.0) -> Finding:
    """The facts, judged."""
    faults = tuple(judge(expect, facts))
    verdict: Verdict = "fell short" if faults else "held"
    notes = tuple(dict.fromkeys(note for one in facts.made for note in one.notes))
    return Finding(name, verdict, str(expect), str(facts), faults, seconds, notes, facts.calls)


def _others(account: AccountHandle) -> dict[str, str]:
    """The variables of every provider, as they lead to this account."""
    env = account.env()
    env |= {_OPENAI[name]: value for name, value in env.items() if name in _OPENAI}
    halves = env.get("FAL_KEY", "").partition(":")[::2]
    return env | dict(zip(_HALVES, halves, strict=True))


def _locked_out(endpoint: Endpoint) -> Endpoint:
    """The same address with a key of the same make that nobody issued."""
    good = endpoint.api_key
    wrong = good[:-6] + "".join("B" if one != "B" else "C" for one in good[-6:])
    env = {name: value.replace(good, wrong) for name, value in endpoint.env.items()}
    return replace(endpoint, api_key=wrong, env=env)


class _Director:
    """Works behind the client's back while it plays."""

    def __init__(self, what: Meanwhile, account: AccountHandle) -> None:
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
