"""A program's run through a provider's list: chosen scenarios, several at once, and the declared gaps settled."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from fauxscale import MockServer
from fauxscale_contracts.contract import load

from . import baseline
from .candidate import Candidate, Unable
from .judge import Finding
from .lists import SCENARIOS
from .program import Program
from .replies import MODES, Replies, Unready, boundary_replies
from .report import Run
from .scenario import Scenario
from .stage import Stage, open_server


@dataclass(frozen=True, slots=True)
class Ask:
    """What shall be run; members as the command's options."""

    provider: str
    command: tuple[str, ...]
    words: tuple[str, ...] = ()
    vintage: str | None = None
    limit: float = 10.0
    jobs: int = 2
    fuzz: int = 0
    tls: bool = False
    name: str | None = None
    baseline: Path | None = None


def chosen(provider: str, words: Sequence[str] = ()) -> list[Scenario]:
    """The provider's scenarios that fit one of the words, all without words. Raises Unable when there are none."""
    if provider not in SCENARIOS:
        raise Unable(f"no scenarios for {provider!r}: choose from {', '.join(SCENARIOS)}")
    found = [one for one in SCENARIOS[provider] if _fits(one.id, words)]
    if not found and not any(word.startswith("reply") for word in words):
        raise Unable(f"no scenario of {provider} fits {', '.join(words)}: see --list")
    return found


def play(ask: Ask, told: Callable[[str], None]) -> Run:
    """Run the program through everything asked for; `told` hears a line for each finding.

    Raises Unable when it cannot be run, ContractError for a vintage that is not on record.
    """
    contract = load(ask.provider, vintage=ask.vintage)
    scenarios = chosen(ask.provider, ask.words)
    if not ask.command:
        raise Unable("no command: fauxscale-contracts conform ideogram -- ./client {image} {output}")
    program, gaps = Program(ask.command), baseline.read(ask.baseline)
    findings: list[Finding] = []
    with open_server(ask.provider, ask.vintage, tls=ask.tls) as mock:
        stage = Stage(mock, ask.provider, program, limit=ask.limit)
        for finding in _found(ask, mock, program, play_all(stage, scenarios, jobs=ask.jobs)):
            findings.append(gaps.settle(finding))
            told(f"[{len(findings)}] {findings[-1].verdict}: {finding.id}")
    for gap in gaps.stale(findings):
        told(f"the baseline accepts {gap}, which holds: take it out")
    return Run(ask.provider, contract.vintage, ask.name or shlex.join(ask.command), findings)


def play_all(stage: Stage, scenarios: Sequence[Scenario], *, jobs: int = 1) -> Iterable[Finding]:
    """What comes of each scenario, in their order, `jobs` of them at once. Raises Unable."""
    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(stage.play, scenario) for scenario in scenarios]
        try:
            for one in running:
                yield one.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _found(
    ask: Ask, mock: MockServer, candidate: Candidate, findings: Iterable[Finding]
) -> Iterable[Finding]:
    yield from findings
    if not ask.fuzz:
        return
    try:
        with Replies(mock, ask.provider, candidate, limit=ask.limit) as replies:
            for name, body in boundary_replies(ask.provider, ask.vintage):
                if _fits(f"reply-{name}", ask.words):
                    yield replies.play(name, body)
            for mode in MODES:
                if _fits(f"reply-{mode}:generated", ask.words):
                    yield replies.fuzz(mode, ask.fuzz, ask.vintage)
    except Unready as error:
        raise Unable(str(error)) from error


def _fits(name: str, words: Sequence[str]) -> bool:
    """Whether a name holds one of the words, or fits one as a pattern. Without words every name does."""
    return not words or any(word in name or fnmatchcase(name, word) for word in words)
