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
    """Return the line, from 1, of the setting at `path` below the table `begin`, or of the nearest element around it
    that has a line; None if none has."""
    lines: dict[Path, int] = {}
    for place, line in _places(text):
        lines.setdefault(place, line)
    sought = (*_parts(begin), *_parts(path))
    for length in range(len(sought), len(begin), -1):
        if sought[:length] in lines:
            return lines[sought[:length]]
    return None


def _places(text: str) -> Iterator[tuple[Path, int]]:
    """The lines of a file's elements: the path of each header and of each setting, in order."""
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
    """The path of a header. A header of an array adds a table to it; settings below an array are in its last table."""
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
