"""`fauxscale-contracts scenarios`: what a scenario stages, what is right in it, and what helps a client that fails."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click


def every_id(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    """Complete to the id of a scenario of any list."""
    from .lists import every_scenario  # not for `--help`

    return [one for one in every_scenario() if one.startswith(begun)]


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, shell_complete=every_id)
def scenarios(ids: tuple[str, ...]) -> None:
    """Explain the scenarios of conform and explore.

    ID is a scenario, such as lost-reply. Without one, all scenarios are listed by topic. Exit status: 2 for an unknown
    ID.
    """
    from fauxscale.spelling import did_you_mean

    from .lists import every_scenario

    known = every_scenario()
    for name in ids:
        scenario = _scenario(name)
        if scenario not in known and not scenario.startswith("reply-"):
            hint = did_you_mean(scenario, known) or ":"
            told = f"no scenario {name!r}{hint} `fauxscale-contracts scenarios` lists all"
            click.echo(f"fauxscale-contracts: {told}", err=True)
            sys.exit(2)
    lines = [line for name in ids for line in _explained(_scenario(name))] if ids else [*_listed()]
    click.echo("\n".join(lines))


def _scenario(name: str) -> str:
    """The scenario of a situation: `lost-reply` of `lost-reply@ideogram.upscale#1`."""
    return name.partition("@")[0]


def _explained(name: str) -> Iterator[str]:
    from .advice import topic_of
    from .lists import every_scenario
    from .verdicts import EITHER

    yield name
    variants = every_scenario().get(name, {})
    for (staged, expected), lists in variants.items():
        yield f"  staged: {staged}"
        yield f"  expected: {expected}"
        yield f"  lists: {', '.join(lists)}"
    if not variants:
        yield "  staged: 200 with a reply made from the contract"
        yield f"  expected: {EITHER}"
    topic = topic_of(name)
    yield f"  what to do: {topic.advice}"


def _listed() -> Iterator[str]:
    from .advice import TOPICS, topic_of
    from .lists import every_scenario

    known = every_scenario()
    for topic in TOPICS:
        yield topic.title
        for name, variants in known.items():
            if topic_of(name) == topic:
                yield f"  {name}: {' | '.join(dict.fromkeys(staged for staged, _ in variants))}"
