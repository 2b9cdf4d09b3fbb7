"""`fauxscale-contracts observe`: settles guesses of a contract at the real service, within a budget."""

from __future__ import annotations

from pathlib import Path

import click

from fauxscale_contracts.console.arguments import a_key, an_origin, dollars, seconds
from fauxscale_contracts.console.exit_codes import finish, give_up, interruptible
from fauxscale_contracts.profiles.completion import provider_names


@click.command(short_help="Send the few requests that settle a contract's guesses.")
@click.argument("provider", shell_complete=provider_names)
@click.option("--base-url", required=True, callback=an_origin, help="Base URL that clients use.")
@click.option(
    "--key",
    envvar="FAUXSCALE_OBSERVE_KEY",
    required=True,
    callback=a_key,
    help="API key; better set in FAUXSCALE_OBSERVE_KEY.",
)
@click.option("--budget", required=True, type=float, callback=dollars, help="Maximum cost in dollars.")
@click.option(
    "--to", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="A new folder."
)
@click.option("--yes", is_flag=True, help="Send the requests; without it they are only listed.")
@click.option("--api-version", help="API version whose guesses to check.  [default: the provider's default]")
@click.option(
    "--timeout", default=120.0, show_default=True, callback=seconds, help="Seconds that each reply may take."
)
def observe(
    provider: str,
    base_url: str,
    key: str,
    budget: float,
    folder: Path,
    yes: bool,
    api_version: str | None,
    timeout: float,
) -> None:
    """Send a service the requests that settle guesses in its contract, and record the replies without secrets.

    First lists the requests and their cost; nothing is sent without --yes. The folder can be sent to the
    maintainer of the contract. Exit status: 2 if nothing could be learned.
    """
    with interruptible():
        from fauxscale import redact
        from fauxscale_contracts.contract.violations import ContractError
        from fauxscale_contracts.profiles.installed import profile
        from fauxscale_contracts.profiles.loading import load
        from fauxscale_contracts.profiles.probing import Unreachable

        from . import run

        try:
            asked, contract = profile(provider), load(provider, api_version=api_version)
        except ContractError as error:
            give_up(str(error))
        chosen = run.questions(asked, contract, budget)
        click.echo(chosen.to_text(), err=True)
        if not chosen.asked:
            give_up("no request fits this budget: nothing was sent")
        if not yes:
            click.echo("nothing was sent: add --yes to send the requests", err=True)
            return
        if folder.exists() and any(folder.iterdir()):
            give_up(f"{folder} is not empty: nothing was sent")

        async def work() -> str:
            import httpx

            async with httpx.AsyncClient(timeout=timeout) as http:
                return await run.observe(
                    asked, contract, chosen, base_url, key, http, folder, timeout=timeout
                )

        try:
            patch = finish(work())
        except (Unreachable, RuntimeError, OSError) as error:
            give_up(redact.text(str(error), [key]))
        click.echo(patch or "nothing new was learned")
        click.echo(f"{folder} holds the answers, and contract.diff", err=True)
