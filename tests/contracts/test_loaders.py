"""The recorded contracts load without an error in the tools that others read OpenAPI documents with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fauxscale_contracts import api_versions, load
from tests.clients.environments import folder_with, isolated
from tests.clients.node import installed
from tests.tools import needs, path_of

FOLDER = Path(__file__).parent.parent / "openapi_tools"
pytestmark = pytest.mark.e2e


def of_npm(name: str, *words: str) -> list[str]:
    return [path_of("node"), str(installed(FOLDER) / "node_modules" / ".bin" / name), *words]


def of_python(module: str, *words: str) -> list[str]:
    return [sys.executable, "-m", module, *words]


def client_of(document: Path) -> list[str]:
    """The command that makes a client in Python, to the last operation of it."""
    made = ["--output-path", str(document.with_name("client")), "--overwrite", "--meta", "none"]
    config = ["--config", str(FOLDER / "python-client.yaml"), "--fail-on-warning"]
    command = of_python("openapi_python_client", "generate", "--path", str(document), *made, *config)
    return [command[0], "-S", *command[1:]]


# The command of each that loads a document.
TOOLS: Mapping[str, Callable[[Path], list[str]]] = {
    "openapi-spec-validator": lambda document: of_python("openapi_spec_validator", str(document)),
    "redocly": lambda document: of_npm("redocly", "lint", "--extends=spec", str(document)),
    "spectral": lambda document: of_npm(
        "spectral", "lint", "--ruleset", str(FOLDER / "spectral.yaml"), "--fail-severity=error", str(document)
    ),
    "openapi-typescript": lambda document: of_npm(
        "openapi-typescript", str(document), "--output", str(document.with_suffix(".d.ts"))
    ),
    "openapi-python-client": client_of,
    "prism": lambda document: of_npm("prism", "mock", "--port", "0", str(document)),
}


def run(tool: str, document: Path) -> tuple[bool, str]:
    """Load a document: whether it did, and what the tool said. Prism serves it: it is stopped once it listens."""
    environment = dict(os.environ)
    if tool == "openapi-python-client":
        environment = isolated(folder_with(FOLDER / "requirements.txt", tool))
    with subprocess.Popen(
        TOOLS[tool](document),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Prism is listening" in line:
                process.terminate()
                return True, said
    return process.returncode == 0, said


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@needs("node", "npm")
@pytest.mark.parametrize(
    ("provider", "api_version"), [(name, one) for name, dates in api_versions().items() for one in dates]
)
def test_a_contract_loads(tool: str, provider: str, api_version: str, tmp_path: Path) -> None:
    document = tmp_path / "contract.json"
    document.write_text(json.dumps(load(provider, api_version=api_version).document), "utf-8")
    loaded, said = run(tool, document)
    assert loaded, said[-3_000:]


@needs("node", "npm")
def test_a_contract_that_names_what_is_not_there_does_not_load(tool: str, tmp_path: Path) -> None:
    text = json.dumps(load("ideogram").document)
    document = tmp_path / "contract.json"
    document.write_text(
        text.replace('"#/components/schemas/Removal"', '"#/components/schemas/Nowhere"'), "utf-8"
    )
    loaded, said = run(tool, document)
    assert not loaded
    assert "Nowhere" in said or "Can't resolve $ref" in said
