"""`fauxscale serve`: the stand-in on a port, until Ctrl-C."""

from __future__ import annotations

import asyncio
import secrets
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fauxscale.transport.tls import Certificates


# Every flag has a variable: --link-ttl is FAUXSCALE_LINK_TTL. A flag wins over its variable, that over the default.
@click.command(context_settings={"auto_envvar_prefix": "FAUXSCALE"})
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=2160,
    show_default=True,
    help="Port to listen on; 0 chooses a free one.",
)
@click.option(
    "--seed", default=0, show_default=True, help="Same seed, same calls: same ids, seeds and pictures."
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    envvar="FAUXSCALE_KEY",
    help="A key that works; repeatable. Without it any key does.",
)
@click.option("--balance", type=float, help="Dollars in each wallet.  [default: unlimited]")
@click.option("--link-ttl", type=float, help="Seconds a link lives.  [default: as at each provider]")
@click.option("--latency", type=float, help="Seconds every API call replies at least.")
@click.option(
    "--api-version",
    "api_versions",
    multiple=True,
    envvar="FAUXSCALE_API_VERSION",
    help="A provider as recorded on a date: ideogram=2026-10.",
)
@click.option(
    "--set",
    "options",
    multiple=True,
    envvar="FAUXSCALE_SET",
    help="A provider option: ideogram.max_pixels=1000000.",
)
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    envvar="FAUXSCALE_ALLOW_HOST",
    help="A Host name to answer to besides local ones.",
)
@click.option("--allow-fetch", "allow_fetch", multiple=True, help="A host whose pictures may be fetched.")
@click.option(
    "--cors", "cors", multiple=True, help="A web origin that may call the APIs from a browser; * for any."
)
@click.option("--token", help="What the control API asks for.  [default: made when --host is not loopback]")
@click.option(
    "--replay",
    default="",
    metavar="DIR",
    help="Answer from a recording what is in it; the rest as ever.",
)
@click.option("--tls", is_flag=True, help="Serve https with a throw-away certificate authority.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    envvar="FAUXSCALE_JSON",
    help="One line of JSON on stdout when ready; the banner on stderr.",
)
@click.option("--quiet", is_flag=True, help="No banner.")
def serve(
    host: str,
    port: int,
    seed: int,
    keys: tuple[str, ...],
    balance: float | None,
    link_ttl: float | None,
    latency: float | None,
    api_versions: tuple[str, ...],
    options: tuple[str, ...],
    allow_hosts: tuple[str, ...],
    allow_fetch: tuple[str, ...],
    cors: tuple[str, ...],
    token: str | None,
    replay: str,
    tls: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Serve until Ctrl-C."""
    # Imported here, so that --help and --version load no server.
    from fauxscale.app import create_app
    from fauxscale.dispatch.options import parse_options
    from fauxscale.hosts import is_open_to_others
    from fauxscale.providers import PROVIDERS
    from fauxscale.recordings.har import RecordingError
    from fauxscale.settings import Settings, Terms
    from fauxscale.transport.listener import Listener, address, listen

    from . import banner

    try:
        if "" in keys:
            raise ValueError("a --key must not be empty")
        settings = Settings(
            seed=seed,
            keys=keys,
            terms=Terms.from_mapping({"balance": balance, "link_ttl": link_ttl, "latency": latency}),
            options=parse_options(
                _pairs(options) | {f"{n}.api_version": v for n, v in _pairs(api_versions).items()}, PROVIDERS
            ),
            allow_hosts=allow_hosts,
            allow_fetch=allow_fetch,
            cors=cors,
            token=token or (secrets.token_urlsafe(24) if is_open_to_others(host) else None),
            replay=replay,
        )
        app = create_app(settings)
    except (ValueError, RecordingError) as error:
        raise click.UsageError(str(error)) from None
    try:
        sock = listen(host, port)
    except OSError as error:
        raise click.ClickException(f"{error.strerror}; another --port, or --port 0, will do") from None
    try:
        certificates = _certificates(host) if tls else None
    except click.ClickException:
        sock.close()
        raise
    url = address(sock, "https" if tls else "http")
    ca = certificates.ca if certificates else None

    def announce() -> None:
        if not quiet:
            words = [
                *banner.lines(url, settings, PROVIDERS, ca),
                *(banner.capped(app.replay.summary()) if app.replay else ()),
            ]
            click.echo("\n".join(words), err=as_json)
        if as_json:
            click.echo(banner.ready(url, settings, PROVIDERS, ca))
        sys.stdout.flush()

    config = {"ssl_certfile": certificates.chain, "ssl_keyfile": certificates.key} if certificates else {}
    try:
        asyncio.run(Listener(app, announce, **config).serve(sockets=[sock]))
    finally:
        if certificates:
            certificates.remove()


def _certificates(host: str) -> Certificates:
    from fauxscale.providers import PROVIDERS
    from fauxscale.transport import tls

    hosts = [name for provider in PROVIDERS for site in provider.sites for name in site.hosts]
    try:
        return tls.issue([*hosts] if host in ("0.0.0.0", "::") else [host, *hosts])
    except tls.MissingExtra as error:
        raise click.ClickException(str(error)) from None


def _pairs(words: tuple[str, ...]) -> dict[str, str]:
    for word in words:
        if "=" not in word:
            raise ValueError(f"{word!r} should read NAME=VALUE")
    return dict(word.split("=", 1) for word in words)
