"""Every part and every JSON member of every operation of Ideogram, at the edges of its recorded schema and beyond them.

Nothing that the contract refuses is taken, nothing is answered with a status of 5xx, and every answer is one of the
contract. The operations, their parts, members and the edges come from the recorded contracts.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from fauxscale import Settings
from fauxscale.providers.ideogram import v2_describe, v2_images, v2_upscale
from fauxscale.providers.ideogram.asked import RequestBody
from fauxscale_contracts import Contract, Exchange, Request, api_versions, load
from fauxscale_contracts.contract.multipart import Part, join
from fauxscale_contracts.contract.schemas import Document
from tests.calls.ideogram_datasets import Ideogram
from tests.contracts.members import calls as member_calls
from tests.pictures import picture
from tests.stages import Stage, open_stage

PHOTO = Part("", "a.png", "image/png", picture(width=64, height=48))
# What a part of the form has in a good call, where its schema alone does not tell.
GOOD: dict[str, Part | str] = {
    "prompt": "a red cat",
    "image_request": '{"prompt": "a red cat"}',
    "custom_model_uri": "model/my-model/version/1",
    "image_urls": "https://ideogram.ai/api/images/ephemeral/none.png",
    "webhook_url": "http://127.0.0.1:9/hook",
}
# What is read at an address of v2 that names a model: the members of others are unknown there, which its schema, the
# same for all of them, cannot say.
BODIES: Mapping[str, Mapping[str, RequestBody]] = {
    "upscale": {name: one.body for name, one in v2_upscale.MODELS.items()},
    "generate": {name: one.body for name, one in v2_images.GENERATE.items()},
    "remove-background": {name: one.body for name, one in v2_images.REMOVE_BACKGROUND.items()},
    "describe": {name: body for name, (body, _) in v2_describe.MODELS.items()},
}
# What a good call of an operation, or of a model of it, needs though its schema does not say so.
NEEDED = {
    "ideogram.v1_edit": ("images",),
    "ideogram.upload_assets": ("files",),
    "ideogram-3-character": ("character_reference_images",),
    "ideogram-3-custom-model": ("custom_model_uri",),
}
HUGE = "9" * 5_000
TEXTS = (
    "",
    " ",
    "\0",
    "x" * 20_000,
    HUGE,
    "null",
    "true",
    "[]",
    "{}",
    "NaN",
    "1e999",
    "-1",
    "'\"",
    "\u202e猫",
)


@dataclass(frozen=True)
class Form:
    """The form of an operation at one address: its schema, and the parts of a call that is taken."""

    operation: str
    method: str
    path: str
    schema: dict[str, Any]
    document: Document
    good: dict[str, Part]

    def node(self, name: str) -> dict[str, Any]:
        return dict(self.document.resolve(self.schema["properties"][name]))


def is_file(node: dict[str, Any]) -> bool:
    return node.get("format") == "binary" or node.get("items", {}).get("format") == "binary"


def named(name: str, value: Part | str) -> Part:
    """A value as a part of this name."""
    if isinstance(value, str):
        return Part(name, data=value.encode())
    return Part(name, value.filename, value.content_type, value.data)


def usual(name: str, node: dict[str, Any], document: Document) -> Part:
    """A value that a part takes."""
    inner = dict(document.resolve(node.get("items", node)))
    if inner.get("format") == "binary":
        return named(name, PHOTO)
    if name in GOOD:
        return named(name, GOOD[name])
    listed = [*inner.get("enum", []), *inner.get("examples", [])]
    if listed:
        value = listed[0]
    else:
        of_kind = {"boolean": True, "integer": inner.get("minimum", 1), "number": inner.get("minimum", 0.5)}
        value = of_kind.get(inner.get("type", ""), "text")
    return named(name, value if isinstance(value, str) else json.dumps(value))


def forms(contract: Contract) -> Iterator[Form]:
    """Every form of a contract, once for each model that its address may name."""
    document = Document(contract.document)
    for path, item in contract.document["paths"].items():
        for method, operation in item.items():
            content = (
                operation.get("requestBody", {}).get("content", {}) if isinstance(operation, dict) else {}
            )
            if "multipart/form-data" not in content:
                continue
            whole = dict(document.resolve(content["multipart/form-data"]["schema"]))
            models = [
                one["schema"].get("enum") or BODIES["generate"]
                for one in operation.get("parameters", ())
                if one.get("name") == "model" and one.get("in") == "path"
            ]
            for model in models[0] if models else [""]:
                schema = dict(whole)
                if model:
                    body = BODIES[path.split("/")[3]][model]
                    own = [*(one.name for one in body.members), *(one.name for one in body.files)]
                    known = whole["properties"].items()
                    schema["properties"] = {name: one for name, one in known if name in own}
                required = (*schema.get("required", ()), *NEEDED.get(operation["operationId"], ()))
                wanted = dict.fromkeys((*required, *NEEDED.get(model, ())))
                good = {
                    name: usual(name, dict(document.resolve(schema["properties"][name])), document)
                    for name in wanted
                }
                yield Form(
                    operation["operationId"], method, path.replace("{model}", model), schema, document, good
                )


def edges(form: Form, name: str) -> Iterator[Sequence[Part]]:
    """What is sent under the name of a part, good and bad."""
    node = form.node(name)
    fine = usual(name, node, form.document)
    inner = dict(form.document.resolve(node.get("items", node)))
    if is_file(node):
        yield from ([named(name, one)] for one in files(inner))
        yield [fine] * 11
        yield [fine, *([named(name, Part("", "b.png", "image/png", b"junk"))])]
        yield [named(name, Part("", "b.png", "image/png", b"junk")), fine]
        return
    values = [*TEXTS, *(str(one) for one in inner.get("enum", [])[-1:]), *over(inner)]
    yield from ([named(name, value)] for value in values)
    yield [named(name, "NOPE"), fine]
    yield [fine, named(name, "NOPE")]
    yield [fine] * (node.get("maxItems", 11) + 1)
    yield [named(name, PHOTO)]


def over(node: dict[str, Any]) -> Iterator[str]:
    """Texts on both sides of the limits of a schema."""
    for word in node.get("enum", ()):
        yield from (f"{word} ", str(word).swapcase())
        break
    for limit in ("minimum", "maximum"):
        if limit in node:
            yield from (str(node[limit] + step) for step in (-1, 0, 1, 0.5))
    if "maxLength" in node:
        yield from ("x" * (node["maxLength"] + step) for step in (0, 1))
    if node.get("type") in ("integer", "number"):
        yield from ("1e1", "0x1", "1_0", "\N{ARABIC-INDIC DIGIT THREE}", "7 ")


def files(node: dict[str, Any]) -> Iterator[Part]:
    """Files that are pictures, and files that are none."""
    photo = PHOTO.data
    for data in (
        b"",
        b"junk",
        b"GIF89a" + bytes(40),
        photo[:60],
        photo[:-20],
        picture("GIF"),
        picture("BMP"),
    ):
        yield Part("", "a.png", "image/png", data)
    for data in (picture("JPEG"), picture("WEBP"), picture(mode="P"), picture(mode="L", width=1, height=1)):
        yield Part("", "a.bin", "application/octet-stream", data)
    yield Part("", data=photo)
    yield Part("", "a.png", "image/png", photo + bytes(node.get("x-picture", {}).get("maxBytes", 0) + 1))


def calls(form: Form) -> Iterator[list[Part]]:
    """Calls that differ in one part from one that is taken, calls without a part, and calls with two that may not go
    together."""
    for name in form.good:
        yield [part for other, part in form.good.items() if other != name]
    for name in form.schema["properties"]:
        others = [part for other, part in form.good.items() if other != name]
        yield from ([*others, *sent] for sent in edges(form, name))
    for names in excluded(form.schema):
        more = [usual(one, form.node(one), form.document) for one in names if one not in form.good]
        yield [*form.good.values(), *more]


def as_read(form: Form, parts: Sequence[Part]) -> list[Part]:
    """The call as it is taken where the documentation is silent: of a part sent twice the last counts, and one that may
    be left out is left out where it is empty."""
    required = form.schema.get("required", ())
    read: list[Part] = []
    for part in parts:
        if form.node(part.name).get("type") != "array":
            read = [one for one in read if one.name != part.name]
        read.append(part)
    return [one for one in read if one.data or one.name in required]


def excluded(schema: dict[str, Any]) -> Iterable[Sequence[str]]:
    named = [one["required"] for one in schema.get("not", {}).get("anyOf", ()) if "required" in one]
    return [names for names in named if set(names) <= set(schema["properties"])]


pytestmark = pytest.mark.e2e
VERSIONS = api_versions()["ideogram"]
FORMS = {(date, form.path): form for date in VERSIONS for form in forms(load("ideogram", api_version=date))}


@pytest.fixture(scope="module", params=VERSIONS)
def staged(request: pytest.FixtureRequest) -> Iterator[tuple[str, Stage]]:
    for stage in open_stage("in-process", Settings(options={"ideogram.api_version": request.param})):
        yield str(request.param), stage


@pytest.mark.parametrize("path", sorted({path for _, path in FORMS}))
def test_what_the_contract_refuses_is_refused_and_nothing_fails(staged: tuple[str, Stage], path: str) -> None:
    api_version, stage = staged
    form, contract = FORMS[api_version, path], load("ideogram", api_version=api_version)
    account = stage.account()
    ideogram = Ideogram(stage, account)
    ideogram.trained()
    address = stage.base_url("ideogram") + path.replace("{dataset_id}", ideogram.dataset())
    headers = {"Api-Key": account.api_key("ideogram")}

    def send(parts: Sequence[Part]) -> httpx.Response:
        content_type, body = join(parts)
        return stage.http.post(address, content=body, headers={**headers, "Content-Type": content_type})

    good = send([*form.good.values()])
    assert good.status_code == 200, good.text
    wrong: list[str] = []
    for parts in calls(form):
        reply = send(parts)
        exchange = Exchange.of(reply, operation=form.operation)
        content_type, body = join(as_read(form, parts))
        read = replace(
            exchange.request, headers=(*headers.items(), ("Content-Type", content_type)), body=body
        )
        sent = {part.name: part.data[:40] for part in parts}
        wrong += [f"{sent}: {one}" for one in departures(contract, exchange, read)]
    assert wrong == []


def departures(contract: Contract, exchange: Exchange, read: Request) -> Iterator[str]:
    """What is wrong with an answer to a request that is understood as `read`."""
    found = contract.check_request(replace(exchange, request=read))
    refused = [str(one) for one in found if one.severity == "would be rejected"]
    status = exchange.reply.status if exchange.reply else 0
    if status >= 500 or (refused and status < 300):
        yield f"{status}, the contract refuses {refused}"
    yield from map(str, contract.check_response(exchange))


# Values in JSON that no schema lists: as they are written, for Python writes few of them.
MONSTERS = (
    HUGE,
    f"-{HUGE}",
    "1e999",
    "-0.0",
    "NaN",
    "[" * 500 + "]" * 500,
    '{"a": ' * 500 + "1" + "}" * 500,
    f"[{'0,' * 5_000}0]",
    f'"{"x" * 20_000}"',
    '"\\u0000"',
    '"\\ud800"',
    '"\\u202e猫"',
    '{"a": 1, "a": 2}',
)
BODIES_OF_JSON = ("[]", "null", '"text"', "7", "{", '{"a"}', "{} {}", "\ufeff{}", "{'a': 1}", "[" * 5_000)


def members_of(document: Document, node: Any) -> Iterator[tuple[str, ...]]:
    """The path of every member of an object's schema, all the way down."""
    node = document.resolve(node)
    for name, one in node.get("properties", {}).items():
        yield (name,)
        yield from ((name, *inner) for inner in members_of(document, one))


