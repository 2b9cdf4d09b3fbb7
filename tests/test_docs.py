"""Every snippet of the prose is run: what the documentation shows is what happens.

`sh` blocks run under bash beside `fixtures/`, with a server at the address the text names; `python` blocks run
as scripts, or under pytest where they define tests. A block marked `sh skip` installs or starts the project
itself, which other tests do (test_packaging, test_cli).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fauxscale import MockServer
from fauxscale.cli import serve
from fauxscale.options import declared
from fauxscale.providers import PROVIDERS
from tests.tools import needs

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "docs/get-started.md", "docs/local-development.md", "docs/adding-a-provider.md", "docs/fidelity.md")
BLOCK = re.compile(r"^```(\w+)( skip)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:2160"
# What a reader brings along: the function of their own that the README's test calls.
READER = """
import httpx


def upload_with_retries(base_url, key, image):
    for _ in range(3):
        reply = httpx.post(
            base_url + "/upscale",
            headers={"Api-Key": key},
            data={"image_request": "{}"},
            files={"image_file": image},
        )
        if reply.status_code != 429:
            return reply
    raise AssertionError("never let in")
"""


def blocks(language: str) -> list[Any]:
    return [
        pytest.param(found[3], id=f"{page}-{number}")
        for page in PAGES
        for number, found in enumerate(BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")))
        if found[1] == language and not found[2]
    ]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with MockServer() as mock:
        yield mock.url


@pytest.fixture
def beside_fixtures(tmp_path: Path) -> Path:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    return tmp_path


@needs("curl")
@pytest.mark.parametrize("script", blocks("sh"))
def test_shell_snippets_do_what_they_say(script: str, url: str, beside_fixtures: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace(ADDRESS, url)],
        cwd=beside_fixtures,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert '"error"' not in done.stdout


@pytest.mark.parametrize("program", blocks("python"))
def test_python_snippets_do_what_they_say(program: str, beside_fixtures: Path) -> None:
    name = "test_snippet.py" if "def test_" in program else "snippet.py"
    (beside_fixtures / name).write_text((READER if "upload_with_retries" in program else "") + program)
    runner = (
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        if "def test_" in program
        else [sys.executable]
    )
    done = subprocess.run([*runner, name], cwd=beside_fixtures, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_flag_is_in_the_table_with_its_variable() -> None:
    table = (ROOT / "docs" / "local-development.md").read_text(encoding="utf-8")
    for option in serve.params:
        flag = option.opts[0]
        variable = "FAUXSCALE_" + flag.removeprefix("--").replace("-", "_").upper()
        assert f"| `{flag}` | `{variable}` |" in table


def test_every_provider_option_is_in_the_fidelity_statement() -> None:
    page = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    for name, option in declared(PROVIDERS).items():
        default = str(option.default).lower() if isinstance(option.default, bool) else option.default
        assert f"| `{name}` | `{default}` |" in page, f"{name} is missing or its default is stale"


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "ARCHITECTURE.md"]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[\w-]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
