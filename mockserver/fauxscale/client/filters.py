"""Filters of calls: by facts that every call has, and by a call's parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

from fauxscale.spelling import did_you_mean

from .call import CallRecord
from .journal import JournalReader

FACTS: Mapping[str, Callable[[CallRecord], object]] = {
    "kind": lambda call: call.kind,
    "provider": lambda call: call.provider,
    "operation": lambda call: call.operation,
    "method": lambda call: call.method,
    "status": lambda call: call.status,
    "rule": lambda call: call.rule,
    "fault": lambda call: call.faults,
    "image_size": lambda call: call.image and call.image.size,
    "image_format": lambda call: call.image and call.image.format,
    "image_mode": lambda call: call.image and call.image.mode,
    "has_alpha": lambda call: call.image and call.image.has_alpha,
}
# The filters of the control API, with the same meaning there.
SERVED = frozenset({"kind", "provider", "operation", "status", "rule", "fault"})


def check(wanted: Mapping[str, object], source: JournalReader, calls: Iterable[CallRecord]) -> None:
    """Raise ValueError for a name that is no fact, nor a parameter of any provider or of these calls.

    A call with a misspelt name would never match, and an assertion that there was none would always hold.
    """
    unknown = [name for name in wanted if name not in FACTS]
    if not unknown:
        return
    known = source.parameters().union(*(call.params for call in calls))
    for name in unknown:
        if name not in known:
            near = did_you_mean(name, [*FACTS, *known]) or ":"
            choices = f"{', '.join(FACTS)}, or a parameter: {', '.join(sorted(known))}"
            raise ValueError(f"unknown filter {name!r}{near} choose from {choices}")


def differences(call: CallRecord, wanted: Mapping[str, object]) -> dict[str, tuple[object, str]]:
    """Return each filter a call does not match: the value expected, and the one received as text."""
    wrong: dict[str, tuple[object, str]] = {}
    for name, expected in wanted.items():
        if name in FACTS:
            received = FACTS[name](call)
            if not _holds(name, received, expected):
                wrong[name] = expected, repr(received)
        elif name not in call.params:
            wrong[name] = expected, "no such parameter"
        elif call.params[name] != expected:
            wrong[name] = expected, repr(call.params[name])
    return wrong


def _holds(name: str, received: object, expected: object) -> bool:
    if name == "operation":
        return fnmatchcase(str(received), str(expected))
    if name == "fault":
        return isinstance(received, tuple) and expected in received
    return received == expected


def say(wanted: Mapping[str, object]) -> str:
    """Write filters as they were given: `operation='fal.run', status=200`."""
    return f" with {', '.join(f'{name}={value!r}' for name, value in wanted.items())}" if wanted else ""
