"""Runs a program through the chosen scenarios of a provider, several at once, and applies the baseline."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fauxscale import MockServer
from fauxscale.spelling import choose_from
from fauxscale_contracts.contract.violations import ContractError
from fauxscale_contracts.profiles.installed import profile, profiles
from fauxscale_contracts.profiles.loading import load

from . import baseline, expectations
from .candidate import LIMIT, Candidate, CannotRun
from .dates import CURRENT
from .expectations import expected_in
from .program import Program
from .replies import ClientNotWorking, Replies, boundary_replies, modes
from .report import Run
from .sanitize import Sanitizer
from .scenario import Expect, Scenario
from .scenarios import scenarios
from .selection import reply_ids, selects
from .stage import Stage, open_server
from .verdicts import EITHER, Finding, is_silent


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to run; members as the command's options."""

    provider: str
    command: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    api_version: str | None = None
    limit: float = LIMIT
    jobs: int = 2
    fuzz: int = 0
    tls: bool = False
    name: str | None = None
    baseline: Path | None = None
    operation: str = ""
    scenarios: str = CURRENT
    expect: Path | None = None


def chosen(ask: RunOptions) -> list[Scenario]:
    """Choose the scenarios that fit one of the patterns: all without patterns, none where all are for replies.

    Raises CannotRun for patterns that fit nothing there is to play.
    """
    known = profiles()
    if ask.provider not in known.by_name:
        raise CannotRun(f"no scenarios for {ask.provider!r}{choose_from(ask.provider, known.by_name)}")
    try:
        listed = scenarios(ask.provider, ask.operation, ask.scenarios)
    except ContractError as error:
        raise CannotRun(str(error)) from error
    every = [one.id for one in listed]
    left = [pattern for pattern in ask.patterns if not any(selects(name, [pattern]) for name in every)]
    if left:
        replies = _replies(ask)
        lost = [pattern for pattern in left if not any(selects(name, [pattern]) for name in replies)]
        if lost:
            raise CannotRun(f"no scenario of {ask.provider} matches {', '.join(lost)}: see --list")
        if not ask.fuzz:
            raise CannotRun(f"{', '.join(left)}: replies are served only with --fuzz N")
    return [one for one in listed if selects(one.id, ask.patterns)]


def list_lines(ask: RunOptions) -> list[str]:
    """List everything that `play` plays, a line each. Raises CannotRun."""
    table = expectations.read(ask.expect, ask.provider, ask.operation)
    lines = [f"{one.id}: {one.about}: {expected_in(table, one.id) or one.expect}" for one in chosen(ask)]
    names = [name for name in _replies(ask) if selects(name, ask.patterns)] if ask.fuzz else []
    return lines + [f"{name}: {expected_in(table, name) or EITHER}" for name in names]


def play(ask: RunOptions, progress: Callable[[str], None]) -> Run:
    """Run the program through everything asked for; `progress` hears a line for each finding.

    On KeyboardInterrupt it ends what runs and returns what was judged so far, in a run that is not whole. Raises
    CannotRun when it cannot be run, ContractError for an API version that is not on record.
    """
    contract = load(ask.provider, api_version=ask.api_version)
    played = chosen(ask)
    if not ask.command:
        raise CannotRun("no command: fauxscale-contracts conform ideogram -- ./client {image} {output}")
    listed = profile(ask.provider, ask.operation)
    program = Program(ask.command, wanted=(*listed.inputs, *listed.asked))
    gaps = baseline.read(ask.baseline, ask.provider, ask.operation)
    table = expectations.read(ask.expect, ask.provider, ask.operation)
    findings: list[Finding] = []
    broken, notices = "", list[str]()
    with open_server(ask.provider, ask.api_version, tls=ask.tls) as mock:
        stage = Stage(mock, ask.provider, program, limit=ask.limit, operation=ask.operation)
        try:
            staged = play_all(stage, played, table, jobs=ask.jobs)
            with closing(_found(ask, mock, program, table, staged)) as found:
                for finding in found:
                    findings.append(gaps.settle(finding))
                    progress(f"[{len(findings)}] {findings[-1].verdict}: {finding.id}")
                    if is_silent(findings) and len(findings) < len(played):
                        broken = f"stopped after {finding.id}, in which the client made no call"
                        break
        except KeyboardInterrupt:
            broken = "interrupted"
        except (CannotRun, ClientNotWorking) as error:
            if not findings:
                raise CannotRun(str(error)) from error
            broken = str(error)
        if is_silent(findings):
            notices.append(_where_to_call(mock.client.provider(ask.provider)["env"] | listed.env))
    for gap in gaps.stale(findings):
        progress(f"the baseline accepts {gap}, which passes now: remove it")
    name = Sanitizer(os.environ).clean(ask.name or shlex.join(ask.command))
    about = (ask.provider, contract.api_version, name)
    return Run(*about, findings, broken, tuple(notices), ask.operation, ask.scenarios)


def play_all(
    stage: Stage, scenarios: Sequence[Scenario], table: Mapping[str, Expect] | None = None, *, jobs: int = 1
) -> Generator[Finding]:
    """Play each scenario, `jobs` of them at once; findings in the order of the scenarios. Raises CannotRun.

    The first is played alone: a client that ignores its address may be calling the real service.
    `table`: what is right instead, by id or pattern.
    """
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for started in (scenarios[:1], scenarios[1:]):
                running = [pool.submit(stage.play, one, expected_in(table or {}, one.id)) for one in started]
                for one in running:
                    yield one.result()
        except BaseException:
            stage.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _where_to_call(env: Mapping[str, str]) -> str:
    """Ask after the variables of a client, from their templates, as an account's `env` has them."""
    keys = " or ".join(name for name, template in env.items() if "{key" in template)
    bases = " or ".join(name for name, template in env.items() if "{key" not in template)
    return f"does the client read the base URL from {bases} and the key from {keys}?"


def _replies(ask: RunOptions) -> list[str]:
    return reply_ids(ask.provider, [ask.api_version], ask.operation)


def _found(
    ask: RunOptions,
    mock: MockServer,
    candidate: Candidate,
    table: Mapping[str, Expect],
    findings: Generator[Finding],
) -> Generator[Finding]:
    yield from findings
    if not ask.fuzz or not any(selects(name, ask.patterns) for name in _replies(ask)):
        return
    with Replies(mock, ask.provider, candidate, limit=ask.limit, operation=ask.operation) as served:
        for name, body in boundary_replies(ask.provider, ask.api_version, ask.operation):
            if selects(f"reply-{name}", ask.patterns):
                yield served.play(name, body, expected_in(table, f"reply-{name}"))
        for mode in modes(ask.provider, ask.operation):
            if selects(f"reply-{mode}:generated", ask.patterns):
                expect = expected_in(table, f"reply-{mode}:generated")
                yield served.fuzz(mode, ask.fuzz, ask.api_version, expect)
