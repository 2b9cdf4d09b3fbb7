"""FaultsHandle, `account.faults`: configures what goes wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from fauxscale.faults import Fault, checked, from_json, to_json

from .names import Target


class Caller(Protocol):
    """A function that makes one control call and returns its answer, as JSON."""

    def __call__(self, method: str, path: str, json: object = None) -> dict[str, Any]: ...


class RuleView(Struct, frozen=True):
    """A fault rule: its faults, when they apply, how often they did. `left` is None without a limit."""

    id: str
    script: tuple[Fault, ...]
    on: str
    times: int | None
    after: int
    probability: float | None
    applied: int
    left: int | None


Script: TypeAlias = list[Fault]


class FaultsHandle:
    """`account.faults`: adds, lists, exports and removes fault rules."""

    def __init__(self, call: Caller, account: str) -> None:
        self._call = call
        self._path = f"{account}/faults"

    def add(
        self,
        fault: Fault,
        on: Target = "*",
        times: int | None = 1,
        after: int = 0,
        probability: float | None = None,
    ) -> str:
        """Apply `fault` to the next `times` calls of `on` (None: no limit), after the first `after` of them.

        `on` is an operation, a provider or a pattern (`ideogram.upscale`, `ideogram`, `*`). With a
        `probability` the fault applies only so often, by seeded dice. Returns an id to `remove`.
        Raises TypeError for what is no fault, ValueError for a rule that no call could meet.
        """
        arguments = {**to_json(checked(fault)), **_when(on, times, after, probability)}
        return str(self._call("POST", self._path, arguments)["id"])

    def script(self, steps: Iterable[Fault], on: Target = "*", times: int | None = 1, after: int = 0) -> str:
        """Apply each of these to one call, in order; `Ok()` lets a call succeed. Download faults wait for downloads, as
        does `Ok(download=True)`."""
        arguments = {"script": [to_json(checked(step)) for step in steps], **_when(on, times, after, None)}
        return str(self._call("POST", f"{self._path}/script", arguments)["id"])

    def list(self) -> list[RuleView]:
        """List every rule in the order in which they were added."""
        return [
            RuleView(script=tuple(from_json(step) for step in members.pop("script")), **members)
            for members in self._call("GET", self._path)["faults"]
        ]

    def export(self) -> Script:
        """Return what went wrong in the calls so far, as a script that reproduces it."""
        return [from_json(step) for step in self._call("GET", f"{self._path}/export")["script"]]

    def remove(self, rule: str) -> None:
        """Remove one rule."""
        self._call("DELETE", f"{self._path}/{rule}")

    def clear(self) -> None:
        """Remove all rules."""
        self._call("DELETE", self._path)


def _when(on: str, times: int | None, after: int, probability: float | None) -> Mapping[str, object]:
    return {"on": on, "times": times, "after": after, "probability": probability}
