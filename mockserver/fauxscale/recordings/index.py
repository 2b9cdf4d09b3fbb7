"""Indexes a recording for replay: requests, their recorded replies, and what the links in those returned."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request

from fauxscale import redact
from fauxscale.bodies.form import Caps, Part
from fauxscale.bodies.multipart import FormReader
from fauxscale.bodies.parameters import says_no
from fauxscale.dispatch.routing import Match, Routes
from fauxscale.errors import ApiError
from fauxscale.hosts import host_name
from fauxscale.images.structure import Rules

from .har import HarEntry, body_of

if TYPE_CHECKING:
    from fauxscale.images.probe import Picture

# An address in JSON text, with or without its slashes escaped.
LINK = re.compile(r'"https?:\\?/\\?/(?:[^"\\]|\\.)*"')
# Valid headers (RFC 9110 §5.1, §5.5): browsers also write HTTP/2's `:status`, and several values in one by lines.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
# Headers of the connection or of the time of the recording, not of the answer.
_DROPPED = frozenset(
    {
        "alt-svc",
        "connection",
        "content-encoding",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "set-cookie",
        "strict-transport-security",
        "transfer-encoding",
        "upgrade",
        "via",
    }
)
_BODILESS = (204, 304)
# Where answers of all imitated services list their results, each with a link or bytes in base64.
_LISTS = ("data", "images")
_PICTURES = ("url", "b64_json")


class RecordedResult(Struct, frozen=True):
    """A recorded picture that an answer links to. `signed`: its link had a query."""

    match: Match
    picture: bytes
    probed: Picture
    signed: bool


class RecordedReply(Struct, frozen=True):
    """One recorded answer. `links` are the addresses in its JSON text: of a picture, or of the API itself.

    `paid` is how many results were paid for: 0 for a refusal or an estimate.
    """

    file: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    links: Mapping[str, RecordedResult | Match]
    paid: int


class RecordedReplies:
    """Recorded replies by request; several to the same request in the order recorded.

    `operations` are those with a reply; `left_out` says for each exchange that cannot be replayed why not.
    """

    def __init__(self, entries: Iterable[HarEntry], routes: Routes) -> None:
        self._routes = routes
        self._told: dict[str, list[RecordedReply]] = {}
        self._strangers: dict[str, list[str]] = {}
        self.left_out: list[str] = []
        self.operations: set[str] = set()
        found = [(entry, match) for entry in entries if (match := self._where(entry)) is not None]
        self._pictures: dict[tuple[str, str], bytes] = {}
        for entry, match in found:
            got = entry["request"]["method"] == "GET" and entry["response"]["status"] == 200
            if _kind(match) == "download" and got:
                self._try(entry, match, self._keep)
        for entry, match in found:
            if _kind(match) == "api":
                self._try(entry, match, self._add)
        self.left_out += [_count(file, calls) for file, calls in self._strangers.items()]

    def __len__(self) -> int:
        return sum(map(len, self._told.values()))

    def to(self, question: str) -> list[RecordedReply]:
        """Return the replies to a request, as `question` names it."""
        return self._told.get(question, [])

    def _where(self, entry: HarEntry) -> Match | None:
        """Find the operation of a call; None if no provider has it."""
        method, url = str(entry["request"]["method"]), str(entry["request"]["url"])
        if not method or not url:
            self.left_out.append(f"{_file(entry)}: its request has no {'address' if method else 'method'}")
            return None
        try:
            match = self._lead(method, url)
        except ValueError as error:
            self.left_out.append(f"{_file(entry)}: {_shown(url)} is not an address ({error})")
            return None
        if match is None or match.route is None:
            self._strangers.setdefault(_file(entry), []).append(_shown(f"{method} {url}"))
            return None
        return match

    def _lead(self, method: str, url: str) -> Match | None:
        """Find the route of an address: on a real host, or below a prefix of ours on any. ValueError: no address."""
        split = urlsplit(url)
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(split.path),
            "raw_path": split.path.encode(),
            "query_string": split.query.encode(),
            "headers": [(b"host", split.netloc.encode("latin-1", "replace"))],
        }
        return self._routes.find(Request(scope))

    def _try(self, entry: HarEntry, match: Match, take: Callable[[HarEntry, Match], None]) -> None:
        """Add an exchange, or note why it cannot be replayed."""
        try:
            take(entry, match)
        except LookupError as error:
            self.left_out.append(f"{_file(entry)}: {_shown(error.args[0])}")

    def _keep(self, entry: HarEntry, match: Match) -> None:
        self._pictures[match.provider.name, match.raw] = _bytes(entry["response"]["content"])

    def _add(self, entry: HarEntry, match: Match) -> None:
        asked, answered = entry["request"], entry["response"]
        assert match.route is not None  # links to nothing were left out before
        status = int(answered["status"])
        if not 200 <= status <= 599:
            raise LookupError(f"it has no answer: its status is {status}")
        if asked["method"] == "HEAD":
            raise LookupError("what answers a HEAD has no body to tell")
        split = urlsplit(str(asked["url"]))
        body = b"" if status in _BODILESS else _bytes(answered["content"])
        links = self._links(body, split.netloc)
        sent = asked.get("postData", {})
        accept = next((one["value"] for one in asked["headers"] if one["name"].lower() == "accept"), "")
        key = question(match, split.query, str(sent.get("mimeType", "")), _bytes(sent), accept)
        headers = _headers(answered["headers"])
        pictures = sum(isinstance(one, RecordedResult) for one in links.values())
        paid = _paid(split.query, dict(headers), body, pictures) if status < 300 else 0
        self._told.setdefault(key, []).append(RecordedReply(_file(entry), status, headers, body, links, paid))
        self.operations.add(match.route.endpoint.operation)

    def _links(self, body: bytes, origin: str) -> dict[str, RecordedResult | Match]:
        """Find the links in a reply's JSON. LookupError: one is to a picture that was not recorded."""
        links: dict[str, RecordedResult | Match] = {}
        for found in LINK.finditer(body.decode(errors="replace")):
            try:
                url = str(json.loads(found[0]))
                split = urlsplit(url)
                match = self._lead("GET", url)
            except ValueError:
                continue  # it looks like an address, but is none
            if split.netloc != origin and host_name(split.netloc) not in self._routes.hosts:
                continue
            if match is None or (match.route is None and not match.allowed):
                continue
            if match.route and match.route.endpoint.kind == "download":
                links[found[0]] = self._result(match, bool(split.query))
            else:
                links[found[0]] = match
        return links

    def _result(self, match: Match, signed: bool) -> RecordedResult:
        picture = self._pictures.get((match.provider.name, match.raw))
        if picture is None or "id" not in (match.params or {}):
            raise LookupError(f"the picture at {match.raw} was not recorded")
        try:
            from fauxscale.images.probe import probe  # Pillow: loaded with the first picture

            return RecordedResult(match, picture, probe(picture, Rules(max_pixels=10**9)), signed)
        except ApiError as error:
            raise LookupError(f"what was recorded at {match.raw} is not a picture: {error.reason}") from None


