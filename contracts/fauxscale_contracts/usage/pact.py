"""Writes what clients use as a Pact of version 4, as far as a Pact can say it: forms by their address only.

The format: https://github.com/pact-foundation/pact-specification/tree/version-4, read 2026-11-22. Requests are
masked, and texts truncated: no key, no signature and no picture gets into the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from fauxscale.redact import Mask
from fauxscale_contracts.contract.exchange import Reply, Request
from fauxscale_contracts.contract.operations import Operation, path_values
from fauxscale_contracts.contract.schemas import Json
from fauxscale_contracts.contract.violations import pointer

_LONGEST = 200
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BY_TYPE: Json = {"combine": "AND", "matchers": [{"match": "type"}]}


def interaction(
    key: str, operation: Operation, request: Request, reply: Reply, user: str, read: Collection[str] | None
) -> Json:
    """Make the interaction of a call, with the members of the answer's JSON that were `read`, or all if that is
    unknown."""
    mask = request.mask()
    return {
        "type": "Synchronous/HTTP",
        "key": key,
        "description": f"{operation.name} answers {reply.status}",
        "pending": False,
        "comments": {"testname": user, "text": _left_out(request)},
        "request": _request(operation, request, mask),
        "response": _response(reply, mask, lambda place: read is None or place in read),
    }


def pact(consumer: str, provider: str, interactions: Iterable[Json]) -> Json:
    """Make the file of one consumer and one provider."""
    return {
        "consumer": {"name": consumer},
        "provider": {"name": provider},
        "interactions": list(interactions),
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }


def _left_out(request: Request) -> list[str]:
    form = (request.header("content-type") or "").lower().startswith("multipart/")
    return ["The form it sends is left out: a Pact cannot say what each of its parts holds."] if form else []


def _request(operation: Operation, request: Request, mask: Mask) -> Json:
    path = operation.real_path
    for name, value in path_values(operation, request.url).items():
        path = path.replace(f"{{{name}}}", value)
    found: Json = {"method": request.method, "path": mask.text(path)}
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(urlsplit(request.url).query, keep_blank_values=True):
        query.setdefault(name, []).append(mask.text(value))
    if query:
        found["query"] = query
    return found | _body(request.header("content-type"), request.body, mask, lambda _: True)


def _response(reply: Reply, mask: Mask, is_read: Callable[[str], bool]) -> Json:
    return {"status": reply.status, **_body(reply.header("content-type"), reply.body, mask, is_read)}


def _body(content_type: str | None, body: bytes, mask: Mask, is_read: Callable[[str], bool]) -> Json:
    """The media type, and the JSON of the body, matched by its types."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if not media_type or media_type.startswith("multipart/"):
        return {}
    found: Json = {"headers": {"Content-Type": [media_type]}}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return found
    kept = _kept(mask.json(value), "/body", is_read)
    rules = dict.fromkeys(_paths(kept, "$"), _BY_TYPE)
    found["body"] = {"content": kept, "contentType": media_type, "encoded": False}
    if rules:
        found["matchingRules"] = {"body": rules}
    return found


def _kept(value: Any, place: str, is_read: Callable[[str], bool]) -> Any:
    """The members that were read, long texts truncated."""
    if isinstance(value, dict):
        members = {name: (place + pointer((name,)), one) for name, one in cast("Json", value).items()}
        return {name: _kept(one, at, is_read) for name, (at, one) in members.items() if is_read(at)}
    if isinstance(value, list):
        return [_kept(one, f"{place}/*", is_read) for one in cast("list[object]", value)]
    return value[:_LONGEST] if isinstance(value, str) else value


def _paths(value: Any, path: str) -> Iterator[str]:
    """The places of values in JSONPath, any item for a list."""
    if isinstance(value, dict):
        for name, one in cast("Json", value).items():
            step = f".{name}" if _PLAIN.fullmatch(name) else f"[{json.dumps(name)}]"
            yield from _paths(one, path + step)
    elif isinstance(value, list):
        yield path
        yield from dict.fromkeys(
            found for one in cast("list[object]", value) for found in _paths(one, f"{path}[*]")
        )
    else:
        yield path
