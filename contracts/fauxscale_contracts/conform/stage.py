"""Stages a scenario on an account of its own, runs the client in it, and collects the facts."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

from fauxscale import MockServer
from fauxscale.client import AccountHandle, CallRecord, InvalidRequest
from fauxscale_contracts.profiles.installed import profile, profiles
from fauxscale_contracts.profiles.profile import Profile
from fauxscale_contracts.profiles.stand_in import stand_in

from .candidate import LIMIT, Candidate, ClientResult, Endpoint, Task
from .sample_images import mask_of, picture
from .scenario import Expect, Meanwhile, Scenario
from .verdicts import Facts, Finding, Measured, Verdict, evaluate

# A call that its client has left is stored a moment later, on a busy machine a long one.
_LATE, _PAUSE = 1.0, 0.01


def open_server(provider: str, api_version: str | None = None, *, tls: bool = False) -> MockServer:
    """Make the server for scenarios, not yet started; `api_version` if it imitates several."""
    return stand_in(profile(provider), api_version, tls=tls)


class Stage:
    """A running stand-in and a client: plays any number of scenarios, several at once too."""

    def __init__(
        self,
        mock: MockServer,
        provider: str,
        candidate: Candidate,
        *,
        limit: float = LIMIT,
        operation: str = "",
    ) -> None:
        self._mock = mock
        self._profile = profile(provider, operation)
        self._candidate = candidate
        self._limit = limit

    def play(self, scenario: Scenario, expect: Expect | None = None) -> Finding:
        """Stage one scenario; `expect` replaces its own expectation. Raises CannotRun."""
        expect = expect or scenario.expect
        if not self._candidate.accepts(scenario.options):
            names = ", ".join(f"{{{name}}}" for name in scenario.options)
            return Finding(scenario.id, "not run", scenario.about, expect, f"the command has no {names}")
        began = time.perf_counter()
        facts = self._facts(scenario, expect)
        if scenario.only and scenario.only not in facts.operations:
            why = f"the client makes no call of {scenario.only}"
            return Finding(scenario.id, "not run", scenario.about, expect, why)
        return finding_of(scenario.id, scenario.about, expect, facts, time.perf_counter() - began)

    def stop(self) -> None:
        """End the running clients, and start no more."""
        self._candidate.stop()

    def _facts(self, scenario: Scenario, expect: Expect) -> Facts:
        terms: dict[str, Any] = dict(scenario.terms)
        with self._mock.account(**terms) as account:
            for staged in scenario.faults:
                account.faults.add(staged.fault, on=staged.on, times=staged.times)
            if scenario.clock:
                account.clock.set(account.clock.now() + scenario.clock)
            endpoint = self.endpoint(account)
            if scenario.key == "wrong":
                endpoint = _locked_out(endpoint)
            director = _Director(scenario.meanwhile, account, self._profile.cancelled_code)
            tasks = [
                task_of(self._profile, endpoint, self._limit, scenario, number)
                for number in range(scenario.together)
            ]
            with director, ThreadPoolExecutor(len(tasks)) as pool:
                made = tuple(pool.map(self._candidate.run, tasks))
            return gather_facts(account, expect, made, tasks, scenario.options, self._profile)

    def endpoint(self, account: AccountHandle) -> Endpoint:
        """Make the address, the key and the environment for a client of this account."""
        env = account.env(self._profile.name) | _filled(self._profile, self._profile.env, account)
        # If the user has set them: a client that reads another service's variables must not call that service.
        env = {
            name: value
            for name, value in _every(account, self._mock.client.providers).items()
            if name in os.environ
        } | env
        if self._mock.ca is not None:
            env |= {"SSL_CERT_FILE": str(self._mock.ca), "NODE_EXTRA_CA_CERTS": str(self._mock.ca)}
        # No proxy between a client and this server.
        env |= {name: "127.0.0.1,localhost" for name in ("NO_PROXY", "no_proxy") if name not in os.environ}
        return Endpoint(
            self._profile.name,
            account.base_url(self._profile.name),
            account.api_key(self._profile.name),
            env,
        )


def task_of(
    profile: Profile, endpoint: Endpoint, limit: float, scenario: Scenario | None = None, number: int = 0
) -> Task:
    """Make the task of one of a scenario's clients, or the plain one of a list."""
    scenario = scenario or Scenario(id="", about="")
    image = picture(scenario.picture, number, profile.least_side) if "image" in profile.inputs else None
    mask = None
    if image is not None and "mask" in profile.inputs:
        mask = mask_of(image, fits=scenario.mask == "fits")
    return Task(endpoint, image, {**profile.asked, **scenario.options}, limit, mask, profile.task)


