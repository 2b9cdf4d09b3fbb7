"""A service that lies in one way: a stand-in whose answers are changed on their way out, or whose rules are others."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fauxscale import MockServer, Settings
from fauxscale_contracts.profiles.installed import profile
from fauxscale_contracts.profiles.outcomes import Trials
from tests.pictures import picture

Change: TypeAlias = Callable[[httpx.Request, httpx.Response], httpx.Response]
LIMIT = 100  # calls a minute
LIFE = 4.0  # seconds that links live: enough to be read on any machine, and to be waited for
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"]


_NONE = Trials()
WHOLE = Trials(link_life=LIFE, rate_limit=LIMIT, sizes=True)


def as_it_is(_: httpx.Request, response: httpx.Response) -> httpx.Response:
    return response


@dataclass(frozen=True, slots=True)
class Lie:
    """One way to depart from the contract: answers that are changed, links of another life, keys that are all good.
    `trials`: what has to be tried for it to show."""

    name: str
    change: Change = as_it_is
    trials: Trials = _NONE
    link_ttl: float = LIFE
    any_key: bool = False


def in_results(edit: Callable[[dict[str, Any]], object]) -> Change:
    """Edit the results of a success."""

    def change(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        if response.status_code != 200 or "json" not in response.headers.get("content-type", ""):
            return response
        body = response.json()
        for one in body.get("data", []):
            edit(one)
        return httpx.Response(200, json=body)

    return change


def of_pictures(make: Callable[[httpx.Response], httpx.Response]) -> Change:
    """Answer something else where a picture is read."""

    def change(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        return make(response) if "/ephemeral/" in request.url.path else response

    return change


def with_status(status: int, make: Callable[[httpx.Response], httpx.Response]) -> Change:
    """Answer something else where the stand-in answers this status."""

    def change(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        return make(response) if response.status_code == status else response

    return change


class TakesLarger:
    """Answers as to an upload before where a file is too large."""

    def __init__(self) -> None:
        self._taken: httpx.Response | None = None

    def __call__(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if request.method == "POST" and response.status_code == 200:
            self._taken = response
        return self._taken if len(request.content) > 10_485_760 and self._taken else response


def refuses_large(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    if len(request.content) < 5_000_000:
        return response
    return httpx.Response(400, json={"error": "The file is too large.", "message": "The file is too large."})


def png(status: int, body: bytes, kind: str = "image/png") -> httpx.Response:
    return httpx.Response(status, content=body, headers={"content-type": kind})


def without_link(result: dict[str, Any]) -> None:
    result["url"] = None


def elsewhere(result: dict[str, Any]) -> None:
    result["url"] = "http://pictures.ideogram.example/a.png"


LIES = (
    Lie("a member is gone", in_results(lambda one: one.pop("seed"))),
    Lie("a number is text", in_results(lambda one: one.update(seed=str(one["seed"])))),
    Lie("an error is a page", with_status(400, lambda _: png(400, b"<h1>Bad Request</h1>", "text/html"))),
    Lie(
        "an error is a success",
        with_status(400, lambda _: httpx.Response(200, json={"created": "", "data": []})),
    ),
    Lie("every key is taken", any_key=True),
    Lie("the link is dead at once", link_ttl=0),
    Lie("the link leads to a page", of_pictures(lambda _: png(200, b"<h1>Just a moment</h1>"))),
    Lie("the picture has not grown", of_pictures(lambda _: png(200, picture("PNG", 64, 64)))),
    Lie("the picture is a JPEG, called PNG", of_pictures(lambda _: png(200, picture("JPEG", 128, 128)))),
    Lie("the link is no https, at a host not on record", in_results(elsewhere)),
    Lie("the link lives for ever", trials=Trials(link_life=1), link_ttl=86_400),
    Lie("safe, and no link", in_results(without_link)),
    Lie(
        "429 is a page",
        with_status(429, lambda _: png(429, b"<h1>Slow down</h1>", "text/html")),
        Trials(rate_limit=LIMIT),
    ),
    Lie("a larger file is taken", TakesLarger(), Trials(sizes=True)),
    Lie("a file within the limit is refused", refuses_large, Trials(sizes=True)),
)


@contextmanager
def telling(lie: Lie, provider: str = "ideogram") -> Generator[tuple[str, str]]:
    """While entered, a service that tells this lie listens: the base URL of its clients, and a good key."""
    with MockServer(Settings(key_policy="issued"), listen=False) as mock:
        key = mock.account(link_ttl=lie.link_ttl, rate_limit=LIMIT).api_key(provider)
        header, prefix = profile(provider).key_header
        inner = httpx.Client(transport=mock.transport(), base_url=mock.url)

        def ask(asked: Request, body: bytes) -> Response:
            headers = {**asked.headers, **({header.lower(): prefix + key} if lie.any_key else {})}
            request = inner.build_request(asked.method, str(asked.url), headers=headers, content=body)
            answer = lie.change(request, inner.send(request))
            kept = {
                name: one for name, one in answer.headers.items() if name not in ("content-length", "date")
            }
            return Response(answer.content, answer.status_code, kept)

        async def answer(asked: Request) -> Response:
            return await run_in_threadpool(ask, asked, await asked.body())

        with inner, serving(Starlette(routes=[Route("/{path:path}", answer, methods=METHODS)])) as url:
            yield mock.base_url(provider).replace(mock.url, url), key


@contextmanager
def serving(app: Starlette) -> Generator[str]:
    """While entered, the application listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, ws="none", lifespan="off", date_header=False)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        server.should_exit = True
        thread.join()
