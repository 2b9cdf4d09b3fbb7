"""What the options of several commands have in common: callbacks that refuse what cannot be meant."""

from __future__ import annotations

import math
from pathlib import Path
from urllib.parse import urlsplit

import click


def seconds(_: click.Context, param: click.Parameter, number: float) -> float:
    """Longer than nothing, and not for ever."""
    if not (number > 0 and math.isfinite(number)):
        raise click.BadParameter(f"{number:g} is no number of seconds greater than 0", param=param)
    return number


def dollars(_: click.Context, param: click.Parameter, number: float) -> float:
    """An amount. Nothing is greater than nan, so that as a limit it would allow all."""
    if not (number >= 0 and math.isfinite(number)):
        raise click.BadParameter(f"{number:g} is no number of dollars", param=param)
    return number


def a_key(_: click.Context, param: click.Parameter, key: str) -> str:
    """What a header can carry."""
    if not key.strip():
        raise click.BadParameter("the key is empty", param=param)
    if not (key.isascii() and key.isprintable()):
        raise click.BadParameter("the key holds characters that no header can carry", param=param)
    return key


def a_report(_: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """A file in a folder that is there: what a run has cost is not to be lost to a slip in a name."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"{path} cannot be written: {path.parent} is no folder", param=param)
    return path


def an_origin(_: click.Context, param: click.Parameter, url: str) -> str:
    """Where a server can be asked: scheme, host, perhaps a port and a path. Without a slash at its end."""
    try:
        split = urlsplit(url)
        split.port  # noqa: B018  # reading it judges it
    except ValueError as error:
        raise click.BadParameter(f"{url!r}: {error}", param=param) from None
    if split.scheme not in ("http", "https") or not split.hostname or split.query or split.fragment:
        raise click.BadParameter(f"{url!r} should read https://host or https://host/path", param=param)
    return url.rstrip("/")
