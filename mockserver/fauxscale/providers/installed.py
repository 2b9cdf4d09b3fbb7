"""Finds the providers of installed packages by their entry points."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from fauxscale.dispatch.provider import Provider
from fauxscale.dispatch.routing import Routes

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "fauxscale.providers"


class Found(Struct, frozen=True):
    """The installed providers that can be used, and one line about each that cannot, naming its package."""

    providers: tuple[Provider, ...] = ()
    problems: tuple[str, ...] = ()


class _Unusable(Exception):
    """Raised with the reason why an entry point gives no provider."""


def find_providers(beside: Iterable[Provider] = ()) -> Found:
    """Find the providers of installed packages, in the order of their names, that do not clash with `beside`.

    A problem with one does not affect the others: nothing is raised.
    """
    from importlib.metadata import entry_points  # with its imports, a twentieth of a server's start

    taken = {one.name: "one of the stand-in's own" for one in beside}
    providers: list[Provider] = []
    problems: list[str] = []
    for point in sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value)):
        try:
            provider = _load(point)
            if provider.name in taken:
                raise _Unusable(f"its name {provider.name!r} is taken by {taken[provider.name]}")
        except _Unusable as why:
            problems.append(f"the provider of the package {_package(point)} is left out: {why}")
        else:
            taken[provider.name] = f"that of the package {_package(point)}"
            providers.append(provider)
    return Found(tuple(providers), tuple(problems))


def _load(point: EntryPoint) -> Provider:
    try:
        value: object = point.load()
    except (Exception, SystemExit) as error:  # an import runs the author's code
        raise _Unusable(f"{point.value} cannot be imported: {_one_line(error)}") from error
    if not isinstance(value, Provider):
        raise _Unusable(f"{point.value} is no fauxscale.Provider but of type {type(value).__name__}")
    try:
        Routes((value,))
    except Exception as error:  # foreign code that nothing has checked yet
        raise _Unusable(f"{point.value} has endpoints that cannot be routed: {_one_line(error)}") from error
    return value


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
