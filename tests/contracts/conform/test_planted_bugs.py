"""A client with one bug fails in exactly the scenarios that bug shows in, and in no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from fauxscale import MockServer
from fauxscale_contracts.conform.function import Function
from fauxscale_contracts.conform.scenario import Scenario
from fauxscale_contracts.conform.scenarios import scenarios
from fauxscale_contracts.conform.stage import Stage, open_server
from fauxscale_contracts.conform.verdicts import Finding
from tests.contracts.conform.clients.ideogram import Client, Failed

pytestmark = pytest.mark.e2e  # each is a run of a client through a list

# Room for the busiest machine: time is short only where a client shall lose patience, or be ended.
GOOD = Client(timeout=60, download_timeout=60)
LIMIT, SHORT_LIMIT = 120.0, 4.0
SILENT = {"hang", "download-stalls"}

WAITS = {"429-no-hint", "429-zero", "429-seconds", "429-float", "429-date", "429-past-date", "503-hint"}
MEASURED = {"429-seconds", "429-float", "429-date", "503-hint"}
REFUSALS = {f"error-{status}" for status in (400, 401, 402, 403, 404, 413, 415, 422)}
UNREADABLE = {"broken-json", "html-200", "json-null", "json-list", "empty-body"}
EMPTY = {"empty-data", "null-url", "missing-url", "missing-data", "unsafe-result"}
LOST = {"lost-reply", "lost-reply-closed", "cut-reply"}
ALTERED = {"download-corrupt", "download-html", "download-short"}
WRONG_SIZE = {"download-not-enlarged", "download-halved"}
DEAD = {"download-expired", "download-dead-on-arrival", "download-forged", "download-purged"}
NO_PICTURES = {"picture-gif", "picture-cut", "picture-text"}
OPTIONS = {"options-least", "options-most", "options-prompt"}


def whole_seconds(hint: str) -> float:
    return int(hint or 0)


def half_the_time(hint: str) -> float:
    return float(hint or 0) / 2 if hint[:1].isdigit() or not hint else 0.0


BUGS: dict[str, tuple[Client, set[str]]] = {
    "never tries again": (replace(GOOD, attempts=1), WAITS),
    "tries again at once": (replace(GOOD, wait=lambda hint: 0.0), MEASURED | {"429-far-future"}),
    "waits as long as it is told": (replace(GOOD, patience=1e9), {"429-far-future"}),
    "reads whole seconds only": (
        replace(GOOD, wait=whole_seconds),
        {"429-float", "429-date", "429-past-date", "503-hint"},
    ),
    "waits half as long as it is told": (replace(GOOD, wait=half_the_time), MEASURED),
    "gives up at 503": (replace(GOOD, retried=GOOD.retried - {503}), {"503-hint"}),
    "tries again whatever the error": (
        replace(GOOD, retried=frozenset(range(400, 600))),
        REFUSALS | NO_PICTURES | {"unsafe-refused", "empty-wallet"},
    ),
    "tries again for ever": (
        replace(GOOD, attempts=10**9),
        {"429-always", "500-always", "503-always"},
    ),
    "asks again when the reply is lost": (replace(GOOD, retries_lost_replies=True), LOST),
    "asks again when the reply is bad": (
        replace(GOOD, asks_again_for_bad_replies=True),
        UNREADABLE | EMPTY,
    ),
    "asks again when the link is dead": (replace(GOOD, pays_for_dead_links=True), DEAD),
    "believes every reply": (
        replace(GOOD, believes_replies=True),
        UNREADABLE | {"empty-data", "missing-url", "missing-data"},
    ),
    "refuses new members": (
        replace(
            GOOD,
            known_members=frozenset(
                ["prompt", "resolution", "is_image_safe", "seed", "url", "style_type", "upscaled_resolution"]
            ),
        ),
        {"new-fields-in-result"},
    ),
    "forgets the options": (replace(GOOD, sends=lambda options: {}), OPTIONS),
    "sends a prompt in ASCII": (
        replace(
            GOOD,
            sends=lambda options: {
                name: one.encode("ascii", "ignore").decode() if isinstance(one, str) else one
                for name, one in options.items()
            },
        ),
        {"options-prompt"},
    ),
    "loses transparency": (
        replace(GOOD, flattens=True),
        NO_PICTURES
        | {"picture-png-rgba", "picture-png-grey-alpha", "picture-webp-alpha", "picture-jpeg-turned"},
    ),
    "loses how the camera was held": (
        replace(GOOD, turns=True),
        NO_PICTURES | {"picture-jpeg-turned", "picture-jpeg-cmyk"},
    ),
    "saves what it is sent": (
        replace(GOOD, checks_pixels=False),
        ALTERED | WRONG_SIZE | {"download-wrong-type"},
    ),
    "saves pictures of any size": (replace(GOOD, checks_size=False), WRONG_SIZE),
    "saves pictures of any format": (replace(GOOD, checks_format=False), {"download-wrong-type"}),
    "saves the words of a dead link": (
        replace(GOOD, checks_pixels=False, checks_status_of_reads=False),
        ALTERED | WRONG_SIZE | DEAD | {"download-wrong-type"},
    ),
    "follows every redirect": (replace(GOOD, redirects=10**9), {"download-redirected-for-ever"}),
    "has no time-out": (replace(GOOD, timeout=None, download_timeout=None), {"hang", "download-stalls"}),
    "compares the link with its own clock": (
        replace(GOOD, trusts_own_clock=True),
        {"clock-ahead", "clock-behind"},
    ),
}


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with open_server("ideogram") as mock:
        yield mock


def shortcomings(
    mock: MockServer, client: Client, expected: set[str], played: Sequence[Scenario]
) -> set[str]:
    """The scenarios in which a client fails; those expected to be are given no more time than they need."""

    def play(scenario: Scenario) -> Finding:
        candidate = Function(seen_in(client, scenario.id).upscale, (Failed,))
        limit = SHORT_LIMIT if scenario.id in expected else LIMIT
        return Stage(mock, "ideogram", candidate, limit=limit).play(scenario)

    with ThreadPoolExecutor(8) as pool:
        found = {one.id for one in pool.map(play, played) if one.verdict != "PASS"}
    # A busy machine makes every client wait: one that would not have shows at another try.
    for _ in range(20):
        covered = (expected & MEASURED) - found
        found |= {
            one.id for one in scenarios("ideogram") if one.id in covered and play(one).verdict != "PASS"
        }
    return found


def seen_in(client: Client, scenario: str) -> Client:
    """The client as it plays a scenario: sooner tired of waiting where nothing comes, if it ever is."""
    if scenario not in SILENT:
        return client
    return replace(client, timeout=client.timeout and 2.0, download_timeout=client.download_timeout and 0.7)


def test_the_client_without_a_bug_fails_nowhere(mock: MockServer) -> None:
    assert shortcomings(mock, GOOD, set(), scenarios("ideogram")) == set()


# Every bug is played in the scenarios it shows in and in each fourth of the others, another fourth for each bug;
# in all of them in `make torture`.
@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.torture)], ids=["some", "all"])
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_shows_in_its_scenarios_and_in_no_others(mock: MockServer, bug: str, step: int) -> None:
    client, expected = BUGS[bug]
    others = [one for one in scenarios("ideogram") if one.id not in expected]
    played = [one for one in scenarios("ideogram") if one.id in expected]
    assert (
        shortcomings(mock, client, expected, played + others[list(BUGS).index(bug) % step :: step])
        == expected
    )
