"""The pages on frameworks are run: each chapter's files and commands, with the framework itself.

A page's first blocks, before any chapter, are the application; every chapter has its tests in files of their own, and
the command that runs them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.clients.environments import folder_with
from tests.doc_pages import BLOCK, FILE, ROOT
from tests.redis_server import RedisServer
from tests.tools import needs, path_of

pytestmark = pytest.mark.e2e

REQUIREMENTS = ROOT / ".ci" / "requirements-frameworks.txt"
BROKER = "redis://127.0.0.1:6379/0"
PAGES = ("django", "fastapi", "celery", "playwright", "unittest")


def chapters(page: str) -> dict[str, str]:
    """The text of a page by its headings; what all of them start from is in each."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    first, *rest = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return {title: first + body for title, body in zip(rest[::2], rest[1::2], strict=True)}


def lay(text: str, folder: Path) -> list[str]:
    """Write the files that a text shows; returns the commands it gives."""
    commands: list[str] = []
    for language, skipped, block in BLOCK.findall(text):
        if named := FILE.match(block):
            (folder / named[1]).write_text(block, encoding="utf-8")
        elif language == "sh" and not skipped:
            commands.append(block)
    return commands


# Users let Playwright install a browser; here it is the machine's.
BROWSER = """
import pytest


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return {{**browser_type_launch_args, "executable_path": {path!r}, "args": ["--no-sandbox", "--disable-gpu"]}}
"""


def environ() -> dict[str, str]:
    """The variables of a user whose environment has the frameworks beside fauxscale."""
    own = ("COVERAGE", "PYTEST", "DJANGO", "FAUXSCALE", "CELERY")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    packages = folder_with(REQUIREMENTS, "frameworks")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "PATH": path, "PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"}


def each() -> Iterator[Any]:
    """Every chapter, with what it starts from outside Python."""
    for page in PAGES:
        for title, text in chapters(page).items():
            marks = [needs("redis-server")] if BROKER in text else []
            marks += [needs("chromium")] if page == "playwright" else []
            yield pytest.param(page, title, id=f"{page}-{title}", marks=marks)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """The picture that the pages call the reader's own."""
    return Path(shutil.copyfile(ROOT / "fixtures" / "images" / "coffee.jpg", tmp_path / "photo.png"))


@pytest.fixture
def broker() -> Iterator[str]:
    with RedisServer() as server:
        yield server.url


def follow(command: str, folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    shell = ["bash", "-euo", "pipefail", "-c", command]
    return subprocess.run(shell, cwd=folder, env=env, capture_output=True, text=True, timeout=180)


@pytest.mark.parametrize(("page", "chapter"), [*each()])
def test_a_chapter_does_what_it_says(
    page: str, chapter: str, photo: Path, request: pytest.FixtureRequest
) -> None:
    text = chapters(page)[chapter]
    if BROKER in text:
        text = text.replace(BROKER, request.getfixturevalue("broker"))
    commands, env = lay(text, photo.parent), environ()
    if page == "playwright":
        (photo.parent / "machine.py").write_text(BROWSER.format(path=path_of("chromium")), encoding="utf-8")
        env |= {"PYTEST_PLUGINS": "machine", "PYTHONPATH": f"{photo.parent}{os.pathsep}{env['PYTHONPATH']}"}
    assert commands, "a chapter shows how its tests are run"
    for command in commands:
        done = follow(command, photo.parent, env)
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert re.search(r"Ran [1-9]\d* test|\b[1-9]\d* passed", said), said


def test_a_task_that_is_retried_whatever_happened_is_found_to_pay_twice(photo: Path) -> None:
    text = chapters("celery")["Eager"]
    everything = "autoretry_for=(requests.RequestException,)"
    assert f"With `{everything}`" in text
    (command,) = lay(text.replace("max_retries=3", f"max_retries=3, {everything}"), photo.parent)
    done = follow(command, photo.parent, environ())
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert len(re.findall(r"ideogram\.upscale .* \$0\.06", done.stdout)) == 2


def test_the_index_leads_to_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page for page in PAGES if f"({page}.md)" not in index] == []
