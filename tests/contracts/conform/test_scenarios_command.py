"""`fauxscale-contracts scenarios` says of each scenario what the findings and the page of scenarios say."""

from __future__ import annotations

import shlex

from click.testing import CliRunner, Result

from fauxscale_contracts.cli import main
from fauxscale_contracts.conform.advice import TOPICS, more_about, topic_of
from fauxscale_contracts.conform.scenarios import scenarios
from tests.contracts.conform.scenarios_page import every


def explained(*names: str) -> Result:
    return CliRunner().invoke(main, ["scenarios", *names])


def test_a_scenario_is_explained_with_the_lists_that_have_it() -> None:
    assert explained("queue-slow").stdout.splitlines() == [
        "queue-slow",
        "  staged: three polls find the request unfinished",
        "  expected: must succeed, must not retry, must not pay twice",
        "  lists: ideogram v2-upscale, fal",
        f"  what to do: {topic_of('queue-slow').advice}",
    ]


def test_what_is_expected_elsewhere_otherwise_is_told_too() -> None:
    said = explained("download-wrong-type").stdout.splitlines()
    expected = {
        str(one.expect)
        for provider in ("ideogram", "fal")
        for one in scenarios(provider)
        if one.id == "download-wrong-type"
    }
    staged = [line for line in said if "staged:" in line]
    assert len(staged) == len(set(staged)) >= 1
    assert {line.partition("expected: ")[2] for line in said if "expected:" in line} >= expected


def test_the_command_of_a_finding_explains_every_scenario_reply_and_situation() -> None:
    for name in (*every(), "reply-valid:data[0]=none"):
        program, command, *names = shlex.split(more_about(name))
        assert (program, command) == ("fauxscale-contracts", "scenarios")
        assert topic_of(name).advice in explained(*names).stdout, name
    situation = explained("lost-reply@ideogram.upscale#1")
    assert situation.stdout == explained("lost-reply").stdout


def test_without_an_id_all_are_listed_by_topic() -> None:
    lines = explained().stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [one.title for one in TOPICS]
    assert sorted(line.split(":")[0].strip() for line in lines if line.startswith(" ")) == sorted(every())


def test_an_unknown_id_is_told_with_what_was_meant() -> None:
    done = explained("lost-reply", "lost-repli")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "fauxscale-contracts: no scenario 'lost-repli', did you mean 'lost-reply'? "
        "`fauxscale-contracts scenarios` lists all\n"
    )
