"""The plan of an exploration: which tests are run again in which situations, and which are not and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fauxscale_contracts.console import atomic_write

from .played import Played, Usual
from .situations import Situation, situation, situations_of, without_list

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A test that may be explored: its position among all tests, its plain run, and its situations, each with the key
    that equal ones share. `timed`: its client's time-outs are known. `skipped`: why it is not explored, "" if it is."""

    test: str
    place: int
    usual: Usual | None = None
    situations: tuple[tuple[str, str], ...] = ()
    timed: bool = False
    skipped: str = ""

    def to_members(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def of_members(cls, members: Mapping[str, Any]) -> Candidate:
        read: dict[str, Any] = dict(members)
        read["usual"] = read["usual"] and Usual(**read["usual"])
        read["situations"] = tuple((str(name), str(key)) for name, key in read["situations"])
        return cls(**read)


def candidate(test: str, place: int, plain: Played) -> Candidate:
    """Make a candidate from a test's plain run."""
    found = tuple((one.id, "|".join(map(str, key))) for one, key in situations_of(plain))
    return Candidate(test, place, Usual.of(plain), found, plain.timed, "" if found else _nothing(plain))


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """A test with the ids of its situations, and what it does without any. `timed`: its client's time-outs are known,
    and end silences."""

    test: str
    situations: tuple[str, ...]
    usual: Usual
    timed: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is explored. `skipped`: tests that are not, with the reason; `same`: situations left out because an equal
    call of another test tries them; `left_out`: those beyond the chosen number; `unheard`: those in which the service
    is silent, if no time limit for silences was set."""

    tests: tuple[PlannedTest, ...]
    skipped: Mapping[str, str] = field(default_factory=dict[str, str])
    same: int = 0
    left_out: int = 0
    unheard: int = 0

    @property
    def count(self) -> int:
        """How many situations are tried, over all tests."""
        return sum(len(one.situations) for one in self.tests)

    def notes(self, options: str = "--") -> list[str]:
        """The situations left out, a line each. `options`: the prefix of the options' names."""
        said = [
            (self.same, "skipped: already tried with an equal call of another test"),
            (self.left_out, f"skipped because of {options}max, the cheapest"),
            (
                self.unheard,
                f"not tried, because no reply comes: {options}patience 2 ends them after 2 s, and reports a client "
                "that still waits",
            ),
        ]
        return [
            f"{number} {'situation' if number == 1 else 'situations'} {what}"
            for number, what in said
            if number
        ]

    def write(self, file: Path) -> None:
        """Write it to a file."""
        body = {
            "format": _FORMAT,
            "tests": [
                {
                    "test": one.test,
                    "situations": one.situations,
                    "usual": asdict(one.usual),
                    "timed": one.timed,
                }
                for one in self.tests
            ],
            "skipped": self.skipped,
            "same": self.same,
            "left_out": self.left_out,
            "unheard": self.unheard,
        }
        atomic_write.write(file, json.dumps(body, indent=1))

    @classmethod
    def read(cls, file: Path) -> Plan:
        """Read it from a file. Raises ValueError if it is no plan."""
        try:
            body: Any = json.loads(file.read_text(encoding="utf-8"))
            if body["format"] != _FORMAT:
                raise ValueError(f"it has the format {body['format']}, not {_FORMAT}")
            tests = tuple(
                PlannedTest(
                    str(one["test"]), tuple(one["situations"]), Usual(**one["usual"]), bool(one.get("timed"))
                )
                for one in body["tests"]
            )
            for one in tests:
                for name in one.situations:
                    situation(name)
            return cls(
                tests, dict(body["skipped"]), *(int(body[name]) for name in ("same", "left_out", "unheard"))
            )
        except OSError as error:
            raise ValueError(f"{file}: {error.strerror}") from error
        except (ValueError, LookupError, TypeError) as error:
            raise ValueError(f"{file} is not an exploration plan: {error}") from error


def make_plan(candidates: Iterable[Candidate], most: int | None = None, *, silent: bool = False) -> Plan:
    """Choose the situations of every test, each of equal ones once, at most `most`, the most expensive first. Unless
    `silent`, tests whose client's time-outs are unknown get no situations in which the service is silent."""
    ordered = sorted(candidates, key=lambda one: one.place)
    tried: set[str] = set()
    chosen: list[tuple[int, str, Situation]] = []
    same = unheard = 0
    for one in ordered:
        for name, key in () if one.skipped else one.situations:
            found = situation(name)
            if found.is_silent and not silent and not one.timed:
                unheard += 1
            elif key in tried:
                same += 1
            else:
                tried.add(key)
                chosen.append((one.place, one.test, found))
    kept = sorted(chosen, key=lambda one: one[2].rank)[:most]
    tests = [
        PlannedTest(one.test, names, one.usual, one.timed)
        for one in ordered
        if one.usual is not None and (names := tuple(which.id for _, test, which in kept if test == one.test))
    ]
    skipped = {one.test: one.skipped for one in ordered if one.skipped}
    return Plan(tuple(tests), skipped, same, len(chosen) - len(kept), unheard)


def _nothing(plain: Played) -> str:
    if operations := without_list(plain.calls):
        return f"there are no situations for {', '.join(operations)}"
    return "none of its calls succeeds, so no situation can be tried"
