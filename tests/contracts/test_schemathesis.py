"""The stand-in judged by its own contracts: schemathesis asks it everything they allow, and much they do not."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fauxscale import Settings, create_app
from fauxscale_contracts import images, load
from fauxscale_contracts.bodies import picture_as_text
from fauxscale_contracts.conform.pictures import picture

# Taken verbatim at every provider; all other keys are refused, so that a stand-in that ignores keys is found out.
KEY = "lmnfl_key:secret"
AUTH = {"ideogram": ("Api-Key", ""), "fal": ("Authorization", "Key ")}
BEARER = ("Authorization", "Bearer ")

LENIENT = "AcceptedNegativeData"
STRICT = "RejectedPositiveData"
# Where stand-in and contract are known to differ about what may be sent, and why that is right.
ALLOWED: Mapping[tuple[str, str], str] = {
    ("POST /upscale", STRICT): "now and then the file is bytes of schemathesis's own, which are no picture",
    ("POST /openai/v1/images/edits", STRICT): "the same",
    ("POST /v1/images/edits", STRICT): "the same",
    ("POST /v1/images/edits", LENIENT): "mask_url is not read, whatever it holds",
    ("POST /v1/images/generations", LENIENT): "a link to no picture is one to draw without",
    ("POST /openai/v1/images/generations", STRICT): "the model upscales only: its contract has no success",
    ("POST /openai/v1/images/edits", LENIENT): "flags of a query are read as flags",
    ("GET /v1/requests", LENIENT): "the same",
    ("GET /openai/v1/models/{id}", LENIENT): "the same",
    ("POST /run/fal-ai/ideogram/upscale", LENIENT): "unknown values of its own headers are taken for none",
    ("POST /queue/fal-ai/ideogram/upscale", LENIENT): "what is wrong with the input shows at the result",
    (
        "GET /queue/fal-ai/ideogram/requests/{request_id}/status",
        LENIENT,
    ): "flags of a query are read as flags",
    ("GET /queue/fal-ai/ideogram/requests/{request_id}/status/stream", LENIENT): "the same",
    ("GET /queue/fal-ai/ideogram/requests/{request_id}", STRICT): "asked too early, it is a 400",
    ("PUT /queue/fal-ai/ideogram/requests/{request_id}/cancel", STRICT): "done already, it is a 400",
    ("GET /{id}.{ext}", LENIENT): "links are signed here only where an option says so",
    ("GET /media/files/{shard}/{id}.png", LENIENT): "links are not signed here",
    ("PUT /media/files/b/{shard}/{name}", LENIENT): "whoever shows a token needs no signed query",
    ("POST /media/files/b/{shard}/{name}/multipart/{upload}/complete", STRICT): "no part of it has come",
    (
        "PUT /media/files/b/{shard}/{name}/multipart/{upload}/{part}",
        STRICT,
    ): "parts have numbers up to a limit",
    ("POST /rest/storage/auth/token", LENIENT): "clients send {} and the service reads nothing",
    ("POST /rest/storage/upload/initiate", LENIENT): "labels are taken for labels",
    ("POST /rest/storage/upload/initiate-multipart", LENIENT): "labels are taken for labels",
}


@dataclass
class Outcome:
    """What a run saw: failures by operation and kind with an example, statuses by operation, errors of the run."""

    failures: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    errors: list[str] = field(default_factory=list[str])

    @property
    def surprises(self) -> dict[tuple[str, str], str]:
        return {where: what for where, what in self.failures.items() if where not in ALLOWED}


def document(provider: str) -> dict[str, Any]:
    """The contract as schemathesis can read it: one server, pictures in JSON that are some, links between jobs."""
    made: dict[str, Any] = _readable(copy.deepcopy(load(provider).document))
    made["servers"] = [{"url": f"http://localhost/{provider}"}]
    if provider == "fal":
        submit = made["paths"]["/queue/fal-ai/ideogram/upscale"]["post"]
        # Only addresses on this machine are notified, which JSON Schema cannot say.
        submit["parameters"] = [one for one in submit["parameters"] if one.get("name") != "fal_webhook"]
        job = {"request_id": "$response.body#/request_id"}
        submit["responses"]["200"]["links"] = {
            name: {"operationId": f"fal.{name}", "parameters": job} for name in ("status", "result", "cancel")
        }
    return made


def _readable(node: Any) -> Any:
    if isinstance(node, list):
        return [_readable(one) for one in node]
    if not isinstance(node, dict):
        return node
    # In requests pictures are files, or texts that may be data URIs; in replies links, or bare base64.
    if (
        "x-picture" in node
        and node.get("format") != "binary"
        and not node.keys() & {"x-link", "contentEncoding"}
    ):
        return {"type": "string", "enum": [picture_as_text(picture("png-rgb"), "image/png")]}
    # Events are judged by checks of our own (test_checks): x-itemSchema is no word of OpenAPI 3.1.
    left_out = {"servers", "text/event-stream"}
    return {name: _readable(one) for name, one in node.items() if name not in left_out}


def run(provider: str, examples: int, *, phases: tuple[str, ...] = (), app: ASGIApp | None = None) -> Outcome:
    """Every operation of a provider; `phases` are all that run, the usual ones without states when empty."""
    schemathesis.openapi.format("binary", images(largest=4))
    header, prefix = AUTH.get(provider, BEARER)
    every = ("examples", "coverage", "fuzzing", "stateful")
    wanted = phases or every[:3]
    config = SchemathesisConfig.from_dict(
        {
            "headers": {header: prefix + KEY},
            "continue-on-failure": True,
            "seed": 1,
            "generation": {"max-examples": examples, "deterministic": True},
            "phases": {phase: {"enabled": phase in wanted} for phase in every},
        }
    )
    schema = schemathesis.openapi.from_dict(document(provider), config=config)
    schema.app = app or create_app(Settings(keys=(KEY,), allow_hosts=("localhost", "testserver")))
    outcome = Outcome()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _note(outcome, event)
        elif isinstance(event, events.NonFatalError):
            outcome.errors.append(str(event.info))
        elif isinstance(event, events.FatalError):
            outcome.errors.append(repr(event.exception))
    return outcome


def _note(outcome: Outcome, event: events.ScenarioFinished) -> None:
    cases, calls = event.recorder.cases, event.recorder.interactions
    for key, call in calls.items():
        label = cases[key].value.operation.label if key in cases else str(event.label)
        if call.response is not None:
            outcome.statuses[label, call.response.status_code] += 1
    for key, checks in event.recorder.checks.items():
        label = cases[key].value.operation.label if key in cases else str(event.label)
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                outcome.failures.setdefault(
                    (label, type(failure).__name__), f"{failure.title}: {failure.message}"
                )


@pytest.mark.parametrize("provider", ["ideogram", "aigateway", "lumenfall", "fal"])
def test_every_answer_is_one_of_the_contract(provider: str) -> None:
    outcome = run(provider, 8)
    assert outcome.errors == []
    assert outcome.surprises == {}
    worked = {label for label, status in outcome.statuses if status == 200}
    upscale = {"ideogram": "/upscale", "fal": "/run/fal-ai/ideogram/upscale"}.get(provider, "images/edits")
    assert any(label.endswith(upscale) for label in worked), outcome.statuses


def test_the_queue_keeps_the_contract_from_state_to_state() -> None:
    outcome = run("fal", 8, phases=("stateful",))
    assert outcome.errors == []
    assert outcome.surprises == {}
    asked = {label for label, status in outcome.statuses if status == 200}
    assert "GET /queue/fal-ai/ideogram/requests/{request_id}/status" in asked
    assert "GET /queue/fal-ai/ideogram/requests/{request_id}" in asked


@pytest.mark.torture
@pytest.mark.parametrize("provider", ["ideogram", "aigateway", "lumenfall", "fal"])
def test_every_answer_of_thousands_is_one_of_the_contract(provider: str) -> None:
    outcome = run(provider, 400, phases=("examples", "coverage", "fuzzing", "stateful"))
    assert (outcome.errors, outcome.surprises) == ([], {})


class Liar:
    """The stand-in with a lie in every success of POST /upscale."""

    def __init__(self, lie: str) -> None:
        self._app = create_app(Settings(keys=(KEY,), allow_hosts=("localhost", "testserver")))
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
    outcome = run("ideogram", 5, phases=("examples", "fuzzing"), app=Liar(lie))
    assert {kind for _, kind in outcome.surprises} == {found}


def test_a_server_that_takes_every_key_is_found() -> None:
    app = create_app(Settings(allow_hosts=("localhost", "testserver")))
    outcome = run("ideogram", 5, phases=("examples",), app=app)
    assert {kind for _, kind in outcome.surprises} == {"IgnoredAuth"}
