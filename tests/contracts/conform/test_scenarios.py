"""The lists of scenarios: long enough, named once, able to be staged, and saying what they expect."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from fauxscale.faults import from_json, to_json
from fauxscale_contracts import load
from fauxscale_contracts.conform.dates import LISTS
from fauxscale_contracts.conform.sample_images import NAMES, REFUSED, picture
from fauxscale_contracts.conform.scenario import Expect, Scenario
from fauxscale_contracts.conform.scenarios import as_of, scenarios
from fauxscale_contracts.contract.violations import ContractError
from fauxscale_contracts.profiles.installed import BUILT_IN
from tests.contracts.conform.programs import conform

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


# Lists that were released: what they stage and expect, by its first digits of SHA-256. Wording may improve.
RELEASED = {
    ("2026-11", "ideogram", ""): "ff84e9154e49",
    ("2026-11", "ideogram", "generate"): "ce45faa5d982",
    ("2026-11", "ideogram", "edit"): "e8acc0e277ec",
    ("2026-11", "ideogram", "describe"): "62df4560f2a4",
    ("2026-11", "ideogram", "v2-upscale"): "7ed3d712af5c",
    ("2026-11", "aigateway", ""): "2735069b49d4",
    ("2026-11", "lumenfall", ""): "efccd9b610fb",
    ("2026-11", "fal", ""): "39653d027b50",
}


def substance(scenario: Scenario) -> str:
    """What a scenario stages and expects, without the words that describe it."""
    faults = [[to_json(staged.fault), staged.on, staged.times] for staged in scenario.faults]
    staged = [faults, scenario.picture, scenario.key, dict(scenario.options), dict(scenario.terms)]
    return f"{scenario.id}: {json.dumps(staged)}: {scenario.expect}"


@pytest.mark.parametrize(("dated", "provider", "operation"), RELEASED)
def test_a_list_that_was_released_stays_as_it_is(dated: str, provider: str, operation: str) -> None:
    listed = scenarios(provider, operation, dated)
    seen = sha256("\n".join(map(substance, listed)).encode()).hexdigest()[:12]
    why = (
        "what is new begins with the date of the next list, what is replaced ends with it: see conform/dates"
    )
    assert seen == RELEASED[dated, provider, operation], why


def test_every_list_has_been_released() -> None:
    lists = {(one.name, name) for one in BUILT_IN for name in ("", *one.operations)}
    assert set(RELEASED) == {(dated, *one) for dated in LISTS for one in lists}


def test_a_later_list_has_what_begins_with_it_and_not_what_ends_with_it() -> None:
    every = [
        Scenario(id="old", about=""),
        Scenario(id="changed", about="before", until="2027-02"),
        Scenario(id="changed", about="after", since="2027-02"),
        Scenario(id="new", about="", since="2027-02"),
    ]
    assert [(one.id, one.about) for one in as_of("2026-11", every)] == [("old", ""), ("changed", "before")]
    assert [(one.id, one.about) for one in as_of("2027-02", every)] == [
        ("old", ""),
        ("changed", "after"),
        ("new", ""),
    ]
    assert [one.id for one in as_of("2027-06", every)] == ["old", "changed", "new"]


def test_a_date_without_a_list_is_told_those_there_are() -> None:
    with pytest.raises(ContractError, match=r"no list of scenarios of '2026-1O', did you mean '2026-11'\?"):
        scenarios("ideogram", dated="2026-1O")
    done = conform("ideogram", "--scenarios", "2026-1O", "--list")
    assert done.exit_code == 2
    assert "2026-11" in done.stderr


@pytest.mark.parametrize("name", NAMES + REFUSED)
def test_a_picture_is_drawn_alike_every_time_and_every_number_differs(name: str) -> None:
    first = picture(name)
    picture.cache_clear()
    assert picture(name) == first
    alike = name in ("empty", "text", "png-one-pixel")
    assert (picture(name, 1) == first) == alike


def test_an_unknown_picture_is_told_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no picture 'png-rbg', did you mean 'png-rgb'\?"):
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


def test_the_words_about_a_picture_are_not_its_name() -> None:
    names = [one for one in (*NAMES, *REFUSED) if "-" in one]
    said = {one.about for provider in BUILT_IN for one in scenarios(provider.name)}
    assert [about for about in said if any(name in about for name in names)] == []
