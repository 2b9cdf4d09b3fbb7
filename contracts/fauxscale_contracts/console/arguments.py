"""Validates options that several commands have."""

from __future__ import annotations

import math
from pathlib import Path
from urllib.parse import urlsplit

import click


def seconds(_: click.Context, param: click.Parameter, number: float) -> float:
    """Accept a finite number of seconds above 0."""
    if not (number > 0 and math.isfinite(number)):
        raise click.BadParameter(f"{number:g} is no number of seconds greater than 0", param=param)
    return number


def dollars(_: click.Context, param: click.Parameter, number: float) -> float:
    """Accept an amount of dollars; no nan, which as a limit would allow all."""
    if not (number >= 0 and math.isfinite(number)):
        raise click.BadParameter(f"{number:g} is no number of dollars", param=param)
    return number


def a_key(_: click.Context, param: click.Parameter, key: str) -> str:
    """Accept a key that a header can carry."""
    if not key.strip():
        raise click.BadParameter("the key is empty", param=param)
    if not (key.isascii() and key.isprintable()):
        raise click.BadParameter("the key holds characters that no header can carry", param=param)
    return key


def a_report(_: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Accept a file in a folder that exists: a paid run's report is not to be lost to a slip in a name."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"{path} cannot be written: {path.parent} is no folder", param=param)
    return path


def an_origin(_: click.Context, param: click.Parameter, url: str) -> str:
    """Accept the URL of a server: scheme, host, perhaps a port and a path; without a slash at its end."""
    try:
        split = urlsplit(url)
        split.port  # noqa: B018  # reading it judges it
    except ValueError as error:
        raise click.BadParameter(f"{url!r}: {error}", param=param) from None
    if split.scheme not in ("http", "https") or not split.hostname or split.query or split.fragment:
        raise click.BadParameter(f"{url!r} should read https://host or https://host/path", param=param)
    return url.rstrip("/")
