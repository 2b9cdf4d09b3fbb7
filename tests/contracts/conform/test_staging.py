"""The lines that stage a scenario run as they are, and stage what the scenario does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fauxscale import MockServer, Settings
from fauxscale.client import AccountHandle
from fauxscale.clock import wall
from fauxscale.faults import to_json
from fauxscale_contracts.conform.sample_images import looks_like, was_refused_like
from fauxscale_contracts.conform.scenario import Scenario
from fauxscale_contracts.conform.scenarios import scenarios
from fauxscale_contracts.conform.staging import staging_imports, staging_lines
from fauxscale_contracts.profiles.installed import BUILT_IN
from pytest_fauxscale.samples import SampleImages


def unlike() -> dict[str, tuple[str, Scenario]]:
    """The scenarios of all lists, those once whose lines differ in the names of operations only, each with a name."""
    found: dict[str, tuple[str, Scenario]] = {}
    for profile in BUILT_IN:
        for name in ("", *profile.operations):
            for one in scenarios(profile.name, name):
                lines = re.sub(r'on="[^"]*"', f"on={profile.task}", "".join(staging_lines(one)))
                found.setdefault(f"{one.id}: {lines}", (f"{profile.name}-{name}-{one.id}", one))
    return found


EVERY = [pytest.param(one, id=name) for name, one in unlike().values()]


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(Settings(key_policy="issued")) as mock:
        yield mock


def run(scenario: Scenario, account: AccountHandle) -> dict[str, Any]:
    names: dict[str, Any] = {"account": account, "sample_image": SampleImages()}
    exec("\n".join([*staging_imports(scenario), *staging_lines(scenario, "account")]), names)
    return names


@pytest.mark.parametrize("scenario", EVERY)
def test_the_lines_of_every_scenario_run(scenario: Scenario, mock: MockServer) -> None:
    with mock.account() as account:
        made = run(scenario, account)
        if scenario.faults:
            rules = account.faults.list()
            staged = [([to_json(one) for one in rule.script], rule.on, rule.times) for rule in rules]
            assert staged == [([to_json(one.fault)], one.on, one.times) for one in scenario.faults]
        if scenario.terms:
            settings = account.settings()
            assert {name: settings[name] for name in scenario.terms} == scenario.terms
        if scenario.clock:
            assert abs(account.clock.now() - wall() - scenario.clock) < 3600
        assert made.get("options", {}) == scenario.options
        assert ("api_key" in made) == (scenario.key == "wrong")
        assert ("mask" in made) == (scenario.mask != "fits")


def pictures() -> list[Scenario]:
    """The scenarios about a file, once each."""
    every = {one.id: one for one in scenarios("ideogram") if one.id.startswith("picture-")}
    return [*every.values()]


@pytest.mark.parametrize("scenario", pictures(), ids=lambda one: one.id)
def test_a_picture_is_of_its_kind_to_the_service(scenario: Scenario, mock: MockServer) -> None:
    with mock.account() as account:
        made = run(scenario, account)
        httpx.post(
            account.base_url("ideogram") + "/upscale",
            headers={"Api-Key": account.api_key("ideogram")},
            files={"image_file": made["picture"], "image_request": (None, "{}")},
        )
        entry = mock.client.call("GET", f"/accounts/{account.id}/calls")["calls"][0]
    if entry["image"] is not None:
        assert looks_like(scenario.picture, entry["image"])
    else:
        assert was_refused_like(scenario.picture, entry["refused_file"] or {"rule": entry["rule"]})


def test_what_the_client_does_meanwhile_is_said() -> None:
    jobs = {one.id: one for one in scenarios("fal")}
    assert any("jobs.finish" in line for line in staging_lines(jobs["queue-reordered"]))
    assert any("jobs.fail" in line for line in staging_lines(jobs["queue-cancelled"]))


def test_the_lines_are_on_the_account_that_is_named() -> None:
    lost = next(one for one in scenarios("ideogram") if one.id == "lost-reply")
    assert staging_lines(lost) == ['fauxscale.faults.add(LoseReply(), on="ideogram.upscale")']
    assert staging_imports(lost) == ["from fauxscale import LoseReply"]
    assert staging_lines(lost, "mine") == ['mine.faults.add(LoseReply(), on="ideogram.upscale")']
