"""What `make lowest` installs: the floors of pyproject.toml, and the lock's versions of everything else.

`python -m tests.supply.lowest FOLDER` writes what the project asks users to have (`asked.txt`), what the suite needs
beside it (`tools.txt`), and the lock without the former (`locked.txt`).
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .lock import ROOT, locked

# Only tests that start it use it, and it asks for a newer pytest and the newest jsonschema-rs.
LEFT_OUT = frozenset({"schemathesis"})
# Newer ones than these want a newer click than users need.
OLDER = {"check-jsonschema": "<0.38"}


def asked(project: Mapping[str, Any]) -> list[str]:
    """What a project's table in pyproject.toml asks users to have, extras included."""
    tables = [project["dependencies"], *project["optional-dependencies"].values()]
    return [line for table in tables for line in table if _name(line) not in {*LEFT_OUT, project["name"]}]


def tools(group: list[str], project: Mapping[str, Any]) -> list[str]:
    """What a dependency group has beside the project and what that asks for."""
    own = {project["name"], *map(_name, asked(project))}
    return [line for line in group if _name(line) not in own]


def _name(line: str) -> str:
    return canonicalize_name(Requirement(line).name)


def main(folder: Path) -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = document["project"]
    wanted = asked(project)
    own = {*LEFT_OUT, *OLDER, *map(_name, wanted)}
    kept = [f"{name}=={version}" for name, version in locked().items() if name not in own]
    kept += [f"{name}{bound}" for name, bound in OLDER.items()]
    lists = {"asked": wanted, "tools": tools(document["dependency-groups"]["dev"], project), "locked": kept}
    for name, lines in lists.items():
        (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
