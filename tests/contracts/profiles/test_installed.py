"""Profiles of installed packages are found by every verb; a broken one is a line that names its package."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from fauxscale_contracts.cli import main
from fauxscale_contracts.profiles.installed import BUILT_IN
from tests.contracts.profiles.packages import PROFILE, contracts, install, python

pytestmark = pytest.mark.e2e  # each starts programs

BROKEN = {
    "raises": ("raise RuntimeError('no licence')", True, "RuntimeError: no licence"),
    "exits": ("raise SystemExit('bye')", True, "SystemExit: bye"),
    "lacks": ("", True, "AttributeError: "),
    "other": ("PROFILE = {'name': 'acme'}", True, "is a dict, not a fauxscale_contracts.Profile"),
    "taken": (PROFILE.format(name="ideogram"), True, "the name 'ideogram' is taken"),
    "empty": (PROFILE.format(name="acme"), False, "there is no "),
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with one good package in it."""
    install(tmp_path, "acme", PROFILE.format(name="acme"))
    return tmp_path


def test_list_names_its_contract(site: Path) -> None:
    done = contracts(site, "list")
    assert done.returncode == 0, done.stderr
    assert any(
        line.startswith("acme 2026-10: acme.upscale (0 documented, ") for line in done.stdout.splitlines()
    )
    assert done.stderr == ""


def test_conform_lists_scenarios_made_of_it(site: Path) -> None:
    done = contracts(site, "conform", "acme", "--list")
    assert done.returncode == 0, done.stderr
    names = {line.partition(":")[0] for line in done.stdout.splitlines()}
    assert {"picture-png-rgb", "error-400", "429-seconds", "lost-reply", "result-cut"} <= names
    # It takes no picture of one pixel, gives out no links, and answers no JSON.
    assert not names & {"picture-png-one-pixel", "download-expired", "null-url"}


def test_drift_prices_its_probes(site: Path) -> None:
    words = ("drift", "acme", "--base-url", "http://127.0.0.1:9", "--max-cost", "0.01")
    done = contracts(site, *words, FAUXSCALE_DRIFT_KEY="a-key")
    assert done.returncode == 2
    assert "1 calls to acme for $0.02" in done.stderr


def test_check_takes_its_contract_by_name(site: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = contracts(site, "check", "--base-url", f"http://127.0.0.1:{port}", "--provider", "acme")
    assert (done.returncode, "cannot be reached" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:2160/acme", "https://api.acme.example"])
def test_check_finds_its_name_in_a_url(site: Path, url: str) -> None:
    script = f"from fauxscale_contracts.check.command import _named_in; print(_named_in({url!r}))"
    assert python(site, "-c", script).stdout.strip() == "acme"


def test_record_knows_its_calls(site: Path) -> None:
    script = (
        "from fauxscale_contracts.profiles.contract_index import ContractIndex\n"
        "print(ContractIndex().find('POST', 'https://api.acme.example/upscale').operation.name)"
    )
    assert python(site, "-c", script).stdout.strip() == "acme.upscale"


WATCHED = """
from fauxscale.observer import Observation
from pytest_fauxscale.contract_check import Watcher

watcher = Watcher()
watcher(Observation(
    account="a", provider="acme", api_version="", operation="acme.upscale", faults=(), method="POST",
    url="http://127.0.0.1/acme/upscale", headers=(("content-type", "text/plain"),), body=b"x", whole=True,
    status=200, reply_headers=(), reply=b"",
))
breaches, _ = watcher.take()
print("\\n".join(line for one in breaches for line in one.lines({}, False)))
"""


def test_the_plugin_holds_its_calls_against_its_contract(site: Path) -> None:
    assert "/headers/content-type" in python(site, "-c", WATCHED).stdout


def test_the_plugin_says_that_a_recorded_contract_cannot_be_read(site: Path) -> None:
    (site / "acme" / "recorded" / "2026-10.openapi.json").write_text("{", encoding="utf-8")
    assert "is not JSON" in python(site, "-c", WATCHED).stdout


@pytest.mark.parametrize("package", BROKEN)
def test_a_broken_one_is_a_line_that_names_the_package_and_nothing_else_fails(
    tmp_path: Path, package: str
) -> None:
    source, recorded, why = BROKEN[package]
    install(tmp_path, package, source, recorded=recorded)
    done = contracts(tmp_path, "list")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        f"fauxscale-contracts: the profile {package!r} of the package {package}-plugin is not used: "
    )
    assert why in line
    assert len(done.stdout.splitlines()) == sum(len(one.api_versions()) for one in BUILT_IN)


def test_the_second_of_one_name_is_the_broken_one(site: Path) -> None:
    install(site, "again", PROFILE.format(name="acme"))
    done = contracts(site, "list")
    assert "of the package again-plugin is not used: the name 'acme' is taken" in done.stderr or (
        "of the package acme-plugin is not used: the name 'acme' is taken" in done.stderr
    )
    assert "acme 2026-10: " in done.stdout


@pytest.mark.parametrize("verb", [name for name in main.commands if name not in ("new", "scan", "record")])
def test_every_verb_says_so(tmp_path: Path, verb: str) -> None:
    install(tmp_path, "raises", "raise RuntimeError('no licence')")
    words = {
        "list": (),
        "conform": ("ideogram", "--list"),
        "drift": ("ideogram", "--base-url", "http://127.0.0.1:9", "--key", "k", "--max-cost", "0"),
        "check": ("--base-url", "http://127.0.0.1:9/acme"),
        "observe": (
            "ideogram",
            "--base-url",
            "http://127.0.0.1:9",
            "--key",
            "k",
            "--budget",
            "0",
            "--to",
            "to",
        ),
        "review": ("old.json", "new.json"),
        "usage": (".", "--to", "to"),
        "gate": ("--contract", "ideogram"),
        "coverage": ("combine", "met.json"),
        "explore": ("--", "true"),
        "scenarios": (),
    }
    done = contracts(tmp_path, verb, *words[verb])
    assert "raises-plugin is not used" in done.stderr


def test_an_unknown_name_is_answered_with_what_could_not_be_used(tmp_path: Path) -> None:
    install(tmp_path, "raises", "raise RuntimeError('no licence')")
    script = "import fauxscale_contracts as c\ntry: c.load('raises')\nexcept c.ContractError as e: print(e)"
    assert "raises-plugin is not used: RuntimeError: no licence" in python(tmp_path, "-c", script).stdout


RUN = """
import httpx

def test_it(fauxscale, sample_image):
    form = {"image_file": ("a.png", sample_image(), "image/png"), "image_request": (None, "{}")}
    url, key = fauxscale.base_url("ideogram"), fauxscale.api_key("ideogram")
    assert httpx.post(url + "/upscale", headers={"Api-Key": key}, files=form).status_code == 200
"""


def test_a_run_of_pytest_says_so_at_its_end_and_passes(tmp_path: Path) -> None:
    install(tmp_path, "raises", "raise RuntimeError('no licence')")
    (tmp_path / "test_it.py").write_text(RUN, encoding="utf-8")
    words = ("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:schemathesis")
    done = python(tmp_path, *words, "test_it.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fauxscale: the profile 'raises' of the package raises-plugin is not used: " in done.stdout


def test_a_package_needs_nothing_but_the_public_names(site: Path) -> None:
    script = "import acme, json; print(json.dumps([acme.PROFILE.name, acme.PROFILE.api_versions()]))"
    assert json.loads(python(site, "-c", script).stdout) == ["acme", ["2026-10"]]
