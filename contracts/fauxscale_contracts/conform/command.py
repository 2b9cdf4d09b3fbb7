"""`fauxscale-contracts conform`: runs a program in any language through every scenario."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from fauxscale_contracts.console.arguments import seconds
from fauxscale_contracts.profiles.completion import provider_names

from .candidate import LIMIT
from .dates import CURRENT, LISTS


def scenario_ids(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Complete to the id of a scenario of the provider named before it."""
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
    help="Only scenarios whose id contains this text or matches this pattern.",
)
@click.option(
    "--operation", default="", help="Scenarios for clients of this operation, if PROVIDER has several lists."
)
@click.option("--list", "list_only", is_flag=True, help="List the scenarios and what they expect, then exit.")
@click.option(
    "--scenarios",
    default=CURRENT,
    show_default=True,
    type=click.Choice(LISTS),
    help="Version of the scenario list.",
)
@click.option("--api-version", help="API version that the mock server serves.")
@click.option(
    "--limit",
    default=LIMIT,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    callback=seconds,
    help="Seconds for one run of the client, its own time-outs included; then it is killed.",
)
@click.option(
    "--jobs", default=2, show_default=True, type=click.IntRange(1, 64), help="Clients to run in parallel."
)
@click.option(
    "--fuzz",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Also test boundary replies, and this many generated replies.",
)
@click.option("--tls", is_flag=True, help="Serve https, for clients that need it.")
@click.option("--name", help="Name of the client in reports.  [default: the command]")
@click.option(
    "--baseline", type=click.Path(path_type=Path), help="File of accepted failures, one scenario id per line."
)
@click.option(
    "--expect", type=click.Path(path_type=Path), help="TOML file that changes what scenarios expect."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout instead of the table.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write the results as JUnit XML.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the results as a Markdown table.")
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
    """Run a client of PROVIDER through its failure scenarios.

    COMMAND, after `--`, runs the client once. It must contain {image} and {output} (a .png file), or the files that
    its --operation needs, and may contain {prompt}, {seed}, {resemblance} and {detail}; a part in brackets, such as
    '[--seed {seed}]', is left out when a scenario does not set it. The client gets the base URL and the key in the
    provider's usual variables. Exit status: 0 no FAIL, 1 at least one FAIL, 2 no verdict, 130 or 143 interrupted.
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
            raise CannotRun(done.broken or "no scenario was run: each says why")
    except KeyboardInterrupt:
        code = interrupts.code
    except (CannotRun, ContractError) as error:
        click.echo(f"fauxscale-contracts: {error}", err=True)
        code = 2
    sys.exit(interrupts.code if interrupts.came else code)
