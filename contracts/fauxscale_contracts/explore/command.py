"""`fauxscale-contracts explore`: runs a command in any language again in each situation its calls can meet."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from fauxscale_contracts.console.arguments import a_report, seconds
from fauxscale_contracts.console.exit_codes import give_up

_REPORT = click.Path(dir_okay=False, path_type=Path)


@click.command(
    context_settings={"allow_interspersed_args": False},
    short_help="Run COMMAND again in each failure situation.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "--max",
    "most",
    type=click.IntRange(1),
    help="Maximum number of situations to try, the most expensive first.",
)
@click.option(
    "--patience",
    default=0.0,
    type=click.FloatRange(min=0),
    help="Also try replies that never come, and report clients that wait longer than this.",
)
@click.option(
    "--limit",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    callback=seconds,
    help="Seconds for one run of the command; then it is killed.",
)
@click.option(
    "--jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="Commands to run in parallel."
)
@click.option(
    "--baseline", type=_REPORT, help="File of accepted findings, one per line: COMMAND SITUATION # why."
)
@click.option(
    "--fail",
    "fails_at",
    default="wrong",
    show_default=True,
    type=click.Choice(["wrong", "look", "never"]),
    help="Lowest verdict that makes the exit status 1.",
)
@click.option("--html", type=_REPORT, callback=a_report, help="Write a page to read.")
@click.option("--markdown", type=_REPORT, callback=a_report, help="Write a comment for a pull request.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout instead of the table.")
def explore(
    command: tuple[str, ...],
    most: int | None,
    patience: float,
    limit: float,
    jobs: int,
    baseline: Path | None,
    fails_at: str,
    html: Path | None,
    markdown: Path | None,
    as_json: bool,
) -> None:
    """Run COMMAND again, once for each failure situation that can affect one of its calls.

    fauxscale-contracts explore -- npm test

    COMMAND gets base URLs and keys in the usual variables. Exit status: 0 nothing is wrong, 1 something is, 2 no
    verdict, 130 or 143 interrupted.
    """
    from fauxscale_contracts.console import atomic_write
    from fauxscale_contracts.console.signals import Interrupts

    from . import page, report
    from .run import ExploreOptions, NotExplored
    from .run import explore as run
    from .verdict import FAILING

    interrupts = Interrupts()
    try:
        with interrupts:
            asked = ExploreOptions(command, most, patience, limit, jobs, baseline)
            done = run(asked, progress=lambda line: click.echo(line, err=True))
            click.echo(report.as_json(done) if as_json else "\n".join(report.lines(done)))
            for file, text in ((html, page.as_html), (markdown, report.as_markdown)):
                if file is not None:
                    atomic_write.write(file, text(done))
    except KeyboardInterrupt:
        sys.exit(interrupts.code)
    except NotExplored as error:
        give_up(str(error))
    except OSError as error:
        give_up(f"a report cannot be written: {error}")
    if interrupts.came:
        sys.exit(interrupts.code)
    sys.exit(int(any(one.level in FAILING[fails_at] for one in done.findings)))
