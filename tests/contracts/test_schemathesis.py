"""The stand-in judged by its own contracts: schemathesis asks it everything they allow, and much they do not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest
from starlette.types import Message, Receive, Scope, Send

from fauxscale import Settings, create_app
from fauxscale.providers.ideogram.asked import RequestBody
from fauxscale.providers.ideogram.v2_describe import MODELS as DESCRIBERS
from fauxscale.providers.ideogram.v2_images import GENERATE as PICTURE_MODELS
from fauxscale.providers.ideogram.v2_upscale import MODELS as UPSCALERS

pytest.importorskip("schemathesis")  # `make lowest` has none

from tests.contracts.asking import SETTINGS, Outcome, run

pytestmark = pytest.mark.e2e  # each is a run of Schemathesis

PROVIDERS = ["ideogram", "aigateway", "lumenfall", "fal"]
# How many calls are drawn for each operation: of Ideogram there are thirty.
EXAMPLES = {"ideogram": 2}
USUAL = ("examples", "coverage", "fuzzing")
# Where stand-in and contract are known to differ about what may be sent, and why that is right. Parts that exclude each
# other, lists that are no part and pictures that are none need no entry: there the contract's own checks are asked.
# It takes what the contract does not allow:
LENIENT: Mapping[str, str] = {
    "POST /v1/images/generations": "a link to no picture is one to draw without",
    "POST /queue/fal-ai/ideogram/upscale": "what is wrong with the input shows at the result",
    "GET /{id}.{ext}": "links are signed here only where an option says so",
    "GET /media/files/{shard}/{id}.png": "links are not signed here",
    "PUT /media/files/b/{shard}/{name}": "whoever shows a token needs no signed query",
}
# It refuses what the contract allows:
STRICT: Mapping[str, str] = {
    "POST /openai/v1/images/generations": "the model upscales only: its contract has no success",
    "GET /queue/fal-ai/ideogram/requests/{request_id}": "asked too early, it is a 400",
    "PUT /queue/fal-ai/ideogram/requests/{request_id}/cancel": "done already, it is a 400",
    "POST /media/files/b/{shard}/{name}/multipart/{upload}/complete": "no part of it has come",
    "PUT /media/files/b/{shard}/{name}/multipart/{upload}/{part}": "parts have numbers up to a limit",
}


def of_other_models(path: str, models: Mapping[str, RequestBody]) -> str:
    """Calls of which the contract refuses nothing but members that the model in the path does not have."""
    known = {
        name: [*(one.name for one in body.members), *(one.name for one in body.files)]
        for name, body in models.items()
    }
    return "|".join(
        rf"^/ideogram{path}/{name}: the contract refuses"
        rf"( /body/(?!({'|'.join(own)})[/ :])[^ :]+)+( \(empty: [^)]*\))?: "
        for name, own in known.items()
    )


# Ideogram's calls that stand-in and contract differ about, as 2026-11-22: each by what is refused and how. All others
# of the same operation are held to the contract.
NARROW: Mapping[str, Sequence[str]] = {
    "POST /v1/edit RejectedPositiveData": [
        # That one of two lists is needed is inferred, so that no contract promises it.
        "refuses nothing: .*At least one image is required: provide images or image_urls",
        # Ideogram's own links only, which no schema can tell from others.
        "refuses nothing: .*Could not read a source image",
    ],
    # Schemathesis uploads no fifteen pictures first.
    "POST /v1/ideogram-v3/train-model RejectedPositiveData": [
        "refuses nothing: .*At least 15 images are required to train a model"
    ],
    # Schemathesis trains no model first. What an unknown one is answered with is not documented.
    "POST /v1/ideogram-v3/generate RejectedPositiveData": [
        "refuses nothing: .*No custom model of this URI is ready for generation"
    ],
    # JSON Schema cannot say that one time comes after another, nor how far.
    "GET /v2/account/usage RejectedPositiveData": [
        "refuses nothing: .*(A range of 1[dh] buckets has at most|start_time must be before end_time)"
    ],
    # One path stands for several models, whose schemas differ: members of others are unknown, and unknown is ignored.
    "POST /v2/image/upscale/{model} AcceptedNegativeData": [
        of_other_models("/v2/image/upscale", {name: one.body for name, one in UPSCALERS.items()})
    ],
    "POST /v2/image/generate/{model} AcceptedNegativeData": [
        of_other_models("/v2/image/generate", {name: one.body for name, one in PICTURE_MODELS.items()})
    ],
    "POST /v2/image/describe/{model} AcceptedNegativeData": [
        of_other_models("/v2/image/describe", {name: body for name, (body, _) in DESCRIBERS.items()})
    ],
    "POST /v2/image/upscale/{model} RejectedPositiveData": [
        "/topaz-(standard-2|text-refine): the contract refuses nothing: .*This model does not take a prompt",
        "/topaz-(bloom-2|redefine): the contract refuses nothing: .*prompt must have 1,024 characters or fewer",
        "/topaz-.*: the contract refuses nothing: .*face_enhancement_[a-z]+ is required with face_enhancement",
    ],
    "POST /v2/image/generate/{model} RejectedPositiveData": [
        "refuses nothing: .*No custom model of this URI is ready for generation",
        "/ideogram-3-custom-model: the contract refuses nothing: .*custom_model_uri",
        "/ideogram-3-character: the contract refuses nothing: .*A character reference is required",
        "/ideogram-3-character: the contract refuses nothing: .*style_type",
        # Notices go to addresses on this machine alone.
        "refuses nothing: .*Webhook URL is not allowed",
    ],
}
ALLOWED: Mapping[str, Sequence[str]] = {
    **{f"{where} AcceptedNegativeData": [""] for where in LENIENT},
    **{f"{where} RejectedPositiveData": [""] for where in STRICT},
    **NARROW,
}
# Without registered media types the picture in a form is now and then bytes of schemathesis's own, which are none.
NO_PICTURE: Mapping[str, Sequence[str]] = {
    f"POST {path} RejectedPositiveData": [""] for path in ("/openai/v1/images/edits", "/v1/images/edits")
}


def surprises(
    outcome: Outcome, allowed: Mapping[str, Sequence[str]] = {**ALLOWED, **NO_PICTURE}
) -> dict[str, list[str]]:
    """The failures that nothing in `allowed` tells of: regular expressions that each of them is searched for."""
    found = {
        where: [
            one for one in told if not any(re.search(each, one, re.DOTALL) for each in allowed.get(where, ()))
        ]
        for where, told in outcome.failures.items()
    }
    return {where: told for where, told in found.items() if told}


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
    """The stand-in with a lie in every success of POST /upscale, or in its refusals."""

    def __init__(self, lie: str) -> None:
        self._app = create_app(SETTINGS)
        self._lie = lie
        self._good: list[Message] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/upscale"):
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        if messages[0]["status"] == 200:
            self._good = self._good or messages
            self._tell(messages)
        elif self._lie == "a breach taken" and messages[0]["status"] == 400:
            messages = self._good or messages
        for message in messages:
            await send(message)

    def _tell(self, messages: list[Message]) -> None:
        start, body = messages[0], json.loads(b"".join(one.get("body", b"") for one in messages[1:]))
        first = body["data"][0]
        if self._lie == "a dropped field":
            del first["seed"]
        elif self._lie == "a wrong type":
            first["seed"] = str(first["seed"])
        elif self._lie == "a good call refused":
            start["status"], body = 400, {"error": "No.", "message": "No."}
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
        ("a good call refused", "RejectedPositiveData"),
        ("a breach taken", "AcceptedNegativeData"),
    ],
)
def test_a_lie_of_the_server_is_found(lie: str, found: str) -> None:
    outcome = run("ideogram", 5, ("examples", "fuzzing"), app=Liar(lie), paths=("/upscale",))
    assert {where.split()[-1] for where in surprises(outcome)} == {found}


def test_a_server_that_takes_every_key_is_found() -> None:
    app = create_app(Settings(allow_hosts=("localhost", "testserver")))
    outcome = run("ideogram", 5, ("examples",), app=app, paths=("/upscale",))
    assert {where.split()[-1] for where in surprises(outcome)} == {"IgnoredAuth"}
