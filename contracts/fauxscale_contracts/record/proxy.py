"""Records what passes through a proxy: each exchange as HAR, its pictures by hash, no secrets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from starlette.requests import ClientDisconnect
from starlette.requests import Request as Asked
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from fauxscale import credentials, redact
from fauxscale.errors import FauxscaleError
from fauxscale.recordings.har import Recording
from fauxscale_contracts.contract.exchange import Exchange, Headers, Reply, Request
from fauxscale_contracts.contract.operations import Operation
from fauxscale_contracts.contract.violations import Violation
from fauxscale_contracts.profiles.contract_index import ContractIndex, Match

# Headers of one connection instead of the call, and those that the client library writes by itself.
_HOP = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
Tell = Callable[[str], None]


class UpstreamError(FauxscaleError):
    """Raised if the service could not be recorded: it redirected, stalled, or did not answer. Says what to do."""


class Recorder:
    """The proxy, an ASGI application. `tell` gets one line for each exchange and for each problem with it.

    `failures` counts the calls that could not be recorded.
    """

    def __init__(
        self,
        upstream: str,
        recording: Recording,
        tell: Tell,
        *,
        contracts: ContractIndex | None = None,
        timeout: float = 120.0,
        client: httpx.AsyncClient | None = None,
        keep: Iterable[str] = (),
    ) -> None:
        """`keep`: names of headers to keep besides the well-known ones and the contract's."""
        self._keep_headers = {name.lower() for name in keep}
        self._upstream = upstream.rstrip("/")
        self._recording = recording
        self._tell = tell
        self._contracts = contracts or ContractIndex()
        self._timeout = timeout
        self._client = client or httpx.AsyncClient(timeout=timeout)
        self.recorded = 0
        self.failures = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await self._client.aclose()
            await send({"type": "lifespan.shutdown.complete"})
            return
        try:
            response = await self._answer(Asked(scope, receive))
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, asked: Asked) -> Response:
        split = urlsplit(str(asked.url))
        url = self._upstream + split.path + (f"?{split.query}" if split.query else "")
        headers = tuple(pair for pair in asked.headers.items() if pair[0] not in _HOP)
        request = Request(asked.method, url, headers, await asked.body())
        secrets = credentials.secrets(headers)
        try:
            exchange = await self._ask(request)
            match = await self._keep(exchange, secrets)
            await self._keep_pictures(exchange, match, secrets)
        except UpstreamError as error:
            self.failures += 1
            self._tell(f"not recorded: {redact.text(str(error), secrets)}")
            return JSONResponse({"error": "not recorded", "message": str(error)}, 502)
        reply = exchange.reply
        assert reply is not None  # _ask raises if there is none
        response = Response(reply.body, reply.status)
        for name, value in reply.headers:
            if name.lower() not in _HOP:
                # Starlette writes Latin-1: other letters leave as the UTF-8 bytes they came as.
                response.headers.append(name, value.encode().decode("latin-1"))
        if request.method == "HEAD":  # the length is that of the body, which is left out
            del response.headers["content-length"]
            if length := reply.header("content-length"):
                response.headers["content-length"] = length
        return response

    async def _ask(self, request: Request, *, follow: bool = False) -> Exchange:
        """Send a request on; a redirect is an error unless it is to be followed."""
        at = self._recording.now()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        place = request.url.partition("?")[0]
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._client.request(
                    request.method,
                    request.url,
                    headers=list(request.headers),
                    content=request.body,
                    follow_redirects=follow,
                )
        except (TimeoutError, httpx.TimeoutException):
            raise UpstreamError(
                f"{request.method} {place} gave no complete reply within {self._timeout:g} s; --timeout allows more"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UpstreamError(f"{request.method} {place} failed: {error or type(error).__name__}") from None
        if answer.is_redirect and not follow:
            target = answer.headers.get("location", "nowhere")
            raise UpstreamError(
                f"{request.method} {place} was redirected to {target}: is --upstream spelled as there?"
            )
        reply = Reply(answer.status_code, _undone(request.method, answer), answer.content)
        return Exchange(request, reply, at=at, seconds=loop.time() - begun)

    async def _keep(self, exchange: Exchange, secrets: list[str]) -> Match | None:
        """Write an exchange, and name it; None if no contract has it."""
        match = self._contracts.find(exchange.request.method, exchange.request.url)
        if match is not None:
            exchange = replace(exchange, operation=match.operation.name)
        keep = self._keep_headers | (_headers_of(match.operation) if match else set[str]())
        await asyncio.to_thread(self._write, exchange, secrets, keep)
        mask = redact.Mask(secrets)
        for line in _report(exchange, match):
            self._tell(mask.text(line))
        return match

    async def _keep_pictures(self, exchange: Exchange, match: Match | None, secrets: list[str]) -> None:
        """Write the pictures that an answer links to, as separate calls; links in those are not followed."""
        for url in self._pictures(exchange, match):
            try:
                picture = await self._ask(Request("GET", url), follow=True)
            except UpstreamError as error:
                self._tell(f"  its picture was not recorded: {redact.text(str(error), secrets)}")
                continue
            await self._keep(picture, secrets)

    def _write(self, exchange: Exchange, secrets: list[str], keep: set[str]) -> None:
        try:
            self._recording.write(exchange.to_har(), secrets, keep)
        except OSError as error:
            raise UpstreamError(f"{self._recording.folder} cannot be written: {error.strerror}") from error
        self.recorded += 1

    def _pictures(self, exchange: Exchange, asked: Match | None) -> list[str]:
        """The links of an answer to results: those that the service's contract calls downloads."""
        if asked is None or exchange.reply is None or exchange.reply.status != 200:
            return []
        wanted = asked.profile.download
        if not wanted or asked.operation.name == wanted:
            return []
        found: list[str] = []
        for text in _strings(exchange.reply.body):
            match = self._contracts.find("GET", text) if text.startswith(("http://", "https://")) else None
            if match is not None and match.operation.name == wanted:
                found.append(text)
        return list(dict.fromkeys(found))


def _headers_of(operation: Operation) -> set[str]:
    """The names of the headers in an operation's requests and answers, by its contract."""
    taken = {one.name.lower() for one in operation.parameters if one.place == "header"}
    return taken | {name.lower() for answer in operation.answers.values() for name in answer.headers}


def _undone(method: str, answer: httpx.Response) -> Headers:
    """The headers of an answer whose coding was undone: they describe the decoded body."""
    coded = "content-encoding" in answer.headers
    headers = [pair for pair in answer.headers.multi_items() if pair[0] != "content-encoding"]
    if method == "HEAD" and not coded:
        return tuple(headers)
    rest = tuple(pair for pair in headers if pair[0] != "content-length")
    return (*rest, ("content-length", str(len(answer.content)))) if answer.content else rest


def _report(exchange: Exchange, match: Match | None) -> Iterator[str]:
    """The exchange in one line, and one for each violation of the contract; nothing is masked."""
    status = exchange.reply.status if exchange.reply else 0
    name = exchange.operation or "no operation on record"
    place = exchange.request.url.partition("?")[0]
    yield f"{status} {exchange.request.method} {place} ({name}, {exchange.seconds:.1f} s)"
    if match is None:
        return
    found: list[Violation] = match.contract.check_response(exchange)
    if status < 400:  # A refused request may well be invalid: that is recorded too.
        found = match.contract.check_request(exchange) + found
    for violation in found:
        yield f"  warning: {violation}"


def _strings(body: bytes) -> Iterator[str]:
    try:
        ahead: list[Any] = [json.loads(body)]
    except (ValueError, RecursionError):  # a body nested thousands of levels deep contains no links either
        return
    while ahead:
        value = ahead.pop(0)
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            ahead += list(cast("dict[str, Any]", value).values())
        elif isinstance(value, list):
            ahead += value
