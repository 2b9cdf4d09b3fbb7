"""Of each call the page tells what came of it, and writes it as code that does the same again."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from fauxscale import ConnectionReset, Delay, Fail, Hang, LoseReply, MockServer, NullUrl, Truncate
from fauxscale.client import AccountHandle
from fauxscale.control.inspector.asked import asked
from fauxscale.control.inspector.literals import literal
from fauxscale.state.journal import Entry
from tests.calls.ideogram import upscale
from tests.pictures import encoded, opened, picture
from tests.stages import Stage
from tests.tools import needs, path_of

DATA = "/__fauxscale/api/inspector"
HOSTILE = "'); import os; os.system('x') #\"$(touch pwned)`touch pwned`"


def story(mock: MockServer, account: AccountHandle, n: int) -> dict[str, Any]:
    told: dict[str, Any] = (
        httpx.get(f"{mock.url}{DATA}/calls/{account.id}/{n}/story").raise_for_status().json()
    )
    return told


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer() as mock:
        yield mock


@pytest.fixture
def stage(mock: MockServer) -> Iterator[Stage]:
    with httpx.Client() as http:
        yield Stage("socket", mock, http)


def submit(mock: MockServer, account: AccountHandle) -> httpx.Response:
    body = {"image_url": "data:image/png;base64," + base64.b64encode(picture()).decode(), "prompt": "a cat"}
    headers = {"Authorization": f"Key {account.api_key('fal')}"}
    return httpx.post(f"{mock.url}/fal/queue/fal-ai/ideogram/upscale", json=body, headers=headers)


# What came of a call


def test_a_charge_names_the_calls_that_paid_for_the_same_work(mock: MockServer, stage: Stage) -> None:
    account = mock.account()
    key = account.api_key("ideogram")
    for image in (picture(), picture(), picture(width=50)):
        upscale(stage, image, key=key)
    assert [story(mock, account, n)["charge"]["again"] for n in (1, 2, 3)] == [["call_2"], ["call_1"], []]
    charge = story(mock, account, 1)["charge"]
    assert (charge["micros"], charge["refunded"]) == (60_000, False)


def test_a_link_s_reads_stand_beside_the_call_that_gave_it_out(mock: MockServer, stage: Stage) -> None:
    account = mock.account()
    url = upscale(stage, key=account.api_key("ideogram")).json()["data"][0]["url"]
    stage.http.get(url)
    account.links.expire()
    stage.http.get(url)
    given = story(mock, account, 1)
    assert [(one["n"], one["what"], one["status"]) for one in given["calls"]] == [
        (2, "read the link", 200),
        (3, "read the link", 403),
    ]
    assert [link["alive"] for link in given["links"]] == [False]
    read = story(mock, account, 2)
    assert [(one["n"], one["what"]) for one in read["calls"]] == [
        (1, "issued the link"),
        (3, "read the link"),
    ]


def test_a_job_is_told_with_its_polls_and_its_end(mock: MockServer) -> None:
    account = mock.account()
    account.settings(options={"fal.run_seconds": 60})
    reply = submit(mock, account).json()
    httpx.get(reply["status_url"], headers={"Authorization": f"Key {account.api_key('fal')}"})
    told = story(mock, account, 1)
    assert (told["job"]["stage"], told["job"]["ended"]) == ("running", False)
    assert [(one["operation"], one["what"]) for one in told["calls"]] == [("fal.status", "for this job")]
    account.jobs.finish(reply["request_id"])
    assert story(mock, account, 1)["job"]["ended"]


def test_the_pictures_are_told_by_their_bytes(mock: MockServer, stage: Stage) -> None:
    account = mock.account()
    upscale(stage, encoded(Image.new("RGBA", (40, 30), (255, 0, 0, 80))), key=account.api_key("ideogram"))
    facts = httpx.get(f"{mock.url}{DATA}/calls/{account.id}/1/pictures").json()
    assert (facts["before"]["has_alpha"], facts["after"]["has_alpha"]) == (True, True)
    assert facts["after"]["width"] == 2 * facts["before"]["width"]
    assert not account.calls.downloads, "looking at a result is no read of its link"


def test_a_download_shows_the_picture_that_its_link_was_made_of(mock: MockServer, stage: Stage) -> None:
    account = mock.account()
    stage.http.get(upscale(stage, key=account.api_key("ideogram")).json()["data"][0]["url"])
    (row,) = [
        one for one in httpx.get(f"{mock.url}{DATA}/calls").json()["calls"] if one["kind"] == "download"
    ]
    assert (row["pictured"], row["size"] > 0) == (True, True)
    seen = httpx.get(f"{mock.url}{DATA}/pictures/{account.id}/2/before")
    assert opened(seen.content).size == (40, 30)


def test_money_is_told_by_account_those_that_spent_most_first(mock: MockServer, stage: Stage) -> None:
    one, two = mock.account(label="one"), mock.account(label="two")
    for account in (one, two, two):
        upscale(stage, key=account.api_key("ideogram"))
    told = httpx.get(f"{mock.url}{DATA}/money").json()
    assert [(account["label"], account["spent"]) for account in told["accounts"]] == [
        ("two", 120_000),
        ("one", 60_000),
    ]
    assert told["more"] == 0


@pytest.mark.parametrize("part", ["story", "pictures"])
def test_of_a_call_that_is_not_kept_nothing_is_told(mock: MockServer, part: str) -> None:
    account = mock.account()
    for of in (account.id, "acct_0", "nobody"):
        assert httpx.get(f"{mock.url}{DATA}/calls/{of}/7/{part}").status_code == 404


# The same again


@dataclass(frozen=True)
class Made:
    """A call to be written as code."""

    name: str
    account: AccountHandle
    n: int = 1
    copies: dict[str, str] = field(default_factory=dict[str, str])


def every_answer(mock: MockServer, stage: Stage) -> Iterator[Made]:
    """Calls with each kind of answer there is: good, refused, staged, cut, read."""

    def made(name: str, n: int = 1) -> Made:
        return Made(name, account, n, story(mock, account, n)["copies"])

    for fault in (
        Fail(429, retry_after=2),
        Fail(503),
        ConnectionReset(),
        Hang(),
        LoseReply(),
        NullUrl(),
        Delay(0.1),
    ):
        account = mock.account()
        upscale(stage, key=account.api_key("ideogram"))
        account.faults.add(fault, on="ideogram.upscale")
        try:
            # Long enough for an answer, and short for a client that is to be kept waiting.
            with httpx.Client(timeout=1 if isinstance(fault, Hang) else 30) as http:
                upscale(Stage("socket", mock, http), key=account.api_key("ideogram"))
        except httpx.TransportError:
            pass
        account.calls.wait_for(2)
        yield made(n=2, name=f"Fail {fault.status}" if isinstance(fault, Fail) else type(fault).__name__)
    bodies = {
        "good": (picture(), "{}"),
        "jpeg": (encoded(Image.new("RGB", (40, 30), "red"), "JPEG"), '{"prompt": "it\'s a \\"cat\\""}'),
        "hostile": (picture(), {"prompt": HOSTILE}),
        "named": (picture(), '{"prompt": "a cat fauxscale:429"}'),
        "broken": (picture()[:-40], "{}"),
        "text": (b"no picture", "{}"),
        "wrong": (picture(), '{"resemblance": 101}'),
    }
    for name, (image, request) in bodies.items():
        account = mock.account()
        upscale(stage, image, request, key=account.api_key("ideogram"))
        yield made(name)
    account = mock.account(balance=0)
    upscale(stage, key=account.api_key("ideogram"))
    yield made("poor")
    account = mock.account()
    stage.http.get(f"{mock.url}/aigateway/v1/models", headers=bearer(account, "aigateway"))
    yield made("models")
    account = mock.account(rate_limit=1)
    for _ in range(2):
        stage.http.get(f"{mock.url}/aigateway/v1/models", headers=bearer(account, "aigateway"))
    yield made("limited", 2)
    account = mock.account()
    submit(mock, account)
    yield made("json")
    account = mock.account()
    url = upscale(stage, key=account.api_key("ideogram")).json()["data"][0]["url"]
    stage.http.get(url)
    account.links.expire()
    stage.http.get(url)
    yield made("read", 2)
    yield made("expired", 3)
    account = mock.account()
    account.faults.add(Truncate(100), on="ideogram.download")
    url = upscale(stage, key=account.api_key("ideogram")).json()["data"][0]["url"]
    with pytest.raises(httpx.TransportError):
        stage.http.get(url)
    mock.client.call("GET", f"/accounts/{account.id}/calls?wait=2")
    yield made("truncated", 2)


def bearer(account: AccountHandle, provider: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.api_key(provider)}"}


@pytest.mark.e2e
def test_every_pytest_test_passes_when_pasted(mock: MockServer, stage: Stage, tmp_path: Path) -> None:
    names: list[str] = []
    for made in every_answer(mock, stage):
        (tmp_path / f"test_{made.name.replace(' ', '_')}.py").write_text(
            made.copies["pytest"], encoding="utf-8"
        )
        names.append(made.name)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:schemathesis", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert f"{len(names)} passed" in done.stdout, done.stdout[-6000:]
    assert not (tmp_path / "pwned").exists()


def test_a_test_stages_the_answer_and_does_not_only_hope_for_it(mock: MockServer, stage: Stage) -> None:
    made = {one.name: one.copies["pytest"] for one in every_answer(mock, stage)}
    assert 'fauxscale.faults.add(Fail(status=429, retry_after=2), on="ideogram.upscale")' in made[
        "Fail 429"
    ].replace("503", "429, retry_after=2")
    assert "faults.add" not in made["named"], "the prompt stages it"
    assert "fauxscale.settings(balance=0)" in made["poor"]
    assert "fauxscale.links.expire()" in made["expired"]
    assert "with pytest.raises(httpx.TransportError):" in made["Hang"]
    assert "sample_image.truncated(" in made["broken"]
    assert "sample_image.not_an_image()" in made["text"]


@needs("curl", "node")
@pytest.mark.parametrize("language", ["curl", "python", "javascript"])
def test_the_other_languages_make_the_same_call(
    mock: MockServer, stage: Stage, tmp_path: Path, language: str
) -> None:
    names = ("good", "hostile", "wrong", "models", "json")
    for name in ("photo.png", "picture.png"):
        (tmp_path / name).write_bytes(picture())
    starts = {
        "curl": ["bash", "-euo", "pipefail", "snippet"],
        "python": [sys.executable, "snippet"],
        "javascript": [path_of("node"), "snippet.mjs"],
    }
    for made in every_answer(mock, stage):
        if made.name not in names:
            continue
        before = made.account.calls
        file = tmp_path / starts[language][-1]
        file.write_text(made.copies[language], encoding="utf-8")
        keys = {
            name: made.account.api_key(provider)
            for provider, name in (
                ("ideogram", "IDEOGRAM_API_KEY"),
                ("aigateway", "AIGATEWAY_API_KEY"),
                ("fal", "FAL_KEY"),
            )
        }
        subprocess.run(
            starts[language],
            cwd=tmp_path,
            env={**os.environ, **keys},
            capture_output=True,
            timeout=60,
            check=True,
        )
        again = made.account.calls[len(before)]
        first = before[made.n - 1]
        assert (again.operation, again.status, again.params) == (first.operation, first.status, first.params)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "value", ["plain", 'a "b"', "it's", "both \" and '", "\\ \n \0", "é ☃", {"a": [1, None, True, 0.5, "x"]}]
)
def test_a_literal_is_the_value_again(value: object) -> None:
    assert eval(literal(value)) == value
    if value == "it's":
        assert literal(value) == '"it\'s"'


def test_names_of_files_lead_nowhere_else(mock: MockServer) -> None:
    account = mock.account()
    files: dict[str, Any] = {
        "image_file": ("../../etc/pass wd;type=x", picture(), "image/png"),
        "image_request": (None, "{}"),
    }
    httpx.post(f"{mock.url}/upscale", files=files, headers={"Api-Key": account.api_key("ideogram")})
    copies = story(mock, account, 1)["copies"]
    opened_files = [
        re.findall(pattern, copies[language])
        for language, pattern in (
            ("curl", r"=@(.*?);"),
            ("python", r'open\("(.*?)"'),
            ("javascript", r'readFile\("(.*?)"'),
        )
    ]
    assert opened_files == [["pass_wd_type_x"]] * 3


@pytest.mark.parametrize(
    ("said", "scheme"),
    [("Bearer sk…", "Bearer "), ("sk…", ""), ('"$(touch_pwned)" x…', ""), ("`x` y…", ""), ("${x} y…", "")],
)
def test_a_key_s_scheme_is_a_word_or_nothing(said: str, scheme: str) -> None:
    entry = Entry(method="GET", path="/v1/models", request_headers=[("Authorization", said)])
    assert asked(entry, {}).key_header == ("Authorization", scheme)
