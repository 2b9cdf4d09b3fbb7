"""A recording made ready to be told again: what was asked, what was answered, where the links in it led."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from starlette.requests import Request

from . import images, redact
from .errors import ApiError
from .forms import Caps, Part
from .multipart import FormReader
from .recording import HarEntry, body_of
from .routing import Match, Routes, host_name

# An address standing in JSON text, with or without its slashes escaped.
LINK = re.compile(r'"https?:\\?/\\?/(?:[^"\\]|\\.)*"')
# What belongs to the connection or to the hour of the recording, not to the answer.
_DROPPED = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "set-cookie",
        "strict-transport-security",
        "transfer-encoding",
        "via",
    }
)


@dataclass(frozen=True, slots=True)
class Result:
    """A recorded picture that an answer links to. `signed`: the link it was under had a query."""

    match: Match
    picture: bytes
    looks: images.Picture
    signed: bool


@dataclass(frozen=True, slots=True)
class Take:
    """One recorded answer. `links` are the addresses in its JSON text: of a picture, or of the API itself."""

    file: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    links: Mapping[str, Result | Match]

    @property
    def results(self) -> list[Result]:
        return [one for one in self.links.values() if isinstance(one, Result)]


class Takes:
    """Answers by what was asked; several to the same question in the order they were given.

    `operations` are those with an answer; `left_out` says of each exchange that cannot be told again why not.
    """

    def __init__(self, entries: Iterable[HarEntry], routes: Routes) -> None:
        self._routes = routes
        self._told: dict[str, list[Take]] = {}
        self.left_out: list[str] = []
        self.operations: set[str] = set()
        found = [(entry, match) for entry in entries if (match := self._where(entry)) is not None]
        self._pictures = {
            (match.provider.name, match.raw): body_of(entry["response"]["content"])
            for entry, match in found
            if match.route and match.route.endpoint.leg == "download" and entry["response"]["status"] == 200
        }
        for entry, match in found:
            self._add(entry, match)

    def __len__(self) -> int:
        return sum(map(len, self._told.values()))

    def to(self, question: str) -> list[Take]:
        """The answers that were given to a question, as `question` words it."""
        return self._told.get(question, [])

    def _where(self, entry: HarEntry) -> Match | None:
        request: dict[str, str] = entry["request"]
        match = self._lead(request["method"], request["url"])
        if match is None or match.route is None:
            self.left_out.append(
                f"{entry['_file']}: no provider answers {request['method']} {request['url']}"
            )
            return None
        return match

    def _lead(self, method: str, url: str) -> Match | None:
        """Where an address leads: on a real host, or below a prefix of ours on any other."""
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

    def _add(self, entry: HarEntry, match: Match) -> None:
        asked, answered = entry["request"], entry["response"]
        if match.route is None or match.route.endpoint.leg == "download":
            return
        split = urlsplit(str(asked["url"]))
        body = body_of(answered["content"])
        try:
            links = self._links(body, split.netloc)
        except LookupError as error:
            self.left_out.append(f"{entry['_file']}: {error.args[0]}")
            return
        headers = [(str(one["name"]).lower(), str(one["value"])) for one in answered["headers"]]
        kept = tuple(pair for pair in headers if pair[0] not in _DROPPED and pair[1].isascii())
        sent = asked.get("postData", {})
        key = question(match, split.query, str(sent.get("mimeType", "")), body_of(sent))
        take = Take(str(entry["_file"]), int(answered["status"]), kept, body, links)
        self._told.setdefault(key, []).append(take)
        self.operations.add(match.route.endpoint.operation)

    def _links(self, body: bytes, origin: str) -> dict[str, Result | Match]:
        """The links of an answer by their JSON text. LookupError: one leads to a picture nobody recorded."""
        links: dict[str, Result | Match] = {}
        for found in LINK.finditer(body.decode(errors="replace")):
            url = str(json.loads(found[0]))
            split = urlsplit(url)
            if split.netloc != origin and host_name(split.netloc) not in self._routes.hosts:
                continue
            match = self._lead("GET", url)
            if match is None or (match.route is None and not match.allowed):
                continue
            if match.route and match.route.endpoint.leg == "download":
                links[found[0]] = self._result(match, bool(split.query))
            else:
                links[found[0]] = match
        return links

    def _result(self, match: Match, signed: bool) -> Result:
        picture = self._pictures.get((match.provider.name, match.raw))
        if picture is None or "id" not in (match.params or {}):
            raise LookupError(f"the picture at {match.raw} was not recorded")
        try:
            return Result(match, picture, images.probe(picture, images.Rules(max_pixels=10**9)), signed)
        except ApiError as error:
            raise LookupError(f"what was recorded at {match.raw} is no picture: {error.reason}") from None


def question(match: Match, query: str, content_type: str, body: bytes) -> str:
    """Names what is asked, the same for requests that mean the same: order of parts, boundaries, spelling
    of JSON and secrets do not count."""
    where = match.route.endpoint.operation if match.route else match.path
    said = "\n".join([where, match.path, redact.text(f"?{query}"), *_content(content_type, body)])
    return hashlib.sha256(said.encode(errors="surrogatepass")).hexdigest()


def _content(content_type: str, body: bytes) -> list[str]:
    if not content_type.startswith("multipart/"):
        return [_plain(body)] if body else []
    reader = FormReader(content_type, replace(Caps(), file=len(body), body=len(body), parts=200, files=100))
    try:
        reader.feed(body)
        return sorted(_words(part) for part in reader.finish(len(body)).parts)
    except ApiError:
        return [_plain(body)]


def _words(part: Part) -> str:
    return f"{part.name}={_plain(part.data)}"


def _plain(data: bytes) -> str:
    """JSON in one spelling, other text as it is, anything else by its hash."""
    try:
        text = redact.text(data.decode())
    except UnicodeDecodeError:
        return hashlib.sha256(data).hexdigest()
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return text
