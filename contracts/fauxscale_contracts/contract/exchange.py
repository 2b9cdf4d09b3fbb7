"""One call as a value: its request and its reply as they went over the wire."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from fauxscale.redact import Mask

Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A client's request. `url` as requested, `body` as sent, header names in any case."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The value of the first header of that name, or None."""
        return _first(self.headers, name)

    def mask(self) -> Mask:
        """Make a mask for this call's own secrets, anywhere in it."""
        from fauxscale.credentials import secrets
        from fauxscale.redact import Mask

        return Mask(secrets(self.headers, self.url))


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply. `body` without its transfer coding; `Content-Encoding` may have been undone."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The value of the first header of that name, or None."""
        return _first(self.headers, name)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its reply; `reply` is None if there was none.

    `operation` is its stable name, `ideogram.upscale`, if it is known; otherwise a contract finds it by method and
    address. `at` is Unix seconds and `seconds` the duration, both 0 if unknown.
    """

    request: Request
    reply: Reply | None = None
    operation: str = ""
    at: float = 0.0
    seconds: float = 0.0

    @classmethod
    def of(cls, response: object, *, operation: str = "") -> Exchange:
        """Make an exchange from a response of httpx, httpx2 or requests, or from any object like theirs.

        Raises TypeError for other objects, ValueError if the request's body was streamed and is gone.
        """
        answer = cast("Any", response)
        try:
            asked = answer.request
            request = Request(str(asked.method), str(asked.url), _pairs(asked.headers), _body_of(asked))
            reply = Reply(int(answer.status_code), _pairs(answer.headers), bytes(answer.content))
        except AttributeError as error:
            raise TypeError(
                f"{type(response).__name__} is not a response of httpx, httpx2 or requests: {error}"
            ) from None
        return cls(request, reply, operation)

    @classmethod
    def from_har(cls, entry: Mapping[str, Any]) -> Exchange:
        """Make an exchange from one entry of a HAR 1.2 file, ours or a browser's.

        Raises ValueError naming what the entry lacks. Ours marks binary request bodies with `_encoding` (HAR
        defines that for responses only) and keeps the operation in `_operation`.
        """
        try:
            asked, answered = entry["request"], entry["response"]
            request = Request(
                str(asked["method"]),
                str(asked["url"]),
                _har_headers(asked),
                _har_text(asked.get("postData") or {}),
            )
            reply = None
            if int(answered["status"]) > 0:  # Browsers write 0 if there was no reply.
                reply = Reply(
                    int(answered["status"]), _har_headers(answered), _har_text(answered.get("content") or {})
                )
            at = (
                datetime.fromisoformat(entry["startedDateTime"]).timestamp()
                if "startedDateTime" in entry
                else 0.0
            )
            seconds = max(0.0, float(entry.get("time", 0)) / 1000)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not an entry of a HAR file: {type(error).__name__} {error}") from None
        return cls(request, reply, str(entry.get("_operation", "")), at, seconds)

    def to_har(self) -> dict[str, Any]:
        """Write this exchange as an entry of a HAR 1.2 file, secrets of headers, address and text bodies masked."""
        request, reply = self.request, self.reply
        mask = request.mask()
        sent: dict[str, Any] = {
            "method": request.method,
            "url": mask.text(request.url),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _named(mask.headers(request.headers)),
            "queryString": [],
            "headersSize": -1,
            "bodySize": len(request.body),
        }
        if request.body:
            text, encoding = _shown(request.body, mask)
            sent["postData"] = {"mimeType": request.header("content-type") or "", "text": text} | (
                {"_encoding": encoding} if encoding else {}
            )
        body = reply.body if reply else b""
        text, encoding = _shown(body, mask)
        content = {
            "size": len(body),
            "mimeType": (reply and reply.header("content-type")) or "",
            "text": text,
        }
        return {
            "startedDateTime": datetime.fromtimestamp(self.at, UTC).isoformat(),
            "time": self.seconds * 1000,
            "request": sent,
            "response": {
                "status": reply.status if reply else 0,
                "statusText": "",
                "httpVersion": "HTTP/1.1",
                "cookies": [],
                "headers": _named(mask.headers(reply.headers)) if reply else [],
                "content": content | ({"encoding": encoding} if encoding else {}),
                "redirectURL": "",
                "headersSize": -1,
                "bodySize": len(body),
            },
            "cache": {},
            "timings": {"send": 0, "wait": self.seconds * 1000, "receive": 0},
            "_operation": self.operation,
        }


def _first(headers: Headers, name: str) -> str | None:
    wanted = name.lower()
    return next((value for found, value in headers if found.lower() == wanted), None)


def _pairs(headers: Any) -> Headers:
    """Pairs of any library's headers: httpx repeats a name in multi_items(), others join the values."""
    items = headers.multi_items if hasattr(headers, "multi_items") else headers.items
    return tuple((_text(name), _text(value)) for name, value in items())


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _body_of(request: Any) -> bytes:
    if hasattr(request, "read"):  # httpx, httpx2: a multipart body is read again from its files
        try:
            return bytes(request.read())
        except Exception as error:
            raise ValueError(
                f"the body of {request.method} {request.url} was streamed and is gone ({error}); "
                "send bytes instead of an open file, or make the Request yourself"
            ) from error
    body = request.body
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    raise ValueError(
        f"the body of {request.method} {request.url} was streamed from a {type(body).__name__} and is gone; "
        "send bytes, or make the Request yourself"
    )


def _har_headers(message: Mapping[str, Any]) -> Headers:
    return tuple((str(one["name"]), str(one["value"])) for one in message["headers"])


def _har_text(content: Mapping[str, Any]) -> bytes:
    text = content.get("text")
    if text is None:
        if content.get("params"):
            raise ValueError("the HAR entry keeps its form as params only; a body cannot be made of them")
        return b""
    if "base64" in (content.get("encoding"), content.get("_encoding")):
        return base64.b64decode(text)
    return str(text).encode()


def _shown(body: bytes, mask: Mask) -> tuple[str, str]:
    """A body as HAR text: itself, masked, if it is UTF-8; else base64."""
    try:
        return mask.text(body.decode()), ""
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), "base64"


def _named(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]
