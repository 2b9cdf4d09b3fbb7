"""What is at stake in a scenario follows from what it stages, and what costs money comes first."""

from __future__ import annotations

import pytest

from fauxscale_contracts.conform.scenarios import scenarios
from fauxscale_contracts.conform.stakes import STAKES, TITLES, dearest_first, stake_of
from fauxscale_contracts.profiles.installed import BUILT_IN, profile


@pytest.mark.parametrize(
    ("name", "stake"),
    [
        ("lost-reply", "paid-work"),
        ("html-200", "paid-work"),
        ("unsafe-result", "paid-work"),
        ("download-expired", "paid-result"),
        ("download-dead-on-arrival", "paid-result"),
        ("download-forged", "paid-result"),
        ("download-halved", "paid-result"),
        ("download-503-once", "paid-result"),
        ("queue-stuck", "jobs"),
        ("queue-status-503", "jobs"),
        ("queue-webhook-twice", "jobs"),
        ("429-date", "waits"),
        ("503-hint", "waits"),
        ("503-once", "outages"),
        ("reset", "outages"),
        ("error-404", "refusals"),
        ("wrong-key", "refusals"),
        ("unsafe-refused", "refusals"),
        ("picture-gif", "refusals"),
        ("picture-png-rgb", "inputs"),
        ("slow", "inputs"),
        ("new-fields", "inputs"),
        ("clock-ahead", "inputs"),
    ],
)
def test_what_is_at_stake(name: str, stake: str) -> None:
    provider = "fal" if name.startswith("queue-") else "ideogram"
    scenario = next(one for one in scenarios(provider) if one.id == name)
    assert stake_of(scenario, profile(provider)) == stake


def test_places_that_a_client_takes_from_itself_are_waited_for() -> None:
    crowded = next(one for one in scenarios("ideogram", "generate") if one.together > 1)
    assert stake_of(crowded, profile("ideogram", "generate")) == "waits"


@pytest.mark.parametrize("provider", [one.name for one in BUILT_IN])
def test_the_dearest_come_first_and_none_is_lost(provider: str) -> None:
    every = scenarios(provider)
    ordered = dearest_first(every, profile(provider))
    stakes = [STAKES.index(stake_of(one, profile(provider))) for one in ordered]
    assert stakes == sorted(stakes)
    assert {one.id for one in ordered} == {one.id for one in every}
    assert ordered[0].id == "lost-reply"


def test_every_stake_has_a_title() -> None:
    assert set(TITLES) == set(STAKES)
