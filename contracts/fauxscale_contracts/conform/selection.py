"""Selects scenarios and replies by id, substring or pattern."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from fauxscale.spelling import did_you_mean
from fauxscale_contracts.profiles.loading import api_versions

from .dates import LISTS
from .replies import boundary_replies, modes
from .scenarios import scenarios


def matches(name: str, pattern: str) -> bool:
    """Check whether an id is the pattern or fits it: reply ids contain brackets, which have a meaning in patterns."""
    return name == pattern or fnmatchcase(name, pattern)


def selects(name: str, patterns: Sequence[str]) -> bool:
    """Check whether an id contains one of the patterns, or fits it. Without patterns every id does."""
    return not patterns or any(pattern in name or matches(name, pattern) for pattern in patterns)


def reply_ids(provider: str, dates: Sequence[str | None] = (None,), operation: str = "") -> list[str]:
    """List the ids of all replies of these API versions, the generated ones at the end."""
    named = [f"reply-{name}" for date in dates for name, _ in boundary_replies(provider, date, operation)]
    return list(dict.fromkeys([*named, *(f"reply-{mode}:generated" for mode in modes(provider, operation))]))


def unmatched(provider: str, patterns: Iterable[str], operation: str = "") -> list[str]:
    """List the patterns that fit no id of the provider in any list and API version, with suggestions."""
    named = list(dict.fromkeys(one.id for dated in LISTS for one in scenarios(provider, operation, dated)))
    left = [one for one in patterns if not any(matches(name, one) for name in named)]
    if not left:
        return []
    every = [*named, *reply_ids(provider, api_versions()[provider], operation)]
    return [
        f"no scenario or reply of {provider} matches {one!r}{did_you_mean(one, every)}"
        for one in left
        if not any(matches(name, one) for name in every)
    ]
