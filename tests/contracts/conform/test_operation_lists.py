"""The lists for Ideogram's other kinds of clients: one without a bug fails nowhere, each bug in its scenarios only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeAlias

import pytest

from fauxscale import MockServer
from fauxscale_contracts import ClientConformance, Endpoint
from fauxscale_contracts.conform.function import Function
from fauxscale_contracts.conform.scenario import Scenario
from fauxscale_contracts.conform.scenarios import scenarios
from fauxscale_contracts.conform.stage import Stage, open_server
from fauxscale_contracts.profiles.installed import profile
from tests.contracts.conform.clients.ideogram import Client, Failed, polite
from tests.contracts.conform.clients.ideogram_operations import Describer, Editor, Generator, Upscaler

pytestmark = pytest.mark.e2e  # each is a run of a client through a list

Call: TypeAlias = Callable[..., object]

# Room for the busiest machine, but where a client shall lose patience.
LIMIT = 120.0
SILENT = {"hang", "download-stalls"}
GENERATOR, EDITOR, DESCRIBER, UPSCALER = Generator(), Editor(), Describer(), Upscaler()
GOOD: dict[str, Client] = {
    "generate": GENERATOR,
    "edit": EDITOR,
    "describe": DESCRIBER,
    "v2-upscale": UPSCALER,
}
LOST = {"lost-reply", "lost-reply-closed", "cut-reply"}
UNREADABLE = {"broken-json", "html-200", "json-null", "json-list", "empty-body"}
BUGS: dict[str, tuple[str, Client, set[str]]] = {
    "trusts the first result": ("generate", replace(GENERATOR, trusts_first=True), {"withheld-first"}),
    "is not ready to wait for its own calls": (
        "generate",
        replace(GENERATOR, attempts=3, wait=lambda hint: polite(hint) if hint else 0.0),
        {"three-of-four"},
    ),
    "waits for its webhook only": (
        "v2-upscale",
        replace(UPSCALER, asks_for_notices=True, polls_unless_told=False),
        {"queue-webhook-lost"},
    ),
    "polls again at once": (
        "v2-upscale",
        replace(UPSCALER, poll_wait=lambda hint: 0.0),
        {"queue-poll-429"},
    ),
    "submits again what is slow": (
        "v2-upscale",
        replace(UPSCALER, polls=10, submits_again=True),
        {"queue-stuck"},
    ),
    "edits with a mask that does not fit": (
        "edit",
        replace(EDITOR, stretches_masks=True),
        {"mask-other-size"},
    ),
    "edits and trusts the first result": ("edit", replace(EDITOR, trusts_first=True), {"withheld-first"}),
    "edits and saves pictures of any size": (
        "edit",
        replace(EDITOR, checks_size=False),
        {"download-halved"},
    ),
    "believes every description": (
        "describe",
        replace(DESCRIBER, believes_replies=True),
        UNREADABLE | {"empty-data", "missing-text", "missing-data"},
    ),
    "has a picture described again when the reply is lost": (
        "describe",
        replace(DESCRIBER, retries_lost_replies=True),
        LOST,
    ),
    "never asks for a description again": (
        "describe",
        replace(DESCRIBER, attempts=1),
        {"429-no-hint", "429-zero", "429-seconds", "429-float", "429-date", "429-past-date", "503-hint"},
    ),
    "saves pictures of any size": (
        "generate",
        replace(GENERATOR, checks_size=False),
        {"download-halved"},
    ),
}


class TestDescriber(ClientConformance):
    provider = "ideogram"
    operation = "describe"
    failures = (Failed,)
    fuzz = 5

    def describe(self, endpoint: Endpoint, image: bytes, **options: Any) -> str:
        return DESCRIBER.describe(endpoint, image, **options)


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with open_server("ideogram") as mock:
        yield mock


def failures(mock: MockServer, operation: str, client: Client, played: Sequence[Scenario]) -> dict[str, str]:
    """The scenarios in which a client fails, and why; one it never comes into is none of them."""
    task = profile("ideogram", operation).task

    def play(scenario: Scenario) -> tuple[str, str] | None:
        quick = scenario.id in SILENT
        seen = replace(client, timeout=2.0 if quick else 60, download_timeout=0.7 if quick else 60)
        call: Call = getattr(seen, task)
        stage = Stage(mock, "ideogram", Function(call, (Failed,)), limit=LIMIT, operation=operation)
        finding = stage.play(scenario)
        return (finding.id, f"{finding.faults}: {finding.seen}") if finding.verdict == "FAIL" else None

    with ThreadPoolExecutor(8) as pool:
        return dict(one for one in pool.map(play, played) if one is not None)


@pytest.mark.parametrize("operation", GOOD)
def test_the_client_without_a_bug_fails_nowhere(mock: MockServer, operation: str) -> None:
    assert failures(mock, operation, GOOD[operation], scenarios("ideogram", operation)) == {}


@pytest.mark.parametrize(
    "client",
    [replace(UPSCALER, now=True), replace(UPSCALER, asks_for_notices=True)],
    ids=["waits for the answer", "is told as well"],
)
def test_other_ways_to_get_the_result_fail_nowhere_in_the_queue(mock: MockServer, client: Client) -> None:
    queued = [one for one in scenarios("ideogram", "v2-upscale") if one.id.startswith("queue-")]
    assert failures(mock, "v2-upscale", client, queued) == {}


# Each bug is played in the scenarios it shows in and in each eighth of the others; in all of them in `make torture`.
@pytest.mark.parametrize("step", [8, pytest.param(1, marks=pytest.mark.torture)], ids=["some", "all"])
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_shows_in_its_scenarios_and_in_no_others(mock: MockServer, bug: str, step: int) -> None:
    operation, client, expected = BUGS[bug]
    every = scenarios("ideogram", operation)
    others = [one for one in every if one.id not in expected]
    played = [one for one in every if one.id in expected] + others[list(BUGS).index(bug) % step :: step]
    assert set(failures(mock, operation, client, played)) == expected
