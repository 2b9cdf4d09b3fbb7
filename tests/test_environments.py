"""Environments that lack something: a library of an extra, or a pytest that is new enough. Each says so in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fauxscale import MockServer
from tests.tools import not_installed

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.e2e  # each is an environment of its own
OLDEST_PYTEST = "7.0.0"  # the first that anyio's own plugin, of the base install, works with


def run(*command: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    # What is run is no worker of the run that this test may be one of.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    words = [str(word) for word in command]
    return subprocess.run(
        words, capture_output=True, text=True, timeout=180, cwd=cwd, env=environ, check=False
    )


def environment(folder: Path, *requirements: str) -> Path:
    """Make an environment with this checkout and no more than it asks for; its folder of programs."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    installed = run(
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--python",
        programs / "python",
        *requirements,
    )
    if installed.returncode:
        not_installed(" ".join(requirements), installed.stderr)
    return programs


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("base"), "--editable", str(ROOT))


@pytest.fixture(scope="module")
def with_pytest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("pytest"), "--editable", f"{ROOT}[pytest]")


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("fauxscale serve --tls --port 0", "TLS needs trustme: pip install 'fauxscale[tls]'"),
        ("fauxscale run --tls -- true", "TLS needs trustme: pip install 'fauxscale[tls]'"),
        (
            "fauxscale serve --port 0 --store redis://127.0.0.1",
            "a store on Redis needs redis: pip install 'fauxscale[redis]'",
        ),
        (
            "fauxscale serve --port 0 --workers 2 --store redis://127.0.0.1",
            "a store on Redis needs redis: pip install 'fauxscale[redis]'",
        ),
        *(
            (
                f"fauxscale-contracts {verb}",
                "fauxscale-contracts needs python_multipart: pip install 'fauxscale[contracts]'",
            )
            for verb in ("list", "check", "conform", "drift", "record", "gate", "--help")
        ),
    ],
)
def test_a_command_that_lacks_an_extra_says_so_and_ends_with_2(base: Path, command: str, line: str) -> None:
    program, *words = command.split()
    done = run(base / program, *words)
    assert done.returncode == 2
    assert done.stderr.removeprefix("Error: ") == f"{line}\n"


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        (
            "from fauxscale_contracts import images",
            "fauxscale_contracts.images needs hypothesis: pip install 'fauxscale[contracts]'",
        ),
        (
            "from fauxscale_contracts import ClientConformance",
            "fauxscale_contracts.ClientConformance needs pytest: pip install 'fauxscale[contracts]'",
        ),
        (
            "from fauxscale_contracts import load",
            "fauxscale_contracts.load needs python_multipart: pip install 'fauxscale[contracts]'",
        ),
        (
            "from pytest_fauxscale import UnusedFault",
            "pytest_fauxscale.UnusedFault needs pytest: pip install 'fauxscale[pytest]'",
        ),
        (
            "import fauxscale\nwith fauxscale.intercept(): pass",
            "intercept() needs respx: pip install 'fauxscale[pytest]'",
        ),
        (
            "import fauxscale\nfauxscale.MockServer(tls=True).start()",
            "TLS needs trustme: pip install 'fauxscale[tls]'",
        ),
    ],
)
def test_an_import_that_lacks_an_extra_names_it(base: Path, statement: str, line: str) -> None:
    done = run(
        base / "python", "-c", f"try:\n    exec({statement!r})\nexcept ImportError as e:\n    print(e)"
    )
    assert (done.stdout, done.stderr) == (f"{line}\n", "")


def test_a_check_that_cannot_be_made_is_no_verdict(with_pytest: Path) -> None:
    with MockServer() as mock:
        done = run(with_pytest / "fauxscale-contracts", "check", "--base-url", mock.base_url("ideogram"))
    assert done.returncode == 2
    assert done.stderr == "fauxscale-contracts check needs schemathesis: pip install 'fauxscale[contracts]'\n"


def test_fixtures_that_lack_the_extra_name_it_once_a_test(tmp_path: Path) -> None:
    programs = environment(tmp_path / "bare", "--editable", str(ROOT), "pytest")
    (tmp_path / "test_it.py").write_text(
        "def test_one(fauxscale): ...\n\ndef test_two(fauxscale_intercept): ...\n"
    )
    done = run(programs / "pytest", "-W", "error", cwd=tmp_path)
    line = "the fixture fauxscale needs respx: pip install 'fauxscale[pytest]'"
    assert [said for said in done.stdout.splitlines() if said == line] == [line, line]
    assert "2 errors" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


UNRELATED = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_sum(n):
    assert n + n == 2 * n
"""


def test_an_older_pytest_runs_its_tests_without_the_plugin_and_says_why(tmp_path: Path) -> None:
    programs = environment(
        tmp_path / "old", "--editable", str(ROOT), f"pytest=={OLDEST_PYTEST}", "pytest-xdist<3.6"
    )
    (tmp_path / "test_it.py").write_text(UNRELATED)
    why = f"fauxscale: the pytest plugin is not loaded: it needs pytest 8.0 or newer, and this is {OLDEST_PYTEST}\n"
    for workers in ("0", "2"):
        done = run(programs / "pytest", "-W", "error", "-n", workers, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "2 passed" in done.stdout
        assert done.stderr == why
    asked = run(programs / "pytest", "--fauxscale-balance", "1", cwd=tmp_path)
    assert asked.stderr.startswith(why)
    assert "unrecognized arguments: --fauxscale-balance" in asked.stderr
