"""Every scenario that a client without a bug plays is met by its own staging, as the journal tells it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from fauxscale import MockServer, Settings
from fauxscale.state.journal import Entry
from fauxscale_contracts.conform.function import Function
from fauxscale_contracts.conform.sample_images import REFUSED
from fauxscale_contracts.conform.scenario import Scenario
from fauxscale_contracts.conform.stage import Stage
from fauxscale_contracts.coverage.situations import lists_of
from tests.contracts.conform.clients.ideogram import Client, Failed
from tests.contracts.conform.clients.ideogram_operations import Generator, Upscaler

pytestmark = pytest.mark.e2e  # each is a run of a client through a list

CLIENTS: dict[str, Callable[..., object]] = {
    "": Client(timeout=1.0, download_timeout=1.0).upscale,
    "generate": Generator(timeout=1.0, download_timeout=1.0).generate,
    "v2-upscale": Upscaler(timeout=1.0, download_timeout=1.0, polls=20, asks_for_notices=True).upscale,
}
# What a scenario brings about beside itself: the refusal is the same to the client, whatever led to it, and jobs that
# are polled are slow.
BESIDE = {"picture-png-rgb", "error-400", "error-401", "error-402", "error-403", "429-no-hint", "queue-slow"}


@pytest.mark.parametrize("name", CLIENTS)
def test_each_scenario_meets_its_situation_and_no_other(name: str) -> None:
    calls: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def note(account: str, _: str, entry: Entry) -> None:
        calls[account].append(entry.to_members())

    of = next(one for one in lists_of("ideogram") if one.name == name)
    with MockServer(Settings(key_policy="issued"), journal=note) as mock:
        stage = Stage(mock, "ideogram", Function(CLIENTS[name], (Failed,)), operation=name)

        def played(scenario: Scenario) -> tuple[list[dict[str, Any]], frozenset[str]]:
            calls.clear()
            stage.play(scenario)
            entries = sorted((one for found in calls.values() for one in found), key=lambda one: one["n"])
            return entries, of.met(entries)

        for scenario in of.scenarios:
            # Whether two jobs are seen to change places is for their polls to say, on a busy machine not each time.
            tries = 20 if scenario.meanwhile == "reordered" else 1
            entries, met = played(scenario)
            while scenario.id not in met and (tries := tries - 1):
                entries, met = played(scenario)
            if entries or scenario.picture not in REFUSED:  # which a client may refuse itself
                assert scenario.id in met
            assert met - BESIDE <= {scenario.id}, scenario.id
