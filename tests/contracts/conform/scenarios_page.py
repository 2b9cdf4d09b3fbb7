"""Writes docs/scenarios.md out of the topics and lists: `python -m tests.contracts.conform.scenarios_page`."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill

from fauxscale_contracts.conform.advice import TOPICS, topic_of
from fauxscale_contracts.conform.scenario import Scenario
from fauxscale_contracts.conform.scenarios import scenarios
from fauxscale_contracts.profiles.installed import BUILT_IN
from tests.doc_pages import ROOT

FILE = ROOT / "docs" / "scenarios.md"
HEAD = """# Scenarios, and what to do about them

What [conformance](conformance.md) stages, topic by topic, and what helps a client that fails there.
A provider's list has what its service can bring about:
`fauxscale-contracts conform PROVIDER --list` names it. `fauxscale-contracts scenarios ID` prints what this page says
about one of them.
"""
REPLIES = """
Every [undocumented reply](conformance.md#undocumented-replies) belongs here as well:
the client must return the picture or fail cleanly.
"""


def every() -> dict[str, Scenario]:
    """The scenarios of all lists that come with fauxscale, each id once."""
    found: dict[str, Scenario] = {}
    for provider in BUILT_IN:
        for operation in ("", *provider.operations):
            for one in scenarios(provider.name, operation):
                found.setdefault(one.id, one)
    return found


def sections() -> Iterator[str]:
    staged = every().values()
    for topic in TOPICS:
        rows = [one for one in staged if topic_of(one.id) == topic]
        yield f"\n## {topic.title}\n\n{fill(topic.advice, 140)}\n"
        if "reply-*" in topic.patterns:
            yield REPLIES
        yield "\n| scenario | what is staged | what is right |\n|---|---|---|\n"
        yield from (
            f"| `{one.id}` | {one.about.replace('|', chr(92) + '|')} | {one.expect} |\n" for one in rows
        )


def page() -> str:
    return HEAD + "".join(sections())


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