def _kind(match: Match) -> str:
    return match.route.endpoint.kind if match.route else ""


def _file(entry: HarEntry) -> str:
    return _shown(str(entry["_file"]))


def _shown(text: str) -> str:
    """Show untrusted text on one line, without secrets."""
    plain = "".join(one if one.isprintable() else "?" for one in redact.text(text[:1000]))
    return plain if len(plain) <= 200 else f"{plain[:199]}…"


def _count(file: str, calls: Sequence[str]) -> str:
    """Count the calls in a file that were not to a provider: a browser records everything a page does."""
    if len(calls) == 1:
        return f"{file}: no provider answers {calls[0]}"
    return f"{file}: no provider answers {len(calls)} of its calls, such as {calls[0]}"


def _bytes(body: Mapping[str, object]) -> bytes:
    """Read the bytes of a body. LookupError: they are missing."""
    try:
        return body_of(body)
    except ValueError:
        raise LookupError("a body is called base64, and is not") from None


def _headers(pairs: Iterable[Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    """Select the headers that belong to the reply and can be sent again."""
    plain = [(one["name"].lower(), one["value"].strip()) for one in pairs]
    return tuple(
        (name, value)
        for name, value in plain
        if name not in _DROPPED and _NAME.fullmatch(name) and _VALUE.fullmatch(value)
    )


def _paid(query: str, headers: Mapping[str, str], body: bytes, pictures: int) -> int:
    """Count the paid results of a success: those listed, or so many `pictures`, and one for a job to come. A gateway's
    estimates (Lumenfall's `?dryRun=true`) are free, and so is what it says cost nothing (AIgateway's X-Cost-Cents, with
    a user's own key)."""
    dry = not says_no(parse_qs(query).get("dryRun", ["false"])[0])
    try:
        free = float(headers.get("x-cost-cents", "1")) == 0
        said: object = json.loads(body)
    except (ValueError, RecursionError):
        said, free = None, False
    answer = cast("dict[str, object]", said) if isinstance(said, dict) else {}
    if dry or free or answer.get("estimated") is True:
        return 0
    lists = [cast("list[object]", found) for name in _LISTS if isinstance(found := answer.get(name), list)]
    return max([1, pictures, *(sum(map(_is_result, found)) for found in lists)])


def _is_result(value: object) -> bool:
    return isinstance(value, dict) and any(name in value for name in _PICTURES)


def question(match: Match, query: str, content_type: str, body: bytes, accept: str = "") -> str:
    """Name a request, the same for equivalent ones: order of parts, boundaries, spelling of JSON and secrets do not
    count. `accept` counts if an operation answers with a picture: there it decides the format."""
    where = match.route.endpoint.operation if match.route else match.path
    chooses = match.route is not None and match.route.endpoint.answers == "picture"
    wanted = [accept.lower()] if chooses else []
    said = "\n".join([where, match.path, redact.text(f"?{query}"), *wanted, *_content(content_type, body)])
    return hashlib.sha256(said.encode(errors="surrogatepass")).hexdigest()


def _content(content_type: str, body: bytes) -> list[str]:
    if not content_type.startswith("multipart/"):
        return [_plain(body)] if body else []
    caps = replace(Caps(), file=len(body), body=len(body), parts=200, files=100)
    try:
        reader = FormReader(content_type, caps)
        reader.feed(body)
        return sorted(_part_text(part) for part in reader.finish(len(body)).parts)
    except ApiError:
        return [_plain(body)]


def _part_text(part: Part) -> str:
    return f"{part.name}={_plain(part.data)}"


def _plain(data: bytes) -> str:
    """Normalize a body: JSON in one spelling, other text unchanged, anything else by its hash."""
    try:
        text = redact.text(data.decode())
    except UnicodeDecodeError:
        return hashlib.sha256(data).hexdigest()
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return text
