"""A million requests in process, to all providers, the control API and the inspector, most of them changed.

Each try is a story of its own (stories.py): the requests that make something, and one that asks about it, changed.
What a try may have set for later ones (a clock, faults, terms) is forgotten before the next.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from unittest import mock
from urllib.parse import unquote_to_bytes

from fauxscale import Settings, create_app
from fauxscale.providers import PROVIDERS
from fauxscale.settings import Terms

from .asked import Answer, Ask, Client
from .harness import Limits, Outcome, perform, smaller_bytes
from .mutations import changed
from .pool import pool
from .results import Result
from .stories import Story, at_address, filled, get, members, send, told

COUNT = 1_000_000
_MIB = 1024 * 1024
# Small, so that what is kept up to a limit has reached it long before growth is measured. No client is told to wait.
SETTINGS = Settings(
    terms=Terms(rate_limit=1_000_000_000, in_flight=1_000_000),
    journal_entries=200,
    upload_memory=8 * _MIB,
    rendition_memory=8 * _MIB,
)
_PATIENCE = 0.05
_FORGET_EVERY = 500
_FORGET = send("POST", "/__fauxscale/api/reset", {})
# What asks the server to wait, to fail or to cut: said in a path or a query, in terms, in a prompt.
_INVITES = (b"wait", b"stream", b"/faults", b"latency", b"fauxscale:")
_SITES = [(f"{site.prefix}/".encode(), site.hosts, site.at_root) for one in PROVIDERS for site in one.sites]


def torture(seed: int, limits: Limits) -> Result:
    return perform(Requests(pool(seed, limits.kept)), seed, limits)


class Requests:
    """The run: stories of a pool, most of them changed."""

    name = "requests"
    count = COUNT
    promise = (
        "every request to a provider, the control API or the inspector is answered, in time and below 500 unless a "
        "fault was configured, and leaves nothing"
    )

    def __init__(self, stories: Sequence[Story]) -> None:
        groups: dict[str, list[Story]] = {}
        for story in stories:
            groups.setdefault(story.name, []).append(story)
        # What sends something can be wrong in more ways.
        self._groups = [one for one in groups.values() for _ in range(3 if one[0].last.body else 1)]

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Callable[[Story], Awaitable[Outcome]]]:
        app = create_app(SETTINGS)
        client = Client(app, patience=_PATIENCE)
        hooks = await asyncio.start_server(_take_hook, "127.0.0.1", 0)
        port = int(hooks.sockets[0].getsockname()[1])
        with connecting_only_to(port), client.noting_waits():
            yield _Attempts(client, {"hook": f"http://127.0.0.1:{port}/"}).attempt
        hooks.close()
        await hooks.wait_closed()
        await app.accounts.close()

    def make(self, dice: random.Random) -> Story:
        story = dice.choice(dice.choice(self._groups))
        asks = list(story.asks)
        if story.expects is None or dice.random() < 0.88:
            at = len(asks) - 1 if dice.random() < 0.93 else dice.randrange(len(asks))
            asks[at] = changed(asks[at], dice)
        if dice.random() < 0.25:
            asks = [_elsewhere(ask, dice) for ask in asks]
        expects = story.expects if asks == list(story.asks) else None
        return replace(story, asks=tuple(asks), follow=dice.random() < 0.2, expects=expects)

    def smaller(self, given: Story) -> Iterator[Story]:
        asks = given.asks
        if given.expects is not None:
            return  # it is a sound one, and only whole
        for at in range(len(asks) - 1):
            yield replace(given, asks=(*asks[:at], *asks[at + 1 :]))
        if given.follow:
            yield replace(given, follow=False)
        for at, ask in reversed(list(enumerate(asks))):
            for less in _smaller(ask):
                yield replace(given, asks=(*asks[:at], less, *asks[at + 1 :]))

    def write(self, given: Story) -> bytes:
        return given.write()


class _Attempts:
    """Tries stories on one server."""

    def __init__(self, client: Client, known: dict[str, str]) -> None:
        self._client, self._known = client, known
        self._tried = 0

    async def attempt(self, story: Story) -> Outcome:
        known, answer, ask = dict(self._known), Answer(), story.last
        broken = ""
        for one in story.asks:
            ask = filled(one, known)
            answer = await self._client.ask(ask)
            broken = broken or _broken(story, answer)
            known.update(members(told(answer.body)))
        if story.expects not in (None, answer.status):
            broken = broken or f"is answered {answer.status}, and {story.expects} on a fresh server"
        if story.follow and answer.status == 200:
            links = [value for _, value in members(told(answer.body)) if value.startswith("http")]
            for link in links[:2]:
                followed = await self._client.ask(at_address(get(link)))
                broken = broken or _broken(story, followed)
        await self._forget(story, bool(broken))
        return Outcome(
            f"{story.name.partition(' ')[0].partition('.')[0]}: {answer.ended or answer.status}",
            reached=_reached(ask, answer),
            accepted=answer.status is not None and answer.status < 300,
            broken=broken,
        )

    async def _forget(self, story: Story, broken: bool) -> None:
        """Forget everything now and then, and whatever may make a later answer another."""
        self._tried += 1
        if broken or self._tried % _FORGET_EVERY == 0 or _changes(story):
            answer = await self._client.ask(_FORGET)
            assert answer.status == 200, f"nothing can be forgotten: {answer}"


def _broken(story: Story, answer: Answer) -> str:
    """Which promise an answer breaks, if it does."""
    if answer.wrong:
        return "" if _invites(story) and answer.wrong.startswith("says") else answer.wrong
    if answer.ended and not _invites(story):
        return f"is {answer.ended}, and nothing asked for that"
    if answer.ended == "left" and not answer.waited:
        return "is never answered"
    uninvited = not answer.header(b"x-fauxscale-reason").startswith("configured")
    if answer.status is not None and answer.status >= 500 and uninvited:
        return f"answers {answer.status}: {answer.body[:200]!r}"
    return ""


def _invites(story: Story) -> bool:
    return any(word in unquote_to_bytes(ask.target) + ask.body for ask in story.asks for word in _INVITES)


def _changes(story: Story) -> bool:
    """Whether a story may change what others are answered: it controls, or sets a fault in a prompt."""
    return any(
        (b"__fauxscale" in unquote_to_bytes(ask.target) and ask.method not in ("GET", "HEAD"))
        or b"fauxscale:" in ask.body
        for ask in story.asks
    )


def _reached(ask: Ask, answer: Answer) -> bool:
    """Whether a request came to the code that does the work, by its answer; where that cannot tell, it did not."""
    if answer.status is None or answer.status < 400:
        return True
    return b"__fauxscale" not in ask.target and answer.status in (400, 402, 409, 413, 415, 416, 422)


def _elsewhere(ask: Ask, dice: random.Random) -> Ask:
    """The same request at the provider's real host, or at the root."""
    for prefix, hosts, at_root in _SITES:
        if ask.target.startswith(prefix):
            below = replace(ask, target=ask.target[len(prefix) - 1 :])
            if at_root and dice.random() < 0.3:
                return below
            return below.having(b"host", dice.choice(hosts).encode())
    return ask


