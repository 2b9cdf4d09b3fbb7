"""The ids of scenarios and replies: which there are, and which of them a word or a pattern means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from fauxscale_contracts.profiles.loading import api_versions

from .replies import boundary_replies, modes
from .scenarios import scenarios


def matches(name: str, pattern: str) -> bool:
    """Whether an id is the pattern, or fits it: ids of replies hold brackets, which mean something in patterns."""
    return name == pattern or fnmatchcase(name, pattern)


def selects(name: str, words: Sequence[str]) -> bool:
    """Whether an id holds one of the words, or fits one as a pattern. Without words every id does."""
    return not words or any(word in name or matches(name, word) for word in words)


def reply_ids(provider: str, dates: Sequence[str | None] = (None,)) -> list[str]:
    """The ids of all replies of these API versions, the generated ones at the end."""
    named = [f"reply-{name}" for date in dates for name, _ in boundary_replies(provider, date)]
    return list(dict.fromkeys([*named, *(f"reply-{mode}:generated" for mode in modes(provider))]))


def unmatched(provider: str, patterns: Iterable[str]) -> list[str]:
    """What of the patterns fits no id of the provider, of any API version: a clause each, with what may be meant."""
    named = [one.id for one in scenarios(provider)]
    left = [one for one in patterns if not any(matches(name, one) for name in named)]
    if not left:
        return []
    every = [*named, *reply_ids(provider, api_versions()[provider])]
    return [
        f"no scenario or reply of {provider} fits {one!r}{_meant(one, every)}"
        for one in left
        if not any(matches(name, one) for name in every)
    ]


def _meant(pattern: str, every: Sequence[str]) -> str:
    near = get_close_matches(pattern, every, 1)
    return f": is {near[0]!r} meant?" if near else ""
