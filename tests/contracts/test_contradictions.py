"""What the stand-in takes, no contract calls rejected; and what it refuses, no contract calls fine."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from fauxscale import Settings, create_app
from fauxscale.clock import iso, wall
from fauxscale.settings import Scalar, Terms
from fauxscale_contracts import Contract, Exchange, Reply, load
from fauxscale_contracts.contract.bodies import picture_as_text
from fauxscale_contracts.contract.multipart import Part, join
from fauxscale_contracts.contract.operations import Operation
from fauxscale_contracts.contract.schemas import Json
from fauxscale_contracts.profiles.installed import profile
from tests.contracts.members import SMALL, Call, calls

# Statuses that say: this request is not one I take. Others are about the key, the wallet, or what is not there.
REFUSED = (400, 413, 415, 422)
# What no schema can say, as of 2026-11-22, by operation: regular expressions that a contradiction is searched for.
_NOTICES = "Webhook URL is not allowed"  # they go to addresses on this machine alone
_UNTRAINED = "No custom model of this URI is ready for generation"
ALLOWED: Mapping[str, Sequence[str]] = {
    **{
        f"ideogram.v3_{name}": [_UNTRAINED]
        for name in ("generate", "generate_transparent", "inpaint", "edit", "remix")
    },
    # That one of two lists is needed is inferred, so that no contract promises it. The others are of links of
    # Ideogram's own, which no schema can tell from others.
    "ideogram.v1_edit": [
        "At least one image is required",
        "Failed to download the image",
        "Could not read a source",
    ],
    "ideogram.v2_upscale": [_NOTICES],
    "ideogram.v2_generate": [_NOTICES],
    # JSON Schema cannot say that one time comes after another.
    "ideogram.v2_usage": ["start_time must be before end_time"],
    "fal.submit": [r"^[?]fal_webhook=https://"],
    "fal.cancel": ["ALREADY_COMPLETED"],
    # No such part was uploaded.
    "fal.complete_multipart": [r"^body.parts(\[|: [34])"],
}
File = tuple[str, bytes, str]
KEY = "lmnfl_key:secret"  # taken verbatim at every provider
PICTURE: File = ("a.png", SMALL, "image/png")


class Stand:
    """A stand-in of one API version, and what earlier calls of an account gave out there."""

    def __init__(self, http: httpx.AsyncClient, contract: Contract) -> None:
        self._http, self.contract = http, contract
        self.base = f"{http.base_url}/{contract.provider}"
        name, prefix = profile(contract.provider).key_header
        self.key = (name, prefix + KEY)

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Make a call that succeeds."""
        url = path if "://" in path else self.base + path
        answer = await self._http.request(method, url, headers=dict([self.key]), **more)
        return answer.raise_for_status()

    async def contradiction(self, operation: Operation, call: Call) -> str:
        """A line for a call that stand-in and contract judge otherwise, "" for one that they agree about."""
        exchange = Exchange(call.request(self.base, self.key), operation=operation.name)
        found = self.contract.check_request(exchange)
        answer = await self._sent(exchange)
        grave = [str(one) for one in found if one.severity == "would be rejected"]
        if answer.status < 300 and grave:
            return f"{call.name}: taken with {answer.status}, {grave[0]}"
        # Where the contract has no success, it calls nothing fine.
        succeeds = any(status.startswith("2") for status in operation.answers)
        if answer.status in REFUSED and succeeds and all(one.severity == "ignored" for one in found):
            said = answer.body[:200].decode(errors="replace")
            return f"{call.name}: {'ignored' if found else 'fine'}, refused with {answer.status}: {said}"
        return ""

    async def _sent(self, exchange: Exchange) -> Reply:
        request = exchange.request
        headers = [(name.encode(), value.encode()) for name, value in request.headers]
        answer = await self._http.request(request.method, request.url, headers=headers, content=request.body)
        assert answer.status_code < 500, (request.url, answer.text)
        if exchange.operation == "fal.submit" and answer.is_success:
            # What is wrong with the input shows at the result.
            answer = await self._http.get(answer.json()["response_url"], headers=dict([self.key]))
        return Reply(answer.status_code, (), answer.content)


