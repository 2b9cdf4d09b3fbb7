"""What GitHub and pre-commit read of this repository is what they take, and the steps of the action do their work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fauxscale_contracts.cli import main

ROOT = Path(__file__).parent.parent
ACTION = (ROOT / "action.yml").read_text(encoding="utf-8")
PARSED: Any = YAML(typ="safe").load(ACTION)
WORKFLOW = ROOT / "examples" / "ci" / "contracts.yml"


def check(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("schema", "file"), [("github-actions", ROOT / "action.yml"), ("github-workflows", WORKFLOW)]
)
def test_the_files_for_github_follow_its_schemas(schema: str, file: Path, tmp_path: Path) -> None:
    done = check("--builtin-schema", f"vendor.{schema}", file)
    assert done.returncode == 0, done.stdout
    broken = tmp_path / file.name
    broken.write_text(re.sub(r"^(runs|jobs):", "other:", file.read_text(), flags=re.MULTILINE))
    assert check("--builtin-schema", f"vendor.{schema}", broken).returncode == 1


def test_each_input_of_the_action_is_used_and_no_other() -> None:
    inputs = ACTION.partition("\ninputs:\n")[2].partition("\noutputs:\n")[0]
    declared = set(re.findall(r"^  ([a-z-]+):$", inputs, re.MULTILINE))
    assert declared == set(re.findall(r"inputs\.([a-z-]+)", ACTION))


def test_no_input_is_put_into_a_script() -> None:
    scripts = re.findall(r"^      run: (?:\|\n((?:        .*\n|\n)+)|(.*)$)", ACTION, re.MULTILINE)
    assert len(scripts) == 5
    assert not any("${{" in part for script in scripts for part in script)


def step(name: str, folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run a step of the action as GitHub does: its inputs as variables, in bash that ends at the first failure."""
    (found,) = [one for one in PARSED["runs"]["steps"] if one["name"] == name]
    given = {key: str(one.get("default", "")) for key, one in PARSED["inputs"].items()}
    given |= {key.replace("_", "-"): value for key, value in inputs.items()}
    variables = {
        key: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda match: given[match[1]], value)
        for key, value in found["env"].items()
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    files = {"GITHUB_STEP_SUMMARY": str(folder / "summary.md"), "GITHUB_OUTPUT": str(folder / "output")}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]],
        cwd=folder,
        env={**os.environ, "PATH": path, **files, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )


TEST = """
import httpx

def test_upload(fauxscale, sample_image):
    form = {"image_file": ("a.png", sample_image(), "image/png"), "image_request": (None, "{}")}
    reply = httpx.post(fauxscale.url + "/upscale", headers={"Api-Key": fauxscale.api_key("ideogram")}, files=form)
    assert reply.status_code == 200
"""


@pytest.mark.e2e
def test_the_steps_make_a_verdict_and_a_summary(tmp_path: Path) -> None:
    (tmp_path / "test_upload.py").write_text(TEST)
    (tmp_path / "client.py").write_text("raise SystemExit('it does nothing')")
    tests = {"tests": "-p no:cacheprovider -q test_upload.py"}
    assert step("Tests", tmp_path, **tests).returncode == 0
    green = step("Gate", tmp_path, provider="ideogram", max_age="99999", **tests)
    assert (green.returncode, (tmp_path / "output").read_text()) == (0, "verdict=PASS\n"), green.stderr
    client = {"client": f"{sys.executable} client.py {{image}} {{output}}", "provider": "ideogram"}
    assert step("Client", tmp_path, **client).returncode == 0
    red = step("Gate", tmp_path, max_age="99999", **tests, **client)
    assert (red.returncode, (tmp_path / "output").read_text().splitlines()[-1]) == (1, "verdict=FAIL")
    assert "## Contract gate: FAIL" in (tmp_path / "summary.md").read_text()
    assert {one.name for one in (tmp_path / "contract-gate").iterdir()} >= {
        "gate.html",
        "gate.sarif",
        "gate.xml",
    }
    unknown = step("Gate", tmp_path, provider="ideogram", drift_url="https://api.ideogram.ai")
    assert (unknown.returncode, (tmp_path / "output").read_text().splitlines()[-1]) == (
        2,
        "verdict=NO VERDICT",
    )


def test_the_hook_runs_a_command_of_ours() -> None:
    (hook,) = YAML(typ="safe").load(ROOT / ".pre-commit-hooks.yaml")
    program, name = hook["entry"].split()
    # A command keeps the names of its help option from its first context: without the program's it would lose -h.
    with main.commands[name].make_context(name, list(hook["args"]), **main.context_settings) as context:
        assert (program, context.args) == ("fauxscale-contracts", [])
