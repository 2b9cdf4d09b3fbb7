"""The run that measures memory: it has every case once, finds what takes too much, and goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import memory
from .memory import ANSWERS, COUNT, FORMATS, SOURCES, Caller, cases, torture
from .runs import Limits

MINUTES = 600.0  # not for ever: that is the whole run, with pictures of its size


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SHORT_SIDE", 40)
    monkeypatch.setattr(memory, "AVIF_SIDE", 40)


def test_every_answer_and_every_format_for_every_source_is_a_case() -> None:
    made = cases(1)
    assert len(made) == len(set(made)) == COUNT
    assert {one.format for one in made if one.answer == "link"} == set(FORMATS)
    assert {one.answer for one in made} > set(ANSWERS)
    assert {one.source for one in made} == set(SOURCES)
    assert cases(1) == made != cases(2)


def test_each_answer_is_given(tmp_path: Path) -> None:
    result = torture(1, Limits(COUNT, MINUTES, kept=tmp_path))
    assert result.failures == []
    assert (result.count, result.accepted) == (COUNT, COUNT), result.histogram


def test_what_takes_more_than_its_budget_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "ALLOWANCE", 1)
    result = torture(1, Limits(1, MINUTES, kept=tmp_path))
    (failure,) = result.failures
    assert failure.startswith(f"try 0 {cases(1)[0]} takes ")


def test_a_5xx_is_found_and_a_run_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Caller, "lumenfall", lambda *_: 500)
    monkeypatch.setattr(memory, "ANSWERS", {})
    torture(1, Limits(1, MINUTES, kept=tmp_path))
    result = torture(1, Limits(3, MINUTES, resume=True, kept=tmp_path))
    assert result.count == 3
    assert [one.partition(" is answered ")[2] for one in result.failures] == ["500"] * 3
    assert [one.split()[1] for one in result.failures] == ["0", "1", "2"]
