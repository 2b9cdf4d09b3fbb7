"""What the options of several commands have in common: callbacks that refuse what cannot be meant."""

from __future__ import annotations

import math
from pathlib import Path

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
