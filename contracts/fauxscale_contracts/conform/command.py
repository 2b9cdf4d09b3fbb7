"""`fauxscale-contracts conform`: a program in any language through every scenario."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from fauxscale_contracts.console.arguments import seconds
from fauxscale_contracts.profiles.completion import provider_names

from .candidate import LIMIT
from .dates import CURRENT, LISTS


def scenario_ids(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Complete to the id of a scenario of the provider that stands before."""
    from .scenarios import scenarios  # not for `--help`

    known = scenarios(context.params.get("provider") or "ideogram", context.params.get("operation") or "")
    return [one.id for one in known if one.id.startswith(begun)]


@click.command()
@click.argument("provider", shell_complete=provider_names)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "-k",
    "patterns",
    multiple=True,
    shell_complete=scenario_ids,
    help="Only scenarios whose id holds this, or fits it as a pattern.",
)
@click.option("--operation", default="", help="The list for another kind of client: ideogram has some.")
@click.option("--list", "list_only", is_flag=True, help="Name the scenarios and what they expect, and stop.")
@click.option(
    "--scenarios", default=CURRENT, show_default=True, type=click.Choice(LISTS), help="The date of the list."
)
@click.option("--api-version", help="The date of the contract that is served.")
@click.option(
    "--limit",
    default=LIMIT,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    callback=seconds,
    help="Seconds for one picture, the client's own time-outs included; then it is killed.",
)
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 64), help="Clients run at once.")
@click.option(
    "--fuzz",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Also boundary replies, and so many generated.",
)
@click.option("--tls", is_flag=True, help="Serve https, for clients that speak nothing else.")
@click.option("--name", help="What to call the client in reports.  [default: the command]")
@click.option("--baseline", type=click.Path(path_type=Path), help="A file of accepted gaps, an id a line.")
@click.option("--expect", type=click.Path(path_type=Path), help="A TOML file of what else is right.")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout instead of the grid.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML here.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write a Markdown table here.")
def conform(
    provider: str,
    command: tuple[str, ...],
    patterns: tuple[str, ...],
    operation: str,
    list_only: bool,
    scenarios: str,
    api_version: str | None,
    limit: float,
    jobs: int,
    fuzz: int,
    tls: bool,
    name: str | None,
    baseline: Path | None,
    expect: Path | None,
    as_json: bool,
    junit: Path | None,
    markdown: Path | None,
) -> None:
    """Run a client of PROVIDER through its scenarios.

    COMMAND follows `--` and holds {image} and {output}, which ends in .png, or what its --operation takes, and
    perhaps {prompt}, {seed}, {resemblance}, {detail}; '[--seed {seed}]' is left out where a scenario has none. It
    finds the address and the key in the provider's usual variables. Exit status: 0 no FAIL, 1 some, 2 it could not
    be run or nothing was judged, 130 and 143 it was interrupted.
    """
    from fauxscale_contracts.console.signals import Interrupts
    from fauxscale_contracts.contract.violations import ContractError

    from . import report
    from .candidate import CannotRun
    from .processes import adopting
    from .run import RunOptions, list_lines, play

    asked = RunOptions(
        provider,
        command,
        patterns,
        api_version,
        limit,
        jobs,
        fuzz,
        tls,
        name,
        baseline,
        operation,
        scenarios,
        expect,
    )
    interrupts = Interrupts()
    try:
        if list_only:
            click.echo("\n".join(list_lines(asked)))
            return
        files = [
            (path, text) for path, text in ((junit, report.as_junit), (markdown, report.as_markdown)) if path
        ]
        for path, _ in files:
            report.check_writable(path)
        with interrupts, adopting():
            done = play(asked, progress=lambda line: click.echo(line, err=True))
            click.echo(report.as_json(done) if as_json else report.grid(done))
            for path, text in files:
                report.write_report(path, text(done))
        code = report.status(done)
        if code == 2:
            raise CannotRun(done.broken or "nothing was judged: each scenario says why it was not run")
    except KeyboardInterrupt:
        code = interrupts.code
    except (CannotRun, ContractError) as error:
        click.echo(f"fauxscale-contracts: {error}", err=True)
        code = 2
    sys.exit(interrupts.code if interrupts.came else code)
