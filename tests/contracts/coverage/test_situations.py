"""A situation is met where a journal shows that a client came into it, never by a guess."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fauxscale_contracts.coverage.situations import SituationList, lists_of
from tests.contracts.coverage.entries import PNG, call, failed, journal, read, struck

Entries = list[dict[str, Any]]
LINKED = call(results=[{"link": "a-link"}])


def situations(provider: str, name: str = "") -> SituationList:
    return next(one for one in lists_of(provider) if one.name == name)


def met(*entries: dict[str, Any], provider: str = "ideogram", name: str = "") -> frozenset[str]:
    return situations(provider, name).met(journal(*entries))


def job(identifier: str, *polls: tuple[str, int]) -> Entries:
    """A request to fal's queue, and what its polls were answered."""
    path = f"/fal-ai/ideogram/requests/{identifier}"
    return [
        call("fal.submit", reply=json.dumps({"request_id": identifier})),
        *(call(f"fal.{name}", path=path, status=status) for name, status in polls),
    ]


IN_TIME = job("one", ("status", 202), ("status", 200), ("result", 200))
MET: list[tuple[str, Entries]] = [
    ("lost-reply", [struck("LoseReply")]),
    ("lost-reply-closed", [struck("LoseReply", how="close")]),
    ("cut-reply", [struck("LoseReply", how="close", at=3)]),
    ("hang", [struck("Hang")]),
    ("slow", [struck("Delay", seconds=9)]),
    ("broken-json", [struck("Body", text="[1,")]),
    ("empty-data", [struck("EmptyData")]),
    ("missing-url", [struck("MissingField", pointer="/data/0/url")]),
    ("unsafe-result", [struck("UnsafeImage")]),
    ("unsafe-refused", [struck("UnsafeImage", refuse=True)]),
    ("429-no-hint", [failed(429)]),
    ("429-seconds", [failed(429, retry_after=60), call()]),
    ("429-date", [failed(429, retry_after=3, form="date")]),
    ("429-past-date", [failed(429, retry_after=-3, form="date")]),
    ("429-far-future", [failed(429, retry_after=86_400)]),
    ("429-far-future", [failed(429, retry_after=86_400)] * 3),
    ("429-always", [failed(429, retry_after=0)] * 2),
    ("429-always", [failed(429, retry_after=1), failed(429)]),
    ("503-hint", [failed(503, retry_after=4)]),
    ("500-once", [failed(500), call()]),
    ("500-once", [failed(500)] * 2 + [call()]),
    ("500-always", [call(), failed(500), failed(500)]),
    ("error-404", [failed(404)]),
    # Refused by the service itself: the client sees the same.
    ("error-400", [call(status=400, rule="invalid_parameter")]),
    ("429-seconds", [call(status=429, rule="rate_limited", retry_after=13)]),
    (
        "429-date",
        [
            call(
                status=429,
                rule="rate_limited",
                retry_after=13,
                reply_headers=[["retry-after", "Sun, 22 Nov 2026 08:00:00 GMT"]],
            )
        ],
    ),
    ("wrong-key", [call(status=403, rule="invalid_key")]),
    ("empty-wallet", [call(status=402, rule="no_funds")]),
    ("clock-ahead", [call(ahead=7200.0)]),
    ("clock-behind", [call(ahead=-7200.0)]),
    ("options-least", [call(params={"resemblance": 1, "detail": 1, "seed": 0, "num_images": 1})]),
    ("options-prompt", [call(params={"prompt": "žluťoučký"})]),
    ("picture-png-rgb", [call(image=PNG)]),
    ("picture-png-rgba", [call(image=PNG | {"mode": "RGBA"})]),
    ("picture-png-wide", [call(image=PNG | {"width": 200, "height": 100})]),
    ("picture-png-one-pixel", [call(image=PNG | {"width": 1, "height": 1})]),
    ("picture-jpeg-turned", [call(image=PNG | {"format": "JPEG", "orientation": 8})]),
    ("picture-webp-animated", [call(image=PNG | {"format": "WEBP", "animated": True})]),
    ("picture-gif", [call(refused_file={"rule": "unsupported_format", "format": "GIF", "bytes": 9})]),
    ("picture-empty", [call(refused_file={"rule": "unsupported_format", "format": None, "bytes": 0})]),
    ("picture-text", [call(refused_file={"rule": "unsupported_format", "format": "HTML", "bytes": 9})]),
    ("picture-cut", [call(refused_file={"rule": "broken_image", "format": "PNG", "bytes": 9})]),
    ("picture-oversize", [call(status=413, rule="file_too_large")]),
    ("download-expired", [struck("Expire", "ideogram.download") | {"kind": "download"}]),
    (
        "download-expired",
        [LINKED, read(status=403, rule="link_expired", results=[{"link": "a", "life": 60}])],
    ),
    ("download-purged", [LINKED, read(status=404, rule="link_unknown", results=[])]),
    (
        "download-dead-on-arrival",
        [LINKED, read(status=403, rule="link_expired", results=[{"link": "a-link", "life": 0}])],
    ),
    ("download-redirected", [read(configured=[{"fault": "Redirect"}], status=302), read()]),
    ("download-redirected-for-ever", [read(configured=[{"fault": "Redirect"}], status=302)] * 2),
    ("download-halved", [LINKED | {"configured": [{"fault": "Smaller"}]}, read()]),
    ("download-forged", [LINKED | {"configured": [{"fault": "ForgedUrl"}]}, read(status=403, results=[])]),
]
NOT_MET: list[tuple[str, Entries]] = [
    ("lost-reply", [struck("LoseReply", how="hang")]),
    ("cut-reply", [struck("LoseReply", how="close")]),
    ("lost-reply", [struck("LoseReply", "ideogram.describe")]),
    ("429-seconds", [failed(429)]),
    ("429-no-hint", [failed(429, retry_after=86_400)]),
    ("429-zero", [failed(429, retry_after=0)] * 2),
    ("429-always", [failed(429), call()]),
    ("429-always", [failed(429), failed(429), call()]),
    ("429-always", [failed(429)]),
    ("429-always", [failed(429, retry_after=86_400)] * 2),
    ("500-always", [failed(500), failed(503)]),
    ("500-always", [failed(500)]),
    ("503-once", [failed(503, retry_after=1)]),
    ("error-400", [failed(404)]),
    ("wrong-key", [failed(403)]),
    ("empty-wallet", [failed(402)]),
    ("clock-ahead", [call(ahead=60.0)]),
    ("clock-ahead", [LINKED, read(ahead=90_000.0)]),
    ("options-least", [call(params={"resemblance": 1, "detail": 1})]),
    ("options-least", [call(params={"resemblance": True, "detail": 1, "seed": 0})]),
    ("options-prompt", [call(params={"prompt": "a cat"})]),
    ("picture-png-rgb", [call(image=PNG | {"orientation": 6})]),
    ("picture-png-wide", [call(image=PNG)]),
    ("picture-text", [call(refused_file={"rule": "unsupported_format", "format": "GIF", "bytes": 9})]),
    ("download-halved", [LINKED | {"configured": [{"fault": "Smaller"}]}]),  # its link was never read
    (
        "download-expired",
        [LINKED, read(status=403, rule="link_expired", results=[{"link": "a-link", "life": 0}])],
    ),
    ("download-dead-on-arrival", [LINKED, read()]),
    ("download-redirected", [read(configured=[{"fault": "Redirect"}], status=302)] * 2),
]


