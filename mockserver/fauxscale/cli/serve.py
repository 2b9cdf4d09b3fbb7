"""`fauxscale serve`: serves the stand-in on a port until Ctrl-C."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from typing import Unpack

import click

from .options import CONTEXT, PORT, FromEnvironment, ServerOptions, server, server_options, told_in_one_line
from .settings_options import file_in_use

VERBOSE = "FAUXSCALE_VERBOSE"


@click.command(cls=FromEnvironment, context_settings=CONTEXT)
@server_options(PORT)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    envvar="FAUXSCALE_JSON",
    help="Print one line of JSON on stdout when ready; the banner goes to stderr.",
)
@click.option("--quiet", is_flag=True, help="Do not print the banner.")
@click.option(
    "--verbose",
    is_flag=True,
    envvar=VERBOSE,
    help="Log every call to stderr, with its result and the reason for it.",
)
def serve(as_json: bool, quiet: bool, verbose: bool, **given: Unpack[ServerOptions]) -> None:
    """Start the server; Ctrl-C stops it.

    Options can also be set by environment variables (FAUXSCALE_LINK_TTL for --link-ttl) and in a settings file, which
    can also define accounts with their keys, wallets, clocks and faults.
    """
    gc.disable()  # until it is ready: next to nothing of what is made for that is garbage
    # Not for `--help`. The first upload need not wait until Pillow is loaded.
    from fauxscale.images import memory as memory
    from fauxscale.images import probe as probe
    from fauxscale.transport.descriptors import raise_descriptor_limit

    from . import banner
    from .verbose import echo

    raise_descriptor_limit()
    alone = given["workers"] == 1
    if verbose and not alone:
        os.environ[VERBOSE] = "1"  # each worker tells of its own calls
    mock = server(echo if verbose and alone else None, **given)
    file = file_in_use()
    if verbose:
        click.echo(f"settings from {file.shown}" if file else "settings from no file", err=True)

    def announce() -> None:
        if not quiet:
            lines = [
                *banner.lines(mock.url, mock.settings, mock.providers, mock.ca, file.shown if file else ""),
                *(banner.capped(mock.notes) if mock.notes else ()),
            ]
            click.echo("\n".join(lines), err=as_json)
        if as_json:
            click.echo(banner.ready(mock.url, mock.settings, mock.providers, mock.ca))
        elif quiet and mock.settings.token and not given["token"]:
            # Made at this start: nobody knows it, and without it nobody can use the control API.
            click.echo(banner.token_line(mock.settings.token), err=True)
        sys.stdout.flush()
        collect_briefly()

    with told_in_one_line():
        mock.serve_forever(announce)


def collect_briefly() -> None:
    """Keep full collections of garbage short: each looks only at what was made since the one before.

    Beside 2,000 connections one held every call up for 70 to 140 ms, with 20,000 keys in use for 840 ms (Python 3.11,
    2026-11-22). What survives one, connections and accounts for the most part, is freed by its count of references.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(700, 10, 1)
    gc.callbacks.append(_freeze_survivors)


def _freeze_survivors(phase: str, info: Mapping[str, int]) -> None:
    if phase == "stop" and info["generation"] == 2:
        gc.freeze()
