"""Chooses the questions that settle guesses, asks them, and writes a bundle without secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx

from fauxscale.clock import wall
from fauxscale.credentials import secrets
from fauxscale.recordings.har import Recording
from fauxscale_contracts.console.atomic_write import write
from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.drift.observed import Origin, diff, rewrite
from fauxscale_contracts.profiles.probing import run
from fauxscale_contracts.profiles.profile import SUFFIX, Probe, Profile
from fauxscale_contracts.record.secrets import scan


@dataclass(frozen=True, slots=True)
class Questions:
    """The requests within a budget. `left_out`: those that would cost more. `guesses`: the number of guesses in the
    requested operations."""

    asked: tuple[Probe, ...]
    left_out: tuple[Probe, ...]
    guesses: int

    @property
    def most(self) -> float:
        """The most they can cost, in dollars."""
        return sum(one.worst_cost for one in self.asked)

    def to_text(self) -> str:
        about = ", ".join({one.operation: "" for one in self.asked})
        lines = [
            f"{len(self.asked)} questions, ${self.most:.2f} at most, about {self.guesses} guesses of {about}:"
        ]
        lines += [f"  ${one.worst_cost:.2f}  {one.id} ({one.operation})" for one in self.asked]
        lines += [f"  over the budget: {one.id}, ${one.worst_cost:.2f}" for one in self.left_out]
        return "\n".join(lines)


def questions(profile: Profile, contract: Contract, budget: float) -> Questions:
    """Choose, cheapest first, the probes whose operations contain guesses, for `budget` dollars at most."""
    asked: list[Probe] = []
    left_out: list[Probe] = []
    spent = 0.0
    for probe in sorted(profile.probes, key=lambda one: one.worst_cost):
        if not _guesses(contract, probe.operation):
            continue
        # In hundredths of a cent: floating-point sums would leave out one that just fits.
        fits = round(10_000 * (spent + probe.worst_cost)) <= round(10_000 * budget)
        (asked if fits else left_out).append(probe)
        spent += probe.worst_cost if fits else 0
    operations = {one.operation for one in asked}
    return Questions(tuple(asked), tuple(left_out), sum(_guesses(contract, one) for one in operations))


def _guesses(contract: Contract, operation: str) -> int:
    return sum(one.confidence == "guess" for one in contract.operation(operation).statements())


async def observe(
    profile: Profile,
    contract: Contract,
    chosen: Questions,
    base_url: str,
    key: str,
    http: httpx.AsyncClient,
    folder: Path,
    *,
    timeout: float,
) -> str:
    """Send the requests and write the bundle: an exchange a file, and `contract.diff`. Returns the diff.

    Raises Unreachable, and RuntimeError if the bundle contains something like a secret.
    """
    live = await run(replace(profile, probes=chosen.asked), base_url, key, http, timeout=timeout)
    recording = Recording(folder)
    at = wall()
    for exchange in live.values():
        known = [key, *secrets(exchange.request.headers, exchange.request.url)]
        keep = {one.lower() for answer in _answers(contract, exchange.operation) for one in answer}
        recording.write(replace(exchange, at=at).to_har(), known, keep)
    origin = Origin(f"answers of {base_url}", f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}")
    seen = rewrite(contract, live, origin, [key])
    patch = diff(contract.document, seen, f"{contract.provider}/{contract.api_version}{SUFFIX}")
    write(folder / "contract.diff", patch)
    about = {"provider": contract.provider, "api_version": contract.api_version, **origin.note()}
    write(folder / "about.json", json.dumps(about, indent=2) + "\n")
    if found := scan(folder):
        raise RuntimeError(f"{folder} may contain a secret, do not share it: {found[0]}")
    return patch


def _answers(contract: Contract, operation: str) -> list[list[str]]:
    if not operation:  # a picture from a reply
        return []
    return [list(answer.headers) for answer in contract.operation(operation).answers.values()]
