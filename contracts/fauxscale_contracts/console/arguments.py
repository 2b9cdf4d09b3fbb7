"""Validates options that several commands have."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

import click

P = ParamSpec("P")
T = TypeVar("T")


def seconds(_: click.Context, param: click.Parameter, number: float) -> float:
    """Accept a finite number of seconds above 0."""
    if not (number > 0 and math.isfinite(number)):
        raise click.BadParameter(f"{number:g} is not a number of seconds above 0", param=param)
    return number


def dollars(_: click.Context, param: click.Parameter, number: float) -> float:
    """Accept an amount of dollars; no nan, which as a limit would allow everything."""
    if not (number >= 0 and math.isfinite(number)):
        raise click.BadParameter(f"{number:g} is not an amount in dollars", param=param)
    return number


def a_key(_: click.Context, param: click.Parameter, key: str) -> str:
    """Accept a key that a header can carry."""
    if not key.strip():
        raise click.BadParameter("the key is empty", param=param)
    if not (key.isascii() and key.isprintable()):
        raise click.BadParameter("the key contains characters that are not allowed in a header", param=param)
    return key


def a_report(_: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Accept a file in an existing folder: a typo must not lose a paid run's report."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"{path} cannot be written: {path.parent} is not a folder", param=param)
    return path


def an_origin(_: click.Context, param: click.Parameter, url: str) -> str:
    """Accept the URL of a server: scheme, host, perhaps a port and a path; without a slash at its end."""
    try:
        split = urlsplit(url)
        split.port  # noqa: B018  # reading it judges it
    except ValueError as error:
        raise click.BadParameter(f"{url!r}: {error}", param=param) from None
    if split.scheme not in ("http", "https") or not split.hostname or split.query or split.fragment:
        raise click.BadParameter(f"{url!r} must have the form https://host or https://host/path", param=param)
    return url.rstrip("/")


def api_versions(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Accept PROVIDER=DATE several times, as API versions by provider."""
    pairs = [value.partition("=") for value in values]
    if wrong := next((name for name, equals, date in pairs if not (name and equals and date)), None):
        raise click.BadParameter(f"{wrong!r} must have the form PROVIDER=DATE")
    return {name: date for name, _, date in pairs}


def _perhaps_seconds(context: click.Context, param: click.Parameter, number: float | None) -> float:
    return 0.0 if number is None else seconds(context, param, number)


def trial_options(command: Callable[P, T]) -> Callable[P, T]:
    """Add the options of what can be tried beyond the probes: `link_life`, `rate_limit`, `sizes`."""
    for option in (
        click.option("--sizes", is_flag=True, help="Also send the largest file allowed, and a larger one."),
        click.option(
            "--rate-limit",
            default=0,
            type=click.IntRange(0, 10_000),
            help="Also exceed this many calls per minute by one, with calls that cost nothing.",
        ),
        click.option(
            "--link-life",
            type=float,
            callback=_perhaps_seconds,
            help="Also read a link after these seconds, when it should have expired.",
        ),
    ):
        command = option(command)
    return command
