"""Finds the line of a setting in a TOML file, which Python's parser does not report."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_PART = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_NAME = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_NAME})\s*\]")
_SETTING = re.compile(rf"\s*({_NAME})\s*=")
_LONG = re.compile(r'"""|\'\'\'')

Path = tuple[str | int, ...]


def line_of(text: str, begin: Sequence[str], path: Sequence[str | int]) -> int | None:
    """Return the line, from 1, of the setting that `path` leads to below the table `begin`, or of the nearest thing
    around it that has a line of its own; None where nothing of it has."""
    lines: dict[Path, int] = {}
    for place, line in _places(text):
        lines.setdefault(place, line)
    sought = (*_parts(begin), *_parts(path))
    for length in range(len(sought), len(begin), -1):
        if sought[:length] in lines:
            return lines[sought[:length]]
    return None


def _places(text: str) -> Iterator[tuple[Path, int]]:
    """What has a line of its own: the path of each header and of each setting, in order."""
    here: Path = ()
    arrays: dict[Path, int] = {}
    inside = False  # a text of several lines
    for number, line in enumerate(text.splitlines(), 1):
        begins = not inside
        inside ^= len(_LONG.findall(line)) % 2 == 1
        if not begins:
            continue
        if header := _HEADER.match(line):
            here = _place(header[2], arrays, is_array=header[1] == "[[")
            yield here, number
        elif setting := _SETTING.match(line):
            yield (*here, *_parts(_split(setting[1]))), number


def _place(name: str, arrays: dict[Path, int], *, is_array: bool) -> Path:
    """The path of a header. One of an array is the next of its tables; what is below an array is in its last."""
    place: Path = ()
    *outer, last = _parts(_split(name))
    for part in outer:
        place = (*place, part)
        place = (*place, arrays[place]) if place in arrays else place
    place = (*place, last)
    if is_array:
        arrays[place] = arrays.get(place, -1) + 1
        place = (*place, arrays[place])
    return place


def _split(name: str) -> list[str]:
    return [part.strip("\"'") for part in re.findall(_PART, name)]


def _parts(path: Sequence[str | int]) -> list[str | int]:
    """Split names at their dots, which mean the same with and without quotes here, and write hyphens as underscores."""
    return [
        part.replace("-", "_") if isinstance(part, str) else part
        for one in path
        for part in (one.split(".") if isinstance(one, str) else (one,))
    ]
