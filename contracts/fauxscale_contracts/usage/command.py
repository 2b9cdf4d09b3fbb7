"""`fauxscale-contracts usage`: what a client uses of a contract, by its recordings."""

from __future__ import annotations

from pathlib import Path

import click

from fauxscale_contracts.console.arguments import api_versions
from fauxscale_contracts.console.exit_codes import give_up


@click.command(short_help="Write what a client uses of the contracts.")
@click.argument("recordings", nargs=-1, required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--to",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to.",
)
@click.option("--consumer", default="client", show_default=True, help="Name of the client.")
@click.option(
    "--api-version", multiple=True, callback=api_versions, help="Use this contract: ideogram=2026-10."
)
def usage(recordings: tuple[Path, ...], folder: Path, consumer: str, api_version: dict[str, str]) -> None:
    """Write what the client of RECORDINGS uses, per contract: an OpenAPI document for `drift --used-by`, and a Pact.

    A recording shows what was sent and received, so every member of a reply counts as used; pytest's
    --fauxscale-usage knows which members were read. Exit status: 2 if nothing could be learned.
    """
    from fauxscale.recordings.har import Recording, RecordingError
    from fauxscale_contracts.contract.exchange import Exchange
    from fauxscale_contracts.contract.violations import ContractError
    from fauxscale_contracts.profiles.contract_index import ContractIndex

    from .collected import Collected

    found, noted, others = Collected(), 0, 0
    try:
        index = ContractIndex(api_version)
        for recording in recordings:
            for entry in Recording(recording).entries():
                exchange = Exchange.from_har(entry)
                match = index.find(exchange.request.method, exchange.request.url)
                if match is None:
                    others += 1
                    continue
                found.note(match.contract, match.operation, exchange, consumer)
                noted += 1
    except (ContractError, RecordingError, ValueError) as error:
        give_up(str(error))
    if not noted:
        give_up(f"no call of a known operation is in {', '.join(map(str, recordings))}")
    try:
        written = found.write(folder, consumer)
    except OSError as error:
        give_up(f"{folder} cannot be written: {error.strerror}")
    for file in written:
        click.echo(file)
    aside = f"; {others} other call(s) left out" if others else ""
    click.echo(f"{noted} call(s) of {consumer}{aside}", err=True)
