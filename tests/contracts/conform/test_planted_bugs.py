"""A client with one bug falls short in exactly the scenarios that bug shows in, and in no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fauxscale import MockServer
from fauxscale_contracts.conform.function import Function, Upscale
from fauxscale_contracts.conform.run import play_all
from fauxscale_contracts.conform.scenarios import SCENARIOS
from fauxscale_contracts.conform.stage import Stage, open_server
from tests.contracts.conform.clients.ideogram import Client, Failed

GOOD = Client(timeout=0.7)
LIMIT = 4.0

WAITS = {"429-no-hint", "429-zero", "429-seconds", "429-float", "429-date", "429-past-date", "503-hint"}
MEASURED = {"429-seconds", "429-float", "429-date", "503-hint"}
REFUSALS = {f"error-{status}" for status in (400, 401, 402, 403, 404, 413, 415, 422)}
UNREADABLE = {"broken-json", "html-200", "json-null", "json-list", "empty-body"}
EMPTY = {"empty-data", "null-url", "missing-url", "missing-data", "unsafe-result"}
LOST = {"lost-reply", "lost-reply-closed", "cut-reply"}
SPOILT = {"download-corrupt", "download-html", "download-short"}
WRONG_SIZE = {"download-not-enlarged", "download-halved"}
DEAD = {"download-expired", "download-dead-on-arrival", "download-forged", "download-purged"}
NO_PICTURES = {"picture-gif", "picture-cut", "picture-text"}
OPTIONS = {"options-least", "options-most", "options-prompt"}


def whole_seconds(hint: str) -> float:
    return int(hint or 0)


def half_the_time(hint: str) -> float:
    return float(hint or 0) / 2 if hint[:1].isdigit() or not hint else 0.0


BUGS: dict[str, tuple[Upscale, set[str]]] = {
    "never tries again": (replace(GOOD, attempts=1).upscale, WAITS),
    "tries again at once": (replace(GOOD, wait=lambda hint: 0.0).upscale, MEASURED | {"429-far-future"}),
    "waits as long as it is told": (replace(GOOD, patience=1e9).upscale, {"429-far-future"}),
    "reads whole seconds only": (
        replace(GOOD, wait=whole_seconds).upscale,
        {"429-float", "429-date", "429-past-date", "503-hint"},
    ),
    "waits half as long as it is told": (replace(GOOD, wait=half_the_time).upscale, MEASURED),
    "gives up at 503": (replace(GOOD, retried=GOOD.retried - {503}).upscale, {"503-hint"}),
    "tries again whatever the error": (
        replace(GOOD, retried=frozenset(range(400, 600))).upscale,
        REFUSALS | NO_PICTURES | {"unsafe-refused", "empty-wallet"},
    ),
    "tries again for ever": (
        replace(GOOD, attempts=10**9).upscale,
        {"429-always", "500-always", "503-always"},
    ),
    "asks again when the reply is lost": (replace(GOOD, retries_lost_replies=True).upscale, LOST),
    "asks again when the reply is bad": (
        replace(GOOD, asks_again_for_bad_replies=True).upscale,
        UNREADABLE | EMPTY,
    ),
    "asks again when the link is dead": (replace(GOOD, pays_for_dead_links=True).upscale, DEAD),
    "believes every reply": (
        replace(GOOD, believes_replies=True).upscale,
        UNREADABLE | {"empty-data", "missing-url", "missing-data"},
    ),
    "refuses new members": (
        replace(
            GOOD,
            known_members=frozenset(
                ["prompt", "resolution", "is_image_safe", "seed", "url", "style_type", "upscaled_resolution"]
            ),
        ).upscale,
        {"new-fields-in-result"},
    ),
    "forgets the options": (replace(GOOD, sends=lambda options: {}).upscale, OPTIONS),
    "sends a prompt in ASCII": (
        replace(
            GOOD,
            sends=lambda options: {
                name: one.encode("ascii", "ignore").decode() if isinstance(one, str) else one
                for name, one in options.items()
            },
        ).upscale,
        {"options-prompt"},
    ),
    "loses transparency": (
        replace(GOOD, flattens=True).upscale,
        NO_PICTURES
        | {"picture-png-rgba", "picture-png-grey-alpha", "picture-webp-alpha", "picture-jpeg-turned"},
    ),
    "loses how the camera was held": (
        replace(GOOD, turns=True).upscale,
        NO_PICTURES | {"picture-jpeg-turned", "picture-jpeg-cmyk"},
    ),
    "saves what it is sent": (
        replace(GOOD, checks_pixels=False).upscale,
        SPOILT | WRONG_SIZE | {"download-wrong-type"},
    ),
    "saves pictures of any size": (replace(GOOD, checks_size=False).upscale, WRONG_SIZE),
    "saves pictures of any format": (replace(GOOD, checks_format=False).upscale, {"download-wrong-type"}),
    "saves the words of a dead link": (
        replace(GOOD, checks_pixels=False, checks_status_of_reads=False).upscale,
        SPOILT | WRONG_SIZE | DEAD | {"download-wrong-type"},
    ),
    "follows every redirect": (replace(GOOD, redirects=10**9).upscale, {"download-redirected-for-ever"}),
    "has no time-out": (replace(GOOD, timeout=None).upscale, {"hang", "download-stalls"}),
    "compares the link with its own clock": (
        replace(GOOD, trusts_own_clock=True).upscale,
        {"clock-ahead", "clock-behind"},
    ),
}
ALL = {scenario.id for scenario in SCENARIOS["ideogram"]}


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with open_server("ideogram") as mock:
        yield mock


def shortcomings(mock: MockServer, upscale: Upscale) -> set[str]:
    stage = Stage(mock, "ideogram", Function(upscale, (Failed,)), limit=LIMIT)
    findings = list(play_all(stage, SCENARIOS["ideogram"], jobs=8))
    assert {one.id for one in findings} == ALL
    return {one.id for one in findings if one.verdict != "held"}


def test_the_client_without_a_bug_falls_short_nowhere(mock: MockServer) -> None:
    assert shortcomings(mock, GOOD.upscale) == set()


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_shows_in_its_scenarios_and_in_no_others(mock: MockServer, bug: str) -> None:
    upscale, expected = BUGS[bug]
    assert shortcomings(mock, upscale) == expected
