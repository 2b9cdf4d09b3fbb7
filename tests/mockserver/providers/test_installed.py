"""Providers of installed packages are served beside the own ones; a broken one is a line and harms nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.served import serving

# A provider of another package: Ideogram by another name, so that it is small.
GOOD = """
from msgspec.structs import replace
from fauxscale.providers.ideogram import PROVIDER as IDEOGRAM

SITE = replace(IDEOGRAM.sites[0], prefix="/demo", hosts=("api.demo.test",), at_root=False)
PROVIDER = replace(
    IDEOGRAM, name="demo", base="/demo", sites=(SITE,),
    env={"DEMO_BASE_URL": "{base_url}", "DEMO_API_KEY": "{key}"},
)
TAKEN = replace(PROVIDER, name="ideogram")
TWICE = replace(PROVIDER)
ODD = replace(SITE.endpoints[0], path="/{a}/{a}")
UNROUTED = replace(PROVIDER, name="odd", sites=(replace(SITE, endpoints=(ODD,)),))
"""
MODULES = {
    "demo_upscaler": GOOD,
    "demo_missing": "import a_library_that_is_not_there",
    "demo_exits": "import sys\nsys.exit('no licence\\nfound')",
}
BROKEN = {
    "exits": ("demo_exits:PROVIDER", "demo_exits:PROVIDER cannot be imported: SystemExit: no licence found"),
    "missing": (
        "demo_missing:PROVIDER",
        "demo_missing:PROVIDER cannot be imported: ModuleNotFoundError: No module named 'a_library_that_is_not_there'",
    ),
    "nameless": (
        "demo_upscaler:NONE",
        "demo_upscaler:NONE cannot be imported: AttributeError: module 'demo_upscaler' has no attribute 'NONE'",
    ),
    "none": ("demo_upscaler:GOOD", "demo_upscaler:GOOD is no fauxscale.Provider but of type str"),
    "odd": (
        "demo_upscaler:UNROUTED",
        "demo_upscaler:UNROUTED has endpoints that cannot be routed: "
        "ValueError: Duplicated param name a at path /{a}/{a}",
    ),
    "taken": ("demo_upscaler:TAKEN", "its name 'ideogram' is taken by one of the stand-in's own"),
    "twice": ("demo_upscaler:TWICE", "its name 'demo' is taken by that of the package a-demo"),
}
LINES = [f"the provider of the package {name}-demo is left out: {why}" for name, (_, why) in BROKEN.items()]


def install(site: Path, package: str, entry_point: str) -> None:
    """What an installer writes for a package with one entry point."""
    folder = site / f"{package.replace('-', '_')}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[fauxscale.providers]\n{package} = {entry_point}\n")


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with a good package, and one for each way to be broken."""
    site = tmp_path_factory.mktemp("site")
    for name, source in MODULES.items():
        (site / f"{name}.py").write_text(source)
    with (site / "demo_upscaler.py").open("a") as file:
        file.write('GOOD = "no provider"\n')
    install(site, "a-demo", "demo_upscaler:PROVIDER")
    for name, (entry_point, _) in BROKEN.items():
        install(site, f"{name}-demo", entry_point)
    return {**os.environ, "PYTHONPATH": str(site)}


def python(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_serve_offers_it_and_says_one_line_for_each_broken_one(env: dict[str, str]) -> None:
    with serving("--quiet", env=env) as (ready, process):
        providers = ready["providers"]
        assert isinstance(providers, dict)
        assert providers["demo"] == f"{ready['url']}/demo"
        assert len(providers) == 5
        process.terminate()
        assert process.communicate(timeout=60)[1].splitlines() == [f"fauxscale: {line}" for line in LINES]


def test_run_sets_its_variables(env: dict[str, str]) -> None:
    done = python(env, "-m", "fauxscale", "run", "--", "sh", "-c", "echo $DEMO_BASE_URL")
    assert done.returncode == 0
    assert done.stdout.endswith("/demo\n")
    assert done.stderr.splitlines() == [f"fauxscale: {line}" for line in LINES]


def test_env_prints_its_variables(env: dict[str, str]) -> None:
    done = python(env, "-m", "fauxscale", "env", "--shell", "json")
    assert json.loads(done.stdout)["DEMO_BASE_URL"] == "http://127.0.0.1:2160/demo"


def test_the_doctor_looks_at_its_variables(env: dict[str, str]) -> None:
    done = python({**env, "DEMO_BASE_URL": "http://127.0.0.1:1/"}, "-m", "fauxscale", "doctor")
    assert done.returncode == 1
    assert done.stdout.splitlines()[: len(LINES)] == [f"! {line}" for line in LINES]
    assert "+ demo: DEMO_BASE_URL points to this machine" in done.stdout


def test_a_server_in_python_has_it_when_asked_to(env: dict[str, str]) -> None:
    program = (
        "import json, warnings; from fauxscale import MockServer\n"
        "with warnings.catch_warnings(record=True) as said:\n"
        "    warnings.simplefilter('always')\n"
        "    mock = MockServer(installed=True, listen=False)\n"
        "names = [one.name for one in mock.providers]\n"
        "with mock: base = mock.account().base_url('demo')\n"
        "alone = [one.name for one in MockServer(listen=False).providers]\n"
        "print(json.dumps([names, base, alone, [str(one.message) for one in said]]))\n"
    )
    done = python(env, "-c", program)
    assert done.returncode == 0, done.stderr
    names, base, alone, said = json.loads(done.stdout)
    assert names == [*alone, "demo"]
    assert base == "http://fauxscale.localhost/demo"
    assert said == LINES


@pytest.mark.parametrize(
    "workers",
    [
        (),
        pytest.param(("-p", "xdist", "-n", "2", "--dist", "each", "--tx", "2*popen"), marks=pytest.mark.e2e),
    ],
)
def test_the_plugin_has_it_and_says_what_is_broken_once(
    env: dict[str, str], workers: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_it(fauxscale):\n    assert fauxscale.env('demo')['DEMO_API_KEY']\n"
    )
    plain = {**env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    alone = ("-p", "pytest_fauxscale.plugin", "-p", "no:cacheprovider", "-W", "error", *workers)
    done = python(plain, "-m", "pytest", *alone, str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    told = [line for line in done.stdout.splitlines() if "is left out" in line]
    assert told == [f"fauxscale: {line}" for line in LINES]
