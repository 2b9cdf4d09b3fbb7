"""The calls of an account: a sequence to look through, filter, wait on, and make claims about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

from .view import Call, link_retries

_LIVE = "live_call"
_FACTS: Mapping[str, Callable[[Call], object]] = {
    "provider": lambda call: call.provider,
    "operation": lambda call: call.operation,
    "method": lambda call: call.method,
    "status": lambda call: call.status,
    "rule": lambda call: call.rule,
    "image_size": lambda call: call.image and call.image.size,
    "image_format": lambda call: call.image and call.image.format,
    "image_mode": lambda call: call.image and call.image.mode,
    "has_alpha": lambda call: call.image and call.image.has_alpha,
}


class Calls(Sequence[Call]):
    """Calls of APIs, oldest first, as they were when this was asked for. Reads of links are `downloads`.

    Filters are facts (provider, operation, method, status, rule, image_size, image_format, image_mode,
    has_alpha) or parameters of the call by name (`resemblance=55`).
    """

    def __init__(
        self,
        fetch: Callable[[Mapping[str, object]], dict[str, Any]],
        paid: Callable[[], frozenset[str]],
        calls: Iterable[Call] | None = None,
    ) -> None:
        self._fetch = fetch
        self._paid = paid
        self._everything = self._load() if calls is None else list(calls)
        self._calls = [call for call in self._everything if call.leg == "api" and call.rule != _LIVE]

    def _load(self) -> list[Call]:
        calls = [Call.of(words) for words in self._fetch({})["calls"]]
        return [replace(call, retry_of=of) for call, of in zip(calls, link_retries(calls), strict=True)]

    def _some(self, calls: Iterable[Call]) -> Calls:
        some = Calls(self._fetch, self._paid, ())
        some._calls = some._everything = list(calls)
        return some

    @overload
    def __getitem__(self, number: int) -> Call: ...
    @overload
    def __getitem__(self, number: slice) -> Calls: ...
    def __getitem__(self, number: int | slice) -> Call | Calls:
        if isinstance(number, slice):
            return self._some(self._calls[number])
        if not -len(self) <= number < len(self):
            raise IndexError(f"there are {len(self)} calls:\n{self}")
        return self._calls[number]

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    def __str__(self) -> str:
        return "\n".join(f"  {call}" for call in self) or "  no calls"

    __repr__ = __str__

    @property
    def last(self) -> Call:
        """The newest."""
        return self[-1]

    @property
    def downloads(self) -> Calls:
        """Reads of links."""
        return self._some(call for call in self._everything if call.leg == "download")

    @property
    def refused(self) -> Calls:
        """Calls to real hosts that a guard stopped."""
        return self._some(call for call in self._everything if call.rule == _LIVE)

    @property
    def upscales(self) -> Calls:
        """Calls of operations that cost money, whatever became of them."""
        paid = self._paid()
        return self._some(call for call in self if call.operation in paid)

    @property
    def max_in_flight(self) -> int:
        """The most calls that ran at the same time."""
        marks = [(call.started, 1) for call in self] + [(call.ended, -1) for call in self]
        most = now = 0
        for _, step in sorted(marks):
            now += step
            most = max(most, now)
        return most

    def waits(self) -> list[float]:
        """The seconds clients were asked to wait, one for each reply that did."""
        return [call.retry_after for call in self if call.retry_after is not None]

    def where(self, **wanted: object) -> Calls:
        """The calls all filters hold for."""
        return self._some(call for call in self if not _differences(call, wanted))

    def wait_for(self, count: int = 1, timeout: float = 5.0, **wanted: object) -> Calls:
        """Wait until so many calls match and return them; AssertionError after `timeout` seconds."""
        if set(wanted) <= {"provider", "operation", "status"}:
            self._fetch({"leg": "api", **wanted, "wait": count, "timeout": timeout})
            found = Calls(self._fetch, self._paid).where(**wanted)
        else:
            found = self._wait_here(count, timeout, wanted)
        if len(found) < count:
            raise AssertionError(
                f"{len(found)} of {count} calls{_say(wanted)} came within {timeout:g} s:\n{found}"
            )
        return found

    def _wait_here(self, count: int, timeout: float, wanted: Mapping[str, object]) -> Calls:
        """For filters the server does not know: look again with every further call."""
        patience = timeout
        while True:
            everything = Calls(self._fetch, self._paid)
            found = everything.where(**wanted)
            if len(found) >= count or patience <= 0:
                return found
            step = min(0.25, patience)
            self._fetch({"leg": "api", "wait": len(everything) + 1, "timeout": step})
            patience -= step

    def assert_called_once(self, **wanted: object) -> Call:
        """Fail unless exactly one call matches; returns it. The failure shows the nearest call and why not."""
        found = self.where(**wanted)
        if len(found) == 1:
            return found[0]
        if found:
            raise AssertionError(f"{len(found)} calls{_say(wanted)}, wanted one:\n{found}")
        if not len(self):
            raise AssertionError(f"no call{_say(wanted)}: there were no calls at all")
        nearest = min(reversed(self._calls), key=lambda call: len(_differences(call, wanted)))
        lines = [
            f"no call{_say(wanted)} among {len(self)}. The nearest was",
            f"  {nearest}",
            "which differs in",
        ]
        for name, (expected, received) in _differences(nearest, wanted).items():
            lines.append(f"  {name}: expected {expected!r}, received {received}")
        raise AssertionError("\n".join(lines))

    def assert_not_called(self, **wanted: object) -> None:
        """Fail if any call matches."""
        if found := self.where(**wanted):
            raise AssertionError(f"{len(found)} calls{_say(wanted)}, wanted none:\n{found}")


def _differences(call: Call, wanted: Mapping[str, object]) -> dict[str, tuple[object, str]]:
    """What is wanted and was not so: the value expected, and the one received in words."""
    wrong: dict[str, tuple[object, str]] = {}
    for name, expected in wanted.items():
        if name in _FACTS:
            received = _FACTS[name](call)
            if received != expected:
                wrong[name] = expected, repr(received)
        elif name not in call.params:
            wrong[name] = expected, "nothing of that name"
        elif call.params[name] != expected:
            wrong[name] = expected, repr(call.params[name])
    return wrong


def _say(wanted: Mapping[str, object]) -> str:
    return f" with {', '.join(f'{name}={value!r}' for name, value in wanted.items())}" if wanted else ""
