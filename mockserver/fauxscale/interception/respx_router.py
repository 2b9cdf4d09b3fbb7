"""Routes requests of httpx, and of httpx2 if it is installed, with respx."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import NoReturn, Protocol

import httpx
import respx
from msgspec import Struct
from respx.mocks import HTTPCoreMocker, Mocker
from respx.models import AllMockedAssertionError, PassThrough
from respx.router import MockRouter

from .guard import SocketGuard


class Target(Protocol):
    """A transport for synchronous and asynchronous clients alike."""

    def handle_request(self, request: httpx.Request) -> httpx.Response: ...
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response: ...


class Switch(Struct, frozen=True):
    """Where requests go: to `target` for one of `hosts`, else to their host if the guard permits it."""

    hosts: frozenset[str]
    target: Target
    sockets: SocketGuard


@contextmanager
def switched(switch: Switch) -> Generator[None]:
    """While entered, send every request of every client of the installed stacks where the switch says.

    All installed stacks are taken, loaded or not, so that one first imported meanwhile is no way around.
    Clients with a transport of their own do not come by here.
    """
    with ExitStack() as open_routers:
        for stack in _installed():
            open_routers.enter_context(_Router(stack, switch))
        yield


class _Stack(Struct, frozen=True):
    """`core` is the library below that connects, whose errors the client library turns into its own."""

    core: ModuleType
    mocker: type[Mocker]


def _installed() -> list[_Stack]:
    return [
        _Stack(import_module(name), _mocker(name))
        for name in ("httpcore", "httpcore2")
        if find_spec(name) is not None
    ]


def _mocker(core: str) -> type[Mocker]:
    """Find or make respx's mocker of a stack: respx 0.23 knows httpcore alone.

    A mocker made elsewhere for httpcore2 is shared: the second one to patch the same methods would have no effect.
    """
    for known in Mocker.registry.values():
        if any(target.startswith(f"{core}.") for target in known.targets):
            return known

    class Core2Mocker(HTTPCoreMocker):
        name = f"fauxscale {core}"
        targets = [target.replace("httpcore.", f"{core}.", 1) for target in HTTPCoreMocker.targets]  # noqa: RUF012  # as respx declares it

    return Core2Mocker


class _Router(MockRouter):
    """respx's router, with the choice in one function instead of a table of routes."""

    def __init__(self, stack: _Stack, switch: Switch) -> None:
        super().__init__(assert_all_called=False, using=stack.mocker.name)
        self._stack = stack
        self._switch = switch

    def handler(self, request: httpx.Request) -> httpx.Response:
        target = self._choose(request)
        with _errors_of(self._stack.core):
            response = target.handle_request(request)
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _Stream(response.stream, self._stack.core)
        return response

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        target = self._choose(request)
        with _errors_of(self._stack.core):
            response = await target.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _AsyncStream(response.stream, self._stack.core)
        return response

    def _choose(self, request: httpx.Request) -> Target:
        host = request.url.host.lower().rstrip(".")
        if host in self._switch.hosts:
            return self._switch.target
        if self._stack.mocker.routers[-1] is not self and not self._switch.sockets.permits(host):
            # The user's own mocks of other hosts are asked after this router.
            raise AllMockedAssertionError(f"{host} is not a host that fauxscale mocks")
        self._switch.sockets.check(host)
        raise PassThrough(f"to {host}", request=request, origin=respx.Route())


@contextmanager
def _errors_of(core: ModuleType) -> Generator[None]:
    """Raise errors of httpx as the ones of the same name that the client library expects from below."""
    try:
        yield
    except httpx.TransportError as error:
        _raise_as(core, error)


def _raise_as(core: ModuleType, error: httpx.TransportError) -> NoReturn:
    raise getattr(core, type(error).__name__)(str(error)) from None


@dataclass(frozen=True, slots=True)
class _Stream(httpx.SyncByteStream):
    stream: httpx.SyncByteStream
    core: ModuleType

    def __iter__(self) -> Iterator[bytes]:
        with _errors_of(self.core):
            yield from self.stream

    def close(self) -> None:
        self.stream.close()


@dataclass(frozen=True, slots=True)
class _AsyncStream(httpx.AsyncByteStream):
    stream: httpx.AsyncByteStream
    core: ModuleType

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of(self.core):
            async for piece in self.stream:
                yield piece

    async def aclose(self) -> None:
        await self.stream.aclose()