def _smaller(ask: Ask) -> Iterator[Ask]:
    path, mark, query = ask.target.partition(b"?")
    if query:
        yield replace(ask, target=path)
        for less in smaller_bytes(query):
            yield replace(ask, target=path + mark + less)
    for at in range(len(ask.headers)):
        yield replace(ask, headers=(*ask.headers[:at], *ask.headers[at + 1 :]))
    for less in smaller_bytes(ask.body):
        yield replace(ask, body=less)
    for at, (name, value) in enumerate(ask.headers):
        for less in smaller_bytes(value):
            yield replace(ask, headers=(*ask.headers[:at], (name, less), *ask.headers[at + 1 :]))
    for less in smaller_bytes(path[1:]):
        yield replace(ask, target=b"/" + less + mark + query)


async def _take_hook(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take a webhook: one of two is refused, so that it is retried."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = b"204 No Content" if b"/ok" in head else b"503 Service Unavailable"
    writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


@contextmanager
def connecting_only_to(port: int) -> Generator[None]:
    """Refuse every connection of this process but those to one port: no hostile address leads to somebody's server."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: tuple[object, ...] | str) -> None:
        if not isinstance(address, str) and address[1] != port:
            raise ConnectionRefusedError(f"torture makes no connections: {address}")
        real(self, address)

    with mock.patch.object(socket.socket, "connect", connect):
        yield