def gather_facts(
    account: AccountHandle,
    expect: Expect,
    made: tuple[ClientResult, ...],
    tasks: Sequence[Task],
    options: Mapping[str, object],
    profile: Profile,
) -> Facts:
    """Collect what an account saw of its clients, once they are done; waits a moment for missing calls."""
    deadline = time.perf_counter() + _LATE
    while True:
        everything = account.calls
        priced = {call.operation for call in everything.upscales}
        calls = [
            call
            for call in everything
            if call.operation in priced or fnmatchcase(call.operation, profile.work)
        ]
        if len(calls) >= expect.calls[0] or time.perf_counter() > deadline:
            break
        threading.Event().wait(_PAUSE)
    bills = account.ledger.kept
    job = profile.job
    polls = [call for call in everything if job is not None and call.operation in (job.status, job.result)]
    return Facts(
        made=made,
        images=tuple(task.image for task in tasks),
        calls=len(calls),
        operations=frozenset(call.operation for call in everything),
        gaps=_gaps(calls),
        charges=len(bills),
        micros=sum(bill.micros for bill in bills),
        params=calls[-1].params if calls else {},
        options=options,
        scale=profile.scale,
        asked=profile.asked,
        task=profile.task,
        masks=tuple(task.mask for task in tasks),
        poll_gaps=_gaps(polls),
    )


def _gaps(calls: Sequence[CallRecord]) -> tuple[float, ...]:
    """The seconds between each call and the next."""
    return tuple(max(0.0, two.started - one.ended) for one, two in pairwise(calls))


def finding_of(name: str, staged: str, expect: Expect, facts: Facts, seconds: float = 0.0) -> Finding:
    """Judge the facts."""
    faults = tuple(evaluate(expect, facts))
    verdict: Verdict = "FAIL" if faults else "PASS"
    notes = tuple(dict.fromkeys(note for one in facts.made for note in one.notes))
    measured = Measured(
        tuple(one.ending for one in facts.made),
        facts.calls,
        facts.gaps,
        facts.poll_gaps,
        facts.charges,
        facts.micros,
        bool(facts.operations),
    )
    return Finding(name, verdict, staged, expect, str(facts), faults, seconds, notes, measured)


def _every(account: AccountHandle, served: Iterable[str]) -> dict[str, str]:
    """Make the variables of every provider served, for this account."""
    env = account.env()
    for name, one in profiles().by_name.items():
        if name in served:
            env |= _filled(one, {**one.env, **one.env_if_set}, account)
    return env


def _filled(profile: Profile, templates: Mapping[str, str], account: AccountHandle) -> dict[str, str]:
    """Fill in templates of environment variables for this account."""
    return profile.filled(templates, account.base_url(profile.name), account.api_key(profile.name))


def _locked_out(endpoint: Endpoint) -> Endpoint:
    """Replace the key by one of the same form that was never issued."""
    good = endpoint.api_key
    wrong = good[:-6] + "".join("B" if one != "B" else "C" for one in good[-6:])
    env = {name: value.replace(good, wrong) for name, value in endpoint.env.items()}
    return replace(endpoint, api_key=wrong, env=env)


class _Director:
    """Reorders or cancels the client's jobs while it runs."""

    def __init__(self, what: Meanwhile, account: AccountHandle, cancelled_code: str) -> None:
        self._actions: Mapping[str, Callable[[], None]] = {
            "reordered": self._reordered,
            "cancelled": self._cancelled,
        }
        self._what = what
        self._account = account
        self._cancelled_code = cancelled_code
        self._thread: threading.Thread | None = None
        self._over = threading.Event()

    def __enter__(self) -> None:
        if self._what:
            self._thread = threading.Thread(target=self._actions[self._what], daemon=True)
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
            with suppress(InvalidRequest):  # done already, for a client that waited for its reply
                self._account.jobs.fail(job, status=499, code=self._cancelled_code)

    def _reordered(self) -> None:
        for job in reversed(self._await_jobs(2)):
            with suppress(InvalidRequest):
                self._account.jobs.finish(job)
