"""What torture once found: every reduced input of fixtures/corpus/found, tried again in the ordinary suite."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FIXTURES
from tests.torture.measures import errors_collected
from tests.torture.own_stories import OWN
from tests.torture.pictures import WAYS, Damaged, Pictures
from tests.torture.raw import Raw
from tests.torture.requests import Requests
from tests.torture.runs import Run
from tests.torture.stories import Story

FOUND = FIXTURES / "corpus" / "found"


def files(kind: str) -> Sequence[Path]:
    return sorted(FOUND.glob(f"{kind}-*"))


@pytest.mark.parametrize(
    ("run", "inputs"),
    [
        (Requests(OWN), [Story.read(file.read_bytes()) for file in files("requests")]),
        (Raw(OWN), [file.read_bytes() for file in files("raw")]),
        (Pictures(), [Damaged(file.read_bytes(), way) for file in files("pictures") for way in ("", *WAYS)]),
    ],
    ids=["requests", "raw", "pictures"],
)
def test_what_was_found_once_is_no_failure_any_more(run: Run[Any], inputs: Sequence[Any]) -> None:
    async def tried() -> list[str]:
        async with run.opened() as attempt:
            return [
                f"{run.write(given)!r} {broken}"
                for given in inputs
                if (broken := (await attempt(given)).broken)
            ]

    with errors_collected() as errors:
        assert asyncio.run(tried()) == []
    assert errors.take() == []


def test_every_file_is_of_a_kind() -> None:
    known = [file for kind in ("requests", "raw", "pictures") for file in files(kind)]
    assert sorted(known) == sorted(file for file in FOUND.iterdir() if file.name != "README.md")
