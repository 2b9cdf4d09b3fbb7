"""Ends a command that has no verdict: with 2 and the reason, or as the signal that interrupted it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import click

from .signals import Interrupts

T = TypeVar("T")


def give_up(why: str) -> NoReturn:
    """Print why there is no verdict, and exit with 2."""
    click.echo(f"no verdict: {why}", err=True)
    sys.exit(2)


@contextmanager
def interruptible() -> Generator[None]:
    """While entered, exit cleanly on a signal: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.

    Without it, click ends with 1 on Ctrl-C, which is a verdict.
    """
    interrupts = Interrupts()
    try:
        with interrupts:
            yield
    except KeyboardInterrupt:
        click.echo("no verdict: interrupted", err=True)
        sys.exit(interrupts.code)


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own: an interrupt cancels the work and is not raised inside the loop."""
    with asyncio.Runner() as runner, ThreadPoolExecutor(1) as thread:
        loop = runner.get_loop()
        task = loop.create_task(work)
        done = thread.submit(loop.run_until_complete, task)
        try:
            return done.result()
        except KeyboardInterrupt:
            loop.call_soon_threadsafe(task.cancel)
            raise
