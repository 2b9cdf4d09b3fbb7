"""Finds the route of a control call by its method and its path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .request import ControlRoute


class ControlRoutes:
    """The routes of the control API. A segment such as `{id}` matches any segment that is not empty."""

    def __init__(self, routes: Iterable[ControlRoute]) -> None:
        self._by_length: dict[int, list[tuple[ControlRoute, list[str]]]] = {}
        for route in routes:
            segments = route.path.split("/")
            self._by_length.setdefault(len(segments), []).append((route, segments))

    def find(self, method: str, path: str) -> tuple[ControlRoute, Mapping[str, str]] | None:
        """Return the route of a call, and its path's values for each `{…}`; None if there is none."""
        segments = path.split("/")
        for route, pattern in self._by_length.get(len(segments), ()):
            if _answers(route, method) and (parts := _match(pattern, segments)) is not None:
                return route, parts
        return None

    def methods(self, path: str) -> list[str]:
        """List the methods of a path; none if there is no such path."""
        segments = path.split("/")
        known = self._by_length.get(len(segments), ())
        found = {route.method for route, pattern in known if _match(pattern, segments) is not None}
        return sorted(found | {"HEAD"} if "GET" in found else found)


def _answers(route: ControlRoute, method: str) -> bool:
    return route.method == method or (method == "HEAD" and route.method == "GET")


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    parts: dict[str, str] = {}
    for wanted, segment in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            if not segment:
                return None
            parts[wanted[1:-1]] = segment
        elif wanted != segment:
            return None
    return parts
