"""Probes of services of every shape: a link, base64, the picture itself, and a job that is polled."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from fauxscale_contracts import Exchange, Job, Probe, Profile, Results
from fauxscale_contracts.profiles import probing
from fauxscale_contracts.profiles.installed import profile
from fauxscale_contracts.profiles.probing import Unreachable, request, run, sample_picture

PICTURE = sample_picture(64)
PROBE = Probe(id="a small picture", operation="acme.upscale", path="/upscale", picture="image", cost=0.02)
ACME = Profile(
    name="acme",
    api_version="2026-10",
    recorded=Path(),
    key_header=("X-Key", "Acme "),
    work="acme.upscale",
    replies="acme.upscale",
    download="acme.download",
    results=Results(operation="acme.upscale", at="/results/0", member="href"),
    probes=(PROBE,),
)
Answer = Callable[[httpx.Request], httpx.Response]


def probed(profile: Profile, answer: Answer) -> dict[str, Exchange]:
    async def ask() -> dict[str, Exchange]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            return await run(profile, "https://acme.example/v1/", "secret", http, timeout=5)

    return asyncio.run(ask())


def picture_of(found: dict[str, Exchange]) -> tuple[str, bytes]:
    one = found["its picture"]
    assert one.reply is not None
    return one.operation, one.reply.body


def png(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=PICTURE, headers={"content-type": "image/png"})


def test_a_link_is_followed() -> None:
    def answer(asked: httpx.Request) -> httpx.Response:
        if asked.method == "GET":
            return png(asked)
        return httpx.Response(200, json={"results": [{"href": "https://acme.example/1.png"}]})

    assert picture_of(probed(ACME, answer)) == ("acme.download", PICTURE)


def test_no_host_is_asked_that_neither_the_user_nor_the_contract_names() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(200, json={"data": [{"url": "https://media.example/1.png"}]})

    only_paid = replace(profile("ideogram"), probes=profile("ideogram").probes[:1])
    assert set(probed(only_paid, answer)) == {"a small picture"}
    assert asked == ["acme.example"]


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_base64_is_decoded(prefix: str) -> None:
    inline = replace(ACME, results=Results(operation="acme.upscale", carrier="base64", at="/image"))
    body = {"image": prefix + base64.b64encode(PICTURE).decode()}
    assert picture_of(probed(inline, lambda _: httpx.Response(200, json=body))) == ("", PICTURE)


def test_a_reply_that_is_the_picture_is_not_looked_into() -> None:
    whole = replace(ACME, results=Results(operation="acme.upscale", carrier="body"))
    assert set(probed(whole, png)) == {"a small picture"}


@pytest.mark.parametrize(
    "body", [None, [], {}, {"results": []}, {"results": [{"href": None}]}, {"results": [{"href": "x.png"}]}]
)
def test_a_reply_without_a_link_has_no_picture(body: Any) -> None:
    assert set(probed(ACME, lambda _: httpx.Response(200, json=body))) == {"a small picture"}


def queue(done: Callable[[int], httpx.Response]) -> Answer:
    """A service that answers an id, then what `done` says at each poll."""
    polls: list[str] = []

    def answer(asked: httpx.Request) -> httpx.Response:
        if asked.url.path == "/1.png":
            return png(asked)
        if asked.method == "POST":
            return httpx.Response(200, json={"id": "job-1"})
        assert asked.url.path == "/v1/results/job-1"
        assert asked.headers["X-Key"] == "Acme secret"
        polls.append(asked.url.path)
        return done(len(polls))

    return answer


LINKED = {"results": [{"href": "https://acme.example/1.png"}]}


@pytest.mark.parametrize(
    ("job", "waiting"),
    [
        (
            Job(submit="acme.upscale", result="acme.result", path="/results/{id}"),
            httpx.Response(202, json={}),
        ),
        (
            Job(
                submit="acme.upscale",
                result="acme.result",
                path="/results/{id}",
                state_at="/state",
                pending=("new", "running"),
            ),
            httpx.Response(200, json={"state": "running"}),
        ),
    ],
    ids=["by status", "by a member"],
)
def test_a_job_is_polled_until_it_is_done(job: Job, waiting: httpx.Response, monkeypatch: Any) -> None:
    monkeypatch.setattr(probing, "_PAUSE", 0)
    finished = httpx.Response(200, json=LINKED | {"state": "done"})
    found = probed(replace(ACME, job=job), queue(lambda poll: finished if poll == 3 else waiting))
    assert picture_of(found) == ("acme.download", PICTURE)
    assert found["its job"].operation == "acme.result"


def test_a_job_that_is_never_done_gives_no_verdict(monkeypatch: Any) -> None:
    monkeypatch.setattr(probing, "_PAUSE", 0)
    job = Job(submit="acme.upscale", result="acme.result", path="/results/{id}")
    slow = queue(lambda _: httpx.Response(202, json={}))

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(slow)) as http:
            await run(replace(ACME, job=job), "https://acme.example/v1", "secret", http, timeout=0.05)

    with pytest.raises(Unreachable, match=r"the job was not done within 0\.05 s"):
        asyncio.run(ask())


def test_a_picture_goes_as_a_part_or_as_a_data_uri_and_is_large_enough() -> None:
    form = request(replace(ACME, least_side=100), PROBE, "https://acme.example", "secret")
    assert b'name="image"; filename="drift.png"' in form.body
    assert (100).to_bytes(4, "big") * 2 in form.body  # width and height of the PNG
    inside = request(ACME, replace(PROBE, encoding="json"), "https://acme.example", "secret")
    assert json.loads(inside.body)["image"].startswith("data:image/png;base64,")


def test_a_wrong_key_is_unknown_and_in_the_providers_own_form() -> None:
    sent = request(ACME, replace(PROBE, valid_key=False), "https://acme.example", "secret")
    assert sent.header("x-key") == f"Acme {probing.NO_KEY}"
