"""`fauxscale-contracts record` and `scan`: writes exchanges to disk, and checks that they hold no secrets."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import click

from fauxscale_contracts.console.arguments import an_origin, api_versions, seconds


@click.command(short_help="Forward calls to a service and record them.")
@click.option(
    "--upstream", required=True, callback=an_origin, help="URL of the service: https://api.ideogram.ai."
)
@click.option(
    "--to",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the recording.",
)
@click.option(
    "--port",
    default=2161,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 chooses a free one.",
)
@click.option(
    "--timeout", default=120.0, show_default=True, callback=seconds, help="Seconds that the service may take."
)
@click.option(
    "--api-version",
    multiple=True,
    callback=api_versions,
    help="Check against this contract: ideogram=2026-10.",
)
@click.option(
    "--keep-header", multiple=True, help="Keep the value of this header, which is masked by default."
)
def record(
    upstream: str,
    folder: Path,
    port: int,
    timeout: float,
    api_version: dict[str, str],
    keep_header: tuple[str, ...],
) -> None:
    """Forward calls to a service and record them without secrets, until Ctrl-C.

    Exit status: 2 if a call could not be recorded.
    """
    import uvicorn

    from fauxscale.recordings.har import Recording
    from fauxscale_contracts.contract.violations import ContractError
    from fauxscale_contracts.profiles.contract_index import ContractIndex

    from .proxy import Recorder

    def tell(line: str) -> None:
        click.echo(line, err=True)

    try:
        recorder = Recorder(
            upstream,
            Recording(folder),
            tell,
            contracts=ContractIndex(api_version),
            timeout=timeout,
            keep=keep_header,
        )
    except ContractError as error:
        raise click.UsageError(str(error)) from None
    # The protocol is named, or asyncio leaves TCP_NODELAY off and keep-alive calls cost 44 ms (uvicorn issue 3149).
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
        sock.listen(128)  # before the address is printed: a reader may call at once
    except OSError as error:
        sock.close()
        raise click.UsageError(f"cannot listen on port {port}: {error.strerror}; try --port 0") from None
    click.echo(
        f"recording {upstream} at http://127.0.0.1:{sock.getsockname()[1]} into {folder}; Ctrl-C stops it"
    )
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        # The service's own Date and Server are passed on; a second one of either would be a change.
        config = uvicorn.Config(
            recorder, log_config=None, ws="none", lifespan="on", server_header=False, date_header=False
        )
        uvicorn.Server(config).run(sockets=[sock])
    except KeyboardInterrupt:
        pass  # how one ends it
    finally:
        sock.close()
    tell(f"{recorder.recorded} exchange(s) recorded in {folder}")
    if recorder.failures:
        tell(f"{recorder.failures} call(s) could not be recorded: see above")
        sys.exit(2)


@click.command("scan")
@click.argument("folder", type=click.Path(path_type=Path))
def scan_folder(folder: Path) -> None:
    """Search FOLDER for keys, tokens and signatures. Exit status: 1 if there are any."""
    from fauxscale.recordings.har import RecordingError

    from .secrets import scan

    try:
        found = scan(folder)
    except RecordingError as error:
        click.echo(f"cannot scan: {error}", err=True)
        sys.exit(2)
    for line in found:
        click.echo(line)
    click.echo(f"{len(found)} possible secret(s) found" if found else "no secrets found", err=True)
    sys.exit(1 if found else 0)