@pytest.mark.parametrize(("name", "entries"), MET)
def test_a_situation_is_told_from_the_journal(name: str, entries: Entries) -> None:
    assert name in met(*entries)


@pytest.mark.parametrize(("name", "entries"), NOT_MET)
def test_what_is_only_like_it_is_not_taken_for_it(name: str, entries: Entries) -> None:
    assert name not in met(*entries)


def test_a_happy_path_meets_its_picture_and_nothing_else() -> None:
    assert met(LINKED | {"image": PNG}, read()) == {"picture-png-rgb"}


def test_a_read_belongs_to_the_list_whose_call_gave_out_the_link() -> None:
    drawn = call("ideogram.v3_generate", results=[{"link": "drawn"}])
    cut = read("drawn", configured=[{"fault": "Truncate", "at": 9}])
    assert "download-cut" not in met(LINKED, drawn, cut)
    assert "download-cut" in met(LINKED, drawn, cut, name="generate")


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("queue-slow", IN_TIME),
        ("queue-stuck", job("one", ("status", 202), ("status", 202))),
        ("queue-cancelled", job("one", ("status", 200), ("result", 499))),
        (
            "queue-reordered",
            [*job("one")[:1], *job("two", ("status", 200)), *job("one", ("status", 200))[1:]],
        ),
        ("queue-status-lost", [struck("LoseReply", "fal.status")]),
        ("queue-webhook-twice", [struck("DuplicateWebhook", "fal.submit", copies=3)]),
        ("lost-reply", [struck("LoseReply", "fal.run")]),
    ],
)
def test_what_happens_to_jobs_is_told_from_their_polls(name: str, entries: Entries) -> None:
    assert name in met(*entries, provider="fal")


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("queue-slow", job("one", ("status", 200), ("result", 200))),
        ("queue-slow", job("one", ("status", 202), ("result", 499))),
        ("queue-stuck", IN_TIME),
        ("queue-stuck", job("one", ("status", 202))),
        ("queue-cancelled", IN_TIME),
        ("queue-reordered", [*IN_TIME, *job("two", ("status", 200))]),
        ("queue-webhook-twice", [call("fal.submit")]),
    ],
)
def test_a_job_is_in_no_other_situation(name: str, entries: Entries) -> None:
    assert name not in met(*entries, provider="fal")


@pytest.mark.parametrize(
    ("name", "of", "entry"),
    [
        (
            "three-of-four",
            "generate",
            call(
                "ideogram.v3_generate",
                status=429,
                rule="too_many_in_flight",
                params={"num_images": 4},
            ),
        ),
        (
            "mask-other-size",
            "edit",
            call("ideogram.v3_inpaint", status=400, rule="wrong_size", parts=[{"name": "mask", "bytes": 1}]),
        ),
        ("withheld-first", "edit", struck("UnsafeImage", "ideogram.v3_inpaint", only=0)),
        (
            "missing-text",
            "describe",
            struck("MissingField", "ideogram.describe", pointer="/descriptions/0/text"),
        ),
    ],
)
def test_lists_of_other_kinds_of_clients_have_situations_of_their_own(
    name: str, of: str, entry: dict[str, Any]
) -> None:
    assert name in met(entry, name=of)
    assert name not in met(entry | {"rule": "", "configured": []}, name=of)


@pytest.mark.parametrize("provider", ["ideogram", "fal", "aigateway", "lumenfall"])
def test_of_every_situation_a_journal_can_tell(provider: str) -> None:
    untold = {one.id for of in lists_of(provider) for one in of.scenarios if not of.can_tell(one)}
    assert untold == set()


def test_a_provider_without_a_profile_has_no_list() -> None:
    assert lists_of("nowhere") == ()
