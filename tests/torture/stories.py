"""Stories: a request, and the ones before it that make what it asks about."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from fauxscale_contracts.contract import multipart
from tests.pictures import picture

from .asked import Ask, Header

# Taken verbatim at every provider, so that one account has them all.
KEY = "lmnfl_key:secret"
ACCOUNT = f"acct_{hashlib.sha256(KEY.encode()).hexdigest()[:12]}"
API = "/__fauxscale/api"
OF = f"{API}/accounts/{ACCOUNT}"
_MARK = re.compile(rb"<<([a-zA-Z_]+)(/[^>]*)?>>")
_MOST_READ = 256 * 1024


@dataclass(frozen=True, slots=True)
class Story:
    """Requests in order; the last is the one that matters.

    `follow`: read what its answer links to as well. `expects`: its status on a fresh server, where that is known.
    """

    name: str
    asks: tuple[Ask, ...]
    follow: bool = False
    expects: int | None = None

    @property
    def last(self) -> Ask:
        return self.asks[-1]

    def write(self) -> bytes:
        """As JSON for people to read: bytes as Latin-1, or in base64 where they are many."""
        asks = [
            {
                "method": ask.method,
                "target": ask.target.decode("latin-1"),
                "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in ask.headers],
                **_written(ask.body),
            }
            for ask in self.asks
        ]
        told = {"name": self.name, "follow": self.follow, "expects": self.expects, "asks": asks}
        return json.dumps(told, indent=1).encode()

    @classmethod
    def read(cls, written: bytes | str) -> Story:
        members = json.loads(written)
        asks = tuple(
            Ask(
                one["method"],
                one["target"].encode("latin-1"),
                tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in one["headers"]),
                base64.b64decode(one["base64"]) if "base64" in one else one["body"].encode("latin-1"),
            )
            for one in members["asks"]
        )
        return cls(members["name"], asks, members["follow"], members["expects"])


def _written(body: bytes) -> dict[str, str]:
    if len(body) > 10_000:
        return {"base64": base64.b64encode(body).decode()}
    return {"body": body.decode("latin-1")}


def filled(ask: Ask, known: Mapping[str, str]) -> Ask:
    """The request with marks such as <<url>> replaced by what answers said before; `<<url/part>>` goes on below it."""

    def fill(found: re.Match[bytes]) -> bytes:
        value = known.get(found[1].decode(), "unknown")
        if found[2]:
            front, mark, query = value.partition("?")
            value = f"{front}{found[2].decode('latin-1')}{mark}{query}"
        return value.encode("latin-1", "replace")

    def fill_in_json(found: re.Match[bytes]) -> bytes:
        return json.dumps(fill(found).decode("latin-1"))[1:-1].encode()

    if b"<<" not in ask.target + ask.body + b"".join(value for _, value in ask.headers):
        return ask
    headers = tuple((name, _MARK.sub(fill, value)) for name, value in ask.headers)
    return at_address(
        Ask(ask.method, _MARK.sub(fill, ask.target), headers, _MARK.sub(fill_in_json, ask.body)),
    )


def at_address(ask: Ask) -> Ask:
    """The request with the address in its target, if it is one, split into Host and path."""
    if not ask.target.startswith((b"http://", b"https://")):
        return ask
    try:
        parts = urlsplit(ask.target.decode("latin-1"))
    except ValueError:
        return ask
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return replace(
        ask.having(b"host", parts.netloc.encode("latin-1")), target=target.encode("latin-1") or b"/"
    )


def told(body: bytes) -> Any:
    """What an answer says in JSON; None where it does not."""
    if not 1 < len(body) <= _MOST_READ or body[:1] not in b"{[":
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def members(value: Any, depth: int = 5) -> Iterator[tuple[str, str]]:
    """Names and values of all texts and numbers of a JSON value."""
    if depth and isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, str | int) and not isinstance(member, bool):
                yield name, str(member)
            else:
                yield from members(member, depth - 1)
    elif depth and isinstance(value, list):
        for one in value[:3]:
            yield from members(one, depth - 1)


def get(target: str, *headers: Header) -> Ask:
    return Ask("GET", target.encode(), (HOST, *headers))


def send(method: str, target: str, body: object = None, *headers: Header) -> Ask:
    """A request with JSON, or with none where there is nothing to say."""
    if body is None:
        return Ask(method, target.encode(), (HOST, *headers))
    return Ask(method, target.encode(), (HOST, _JSON, *headers), json.dumps(body).encode())


def form(target: str, texts: Mapping[str, str], name: str, data: bytes, *headers: Header) -> Ask:
    parts = [multipart.Part(one, data=text.encode()) for one, text in texts.items()]
    kind, body = multipart.join([*parts, multipart.Part(name, "a.png", "image/png", data)])
    return Ask("POST", target.encode(), (HOST, (b"content-type", kind.encode()), *headers), body)


HOST, _JSON = (b"host", b"localhost"), (b"content-type", b"application/json")
FAL, _BEARER = (b"authorization", f"Key {KEY}".encode()), (b"authorization", f"Bearer {KEY}".encode())
_TOKEN = (b"authorization", b"Bearer <<token>>")
_PICTURE = picture("PNG", 6, 4)
_URI = f"data:image/png;base64,{base64.b64encode(_PICTURE).decode()}"

UPLOAD = form(
    "/ideogram/upscale", {"image_request": "{}"}, "image_file", _PICTURE, (b"api-key", KEY.encode())
)
EDIT = form("/lumenfall/v1/images/edits", {"model": "ideogram-upscale"}, "image", _PICTURE, _BEARER)
GENERATE = send(
    "POST",
    "/aigateway/v1/images/generations",
    {"model": "ideogram/ideogram-upscale", "prompt": "a cat", "image_url": _URI},
    _BEARER,
)
RUN = send("POST", "/fal/run/fal-ai/ideogram/upscale", {"image_url": _URI}, FAL)
SUBMIT = send("POST", "/fal/queue/fal-ai/ideogram/upscale", {"image_url": _URI}, FAL)
TOKEN = send("POST", "/fal/rest/storage/auth/token", {}, FAL)
INITIATE = send(
    "POST", "/fal/rest/storage/upload/initiate", {"file_name": "a.png", "content_type": "image/png"}, FAL
)
PARTS = replace(INITIATE, target=b"/fal/rest/storage/upload/initiate-multipart")
PUT = Ask("PUT", b"<<upload_url>>", (HOST, (b"content-type", b"image/png")), _PICTURE)
PUT_PART = replace(PUT, target=b"<<upload_url/1>>")
FAULT = send("POST", f"{OF}/faults", {"fault": "Fail", "status": 503, "on": "ideogram.upscale"})

# Jobs that are not done at once.
SLOW = send("PATCH", f"{OF}/settings", {"options": {"fal.queue_seconds": 60, "fal.run_seconds": 60}})

# What an operation is asked about, by its name in the contracts: the requests before, and its own address.
CHAINS: Mapping[str, tuple[tuple[Ask, ...], str]] = {
    "ideogram.download": ((UPLOAD,), "<<url>>"),
    "aigateway.download": ((GENERATE,), "<<url>>"),
    "lumenfall.download": ((EDIT,), "<<url>>"),
    "lumenfall.request": ((EDIT,), "/lumenfall/v1/requests/<<id>>"),
    "fal.download": ((RUN,), "<<url>>"),
    "fal.status": ((SUBMIT,), "<<status_url>>"),
    "fal.stream": ((SUBMIT,), "<<status_url/stream>>"),
    "fal.result": ((SUBMIT,), "<<response_url>>"),
    "fal.cancel": ((TOKEN, SLOW, SUBMIT), "<<cancel_url>>"),
    "fal.upload": ((TOKEN,), "/fal/media/files/upload"),
    "fal.create_multipart": ((TOKEN,), "/fal/media/files/upload/multipart"),
    "fal.put": ((INITIATE,), "<<upload_url>>"),
    "fal.file": ((INITIATE, PUT), "<<file_url>>"),
    "fal.put_part": ((PARTS,), "<<upload_url/1>>"),
    "fal.complete_multipart": ((PARTS, PUT_PART), "<<upload_url/complete>>"),
}
# Whose key is the token that the request before answered, and whose none: their address is signed.
TOKENS = ("fal.upload", "fal.create_multipart")
SIGNED = ("fal.put", "fal.put_part", "fal.complete_multipart")
PARTS_NAMED = json.dumps({"parts": [{"partNumber": 1, "etag": "<<etag>>"}]}).encode()

# The same for the segments of the control API's paths.
CONTROLLED: Mapping[str, tuple[tuple[Ask, ...], str]] = {
    "{id}": ((TOKEN,), ACCOUNT),
    "{call}": ((UPLOAD,), "call_1"),
    "{number}": ((UPLOAD,), "0"),
    "{job}": ((TOKEN, SLOW, SUBMIT), "<<request_id>>"),
    "{fault}": ((TOKEN, FAULT), "<<id>>"),
}
