"""What a user gets from the package index: these files, these commands, these few dependencies."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from configparser import ConfigParser
from email import message_from_string
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fauxscale._version import __version__

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "fauxscale": ROOT / "mockserver" / "fauxscale",
    "fauxscale_contracts": ROOT / "contracts" / "fauxscale_contracts",
    "pytest_fauxscale": ROOT / "plugin" / "pytest_fauxscale",
}


def run(*command: object) -> str:
    """What a command prints; a failing one fails the test with its output."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, and the wheel built from nothing but that archive."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    (only,) = dist.glob("*.whl")
    return only


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def text_in(wheel: Path, name: str) -> str:
    """One file of the wheel's metadata, or of its packages."""
    with zipfile.ZipFile(wheel) as archive:
        (full,) = [found for found in archive.namelist() if found.endswith(name)]
        return archive.read(full).decode()


def required_by(wheel: Path) -> list[Requirement]:
    metadata = message_from_string(text_in(wheel, ".dist-info/METADATA"))
    return [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]


def base_install(wheel: Path) -> set[str]:
    """Every distribution that `pip install fauxscale`, with no extra, brings along."""
    found: set[str] = set()
    ahead = required_by(wheel)
    while ahead:
        requirement = ahead.pop()
        name = canonicalize_name(requirement.name)
        # An extra asked of a dependency would need a second look here; none is.
        assert not requirement.extras, requirement
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        ahead += [Requirement(line) for line in distribution(name).requires or []]
    return found


def test_the_wheel_holds_the_three_packages_as_they_stand_and_nothing_else(wheel: Path) -> None:
    expected = {
        str(PurePosixPath(package, *file.relative_to(folder).parts))
        for package, folder in FOLDERS.items()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    shipped = {name for name in names_in(wheel) if ".dist-info/" not in name}
    assert shipped == expected
    assert {PurePosixPath(name).parts[0] for name in shipped} == set(FOLDERS)


@pytest.mark.parametrize("package", sorted(FOLDERS))
def test_each_package_tells_type_checkers_that_it_is_typed(wheel: Path, package: str) -> None:
    assert f"{package}/py.typed" in names_in(wheel)


def test_the_metadata_names_version_python_licence_and_extras(wheel: Path) -> None:
    metadata = message_from_string(text_in(wheel, ".dist-info/METADATA"))
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    assert set(metadata.get_all("Provides-Extra", [])) == {"pytest", "contracts", "tls", "redis"}
    assert "The fauxscale authors" in text_in(wheel, "LICENSE")


def test_commands_and_the_plugin_lead_to_functions_and_modules_of_the_wheel(wheel: Path) -> None:
    points = ConfigParser()
    points.read_string(text_in(wheel, ".dist-info/entry_points.txt"))
    commands = dict(points["console_scripts"])
    assert commands["fauxscale"] == "fauxscale.cli:main"
    assert ("fauxscale-contracts" in commands) == ("fauxscale_contracts/cli.py" in names_in(wheel))
    assert dict(points["pytest11"]) == {"fauxscale": "pytest_fauxscale.plugin"}
    for target in [*commands.values(), *points["pytest11"].values()]:
        module, _, function = target.partition(":")
        path = module.replace(".", "/")
        file = f"{path}/__init__.py" if f"{path}/__init__.py" in names_in(wheel) else f"{path}.py"
        tree = ast.parse(text_in(wheel, file))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert not function or function in defined, target


def test_the_source_archive_is_enough_to_build_and_carries_no_tests(dist: Path) -> None:
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tops = {PurePosixPath(name).parts[1] for name in tar.getnames()}
    assert {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml"} <= tops
    assert tops.isdisjoint({"tests", "fixtures", "bench", "docs"})


def test_every_dependency_has_one_line_that_says_what_it_is_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lines = [
        *project["project"]["dependencies"],
        *(line for extra in project["project"]["optional-dependencies"].values() for line in extra),
        *(line for line in project["dependency-groups"]["dev"]),
        *project["build-system"]["requires"],
    ]
    declared = {canonicalize_name(Requirement(line).name) for line in lines} - {"fauxscale"}
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| \S", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(rows) == sorted(declared)


def test_a_base_install_stays_small(wheel: Path) -> None:
    brought = base_install(wheel)
    assert {"starlette", "uvicorn", "pillow"} <= brought
    assert brought.isdisjoint({"rich", "typer", "pytest", "respx", "hypothesis", "redis", "pydantic"})
    assert len(brought) <= 15, sorted(brought)


def test_a_fresh_environment_with_the_base_dependencies_alone_runs_the_command(
    wheel: Path, tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    python = venv / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        wheel,
    )
    # The dependencies are lent by this environment, not downloaded: the test needs no index, and an import of
    # anything outside the base still fails.
    (site,) = venv.glob("lib/python*/site-packages")
    for name in base_install(wheel):
        lender = distribution(name)
        for top in {file.parts[0] for file in lender.files or []} - {"..", "__pycache__"}:
            (site / top).symlink_to(Path(str(lender.locate_file(top))))

    assert __version__ in run(venv / "bin" / "fauxscale", "--version")
    loaded = run(python, "-I", "-c", "import fauxscale; print(fauxscale.__file__)")
    assert Path(loaded.strip()).is_relative_to(venv.resolve())
