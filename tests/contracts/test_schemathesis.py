"""The stand-in judged by its own contracts: schemathesis asks it everything they allow, and much they do not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import pytest
from starlette.types import Message, Receive, Scope, Send

from fauxscale import Settings, create_app
from tests.contracts.asking import SETTINGS, Outcome, run

PROVIDERS = ["ideogram", "aigateway", "lumenfall", "fal"]
# How many calls are drawn for each operation: of Ideogram there are thirty.
EXAMPLES = {"ideogram": 2}
USUAL = ("examples", "coverage", "fuzzing")
STYLED = ("generate", "inpaint", "edit", "remix", "reframe", "replace-background")
# Where stand-in and contract are known to differ about what may be sent, and why that is right.
# It takes what the contract does not allow:
LENIENT: Mapping[str, str] = {
    "POST /v1/images/edits": "null and an empty text are taken for members left out",
    "POST /v1/images/generations": "a link to no picture is one to draw without",
    "POST /openai/v1/images/edits": "flags of a query are read as flags",
    "GET /v1/requests": "flags of a query are read as flags",
    "GET /openai/v1/models/{id}": "flags of a query are read as flags",
    "POST /run/fal-ai/ideogram/upscale": "unknown values of its own headers are taken for none",
    "POST /queue/fal-ai/ideogram/upscale": "what is wrong with the input shows at the result",
    "GET /queue/fal-ai/ideogram/requests/{request_id}/status": "flags of a query are read as flags",
    "GET /queue/fal-ai/ideogram/requests/{request_id}/status/stream": "flags of a query are read as flags",
    "GET /{id}.{ext}": "links are signed here only where an option says so",
    "GET /media/files/{shard}/{id}.png": "links are not signed here",
    "PUT /media/files/b/{shard}/{name}": "whoever shows a token needs no signed query",
    "POST /rest/storage/auth/token": "clients send {} and the service reads nothing",
    **dict.fromkeys(
        (f"POST /v1/ideogram-v3/{name}" for name in STYLED),
        "an empty part is taken for one left out: a style code",
    ),
    "POST /datasets/{dataset_id}/upload_assets": "what is no picture fails by itself, and that is told with 200",
    "POST /v2/image/upscale/{model}": "members of other models are ignored",
    "POST /v2/image/generate/{model}": "members of other models are ignored",
}
# It refuses what the contract allows:
STRICT: Mapping[str, str] = {
    "POST /openai/v1/images/generations": "the model upscales only: its contract has no success",
    "GET /queue/fal-ai/ideogram/requests/{request_id}": "asked too early, it is a 400",
    "PUT /queue/fal-ai/ideogram/requests/{request_id}/cancel": "done already, it is a 400",
    "POST /media/files/b/{shard}/{name}/multipart/{upload}/complete": "no part of it has come",
    "PUT /media/files/b/{shard}/{name}/multipart/{upload}/{part}": "parts have numbers up to a limit",
    **dict.fromkeys(
        (f"POST /v1/ideogram-v3/{name}" for name in STYLED),
        "which parts exclude each other is not asked, see plain_forms",
    ),
    "POST /edit": "a mask has the size of its picture",
    "POST /reframe": "which parts exclude each other is not asked, see plain_forms",
    "POST /v1/edit": "a call without any picture is refused, and pictures elsewhere are not fetched",
    "POST /v1/ideogram-v3/train-model": "a name of spaces and hyphens alone makes no URI",
    "POST /v2/image/upscale/{model}": "some models refuse a prompt, or faces without how strongly",
    "POST /v2/image/generate/{model}": "which parts exclude each other is not asked, and no custom model is there",
    "GET /v2/account/usage": "a time has its distance from UTC, and of buckets there is a most",
}
ALLOWED = {f"{where} AcceptedNegativeData" for where in LENIENT} | {
    f"{where} RejectedPositiveData" for where in STRICT
}
# Without registered media types the picture in a form is now and then bytes of schemathesis's own, which are none.
NO_PICTURE = {
    f"POST {path} RejectedPositiveData"
    for path in (
        "/upscale",
        "/openai/v1/images/edits",
        "/v1/images/edits",
        "/describe",
        "/remix",
        "/v1/remove-background",
        "/v1/ideogram-v3/layerize-text",
        "/v2/image/remove-background/{model}",
    )
}


def surprises(outcome: Outcome, allowed: AbstractSet[str] = ALLOWED | NO_PICTURE) -> dict[str, str]:
    return {where: what for where, what in outcome.failures.items() if where not in allowed}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_answer_is_one_of_the_contract(provider: str) -> None:
    outcome = run(provider, EXAMPLES.get(provider, 8), USUAL)
    assert outcome.errors == []
    assert surprises(outcome) == {}
    upscale = {"ideogram": "/upscale", "fal": "/run/fal-ai/ideogram/upscale"}.get(provider, "images/edits")
    assert any(label.endswith(upscale) for label in outcome.worked), outcome.statuses


# fal has no forms with pictures.
@pytest.mark.parametrize(
    ("provider", "upscale"),
    [
        ("ideogram", "POST /upscale"),
        ("aigateway", "POST /v1/images/edits"),
        ("lumenfall", "POST /openai/v1/images/edits"),
    ],
)
def test_a_call_that_keeps_the_contract_is_taken_and_the_contract_has_nothing_against_it(
    provider: str, upscale: str
) -> None:
    paths = ("/upscale",) if provider == "ideogram" else ()
    command = [sys.executable, "-m", "tests.contracts.asking", provider, "40", *paths]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stderr
    outcome = Outcome(**json.loads(ended.stdout))
    assert (outcome.errors, outcome.breaches) == ([], [])
    assert surprises(outcome, ALLOWED) == {}
    # The refusals are of calls with other keys, and of models that are not there.
    assert f"{upscale} 400" not in outcome.statuses
    assert outcome.statuses[f"{upscale} 200"] >= 25


def test_the_queue_keeps_the_contract_from_state_to_state() -> None:
    outcome = run("fal", 8, ("stateful",))
    assert outcome.errors == []
    assert surprises(outcome) == {}
    assert "GET /queue/fal-ai/ideogram/requests/{request_id}/status" in outcome.worked
    assert "GET /queue/fal-ai/ideogram/requests/{request_id}" in outcome.worked


@pytest.mark.torture
@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_answer_of_thousands_is_one_of_the_contract(provider: str) -> None:
    outcome = run(provider, 400, (*USUAL, "stateful"))
    assert (outcome.errors, surprises(outcome)) == ([], {})


class Liar:
    """The stand-in with a lie in every success of POST /upscale."""

    def __init__(self, lie: str) -> None:
        self._app = create_app(SETTINGS)
        self._lie = lie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/upscale"):
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        if messages[0]["status"] == 200:
            self._tell(messages)
        for message in messages:
            await send(message)

    def _tell(self, messages: list[Message]) -> None:
        start, body = messages[0], json.loads(b"".join(one.get("body", b"") for one in messages[1:]))
        first = body["data"][0]
        if self._lie == "a dropped field":
            del first["seed"]
        elif self._lie == "a wrong type":
            first["seed"] = str(first["seed"])
        elif self._lie == "an undocumented status":
            start["status"] = 206
        data = json.dumps(body).encode()
        headers = {**dict(start["headers"]), b"content-length": str(len(data)).encode()}
        if self._lie == "a wrong header":
            headers[b"content-type"] = b"text/html"
        start["headers"] = list(headers.items())
        messages[1:] = [{"type": "http.response.body", "body": data}]


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        ("a dropped field", "JsonSchemaError"),
        ("a wrong type", "JsonSchemaError"),
        ("an undocumented status", "UndefinedStatusCode"),
        ("a wrong header", "UndefinedContentType"),
    ],
)
def test_a_lie_of_the_server_is_found(lie: str, found: str) -> None:
    outcome = run("ideogram", 5, ("examples", "fuzzing"), app=Liar(lie), paths=("/upscale",))
    assert {where.split()[-1] for where in surprises(outcome)} == {found}


def test_a_server_that_takes_every_key_is_found() -> None:
    app = create_app(Settings(allow_hosts=("localhost", "testserver")))
    outcome = run("ideogram", 5, ("examples",), app=app, paths=("/upscale",))
    assert {where.split()[-1] for where in surprises(outcome)} == {"IgnoredAuth"}
