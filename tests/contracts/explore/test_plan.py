"""A plan says which tests are run again in which situations, and what is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fauxscale import MockServer
from fauxscale_contracts.explore.plan import Candidate, Plan, candidate, make_plan
from tests.contracts.explore.clients import Client, careless, order, play


def candidates(server: MockServer, *clients: Client) -> list[Candidate]:
    found: list[Candidate] = []
    for place, client in enumerate(clients):
        with server.account() as account:
            found.append(candidate(f"test_{place}", place, play(account, client)))
    return found


def test_equal_calls_are_tried_once(server: MockServer) -> None:
    plan = make_plan(candidates(server, careless, lambda account: order(account)))
    first, *others = plan.tests
    assert first.test == "test_0"
    assert others == []
    assert plan.same > 40
    assert plan.count == len(first.situations)


def test_the_first_test_of_all_is_chosen_in_whatever_order_they_come(server: MockServer) -> None:
    found = candidates(server, careless, careless)
    assert make_plan(found) == make_plan(reversed(found))


def test_only_the_costliest_are_kept_of_too_many(server: MockServer) -> None:
    plan = make_plan(candidates(server, careless), most=3)
    assert plan.count == 3
    assert plan.tests[0].situations[0].startswith("lost-reply")
    assert plan.left_out > 40
    assert any("of --max" in note for note in plan.notes())
    assert any("of --fauxscale-explore-max" in note for note in plan.notes("--fauxscale-explore-"))


def test_silence_is_left_out_unless_asked_for(server: MockServer) -> None:
    found = candidates(server, careless)
    quiet, loud = make_plan(found), make_plan(found, silent=True)
    assert (quiet.unheard, loud.unheard) == (2, 0)
    assert loud.count == quiet.count + 2


def test_what_is_not_explored_is_told_with_its_reason(server: MockServer) -> None:
    (nothing,) = candidates(server, lambda account: account.balance)
    failing = Candidate("test_9", 9, skipped="it fails in the normal run")
    assert make_plan([nothing, failing]).skipped == {
        "test_0": "none of its calls succeeds, so no situation can be tried",
        "test_9": "it fails in the normal run",
    }


def test_a_plan_is_read_as_it_was_written(server: MockServer, tmp_path: Path) -> None:
    plan = make_plan(candidates(server, careless))
    plan.write(tmp_path / "plan.json")
    again = Plan.read(tmp_path / "plan.json")
    assert again == plan
    assert again.tests[0].usual.micros == 60_000


def test_a_candidate_comes_whole_from_another_process(server: MockServer) -> None:
    (found,) = candidates(server, careless)
    assert Candidate.of_members(json.loads(json.dumps(found.to_members()))) == found


@pytest.mark.parametrize("text", ["", "{}", '{"format": 2}', "[]", '{"format": 1, "tests": [{"test": 1}]}'])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(ValueError, match=r"plan\.json"):
        Plan.read(tmp_path / "plan.json")


def test_a_plan_with_a_situation_that_there_is_no_more_is_refused(server: MockServer, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    make_plan(candidates(server, careless)).write(file)
    file.write_text(file.read_text().replace("lost-reply@", "lost-letter@"))
    with pytest.raises(ValueError, match="lost-letter"):
        Plan.read(file)


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        Plan.read(tmp_path / "plan.json")
