"""Writes the release's SBOM, .ci/fauxscale.cdx.json: what the wheel asks for, and under which licences.

It is kept in the repository and not made while building, since whoever builds need not have the dependencies, whose
licences are read from what is installed. `make lock` renews it. The packages are external: the wheel holds none of
them, so each has a range of versions (CycloneDX 1.7), and the version of the lock, with which it was tested.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from fauxscale._version import __version__

from .lock import ROOT, locked

SBOM = ROOT / ".ci" / "fauxscale.cdx.json"


def document(project: Mapping[str, Any], tested: Mapping[str, str]) -> dict[str, Any]:
    """The SBOM of a project's table in pyproject.toml."""
    components = [_component(requirement, extras, tested) for requirement, extras in _asked(project)]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "pre-build"}],
            "component": {
                "type": "library",
                "bom-ref": project["name"],
                "name": project["name"],
                "version": __version__,
                "purl": f"pkg:pypi/{project['name']}@{__version__}",
                "licenses": [{"expression": project["license"]}],
            },
        },
        "components": components,
        "dependencies": [
            {"ref": project["name"], "dependsOn": [component["bom-ref"] for component in components]}
        ],
    }


def _asked(project: Mapping[str, Any]) -> Iterator[tuple[Requirement, list[str]]]:
    """Each dependency, and the extras that bring it; an extra may bring another one."""
    yield from ((Requirement(line), []) for line in project["dependencies"])
    lines: Mapping[str, list[str]] = project["optional-dependencies"]
    brought = {
        extra: {extra}.union(*(one.extras for one in map(Requirement, asked) if one.name == project["name"]))
        for extra, asked in lines.items()
    }
    for extra, asked in lines.items():
        for requirement in map(Requirement, asked):
            if requirement.name != project["name"]:
                yield requirement, sorted(by for by, others in brought.items() if extra in others)


def _component(requirement: Requirement, extras: list[str], tested: Mapping[str, str]) -> dict[str, Any]:
    name = canonicalize_name(requirement.name)
    properties = [
        ("fauxscale:tested_version", tested[name]),
        *(("fauxscale:extra", extra) for extra in extras),
    ]
    return {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "isExternal": True,
        "versionRange": _range(requirement.specifier),
        "scope": "optional" if extras else "required",
        "purl": f"pkg:pypi/{name}",
        "licenses": [{"expression": licence(name), "acknowledgement": "declared"}],
        "properties": [{"name": key, "value": value} for key, value in properties],
    }


def _range(specifier: SpecifierSet) -> str:
    """A range in package-url's notation: `vers:pypi/>=1.10|<2`."""
    bounds = sorted(specifier, key=lambda bound: Version(bound.version))
    return "vers:pypi/" + "|".join(f"{bound.operator}{bound.version}" for bound in bounds)


def licence(name: str) -> str:
    """The licence that an installed package declares; some still write the expression where its text used to be."""
    found = metadata(name)
    (only,) = found.get_all("License-Expression") or found.get_all("License") or [""]
    return str(only)


def main(path: Path = SBOM) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    path.write_text(json.dumps(document(project, locked()), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