async def of_ideogram(stand: Stand) -> Mapping[str, Mapping[str, Any]]:
    dataset = (await stand.ask("POST", "/datasets", json={"name": "cats"})).json()["dataset_id"]
    await stand.ask("POST", f"/datasets/{dataset}/upload_assets", files={"files": PICTURE})
    wanted = {"dataset_id": dataset, "model_name": "My model"}
    model = (await stand.ask("POST", "/v1/ideogram-v3/train-model", json=wanted)).json()["model_id"]
    upscaled = (await stand.ask("POST", "/v2/image/upscale/auto", files={"image": PICTURE})).json()
    link = upscaled["data"][0]["url"]
    return {
        "ideogram.download": _of_link(link),
        "ideogram.dataset": {"dataset_id": dataset},
        "ideogram.upload_assets": {"dataset_id": dataset},
        "ideogram.train_model": wanted,
        "ideogram.model": {"model_id": model},
        "ideogram.v1_edit": {"images": [""]},
        "ideogram.v2_poll": {"generation_id": upscaled["generation_id"]},
        "ideogram.v2_usage": {"start_time": iso(wall() - 7200).replace(" ", "T")},
    }


async def of_gateway(stand: Stand) -> Mapping[str, Mapping[str, Any]]:
    provider = stand.contract.provider
    model = {"aigateway": "ideogram/ideogram-upscale", "lumenfall": "ideogram-upscale"}[provider]
    path = {"aigateway": "/v1/images/edits", "lumenfall": "/openai/v1/images/edits"}[provider]
    answer = await stand.ask("POST", path, data={"model": model, "prompt": "a cat"}, files={"image": PICTURE})
    request = {"id": answer.headers.get("x-lumenfall-request-id", "")}
    return {
        f"{provider}.download": _of_link(answer.json()["data"][0]["url"]),
        "lumenfall.request": request,
        "lumenfall.payloads": request,
    }


async def of_fal(stand: Stand) -> Mapping[str, Mapping[str, Any]]:
    model = {"image_url": picture_as_text(SMALL, "image/png")}
    run = (await stand.ask("POST", "/run/fal-ai/ideogram/upscale", json=model)).json()
    done = (await stand.ask("POST", "/queue/fal-ai/ideogram/upscale", json=model)).json()["request_id"]
    named = {"file_name": "a.png", "content_type": "image/png"}
    file = (await stand.ask("POST", "/rest/storage/upload/initiate", json=named)).json()
    await stand.ask("PUT", file["upload_url"], content=SMALL)
    place = _of_file(file["upload_url"])
    parts = (await stand.ask("POST", "/rest/storage/upload/initiate-multipart", json=named)).json()[
        "upload_url"
    ]
    address, _, query = parts.partition("?")
    part = {**_of_file(parts), "upload": address.rpartition("/")[2], "part": 1}
    piece = (await stand.ask("PUT", f"{address}/1?{query}", content=SMALL)).json()
    asked = {"request_id": done}
    return {
        **dict.fromkeys(("fal.status", "fal.stream", "fal.result", "fal.cancel"), asked),
        "fal.put": place,
        "fal.file": place,
        "fal.put_part": part,
        "fal.complete_multipart": {**part, "parts": [piece]},
        "fal.download": _of_link(run["images"][0]["url"]),
    }


def _of_link(link: str) -> dict[str, str]:
    split = urlsplit(link)
    *_, shard, name = split.path.split("/")
    stem, _, ext = name.rpartition(".")
    return {"shard": shard, "id": stem, "ext": ext, **dict(parse_qsl(split.query))}


def _of_file(link: str) -> dict[str, str]:
    split = urlsplit(link)
    shard, name = split.path.partition("/files/b/")[2].split("/")[:2]
    return {"shard": shard, "name": name, **dict(parse_qsl(split.query))}


