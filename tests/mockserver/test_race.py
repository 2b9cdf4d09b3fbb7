"""Money, limits and faults are exact whatever 64 clients do at once: a hundredth of what `make torture` does."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from fauxscale.dispatch import quotas
from fauxscale.settings import Terms
from fauxscale.state.batch import Batch
from fauxscale.state.rate_limits import Quota
from tests.torture.at_once import InProcess, OverSockets, in_process, over_sockets
from tests.torture.race import STORIES, Story, faults, places, play, rate_limit, wallet

CALLS = 100


@pytest.fixture(scope="module")
def here() -> Iterator[InProcess]:
    with in_process(random.Random(1)) as way:
        yield way


@pytest.fixture(scope="module")
def sockets() -> Iterator[OverSockets]:
    with over_sockets(random.Random(1)) as way:
        yield way


@pytest.mark.parametrize("story", STORIES, ids=lambda one: one.__name__)
def test_every_sum_is_exact_in_process(here: InProcess, story: Story) -> None:
    played = play(story, here, random.Random(1), CALLS)
    assert played.wrong == []
    assert played.made >= CALLS / 2


@pytest.mark.parametrize("story", [wallet, rate_limit, places, faults], ids=lambda one: one.__name__)
def test_every_sum_is_exact_over_sockets(sockets: OverSockets, story: Story) -> None:
    assert play(story, sockets, random.Random(2), CALLS).wrong == []


# What is lost must be missed


def test_a_wallet_that_is_overdrawn_is_found(here: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Batch.add

    def unbounded(self: Batch, key: str, by: int, **how: Any) -> Any:
        how.pop("least", None)
        return whole(self, key, by, **how)

    monkeypatch.setattr(Batch, "add", unbounded)
    assert any(one.startswith("calls answered") for one in play(wallet, here, random.Random(1), CALLS).wrong)


def test_a_fault_that_is_not_given_back_is_found(here: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    def kept(rules: Sequence[object], progress: object, unused: Sequence[object]) -> object:
        return progress

    monkeypatch.setattr("fauxscale.state.passage.give_back", kept)
    found = [play(faults, here, random.Random(seed), CALLS).wrong for seed in range(6)]
    assert any("faults told" in line for wrong in found for line in wrong)


@pytest.mark.parametrize(
    ("story", "said"), [(rate_limit, "let in in minute"), (places, "more at once than places")]
)
def test_one_call_too_many_is_found(
    here: InProcess, monkeypatch: pytest.MonkeyPatch, story: Story, said: str
) -> None:
    whole = quotas.quotas_under

    def generous(usual: Sequence[Quota], terms: Terms) -> Sequence[Quota]:
        return [replace(one, most=one.most + 1) for one in whole(usual, terms)]

    monkeypatch.setattr("fauxscale.dispatch.pipeline.quotas_under", generous)
    assert any(one.startswith(said) for one in play(story, here, random.Random(1), CALLS).wrong)
