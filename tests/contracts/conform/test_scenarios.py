"""The lists of scenarios: long enough, named once, able to be staged, and saying what they expect."""

from __future__ import annotations

import json

import pytest

from fauxscale.faults import from_json, to_json
from fauxscale_contracts import load
from fauxscale_contracts.conform.sample_images import NAMES, REFUSED, picture
from fauxscale_contracts.conform.scenario import Expect
from fauxscale_contracts.conform.scenarios import scenarios
from fauxscale_contracts.profiles.installed import BUILT_IN

NAMED = [one.name for one in BUILT_IN]


@pytest.mark.parametrize("provider", NAMED)
def test_every_provider_has_forty_scenarios_and_more_each_named_once(provider: str) -> None:
    names = [one.id for one in scenarios(provider)]
    assert len(names) >= 40
    assert len(set(names)) == len(names)


def test_every_documented_status_of_ideogram_has_a_scenario() -> None:
    answers = load("ideogram").operation("ideogram.upscale").answers
    documented = [status for status, answer in answers.items() if status.startswith("4") and answer]
    names = {one.id for one in scenarios("ideogram")}
    assert {"400", "403", "422", "429"} <= set(documented)
    assert {"error-400", "error-403", "error-422", "429-always"} <= names


@pytest.mark.parametrize("provider", NAMED)
def test_what_a_scenario_stages_can_be_staged(provider: str) -> None:
    operations = load(provider).operations
    for scenario in scenarios(provider):
        for staged in scenario.faults:
            assert from_json(json.loads(json.dumps(to_json(staged.fault)))) == staged.fault, scenario.id
            assert staged.on.startswith(f"{provider}."), scenario.id
        assert not scenario.only or scenario.only in operations, scenario.id
        assert scenario.picture in NAMES + REFUSED, scenario.id
        assert scenario.about, scenario.id


@pytest.mark.parametrize("name", NAMES + REFUSED)
def test_a_picture_is_drawn_alike_every_time_and_every_number_differs(name: str) -> None:
    first = picture(name)
    picture.cache_clear()
    assert picture(name) == first
    alike = name in ("empty", "text", "png-one-pixel")
    assert (picture(name, 1) == first) == alike


def test_an_unknown_picture_is_told_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no picture 'png-rbg': choose from png-rgb, "):
        picture("png-rbg")


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        (Expect(), "must succeed, must not retry, must not pay twice"),
        (
            Expect(outcome="fail", calls=(1, 12), charges=0),
            "must fail cleanly, with 1 to 12 calls, must not pay",
        ),
        (
            Expect(calls=(2, 2), waits=0.3),
            "must succeed, with exactly 2 calls, must wait at least 0.3 s, must not pay twice",
        ),
        (
            Expect(outcome="either", charges=2),
            "must succeed or fail cleanly, must not retry, pays 2 times at most",
        ),
    ],
)
def test_an_expectation_reads_as_a_sentence(expect: Expect, said: str) -> None:
    assert str(expect) == said
