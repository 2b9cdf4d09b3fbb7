"""`fauxscale-contracts drift`: shows the price, probes a service with the smallest requests, reports changes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fauxscale_contracts.console.arguments import a_key, a_report, an_origin, dollars, seconds, trial_options
from fauxscale_contracts.console.exit_codes import finish, give_up, interruptible
from fauxscale_contracts.profiles.completion import provider_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fauxscale_contracts.profiles.outcomes import Trials
    from fauxscale_contracts.usage.usage import Usage

    from .report import DriftReport


@click.command(short_help="Compare a service with its contract and recordings.")
@click.argument("provider", shell_complete=provider_names)
@click.option(
    "--base-url",
    required=True,
    callback=an_origin,
    help="Base URL that clients use: https://api.ideogram.ai.",
)
@click.option(
    "--key",
    envvar="FAUXSCALE_DRIFT_KEY",
    required=True,
    callback=a_key,
    help="API key; better set in FAUXSCALE_DRIFT_KEY.",
)
@click.option(
    "--max-cost", default=0.30, show_default=True, callback=dollars, help="Maximum cost in dollars."
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation before spending money.")
@click.option("--api-version", help="API version to compare with.  [default: the provider's default]")
@click.option("--recorded", type=click.Path(path_type=Path), help="Also compare with this recording.")
@click.option(
    "--used-by",
    "used",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Report only what clients use, according to this file from `usage`; repeatable.",
)
@click.option(
    "--timeout",
    default=120.0,
    show_default=True,
    callback=seconds,
    help="Seconds that each complete reply may take.",
)
@trial_options
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout.")
@click.option(
    "--markdown",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=a_report,
    help="Write the report as Markdown.",
)
@click.option(
    "--write",
    "patch",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=a_report,
    help="Write a diff that replaces guesses in the contract with what was observed.",
)
def drift(
    provider: str,
    base_url: str,
    key: str,
    max_cost: float,
    yes: bool,
    api_version: str | None,
    recorded: Path | None,
    used: tuple[Path, ...],
    timeout: float,
    link_life: float,
    rate_limit: int,
    sizes: bool,
    as_json: bool,
    markdown: Path | None,
    patch: Path | None,
) -> None:
    """Compare a real service with its contract, with recordings and with the mock server.

    Exit status: 0 no drift or only answers to guesses, 3 additive, 4 risky, 5 breaking; 2 no verdict, 130 or 143
    interrupted.
    """
    with interruptible():
        from fauxscale import redact
        from fauxscale.recordings.har import RecordingError
        from fauxscale_contracts.console.atomic_write import write
        from fauxscale_contracts.contract.violations import ContractError
        from fauxscale_contracts.profiles.installed import profile
        from fauxscale_contracts.profiles.loading import load
        from fauxscale_contracts.profiles.outcomes import Trials
        from fauxscale_contracts.profiles.probing import Unreachable
        from fauxscale_contracts.usage import document

        from .report import plan

        try:
            trials = Trials(link_life, rate_limit, sizes)
            priced, most = plan(profile(provider), trials.cost(profile(provider)))
            usages = [document.read(file, load(provider, api_version=api_version)) for file in used]
        except ContractError as error:
            give_up(str(error))
        click.echo(priced, err=True)
        if most > max_cost:
            give_up(f"this may cost ${most:.2f}, more than --max-cost {max_cost:.2f}: nothing was sent")
        if not yes and not _agreed():
            give_up("nothing was sent")
        try:
            report = finish(
                _examined(provider, base_url, key, timeout, api_version, recorded, usages, trials)
            )
        except (Unreachable, ContractError, RecordingError) as error:
            give_up(redact.text(str(error), [key]))
        # Before any file is written: the user has paid for it.
        click.echo(report.to_json() if as_json else report.to_text())
        if patch is not None and not as_json:
            click.echo(report.patch or "these replies settle no guess")
        for file, text in ((markdown, report.to_markdown() + "\n"), (patch, report.patch)):
            if file is None:
                continue
            try:
                write(file, text)
            except OSError as error:
                click.echo(f"{file} cannot be written: {error.strerror}", err=True)
                sys.exit(2)
        sys.exit(report.exit)


async def _examined(
    provider: str,
    base_url: str,
    key: str,
    timeout: float,
    api_version: str | None,
    recorded: Path | None,
    used: Sequence[Usage],
    trials: Trials,
) -> DriftReport:
    import httpx

    from .run import examine

    async with httpx.AsyncClient(timeout=timeout) as http:
        return await examine(
            provider,
            base_url,
            key,
            http,
            timeout=timeout,
            api_version=api_version,
            recorded=recorded,
            used=used,
            trials=trials,
        )


def _agreed() -> bool:
    try:
        return click.confirm("Ask?", err=True)
    except click.Abort:
        return False
