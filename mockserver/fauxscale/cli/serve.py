"""`fauxscale serve`: the stand-in on a port, until Ctrl-C."""

from __future__ import annotations

import sys
from typing import Unpack

import click

from .options import CONTEXT, PORT, ServerOptions, server, server_options, told_in_one_line


@click.command(context_settings=CONTEXT)
@server_options(PORT)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    envvar="FAUXSCALE_JSON",
    help="One line of JSON on stdout when ready; the banner on stderr.",
)
@click.option("--quiet", is_flag=True, help="No banner.")
def serve(as_json: bool, quiet: bool, **given: Unpack[ServerOptions]) -> None:
    """Serve until Ctrl-C."""
    from fauxscale.transport.descriptors import raise_descriptor_limit  # not for `--help`

    from . import banner

    raise_descriptor_limit()
    mock = server(**given)

    def announce() -> None:
        if not quiet:
            replay = mock.app.replay
            lines = [
                *banner.lines(mock.url, mock.settings, mock.providers, mock.ca),
                *(banner.capped(replay.summary()) if replay else ()),
            ]
            click.echo("\n".join(lines), err=as_json)
        if as_json:
            click.echo(banner.ready(mock.url, mock.settings, mock.providers, mock.ca))
        sys.stdout.flush()

    with told_in_one_line():
        mock.serve_forever(announce)