KNOWN: Mapping[str, Callable[[Stand], Awaitable[Mapping[str, Mapping[str, Any]]]]] = {
    "ideogram": of_ideogram,
    "aigateway": of_gateway,
    "lumenfall": of_gateway,
    "fal": of_fal,
}


async def contradictions(provider: str, api_version: str) -> tuple[dict[str, list[str]], int]:
    """Every contradiction by operation, and how many calls were made."""
    contract = load(provider, api_version=api_version)
    others = [
        load(provider, api_version=one) for one in profile(provider).api_versions() if one != api_version
    ]
    options: dict[str, Scalar] = {
        "ideogram.training_images": 1,
        **({f"{provider}.api_version": api_version} if others else {}),
    }
    app = create_app(Settings(options=options, terms=Terms(rate_limit=1_000_000, in_flight=1_000)))
    found: dict[str, list[str]] = {}
    count = 0
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost", timeout=60
    ) as http:
        stand = Stand(http, contract)
        known = await KNOWN[provider](stand)
        for operation in contract.operations.values():
            own = _members_of([contract], operation.name).keys()
            more = {
                name: node for name, node in _members_of(others, operation.name).items() if name not in own
            }
            for call in calls(operation, known.get(operation.name, {}), more):
                count += 1
                if line := await stand.contradiction(operation, call):
                    found.setdefault(operation.name, []).append(line)
    return found, count


def _members_of(contracts: Sequence[Contract], name: str) -> dict[str, Json]:
    """The members of an operation's bodies, by name."""
    schemas = [
        content.schema
        for contract in contracts
        if name in contract.operations
        for content in contract.operations[name].bodies.values()
        if content.schema is not None
    ]
    return {
        member: one.document.resolve(node)
        for one in schemas
        for member, node in one.node.get("properties", {}).items()
    }


pytestmark = pytest.mark.e2e  # thousands of calls, a minute and more for each contract
VERSIONS = [
    (provider, version)
    for provider in ("ideogram", "aigateway", "lumenfall", "fal")
    for version in profile(provider).api_versions()
]


@pytest.mark.parametrize(("provider", "api_version"), VERSIONS)
def test_stand_in_and_contract_never_contradict_each_other(provider: str, api_version: str) -> None:
    found, count = asyncio.run(contradictions(provider, api_version))
    surprising = {
        name: [one for one in told if not any(re.search(each, one) for each in ALLOWED.get(name, ()))]
        for name, told in found.items()
    }
    assert {name: told for name, told in surprising.items() if told} == {}
    assert count > 500


# Of a member that only API version 2026-10 has, inside another: a service of 2026-04 ignores it.
MAGIC_VERSIONS: tuple[object, ...] = (
    None,
    True,
    0,
    1.5,
    "",
    "V_0",
    "V_0_8",
    "V_0_9",
    "v_0",
    " V_0",
    [],
    ["V_0"],
    {},
    "x" * 5_000,
)


def _with_magic_version(path: str, value: object) -> Call:
    asked = {"prompt": "a cat", "magic_prompt_version": value}
    label, body = "application/json", json.dumps({"image_request": asked}).encode()
    if path != "/generate":
        request = Part("image_request", data=json.dumps(asked).encode())
        label, body = join([request, Part("image_file", "a.png", "image/png", SMALL)])
    return Call(repr(value)[:40], "post", path, headers=(("Content-Type", label),), body=body)


@pytest.mark.parametrize("path", ["/upscale", "/remix", "/generate"])
@pytest.mark.parametrize("api_version", profile("ideogram").api_versions())
def test_a_member_of_the_later_api_version_inside_another_is_judged_alike(
    api_version: str, path: str
) -> None:
    app = create_app(Settings(options={"ideogram.api_version": api_version}))
    contract = load("ideogram", api_version=api_version)
    operation = contract.operations[f"ideogram.{path[1:]}"]

    async def told() -> list[str]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            stand = Stand(http, contract)
            asked = [_with_magic_version(path, value) for value in MAGIC_VERSIONS]
            return [line for call in asked if (line := await stand.contradiction(operation, call))]

    assert asyncio.run(told()) == []
