"""Schemathesis asks a stand-in everything that a contract allows, and much that it does not.

Two ways with pictures, for schemathesis 4.32 has no third. `run` lends it pictures for every `format: binary`: all
phases work, but a part's label and its bytes may disagree. `python -m tests.contracts.asking PROVIDER EXAMPLES PATH...`
registers a strategy for each media type: label, name and bytes agree, but the coverage phase then empties every other
part, so it stays off, and calls that break the contract are left to the first way. What is registered counts for the
whole process: hence a process of its own.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.engine import events, from_schema, recorder
from schemathesis.openapi.checks import RejectedPositiveData
from starlette.types import ASGIApp

from fauxscale import Settings, create_app
from fauxscale.observer import Observation
from fauxscale_contracts import Contract, Exchange, Request, images, load
from fauxscale_contracts.check.fitting import plain_forms
from fauxscale_contracts.conform.sample_images import picture
from fauxscale_contracts.contract.bodies import picture_as_text
from fauxscale_contracts.contract.image_headers import MEDIA_TYPES
from fauxscale_contracts.profiles.installed import profile

# Taken verbatim at every provider; all other keys are refused, so that a stand-in that ignores keys is found out.
KEY = "lmnfl_key:secret"
SETTINGS = Settings(keys=(KEY,), allow_hosts=("localhost", "testserver"))


@dataclass
class Outcome:
    """What a run saw: every failure by operation and kind, statuses by operation, errors of the run.

    `breaches`: what the contract's own checks have against calls that were taken.
    """

    failures: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    statuses: dict[str, int] = field(default_factory=dict[str, int])
    errors: list[str] = field(default_factory=list[str])
    breaches: list[str] = field(default_factory=list[str])

    @property
    def worked(self) -> list[str]:
        """The operations that answered 200."""
        return [name.removesuffix(" 200") for name in self.statuses if name.endswith(" 200")]


def run(
    provider: str,
    examples: int,
    phases: tuple[str, ...],
    app: ASGIApp | None = None,
    paths: tuple[str, ...] = (),
) -> Outcome:
    """Every operation of a provider, or those of some paths; pictures are drawn without regard to labels."""
    schemathesis.openapi.format("binary", images(largest=4))
    return _ask(provider, examples, phases, app or create_app(SETTINGS), document(provider, paths))


def run_labelled(provider: str, examples: int, paths: tuple[str, ...]) -> Outcome:
    """Pictures that are what they are labelled as, and calls the contract's own checks are asked about too.

    Only for a process of its own: see above.
    """
    for name in ("PNG", "JPEG", "WEBP"):
        schemathesis.openapi.media_type(MEDIA_TYPES[name], images([name], largest=4))
    taken: list[Observation] = []
    asked = document(provider, paths)
    _label(asked)
    app = create_app(SETTINGS, observer=taken.append)
    outcome = _ask(provider, examples, ("fuzzing",), app, asked, mode="positive")
    contract = load(provider)
    for call in taken:
        if call.status is not None and call.status < 300:
            request = Request(call.method, call.url, call.headers, call.body)
            for violation in contract.check_request(Exchange(request, operation=call.operation)):
                outcome.breaches.append(f"{call.operation}: {violation}")
    return outcome


def refusals(contract: Contract, operation: str, sent: recorder.Request) -> list[str]:
    """What the contract's own checks refuse of a call as it went over the wire, as JSON pointers.

    They judge what Schemathesis cannot: parts that exclude each other, a list that is no part at all, the bytes of a
    picture.
    """
    headers = tuple((name, value) for name, values in sent.headers.items() for value in values)
    request = Request(sent.method, sent.uri, headers, sent.body or b"")
    found = contract.check_request(Exchange(request, operation=operation))
    return [violation.pointer for violation in found if violation.severity == "would be rejected"]


def document(provider: str, paths: tuple[str, ...] = ()) -> dict[str, Any]:
    """The contract as schemathesis can read it: one server, pictures in JSON that are some, links between jobs.

    `paths` are those that are asked for; none means all.
    """
    made: dict[str, Any] = _readable(copy.deepcopy(load(provider).document))
    made["paths"] = {path: item for path, item in made["paths"].items() if path in (paths or made["paths"])}
    made["servers"] = [{"url": f"http://localhost/{provider}"}]
    for operations in made["paths"].values():
        for one in operations.values():
            if isinstance(one, dict) and "requestBody" in one:
                one["requestBody"]["content"] = plain_forms(one["requestBody"]["content"])
    for form in _forms(made):
        # Only addresses on this machine are notified, which JSON Schema cannot say.
        form["schema"].get("properties", {}).pop("webhook_url", None)
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


def _label(document: dict[str, Any]) -> None:
    """Say of every picture in a form what it may be labelled: schemathesis draws by label. Name models that there
    are, for of others no picture is looked at, and no parts that there are not: twenty is all that is read."""
    for form in _forms(document):
        members = form["schema"]["properties"]
        form["schema"]["additionalProperties"] = False
        for name, schema in members.items():
            if "x-picture" in schema:
                labels = ", ".join(MEDIA_TYPES[one] for one in schema["x-picture"]["formats"])
                form.setdefault("encoding", {})[name] = {"contentType": labels}
        if "examples" in members.get("model", {}):
            members["model"] = {"type": "string", "enum": members["model"]["examples"]}
    for schema in document["components"]["schemas"].values():
        if schema.get("x-unknown") == "ignored":
            schema["additionalProperties"] = False


def _forms(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in document["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "requestBody" in operation:
                yield from (
                    form
                    for kind, form in operation["requestBody"]["content"].items()
                    if kind.startswith("multipart/")
                )


def _ask(
    provider: str,
    examples: int,
    phases: tuple[str, ...],
    app: ASGIApp,
    asked: dict[str, Any],
    *,
    mode: str = "all",
) -> Outcome:
    header, prefix = profile(provider).key_header
    every = ("examples", "coverage", "fuzzing", "stateful")
    config = SchemathesisConfig.from_dict(
        {
            "headers": {header: prefix + KEY},
            "continue-on-failure": True,
            "seed": 1,
            "generation": {"max-examples": examples, "deterministic": True, "mode": mode},
            "phases": {phase: {"enabled": phase in phases} for phase in every},
        }
    )
    schema = schemathesis.openapi.from_dict(asked, config=config)
    schema.app = app
    outcome, contract = Outcome(), load(provider)
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _note(outcome, event, contract)
        elif isinstance(event, events.NonFatalError):
            outcome.errors.append(str(event.info))
        elif isinstance(event, events.FatalError):
            outcome.errors.append(repr(event.exception))
    return outcome


def _note(outcome: Outcome, event: events.ScenarioFinished, contract: Contract) -> None:
    cases, calls = event.recorder.cases, event.recorder.interactions
    for key, call in calls.items():
        if call.response is not None:
            label = cases[key].value.operation.label if key in cases else str(event.label)
            name = f"{label} {call.response.status_code}"
            outcome.statuses[name] = outcome.statuses.get(name, 0) + 1
    for key, checks in event.recorder.checks.items():
        label = cases[key].value.operation.label if key in cases else str(event.label)
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                told = f"{failure.title}: {failure.message}"
                if isinstance(failure, RejectedPositiveData | AcceptedNegativeData):
                    operation = cases[key].value.operation.definition.raw["operationId"]
                    refused = refusals(contract, operation, calls[key].request)
                    if bool(refused) == isinstance(failure, RejectedPositiveData):
                        # Stand-in and contract are of one mind: what went out is not what Schemathesis meant.
                        continue
                    told = _disagreement(calls[key], refused)
                seen = outcome.failures.setdefault(f"{label} {type(failure).__name__}", [])
                if told not in seen:
                    seen.append(told)


def _disagreement(call: recorder.Interaction, refused: list[str]) -> str:
    """One line for a call that one of stand-in and contract takes: its path, what is refused of it, which parts of its
    form are empty, the answer."""
    path, what = urlsplit(call.request.uri).path, " ".join(sorted(refused)) or "nothing"
    empty = re.findall(rb'name="(\w+)"\r\n(?:[^\r]+\r\n)*\r\n\r\n--', call.request.body or b"")
    if empty:
        what += f" (empty: {b' '.join(sorted(set(empty))).decode()})"
    answer = "" if call.response is None else call.response.content[:300].decode(errors="replace")
    return f"{path}: the contract refuses {what}: {answer}"


if __name__ == "__main__":
    print(json.dumps(asdict(run_labelled(sys.argv[1], int(sys.argv[2]), tuple(sys.argv[3:])))))
