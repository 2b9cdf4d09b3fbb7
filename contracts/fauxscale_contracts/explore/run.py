"""Explores a command in any language: runs it without faults, then in each situation, on a new account each time."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from fauxscale import MockServer, Settings
from fauxscale.client import AccountHandle
from fauxscale.errors import FauxscaleError
from fauxscale_contracts.conform.processes import end_group
from fauxscale_contracts.conform.sanitize import Sanitizer
from fauxscale_contracts.profiles.installed import profiles

from .baseline import Baseline
from .finding import Exploration, ExploredCall, finding_of
from .plan import Plan, PlannedTest, candidate, make_plan
from .played import Ending, Played, played
from .situations import Situation, situation
from .verdict import Judgement, judge

LIMIT = 60.0
_KEPT = 64 * 1024  # bytes of a command's output: Node.js prints much after the line with the error


class NotExplored(FauxscaleError):
    """Raised if a command cannot be explored, with the reason."""


@dataclass(frozen=True, slots=True)
class ExploreOptions:
    """What to run; members as the command's options."""

    command: tuple[str, ...]
    most: int | None = None
    patience: float = 0.0
    limit: float = LIMIT
    jobs: int = 1
    baseline: Path | None = None


def explore(ask: ExploreOptions, progress: Callable[[str], None]) -> Exploration:
    """Run the command in every situation that can meet one of its calls; `progress` gets a line for each.

    On KeyboardInterrupt it ends the running commands and returns what was judged so far. Raises NotExplored.
    """
    try:
        baseline = Baseline.read(ask.baseline)
    except ValueError as error:
        raise NotExplored(str(error)) from error
    name = Sanitizer(os.environ).clean(" ".join(ask.command))
    with _servers(ask.jobs) as servers:
        runner = _Runner(ask, servers)
        plan = _planned(name, ask, runner)
        (planned,) = plan.tests
        notes = plan.notes()
        findings: list[ExploredCall] = []
        with ThreadPoolExecutor(ask.jobs) as pool:
            running = [pool.submit(runner.judged, planned, situation(one)) for one in planned.situations]
            try:
                for one in running:
                    found = one.result()
                    if found.told and (why := baseline.reason(name, found.situation)):
                        found = replace(found, level="accepted", reason=why)
                    findings.append(found)
                    progress(f"[{len(findings)}/{plan.count}] {found.level}: {found.situation}")
            except KeyboardInterrupt:
                notes.append(f"interrupted: {len(findings)} of {plan.count} situations were tried")
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                runner.stop()
        return Exploration(findings, plan.skipped, notes)


def _planned(name: str, ask: ExploreOptions, runner: _Runner) -> Plan:
    """Run the command twice without situations, and choose the situations. Raises NotExplored."""
    first, second = runner.run(), runner.run()
    for one in (first, second):
        if one.ending != "passed":
            raise NotExplored(f"the command fails in the normal run: {one.said}")
    if not first.calls:
        raise NotExplored("the command made no call: does it read the variables of `fauxscale env`?")
    if first.shape != second.shape:
        raise NotExplored("the command makes different calls when run again")
    plan = make_plan([candidate(name, 0, first)], ask.most, silent=ask.patience > 0)
    if not plan.tests:
        raise NotExplored(next(iter(plan.skipped.values()), "no situation can be tried with its calls"))
    return plan


class _Runner:
    """Runs the command on servers, one run at a time on each."""

    def __init__(self, ask: ExploreOptions, servers: Sequence[MockServer]) -> None:
        self._ask = ask
        self._free: SimpleQueue[MockServer] = SimpleQueue()
        for one in servers:
            self._free.put(one)
        self._groups: set[int] = set()
        self._stopped = False

    def stop(self) -> None:
        """End the running commands, and start no more."""
        self._stopped = True
        for group in tuple(self._groups):
            end_group(group)

    def judged(self, planned: PlannedTest, staged: Situation) -> ExploredCall:
        """Run in a situation, and judge it; twice, if the client seems to be wrong."""
        found = self._judged_once(planned, staged)
        if found.level != "wrong":
            return found
        second = self._judged_once(planned, staged)
        if second.level == "wrong":
            return second
        return replace(found, level="look", reasons=(*found.reasons, "this happened in one of two runs"))

    def _judged_once(self, planned: PlannedTest, staged: Situation) -> ExploredCall:
        met = False

        def look(account: AccountHandle) -> None:
            nonlocal met
            met = staged.has_met(account)

        seen = self.run(staged, look)
        verdict = judge(staged, planned.usual, seen, self._ask.patience) if met else Judgement("not met")
        if verdict.level == "fine" and seen.said.startswith("still running"):
            verdict = Judgement("look", (seen.said,))
        return finding_of(planned.test, staged, verdict, seen)

    def run(
        self, staged: Situation | None = None, look: Callable[[AccountHandle], None] = lambda _: None
    ) -> Played:
        """Run the command with an account of its own."""
        mock = self._free.get()
        try:
            with mock.account() as account:
                if staged is not None:
                    staged.stage(account, self._ask.patience)
                ending, said = self._start(_environment(account))
                look(account)
                # Only the command itself sleeps here, in real time.
                return played(account, sleeps=(), ending=ending, said=said)
        finally:
            self._free.put(mock)

    def _start(self, env: dict[str, str]) -> tuple[Ending, str]:
        with tempfile.TemporaryFile() as output:
            try:
                process = subprocess.Popen(
                    self._ask.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **env},
                    start_new_session=True,
                )
            except OSError as error:
                raise NotExplored(f"{self._ask.command[0]} cannot be started: {error.strerror}") from error
            self._groups.add(process.pid)
            code: int | None = None
            try:
                if self._stopped:
                    end_group(process.pid)
                with suppress(subprocess.TimeoutExpired):
                    code = process.wait(self._ask.limit)
            finally:
                self._groups.discard(process.pid)
                end_group(process.pid)
                process.wait()
            if code == 0:
                return "passed", ""
            if code is None:
                return "failed", f"still running after {self._ask.limit:g} s, the --limit"
            output.seek(max(0, output.tell() - _KEPT))
            reason = Sanitizer(os.environ).reason(output.read(), 150)
            return "failed", f"exit {code}: {reason}" if reason else f"exit {code}"


def _environment(account: AccountHandle) -> dict[str, str]:
    """The variables of every provider, for this account."""
    env = account.env()
    for name, one in profiles().by_name.items():
        templates = {**one.env, **{key: text for key, text in one.env_if_set.items() if key in os.environ}}
        with suppress(ValueError):  # an installed profile whose provider is not served
            env |= one.filled(templates, account.base_url(name), account.api_key(name))
    return env | {name: "127.0.0.1,localhost" for name in ("NO_PROXY", "no_proxy") if name not in os.environ}


@contextmanager
def _servers(count: int) -> Generator[list[MockServer]]:
    servers = [MockServer(Settings(key_policy="issued"), installed=True) for _ in range(count)]
    try:
        for one in servers:
            one.start()
        yield servers
    finally:
        for one in servers:
            one.stop()
