"""What a user gets from the package index: these files, these commands, these few dependencies."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from configparser import ConfigParser
from email import message_from_string
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.spdx import is_expression
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from fauxscale._version import __version__
from tests.supply import sbom
from tests.supply.lock import LOCK, locked, pins

ROOT = Path(__file__).resolve().parent.parent
LOCKS = LOCK.parent
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


def installed(name: str) -> str:
    """The version that is installed here, "" for none: `make lowest` leaves some out."""
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return ""


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
    assert set(metadata.get_all("Provides-Extra", [])) == {"pytest", "contracts", "tls", "redis", "fast"}
    assert "The fauxscale authors" in text_in(wheel, ".dist-info/licenses/LICENSE")
    assert "SAMSUNG" in text_in(wheel, "key_shapes.LICENSE")


def test_commands_and_the_plugin_lead_to_functions_and_modules_of_the_wheel(wheel: Path) -> None:
    points = ConfigParser()
    points.read_string(text_in(wheel, ".dist-info/entry_points.txt"))
    commands = dict(points["console_scripts"])
    assert commands["fauxscale"] == "fauxscale.cli:main"
    assert ("fauxscale-contracts" in commands) == ("fauxscale_contracts/cli.py" in names_in(wheel))
    assert dict(points["pytest11"]) == {"fauxscale": "pytest_fauxscale.entry"}
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


def declared_requirements() -> list[Requirement]:
    """Whatever pyproject.toml asks for, of others, anywhere."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lines = [
        *project["project"]["dependencies"],
        *(line for extra in project["project"]["optional-dependencies"].values() for line in extra),
        *(line for line in project["dependency-groups"]["dev"]),
        *project["build-system"]["requires"],
    ]
    return [one for one in map(Requirement, lines) if one.name != "fauxscale"]


def apart() -> dict[str, list[Requirement]]:
    """What the groups ask for that have locks of their own, by group."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    return {name: [*map(Requirement, lines)] for name, lines in groups.items() if name != "dev"}


def test_every_dependency_has_one_line_that_says_what_it_is_for() -> None:
    own = [requirement for group in apart().values() for requirement in group]
    declared = {canonicalize_name(requirement.name) for requirement in [*declared_requirements(), *own]}
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| \S", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(rows) == sorted(declared)


def test_the_lock_has_a_version_that_fits_for_whatever_pyproject_asks_for() -> None:
    versions = locked()
    missing = [
        str(requirement)
        for requirement in declared_requirements()
        if not requirement.specifier.contains(versions.get(canonicalize_name(requirement.name), "0"))
    ]
    assert not missing, "make lock"


@pytest.mark.parametrize("group", apart())
def test_a_lock_of_its_own_has_a_version_that_fits_for_whatever_its_group_asks_for(group: str) -> None:
    versions = {
        pin.name: pin.version for pin in pins((LOCKS / f"requirements-{group}.txt").read_text("utf-8"))
    }
    for requirement in apart()[group]:
        assert requirement.specifier.contains(versions.get(canonicalize_name(requirement.name), "0")), (
            "make lock"
        )


def test_frameworks_come_on_top_of_the_development_environment_and_replace_nothing_in_it() -> None:
    own = {pin.name for pin in pins((LOCKS / "requirements-frameworks.txt").read_text("utf-8"))}
    assert own.isdisjoint(pin.name for pin in pins(LOCK.read_text("utf-8"))), "make lock"


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("requirements-*.txt")), ids=lambda lock: lock.stem)
def test_a_lock_names_one_version_and_hashes_of_each_package_and_no_index(lock: Path) -> None:
    text = lock.read_text("utf-8")
    for pin in pins(text):
        assert [bound.operator for bound in pin.requirement.specifier] == ["=="], pin.name
        assert pin.hashes, pin.name
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", one) for one in pin.hashes), pin.name
    assert "://" not in text
    assert not re.search("^ *-(?!-hash=)", text, re.MULTILINE), "an option, of an index perhaps"


def test_the_lock_is_whole() -> None:
    versions = locked()
    asked = {
        canonicalize_name(requirement.name): name
        for name, version in versions.items()
        # Where another version is installed (`make newest`), it may ask for something else.
        if installed(name) == version
        for requirement in map(Requirement, distribution(name).requires or [])
        if not requirement.marker or requirement.marker.evaluate({"extra": ""})
    }
    assert {name: of for name, of in asked.items() if name not in versions} == {}


def bom_of(wheel: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text_in(wheel, ".dist-info/sboms/fauxscale.cdx.json"))
    return loaded


def properties(component: dict[str, Any], name: str) -> list[str]:
    return [one["value"] for one in component["properties"] if one["name"] == name]


def test_the_sbom_names_exactly_what_the_wheel_asks_for_and_by_which_extra(wheel: Path) -> None:
    def extra_of(requirement: Requirement) -> str:
        found = re.search("extra == ['\"](\\w+)", str(requirement.marker))
        return found[1] if found else ""

    asked = {
        (canonicalize_name(one.name), str(one.specifier), extra_of(one))
        for one in required_by(wheel)
        if one.name != "fauxscale"
    }
    bom = bom_of(wheel)
    named = {
        (
            component["name"],
            str(SpecifierSet(component["versionRange"].removeprefix("vers:pypi/").replace("|", ","))),
            extra,
        )
        for component in bom["components"]
        for extra in properties(component, "fauxscale:extra") or [""]
    }
    assert named == asked
    assert len({name for name, _, _ in named}) == len(bom["components"])
    for component in bom["components"]:
        assert (component["scope"] == "optional") == bool(properties(component, "fauxscale:extra"))
    (edges,) = bom["dependencies"]
    assert sorted(edges["dependsOn"]) == sorted({name for name, _, _ in named})
    assert bom["metadata"]["component"]["version"] == __version__, "make lock"


def test_the_sbom_is_valid_and_tells_licences_and_tested_versions(wheel: Path) -> None:
    bom = bom_of(wheel)
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(json.dumps(bom)) is None
    versions = locked()
    for component in bom["components"]:
        name = component["name"]
        (tested,) = properties(component, "fauxscale:tested_version")
        assert tested == versions[name], "make lock"
        (licence,) = component["licenses"]
        assert is_expression(licence["expression"]), name
        if installed(name) == tested:
            assert licence["expression"] == sbom.licence(name), "make lock"


def test_the_source_archive_carries_the_sbom_too(dist: Path, wheel: Path) -> None:
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        (name,) = [name for name in tar.getnames() if name.endswith("/fauxscale.cdx.json")]
        member = tar.extractfile(name)
        assert member is not None
        assert json.load(member) == bom_of(wheel)


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
