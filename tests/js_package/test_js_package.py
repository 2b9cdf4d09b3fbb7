"""The npm package as its users have it: packed, unpacked beside its test runners, and run at a real server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import tools
from tests.clients.node import installed
from tests.doc_pages import BLOCK
from tests.served import serving
from tests.tools import needs

pytestmark = needs("node", "npm")

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PACKAGE = ROOT / "clients" / "js"
COMMAND = f"{sys.executable} -m fauxscale"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    """The files that `npm pack` would publish, and the archive."""
    folder = tmp_path_factory.mktemp("packed")
    command = [tools.path_of("npm"), "pack", "--json", "--pack-destination", str(folder)]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told: Any = json.loads(done.stdout)
    (about,) = told.values() if isinstance(told, dict) else told  # an object since npm 11
    (archive,) = folder.glob("*.tgz")
    return sorted(file["path"] for file in about["files"]), archive


@pytest.fixture(scope="module")
def project(packed: tuple[list[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of a user: the package beside the runners, and tests in `samples/`."""
    folder = tmp_path_factory.mktemp("user") / "tests" / "project"
    modules = folder / "node_modules"
    modules.mkdir(parents=True)
    (folder.parent.parent / "fixtures").symlink_to(ROOT / "fixtures")
    for module in (installed(HERE) / "node_modules").iterdir():
        (modules / module.name).symlink_to(module)
    with tarfile.open(packed[1]) as archive:
        archive.extractall(modules, filter="data")
    (modules / "package").rename(modules / "fauxscale")
    for name in ("package.json", "tsconfig.json"):
        shutil.copyfile(HERE / name, folder / name)
    shutil.copytree(HERE / "samples", folder / "samples")
    return folder


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as (ready, _):
        yield str(ready["url"])


def run(folder: Path, *command: str, status: int = 0, **env: str) -> str:
    """What a program of Node.js says; one that ends with another status fails the test."""
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("FAUXSCALE", "COVERAGE"))
    }
    done = subprocess.run(
        [tools.path_of("node"), *command],
        cwd=folder,
        env={**own, "NO_COLOR": "1", "FAUXSCALE_COMMAND": COMMAND, **env},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == status, done.stdout[-4000:] + done.stderr
    return done.stdout + done.stderr


def test_only_what_belongs_is_published(packed: tuple[list[str], Path]) -> None:
    names = ("control.js", "index.js", "playwright.js", "setup.js", "vitest.js")
    typed = ("api.d.ts", "index.d.ts", "playwright.d.ts", "setup.d.ts", "vitest.d.ts")
    assert packed[0] == sorted(["LICENSE", "README.md", "package.json", *names, *typed])


def test_its_own_tests_pass_at_a_running_server(url: str) -> None:
    said = run(PACKAGE, "--test", "test/", FAUXSCALE_URL=url)
    assert "pass 16" in said.replace("# ", "").replace("ℹ ", "")


def test_the_fixtures_of_vitest_give_each_test_an_account(project: Path, url: str) -> None:
    vitest = "node_modules/vitest/vitest.mjs"
    said = run(project, vitest, "run", "--config", "samples/config.mjs", FAUXSCALE_URL=url)
    assert "3 passed" in said


def test_the_fixtures_of_playwright_give_each_test_an_account(project: Path, url: str) -> None:
    playwright = "node_modules/@playwright/test/cli.js"
    said = run(project, playwright, "test", "--config", "samples/config.mjs", FAUXSCALE_URL=url)
    assert "2 passed" in said


@pytest.mark.parametrize(
    ("runner", "passed"),
    [
        (("node_modules/vitest/vitest.mjs", "run"), "3 passed"),
        (("node_modules/@playwright/test/cli.js", "test"), "2 passed"),
    ],
    ids=["vitest", "playwright"],
)
def test_a_run_starts_a_server_of_its_own(project: Path, runner: tuple[str, str], passed: str) -> None:
    assert passed in run(project, *runner, "--config", "samples/config.mjs")


FAILING = """
test("fails", async ({ account }) => {
  await fetch(`${account.baseUrl("ideogram")}/upscale`, { method: "POST" });
  const headers = { "Api-Key": account.keys.ideogram };
  await fetch(`${account.baseUrl("ideogram")}/upscale`, { method: "POST", headers });
  throw new Error("no");
});
"""


@pytest.mark.parametrize(
    ("runner", "package", "name"),
    [
        (("node_modules/vitest/vitest.mjs", "run"), "fauxscale/vitest", "failing.test.ts"),
        (("node_modules/@playwright/test/cli.js", "test"), "fauxscale/playwright", "failing.spec.ts"),
    ],
    ids=["vitest", "playwright"],
)
def test_the_calls_of_a_test_that_fails_are_shown(
    project: Path, url: str, runner: tuple[str, str], package: str, name: str
) -> None:
    file = project / "samples" / name
    file.write_text(f'import {{ test }} from "{package}";\n{FAILING}')
    config = ("--config", "samples/config.mjs")
    try:
        said = run(project, *runner, f"samples/{name}", *config, status=1, FAUXSCALE_URL=url)
    finally:
        file.unlink()
    assert "call_1 ideogram.upscale 400: the content type is wrong" in said
    assert "call_2" not in said, "a call without the account's key is no call of this account"


@pytest.mark.parametrize("page", ["clients/js/README.md", "docs/testing-other-languages.md"])
def test_documented_tests_pass(project: Path, url: str, page: str) -> None:
    found = [one[3] for one in BLOCK.finditer((ROOT / page).read_text("utf-8")) if one[1] == "ts"]
    assert found
    name = f"samples/{Path(page).stem}.test.ts"
    (project / name).write_text("\n".join(found))
    shutil.copyfile(ROOT / "fixtures" / "images" / "astronaut.png", project / "photo.png")
    vitest = "node_modules/vitest/vitest.mjs"
    try:
        run(project, vitest, "run", name, "--config", "samples/config.mjs", FAUXSCALE_URL=url)
    finally:
        (project / name).unlink()


def test_the_types_hold_the_package_and_find_mistakes(project: Path) -> None:
    run(project, "node_modules/typescript/bin/tsc", "-p", ".")
