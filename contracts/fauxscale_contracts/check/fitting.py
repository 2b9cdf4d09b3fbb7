"""Fits a contract's document to the server under test."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.contract.operations import METHODS, Operation
from fauxscale_contracts.contract.schemas import Json
from fauxscale_contracts.profiles.profile import Profile


def is_real(contract: Contract, base_url: str) -> bool:
    """Whether this is the real service, where each call may cost money."""
    host = urlsplit(base_url).hostname
    return any(host == urlsplit(url).hostname for one in contract.operations.values() for url in one.servers)


def fitted(
    profile: Profile, contract: Contract, base_url: str, operations: Sequence[str] = ()
) -> tuple[Json, str]:
    """Fit the contract's document to a server whose clients point to `base_url`; also the URL its paths begin at.

    At the service itself: the operations of that host. Elsewhere: all, below what `base_url` and the paths
    do not share (`…/aigateway/v1` and `/v1/models`). Links to results are left out: their ids are not known.
    """
    split = urlsplit(base_url.rstrip("/"))
    real = is_real(contract, base_url)
    chosen = [
        one
        for one in contract.operations.values()
        if one.name != profile.download and (not operations or one.name in operations)
    ]
    if real:
        chosen = [
            one for one in chosen if any(urlsplit(url).hostname == split.hostname for url in one.servers)
        ]
    paths: Json = {}
    for one in chosen:
        _add_operation(paths, contract.document["paths"][one.path], one, one.real_path if real else one.path)
    url = f"{split.scheme}://{split.netloc}{_above(split, list(paths))}"
    return {**contract.document, "servers": [{"url": url}], "paths": paths}, url


def _add_operation(paths: Json, item: Json, operation: Operation, path: str) -> None:
    shared = {name: value for name, value in item.items() if name not in (*METHODS, "servers")}
    method = operation.method.lower()
    spec = {name: value for name, value in item[method].items() if name != "servers"}
    spec["responses"] = {status: _without_events(answer) for status, answer in spec["responses"].items()}
    if "content" in spec.get("requestBody", {}):
        spec["requestBody"] = {**spec["requestBody"], "content": plain_forms(spec["requestBody"]["content"])}
    paths.setdefault(path, shared)[method] = spec


def plain_forms(contents: Json) -> Json:
    """Return the media types of a request without the rules about which parts of a form go together.

    Schemathesis 4.32 cannot check those for bytes: it stops with "Unsupported type: 'Binary'".
    """
    made: Json = {}
    for media_type, content in contents.items():
        schema: Json = content.get("schema", {})
        if media_type == "multipart/form-data":
            schema = {name: one for name, one in schema.items() if name not in ("not", "dependentRequired")}
        made[media_type] = {**content, "schema": schema} if schema else content
    return made


def _without_events(answer: Json) -> Json:
    """Return an answer without the schema of an event stream: OpenAPI 3.1 cannot describe one event."""
    if "text/event-stream" not in answer.get("content", {}):
        return answer
    return {**answer, "content": {**answer["content"], "text/event-stream": {}}}


def _above(split: SplitResult, paths: list[str]) -> str:
    """Remove from the path of a base URL the end with which the contract's paths begin."""
    segments = split.path.split("/")[1:]
    for start in range(len(segments)):
        shared = "/" + "/".join(segments[start:])
        if any(path.startswith(f"{shared}/") for path in paths):
            return "".join(f"/{one}" for one in segments[:start])
    return split.path
