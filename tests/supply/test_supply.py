"""The lock read, advisories told, and where no index could be asked, that said."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.supply import audit, lowest
from tests.supply.lock import differences, pins

LOCK = """\
# made by
#    make lock
click==8.5.1 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via fauxscale
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:cc
    # via
    #   click
    #   pytest
"""


def test_a_lock_is_read_with_markers_and_hashes() -> None:
    click, colorama = pins(LOCK)
    assert (click.name, click.version, click.hashes) == ("click", "8.5.1", ("sha256:aa", "sha256:bb"))
    assert (colorama.name, colorama.version, colorama.hashes) == ("colorama", "0.4.6", ("sha256:cc",))
    assert str(colorama.requirement.marker) == 'sys_platform == "win32"'
    assert click.requirement.marker is None


def test_what_is_newer_than_the_lock_or_not_in_it_is_named() -> None:
    installed = {"click": "8.6", "h11": "0.16.0", "new": "1"}
    assert list(differences(installed, {"click": "8.5.1", "h11": "0.16.0"})) == [
        "click 8.6, where the lock has 8.5.1",
        "new 1, which the lock does not have",
    ]


def report(*packages: dict[str, object]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


ADVISORY = {"id": "PYSEC-1", "fix_versions": ["2.1", "3.0"], "aliases": [], "description": "…"}


def test_advisories_are_told_with_the_versions_that_mend_them() -> None:
    found = audit.read(
        report(
            {"name": "a", "version": "1", "vulns": []},
            {"name": "b", "version": "2", "vulns": [ADVISORY, ADVISORY | {"fix_versions": []}]},
            {"name": "c", "skip_reason": "not found"},
        )
    )
    assert list(found.lines()) == [
        "2 packages asked about, 2 advisories",
        "  b 2: PYSEC-1, mended in 2.1, 3.0",
        "  b 2: PYSEC-1, mended in no version yet",
        "  the index does not know c",
    ]


def test_an_index_that_knows_no_package_is_not_an_index_that_knows_no_advisory() -> None:
    (line,) = audit.read(report({"name": "a", "skip_reason": "not found"})).lines()
    assert line.startswith("not audited")


@pytest.mark.parametrize(
    ("program", "status", "said"),
    [
        (
            "import sys; sys.exit('no route to host')",
            0,
            "not audited: the index could not be asked (no route to host)\n",
        ),
        (
            "import os, sys; open(sys.argv[-1], 'w').write(os.environ['REPORT'])",
            1,
            "1 packages asked about, 1 advisories\n",
        ),
    ],
    ids=["unreachable", "an advisory"],
)
def test_only_advisories_make_the_audit_fail(
    program: str, status: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REPORT", report({"name": "b", "version": "2", "vulns": [ADVISORY]}))
    monkeypatch.setattr(audit, "PIP_AUDIT", (sys.executable, "-c", program))
    assert audit.main(Path(os.devnull)) == status
    assert capsys.readouterr().out.startswith(said)


def test_the_floors_are_of_what_users_are_asked_to_have_and_the_rest_is_the_lock_s() -> None:
    project = {
        "name": "fauxscale",
        "dependencies": ["h11>=0.16"],
        "optional-dependencies": {
            "pytest": ["pytest>=8.0"],
            "contracts": ["fauxscale[pytest]", "schemathesis>=4"],
        },
    }
    assert lowest.asked(project) == ["h11>=0.16", "pytest>=8.0"]
    assert lowest.tools(["fauxscale[contracts]", "ruff>=0.14", "pytest>=9"], project) == ["ruff>=0.14"]


def test_every_floor_is_the_oldest_that_is_asked_for(tmp_path: Path) -> None:
    lowest.main(tmp_path)
    asked, kept = ((tmp_path / f"{name}.txt").read_text("utf-8") for name in ("asked", "locked"))
    assert all(">=" in line for line in asked.splitlines()), "without a floor none can be tried"
    assert not {line.partition(">")[0] for line in asked.splitlines()} & {
        line.partition("=")[0] for line in kept.splitlines()
    }
    assert "ruff==" in kept
