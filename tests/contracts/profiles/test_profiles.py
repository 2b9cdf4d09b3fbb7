"""Every provider has a profile, and what it says is so: at the stand-in, in its contracts, in its scenarios."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

import pytest

from fauxscale.providers import PROVIDERS
from fauxscale_contracts import Profile, load
from fauxscale_contracts.profiles.installed import BUILT_IN, profile

NAMED = {one.name: one for one in PROVIDERS}
ANY = pytest.mark.parametrize("one", BUILT_IN, ids=lambda one: one.name)


def without_profile(names: Iterable[str], profiles: Iterable[Profile]) -> set[str]:
    return set(names) - {one.name for one in profiles}


def test_every_provider_has_a_profile_and_every_profile_a_provider() -> None:
    assert without_profile(NAMED, BUILT_IN) == set()
    assert {one.name for one in BUILT_IN} == set(NAMED)


def test_a_provider_without_a_profile_is_found() -> None:
    assert without_profile(NAMED, BUILT_IN[1:]) == {BUILT_IN[0].name}


@ANY
def test_a_profile_names_operations_that_are_on_record(one: Profile) -> None:
    for api_version in one.api_versions():
        operations = load(one.name, api_version=api_version).operations
        job = [one.job.submit, one.job.status, one.job.result] if one.job else []
        for name in (one.download, one.results.operation, *(probe.operation for probe in one.probes), *job):
            assert name in operations
        for pattern in (one.work, one.replies):
            assert any(fnmatchcase(name, pattern) for name in operations)


@ANY
def test_a_profile_names_options_that_the_stand_in_has(one: Profile) -> None:
    options = {f"{one.name}.{option.name}": option for option in NAMED[one.name].options}
    if one.api_version_option:
        option = options[one.api_version_option]
        assert option.default == one.api_version
        assert set(one.api_versions()) == set(option.choices)
    else:
        assert len(one.api_versions()) == 1
    if one.job is not None and one.job.polls:
        assert one.job.polls in options


@ANY
def test_the_key_goes_into_the_header_that_the_contract_asks_for(one: Profile) -> None:
    (way, *_), *_ = load(one.name).operation(one.probes[0].operation).credentials()
    name = way["name"] if way["type"] == "apiKey" else "Authorization"
    prefix = way.get("x-prefix", "") if way["type"] == "apiKey" else f"{way['scheme'].title()} "
    assert (name, prefix) == one.key_header


@ANY
def test_the_first_result_of_a_recorded_example_is_where_the_profile_says(one: Profile) -> None:
    body = load(one.name).operation(one.results.operation).example(200)
    for step in one.results.pointer.split("/")[1:]:
        body = body[int(step)] if step.isdecimal() else body[step]
    assert body.startswith("https://")


@ANY
def test_one_probe_costs_and_one_has_a_wrong_key(one: Profile) -> None:
    assert sum(probe.cost > 0 for probe in one.probes) == 1
    assert any(not probe.valid_key for probe in one.probes)
    assert len({probe.id for probe in one.probes}) == len(one.probes)


def test_a_profile_is_found_by_its_name() -> None:
    assert profile("ideogram") is BUILT_IN[0]
