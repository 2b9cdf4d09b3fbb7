"""Of fifteen services that lie, `drift` and `check` find at least thirteen; of one that does not, neither says a word.

`python -m tests.contracts.test_lies` prints the table.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx
import pytest
from click.testing import CliRunner

from fauxscale_contracts.cli import main
from fauxscale_contracts.drift.run import examine
from fauxscale_contracts.profiles.installed import BUILT_IN, profile
from fauxscale_contracts.profiles.outcomes import Trials
from fauxscale_contracts.profiles.probing import Unreachable
from tests.contracts.lies import LIES, WHOLE, Lie, telling

pytestmark = pytest.mark.e2e  # each check is a run of Schemathesis
TRUE = Lie("no lie")


def found_by_drift(base_url: str, key: str, trials: Trials, provider: str = "ideogram") -> list[str]:
    """What drift says, gravest first: lines of more than news."""

    async def examined() -> list[str]:
        async with httpx.AsyncClient() as http:
            report = await examine(provider, base_url, key, http, trials=trials)
        return [f"{one.probe} {one.pointer} {one.message}" for one in report.findings if one.kind != "news"]

    try:
        return asyncio.run(examined())
    except Unreachable as error:
        return [f"no verdict: {error}"]


def found_by_check(base_url: str, key: str, trials: Trials, provider: str = "ideogram") -> list[str]:
    """What check says of the operation that does the work."""
    work = next(probe.operation for probe in profile(provider).probes if probe.cost)
    words = ["check", "--base-url", base_url, "--provider", provider, "--operation", work, "--examples", "1"]
    words += ["--link-life", str(trials.link_life)] if trials.link_life else []
    words += ["--rate-limit", str(trials.rate_limit), *(["--sizes"] if trials.sizes else [])]
    done = CliRunner(env={"FAUXSCALE_CHECK_KEY": key}).invoke(main, words)
    if done.exit_code == 0:
        return []
    lines = [
        line for line in done.output.splitlines() if "FAIL" in line or line.startswith(("- ", "no verdict"))
    ]
    return lines or [done.output[-500:]]


@dataclass(frozen=True, slots=True)
class Row:
    """A lie, and what each command says of it."""

    lie: str
    drift: list[str]
    check: list[str]


def row(lie: Lie) -> Row:
    with telling(lie) as (base_url, key):
        drift = found_by_drift(base_url, key, lie.trials)
    with telling(lie) as (base_url, key):
        check = found_by_check(base_url, key, lie.trials)
    return Row(lie.name, drift, check)


@pytest.mark.parametrize("provider", [one.name for one in BUILT_IN])
def test_a_service_that_keeps_its_word_is_found_in_no_lie(provider: str) -> None:
    with telling(TRUE, provider) as (base_url, key):
        assert found_by_drift(base_url, key, WHOLE, provider) == []
    with telling(TRUE, provider) as (base_url, key):
        assert found_by_check(base_url, key, WHOLE, provider) == []


@pytest.mark.parametrize("lie", LIES, ids=lambda one: one.name)
def test_a_lie_is_found_by_both(lie: Lie) -> None:
    found = row(lie)
    assert found.drift, "drift finds nothing"
    assert found.check, "check finds nothing"


def print_table() -> None:
    rows = [row(lie) for lie in LIES]
    print("| lie | drift | check |\n|---|---|---|")
    for one in rows:
        told = ("; ".join(said)[:90] or "not found" for said in (one.drift, one.check))
        print(f"| {one.lie} | {' | '.join(told)} |")
    drift, check = sum(bool(one.drift) for one in rows), sum(bool(one.check) for one in rows)
    print(f"\n{len(rows)} lies: drift finds {drift}, check {check}")


if __name__ == "__main__":
    print_table()