def with_text(good: Any, path: Sequence[str], text: str) -> str:
    """A body in JSON with this text in the place of one member."""
    whole = copy.deepcopy(good)
    holder = whole
    for name in path[:-1]:
        holder = holder.setdefault(name, {})
    holder[path[-1]] = "\0"
    return json.dumps(whole).replace(json.dumps("\0"), text)


JSON_OPERATIONS = {
    (date, one.name): one
    for date in VERSIONS
    for one in load("ideogram", api_version=date).operations.values()
    if "application/json" in one.bodies
}


@pytest.mark.parametrize("name", sorted({name for _, name in JSON_OPERATIONS}))
def test_no_json_member_is_taken_that_the_contract_refuses_and_nothing_fails(
    staged: tuple[str, Stage], name: str
) -> None:
    api_version, stage = staged
    if (api_version, name) not in JSON_OPERATIONS:
        pytest.skip(f"{api_version} has no {name}")
    operation, contract = JSON_OPERATIONS[api_version, name], load("ideogram", api_version=api_version)
    account = stage.account()
    ideogram = Ideogram(stage, account)
    known = {**GOOD, "dataset_id": ideogram.full_dataset(), "model_name": "my model", "model": "ideogram-3"}
    given = {one: value for one, value in known.items() if one in ("dataset_id", "model_name", "model")}
    headers = (("Api-Key", account.api_key("ideogram")),)
    schema = operation.bodies["application/json"].schema
    assert schema is not None
    sent = [*member_calls(operation, given, {})]
    good = next(one for one in sent if one.name == "as recorded")
    bodies = [
        *(
            (f"{'.'.join(path)}={text[:20]}", with_text(json.loads(good.body), path, text))
            for path in members_of(schema.document, schema.node)
            for text in MONSTERS
        ),
        *((text[:20], text) for text in BODIES_OF_JSON),
    ]
    sent += [replace(good, name=label, body=text.encode()) for label, text in bodies]
    wrong: list[str] = []
    for call in sent:
        request = call.request(stage.base_url("ideogram"), *headers)
        reply = stage.http.request(
            request.method, request.url, headers=list(request.headers), content=request.body
        )
        exchange = Exchange.of(reply, operation=name)
        if call is sent[0]:
            assert reply.is_success, reply.text
        wrong += [f"{call.name}: {one}" for one in departures(contract, exchange, exchange.request)]
    assert wrong == []
