"""The calls of an account: a sequence to read, filter, wait on and assert about."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Unpack, overload

from msgspec.structs import replace

from .arguments import CallFilters
from .call import CallRecord, link_retries
from .filters import SERVED, check, differences, say
from .journal import JournalReader

_LIVE = "live_call"


class Calls(Sequence[CallRecord]):
    """Calls of APIs, oldest first, as they were when this was asked for. Reads of links are `downloads`.

    Filters are facts (kind, provider, operation, method, status, rule, fault, image_size, image_format, image_mode,
    has_alpha) or parameters of the call by name (`resemblance=55`). `operation` may be a pattern (`fal.*`), `fault`
    is one of those that applied, and `kind="download"` selects reads of links instead. An unknown filter is a
    ValueError that lists the known ones.
    """

    def __init__(self, source: JournalReader, calls: Iterable[CallRecord] | None = None) -> None:
        self._source = source
        self._everything = self._load() if calls is None else list(calls)
        self._calls = [call for call in self._everything if call.kind == "api" and call.rule != _LIVE]

    def _load(self) -> list[CallRecord]:
        calls = [CallRecord.of(one) for one in self._source.fetch({})["calls"]]
        return [replace(call, retry_of=of) for call, of in zip(calls, link_retries(calls), strict=True)]

    def _some(self, calls: Iterable[CallRecord]) -> Calls:
        some = Calls(self._source, ())
        some._calls = some._everything = list(calls)
        return some

    @overload
    def __getitem__(self, number: int) -> CallRecord: ...
    @overload
    def __getitem__(self, number: slice) -> Calls: ...
    def __getitem__(self, number: int | slice) -> CallRecord | Calls:
        if isinstance(number, slice):
            return self._some(self._calls[number])
        if not -len(self) <= number < len(self):
            raise IndexError(f"there are {len(self)} calls:\n{self}")
        return self._calls[number]

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[CallRecord]:
        return iter(self._calls)

    def __str__(self) -> str:
        return "\n".join(f"  {call}" for call in self) or "  no calls"

    __repr__ = __str__

    @property
    def last(self) -> CallRecord:
        """The newest call."""
        return self[-1]

    @property
    def downloads(self) -> Calls:
        """Downloads of links."""
        return self._some(call for call in self._everything if call.kind == "download")

    @property
    def refused(self) -> Calls:
        """Calls to real hosts that a guard stopped. Reading them marks them as seen: see `refusals_read`."""
        refused = self._some(call for call in self._everything if call.rule == _LIVE)
        self._source.looked = max(self._source.looked, len(refused))
        return refused

    @property
    def upscales(self) -> Calls:
        """Calls of operations that cost money, successful or not."""
        paid = self._source.paid()
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
        """The seconds that clients were told to wait, one for each reply that said so."""
        return [call.retry_after for call in self if call.retry_after is not None]

    @overload
    def where(self, **wanted: Unpack[CallFilters]) -> Calls: ...
    @overload
    def where(self, **wanted: object) -> Calls: ...
    def where(self, **wanted: object) -> Calls:
        """Return the calls that match all filters."""
        return self._some(call for call in self._among(wanted) if not differences(call, wanted))

    def _among(self, wanted: Mapping[str, object]) -> list[CallRecord]:
        """The calls to choose from: of APIs; if `kind` is a filter, reads of links too."""
        check(wanted, self._source, self._everything)
        if "kind" in wanted:
            return [call for call in self._everything if call.rule != _LIVE]
        return self._calls

    def wait_for(self, count: int = 1, timeout: float = 5.0, **wanted: object) -> Calls:
        """Wait until `count` calls match and return them; raises AssertionError after `timeout` seconds."""
        check(wanted, self._source, self._everything)
        query = {"kind": "api", **{name: value for name, value in wanted.items() if name in SERVED}}
        until, least = time.monotonic() + timeout, count
        while True:
            left = max(until - time.monotonic(), 0)
            # The server does not know every filter, so each round waits for one more call.
            reply = self._source.fetch({**query, "wait": least, "timeout": left})
            found, least = Calls(self._source).where(**wanted), max(count, len(reply["calls"]) + 1)
            if len(found) >= count:
                return found
            if not reply["enough"]:
                raise AssertionError(
                    f"{len(found)} of {count} calls{say(wanted)} arrived within {timeout:g} s:\n{found}"
                )

    @overload
    def assert_called_once(self, **wanted: Unpack[CallFilters]) -> CallRecord: ...
    @overload
    def assert_called_once(self, **wanted: object) -> CallRecord: ...
    def assert_called_once(self, **wanted: object) -> CallRecord:
        """Fail unless exactly one call matches; returns it. The failure shows the closest call and the differences."""
        __tracebackhide__ = True
        found = self.where(**wanted)
        if len(found) == 1:
            return found[0]
        if found:
            raise AssertionError(f"{len(found)} calls{say(wanted)}, expected one:\n{found}")
        among = self._among(wanted)
        if not among:
            raise AssertionError(f"no call{say(wanted)}: there were no calls")
        nearest = min(reversed(among), key=lambda call: len(differences(call, wanted)))
        lines = [
            f"no call{say(wanted)} among {len(among)}. The closest was",
            f"  {nearest}",
            "which differs in:",
        ]
        for name, (expected, received) in differences(nearest, wanted).items():
            lines.append(f"  {name}: expected {expected!r}, received {received}")
        raise AssertionError("\n".join(lines))

    @overload
    def assert_not_called(self, **wanted: Unpack[CallFilters]) -> None: ...
    @overload
    def assert_not_called(self, **wanted: object) -> None: ...
    def assert_not_called(self, **wanted: object) -> None:
        """Fail if any call matches."""
        __tracebackhide__ = True
        if found := self.where(**wanted):
            raise AssertionError(f"{len(found)} calls{say(wanted)}, expected none:\n{found}")
