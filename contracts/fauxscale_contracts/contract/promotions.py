"""Checks a changed contract: nothing becomes more certain without a source, and nothing less certain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from .confidence import CONFIDENCES, WORD
from .schemas import Json
from .violations import pointer


def check_promotions(before: Json, after: Json) -> list[str]:
    """List each place that became more certain without a source and a date of its own, and each that became less
    certain."""
    return list(_changes(before, after, ()))


def _changes(before: Any, after: Any, at: tuple[object, ...]) -> Iterator[str]:
    if isinstance(before, list) and isinstance(after, list):
        pairs = zip(cast("list[object]", before), cast("list[object]", after), strict=False)
        for number, (old, new) in enumerate(pairs):
            yield from _changes(old, new, (*at, number))
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return
    old, new = cast("Json", before), cast("Json", after)
    was, now = _rank(old), _rank(new)
    if was is not None and (now is None or now > was):
        yield f"{pointer(at)}: {old[WORD]} became {new.get(WORD, 'unsaid')}"
    elif was is not None and now is not None and now < was and not _sourced(old, new):
        yield f"{pointer(at)}: {old[WORD]} became {new[WORD]} without a source and a date of its own in x-recorded"
    for name in old.keys() & new.keys():
        yield from _changes(old[name], new[name], (*at, name))


def _rank(node: Json) -> int | None:
    """0 for the most certain; None without a value."""
    return CONFIDENCES.index(node[WORD]) if node.get(WORD) in CONFIDENCES else None


def _sourced(old: Json, new: Json) -> bool:
    note = new.get("x-recorded")
    if not isinstance(note, dict):
        return False
    told = cast("Json", note)
    return bool(told.get("source")) and bool(told.get("date")) and told != old.get("x-recorded")
