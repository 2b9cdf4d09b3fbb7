"""Runs a program through the chosen scenarios of a provider, several at once, and applies the baseline."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fauxscale import MockServer
from fauxscale_contracts.profiles.installed import profiles
from fauxscale_contracts.profiles.loading import load

from . import baseline
from .candidate import Candidate, CannotRun
from .program import Program
from .replies import EITHER, ClientNotWorking, Replies, boundary_replies, modes
from .report import Run
from .sanitize import Sanitizer
from .scenario import Scenario
from .scenarios import scenarios
from .selection import reply_ids, selects
from .stage import Stage, open_server
from .verdicts import Finding, is_silent


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to run; members as the command's options."""

    provider: str
    command: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    api_version: str | None = None
    limit: float = 30.0
    jobs: int = 2
    fuzz: int = 0
    tls: bool = False
    name: str | None = None
    baseline: Path | None = None


def chosen(
    provider: str, patterns: Sequence[str] = (), *, fuzz: int = 0, api_version: str | None = None
) -> list[Scenario]:
    """Choose the scenarios that fit one of the patterns: all without patterns, none where all are for replies.

    Raises CannotRun for patterns that fit nothing there is to play.
    """
    known = profiles()
    if provider not in known.by_name:
        raise CannotRun(f"no scenarios for {provider!r}: choose from {', '.join(known.by_name)}")
    listed = scenarios(provider)
    every = [one.id for one in listed]
    left = [pattern for pattern in patterns if not any(selects(name, [pattern]) for name in every)]
    if left:
        replies = reply_ids(provider, [api_version])
        lost = [pattern for pattern in left if not any(selects(name, [pattern]) for name in replies)]
        if lost:
            raise CannotRun(f"no scenario of {provider} fits {', '.join(lost)}: see --list")
        if not fuzz:
            raise CannotRun(f"{', '.join(left)}: replies are served only with --fuzz N")
    return [one for one in listed if selects(one.id, patterns)]


def list_lines(provider: str, patterns: Sequence[str], *, fuzz: int, api_version: str | None) -> list[str]:
    """List everything that `play` plays, a line each. Raises CannotRun."""
    lines = [
        f"{one.id}: {one.about}: {one.expect}"
        for one in chosen(provider, patterns, fuzz=fuzz, api_version=api_version)
    ]
    names = reply_ids(provider, [api_version]) if fuzz else []
    return lines + [f"{name}: {EITHER}" for name in names if selects(name, patterns)]


def play(ask: RunOptions, progress: Callable[[str], None]) -> Run:
    """Run the program through everything asked for; `progress` hears a line for each finding.

    On KeyboardInterrupt it ends what runs and returns what was judged so far, in a run that is not whole. Raises
    CannotRun when it cannot be run, ContractError for an API version that is not on record.
    """
    contract = load(ask.provider, api_version=ask.api_version)
    played = chosen(ask.provider, ask.patterns, fuzz=ask.fuzz, api_version=ask.api_version)
    if not ask.command:
        raise CannotRun("no command: fauxscale-contracts conform ideogram -- ./client {image} {output}")
    program, gaps = Program(ask.command), baseline.read(ask.baseline, ask.provider)
    findings: list[Finding] = []
    broken, notices = "", list[str]()
    with open_server(ask.provider, ask.api_version, tls=ask.tls) as mock:
        stage = Stage(mock, ask.provider, program, limit=ask.limit)
        try:
            with closing(_found(ask, mock, program, play_all(stage, played, jobs=ask.jobs))) as found:
                for finding in found:
                    findings.append(gaps.settle(finding))
                    progress(f"[{len(findings)}] {findings[-1].verdict}: {finding.id}")
        except KeyboardInterrupt:
            broken = "it was interrupted"
        except (CannotRun, ClientNotWorking) as error:
            if not findings:
                raise CannotRun(str(error)) from error
            broken = str(error)
        if is_silent(findings):
            names = " and ".join(mock.client.provider(ask.provider)["env"])
            notices.append(f"the client made no call for work in any scenario: does it read {names}?")
    for gap in gaps.stale(findings):
        progress(f"the baseline accepts {gap}, which passes: take it out")
    name = Sanitizer(os.environ).clean(ask.name or shlex.join(ask.command))
    return Run(ask.provider, contract.api_version, name, findings, broken, tuple(notices))


def play_all(stage: Stage, scenarios: Sequence[Scenario], *, jobs: int = 1) -> Generator[Finding]:
    """Play each scenario, `jobs` of them at once; findings in the order of the scenarios. Raises CannotRun."""
    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(stage.play, scenario) for scenario in scenarios]
        try:
            for one in running:
                yield one.result()
        except BaseException:
            stage.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _found(
    ask: RunOptions, mock: MockServer, candidate: Candidate, findings: Generator[Finding]
) -> Generator[Finding]:
    yield from findings
    if not ask.fuzz or not any(
        selects(name, ask.patterns) for name in reply_ids(ask.provider, [ask.api_version])
    ):
        return
    with Replies(mock, ask.provider, candidate, limit=ask.limit) as served:
        for name, body in boundary_replies(ask.provider, ask.api_version):
            if selects(f"reply-{name}", ask.patterns):
                yield served.play(name, body)
        for mode in modes(ask.provider):
            if selects(f"reply-{mode}:generated", ask.patterns):
                yield served.fuzz(mode, ask.fuzz, ask.api_version)
