"""`fauxscale report FILE`: writes the calls of a running server as one static page, an artifact of a CI run."""

from __future__ import annotations

from pathlib import Path

import click

from .options import CONTEXT, PORT, FromEnvironment
from .settings_options import clients_options

_PATIENCE = 60.0  # seconds


@click.command(
    cls=FromEnvironment,
    context_settings=CONTEXT,
    short_help="Save the calls of a running server as one HTML page.",
)
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.option("--url", default=f"http://127.0.0.1:{PORT}", show_default=True, help="URL of the server.")
@click.option("--token", envvar="FAUXSCALE_TOKEN", help="Control token, if the server requires one.")
@clients_options()
def report(file: Path, url: str, token: str | None) -> None:
    """Save the calls of a running server as FILE, one self-contained HTML page.

    fauxscale report calls.html
    """
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url must be an address such as http://127.0.0.1:{PORT}, not {url!r}")
    page = _read(url.rstrip("/"), token)
    try:
        file.write_bytes(page)
    except OSError as problem:
        raise click.UsageError(f"{file} cannot be written: {problem.strerror}") from None


def _read(url: str, token: str | None) -> bytes:
    """Read the report of a server. The token is never sent to a proxy of the environment."""
    from urllib.error import HTTPError  # not for `--help`
    from urllib.request import ProxyHandler, Request, build_opener

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    asked = Request(f"{url}/__fauxscale/api/inspector/report", headers=headers)
    try:
        with build_opener(ProxyHandler({})).open(asked, timeout=_PATIENCE) as reply:
            page: bytes = reply.read()
            return page
    except HTTPError as refused:
        with refused:
            said = refused.read(1000).decode(errors="replace")
        raise click.UsageError(f"{url} answered {refused.code}: {said}") from None
    except OSError as gone:
        raise click.UsageError(f"no server answers at {url}: {getattr(gone, 'reason', gone)}") from None
