"""The checklist of docs/adding-a-provider.md: whatever provider is built in has been written down everywhere, and the
page's own package works as an installed one."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fauxscale
import fauxscale.provider_api
from fauxscale import MockServer, Provider, Settings
from fauxscale.providers import PROVIDERS
from fauxscale_contracts import load
from fauxscale_contracts.new.skeleton import Route, skeleton
from fauxscale_contracts.profiles.installed import BUILT_IN
from tests.doc_pages import BLOCK, FILE, ROOT

PROFILES = {one.name: one for one in BUILT_IN}
# The services' own names, where they are spelt otherwise than ours.
CALLED = {"ideogram": "Ideogram", "aigateway": "AIgateway", "lumenfall": "Lumenfall", "fal": "fal.ai"}
PAGE = "docs/adding-a-provider.md"


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def operations_of(provider: Provider) -> set[str]:
    return {endpoint.operation for site in provider.sites for endpoint in site.endpoints}


@pytest.fixture(params=PROVIDERS, ids=lambda one: one.name)
def provider(request: pytest.FixtureRequest) -> Provider:
    assert isinstance(request.param, Provider)
    return request.param


def test_its_name_is_lower_case_and_begins_its_operations(provider: Provider) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_-]*", provider.name)
    assert {one.partition(".")[0] for one in operations_of(provider)} == {provider.name}


def test_it_has_a_folder_and_tests(provider: Provider) -> None:
    assert (ROOT / "mockserver/fauxscale/providers" / provider.name / "__init__.py").exists()
    assert list((ROOT / "tests/mockserver/providers").glob(f"test_{provider.name}*.py"))


def test_it_has_a_profile_of_its_operations(provider: Provider) -> None:
    profile = PROFILES[provider.name]
    named = {profile.results.operation, *(one.operation for one in profile.probes)}
    if profile.job is not None:
        named |= {one for one in (profile.job.submit, profile.job.status, profile.job.result) if one}
    assert named - operations_of(provider) == set()


def test_it_has_a_recorded_contract_for_each_api_version(provider: Provider) -> None:
    profile = PROFILES[provider.name]
    choices = next((one.choices for one in provider.options if one.name == "api_version"), ())
    assert set(profile.api_versions()) >= {profile.api_version, *map(str, choices)}
    for api_version in profile.api_versions():
        contract = load(provider.name, api_version=api_version)
        assert set(contract.operations) - operations_of(provider) == set(), (
            "the stand-in has no such operation"
        )


def test_its_contracts_say_where_they_were_learnt(provider: Provider) -> None:
    for api_version in PROFILES[provider.name].api_versions():
        document = json.loads(PROFILES[provider.name].document(api_version).read_bytes())
        assert document["info"]["x-recorded"]["source"]


def test_its_facts_have_a_section_in_the_fidelity_statement(provider: Provider) -> None:
    page = read("docs/fidelity.md")
    section = page.partition(f"\n## {CALLED[provider.name]}\n")[2].partition("\n## ")[0]
    assert section.count("\n| ") > 1, "a header and no rows"


@pytest.mark.parametrize("page", ["README.md", "docs/local-development.md", "docs/contracts.md"])
def test_the_pages_that_list_the_providers_have_it(provider: Provider, page: str) -> None:
    assert re.search(rf"\b{re.escape(CALLED[provider.name].removesuffix('.ai'))}\b", read(page))


def test_the_table_of_base_urls_has_its_variables(provider: Provider) -> None:
    page = read("docs/local-development.md")
    row = re.search(rf"^\| {re.escape(CALLED[provider.name])} \|(.*)$", page, re.MULTILINE)
    assert row is not None
    for named in (f"http://127.0.0.1:2160{provider.base}`", *(f"`{variable}`" for variable in provider.env)):
        assert named in row[1]


def test_the_page_imports_nothing_of_the_stand_in_but_public_names() -> None:
    public = {"fauxscale": fauxscale.__all__, "fauxscale.provider_api": fauxscale.provider_api.__all__}
    found: set[str] = set()
    for block in BLOCK.finditer(read(PAGE)):
        if block[1] == "python":
            for node in ast.walk(ast.parse(block[3])):
                if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "fauxscale":
                    found |= {f"{node.module}:{one.name}" for one in node.names}
    assert found, "the page shows no import"
    assert found - {f"{module}:{name}" for module, names in public.items() for name in names} == set()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages that holds the page's own, with the contract that its command writes."""
    site = tmp_path_factory.mktemp("site")
    home = site / "fauxscale_acme"
    (home / "recorded").mkdir(parents=True)
    (home / "__init__.py").touch()
    for block in BLOCK.finditer(read(PAGE)):
        if block[1] == "python" and block[2]:
            named = FILE.match(block[3])
            assert named is not None
            (home / named[1]).write_text(block[3], encoding="utf-8")
    routes = [Route.parse(one) for one in re.findall(r"--operation (\w+:\S+)", read(PAGE))]
    document = skeleton("acme", "2026-10", "https://api.acme.example", routes, "body")
    (home / "recorded" / "2026-10.openapi.json").write_text(json.dumps(document), encoding="utf-8")
    (toml,) = (one[3] for one in BLOCK.finditer(read(PAGE)) if one[1] == "toml")
    project = tomllib.loads(toml)["project"]
    info = site / "fauxscale_acme-1.0.dist-info"
    info.mkdir()
    about = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(about, encoding="utf-8")
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("".join(lines), encoding="utf-8")
    return site


def python(site: Path, *words: str) -> str:
    """Run Python where the packages of a folder are installed; what it says."""
    done = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=site,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_package_of_the_page_is_found_by_the_contract_tools(installed: Path) -> None:
    assert "acme 2026-10: acme.upscale, acme.balance (" in python(
        installed, "-m", "fauxscale_contracts", "list"
    )


@pytest.mark.e2e
def test_the_package_of_the_page_passes_its_own_test(installed: Path) -> None:
    alone = ("-p", "no:cacheprovider", "-p", "no:schemathesis")
    said = python(installed, "-m", "pytest", "-q", *alone, "fauxscale_acme/test_acme.py")
    assert "1 passed" in said


@pytest.mark.e2e
def test_the_package_of_the_page_keeps_its_contract(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.setitem(sys.modules, "fauxscale_acme", None)
    monkeypatch.delitem(sys.modules, "fauxscale_acme")  # what is loaded meanwhile is forgotten at the end
    with MockServer(Settings(key_policy="issued"), installed=True) as mock, mock.account() as account:
        monkeypatch.setenv("FAUXSCALE_CHECK_KEY", account.api_key("acme"))
        asked = ("--provider", "acme", "--base-url", account.base_url("acme"), "--examples", "1")
        python(installed, "-m", "fauxscale_contracts", "check", *asked)
