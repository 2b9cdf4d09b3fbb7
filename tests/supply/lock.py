"""The lock: every package of the development environment, with the hashes of its files. `make lock` renews it.

`python -m tests.supply.lock` says which of the packages installed here are not of the lock's version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / ".ci" / "requirements-dev.txt"


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of the lock: `requirement` names its only version, and the machines and Pythons it is for."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        (only,) = self.requirement.specifier
        return only.version


def pins(text: str) -> Iterator[Pin]:
    """Read a lock in pip's format."""
    for entry in re.sub(r"^\s*#.*\n", "", text.replace("\\\n", " "), flags=re.MULTILINE).splitlines():
        requirement, *hashes = entry.split("--hash=")
        yield Pin(Requirement(requirement.strip()), tuple(one.strip() for one in hashes))


def locked() -> dict[str, str]:
    """The versions that the lock has for this Python and machine, by name."""
    return {
        pin.name: pin.version
        for pin in pins(LOCK.read_text("utf-8"))
        if pin.requirement.marker is None or pin.requirement.marker.evaluate()
    }


def differences(installed: Mapping[str, str], locked: Mapping[str, str]) -> Iterable[str]:
    """Say, a line each, what is installed and not of the lock's version."""
    for name, version in sorted(installed.items()):
        if name not in locked:
            yield f"{name} {version}, which the lock does not have"
        elif locked[name] != version:
            yield f"{name} {version}, where the lock has {locked[name]}"


def main() -> None:
    # The lock is of others' packages; setuptools comes with a new environment, in whatever version Python has.
    installed: dict[str, str] = {
        canonicalize_name(found.metadata["Name"]): found.version for found in distributions()
    }
    installed = {
        name: version for name, version in installed.items() if name not in ("fauxscale", "setuptools")
    }
    lines = list(differences(installed, locked()))
    print(f"{len(installed)} packages installed, {len(lines)} of another version than the lock's")
    for line in lines:
        print(f"  {line}")


if __name__ == "__main__":
    main()
