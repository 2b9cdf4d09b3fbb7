"""Every snippet of the prose is run: what the documentation shows is what happens.

`sh` blocks run under bash beside `fixtures/`, with a server at the address the text names; `python` blocks run
as scripts, or under pytest where they define tests: all those of a page in one run, with the page's `ini` block as
pytest.ini. A block whose first line is a comment such as `# client.py` is a file the others find beside them, in
other languages as well. A block marked `sh skip` installs or starts the project itself, which other tests do
(test_packaging, test_cli).

`photo.png` is the reader's own: a picture of this repository stands for it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from fauxscale import MockServer
from fauxscale import cli as fauxscale_cli
from fauxscale.cli.serve import serve
from fauxscale.dispatch.options import declared
from fauxscale.faults import catalogue
from fauxscale.providers import PROVIDERS
from fauxscale_contracts import cli as contracts_cli
from pytest_fauxscale.declared import TERMS
from tests import tools
from tests.doc_pages import BLOCK, FILE, ROOT
from tests.redis_server import RedisServer
from tests.tools import needs

PAGES = (
    "README.md",
    "docs/get-started.md",
    "docs/local-development.md",
    "docs/adding-a-provider.md",
    "docs/fidelity.md",
    "docs/clients.md",
    "docs/conformance.md",
    "docs/contracts.md",
    "docs/testing.md",
    "docs/testing-other-languages.md",
    "docs/explore.md",
    "docs/scaling.md",
)
ADDRESS = "http://127.0.0.1:2160"
STORE = "redis://127.0.0.1:6379/0"


def blocks(page: str, language: str) -> list[str]:
    found = BLOCK.finditer((ROOT / page).read_text(encoding="utf-8"))
    return [one[3] for one in found if one[1] == language and not one[2]]


def run(folder: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run to the end; what fails, fails the test."""
    # Snippets are a user's code, and measuring their coverage doubles what starting Python costs.
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        command, cwd=folder, env={**unmeasured, **env}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def is_recipe(program: str) -> bool:
    return "def test_" in program or FILE.match(program) is not None


def each(language: str) -> list[Any]:
    """The blocks that are run one by one."""
    return [
        pytest.param(block, id=f"{page}-{number}", marks=[needs("redis-server")] if STORE in block else [])
        for page in PAGES
        for number, block in enumerate(blocks(page, language))
        if not is_recipe(block)
    ]


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer() as mock:
        yield mock


@pytest.fixture
def url(mock: MockServer) -> str:
    # Faults that another snippet has armed would be met here. The reader's application has called already.
    mock.reset()
    mock.account(label="your app")
    return mock.url


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def beside_fixtures(tmp_path: Path) -> Path:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    shutil.copyfile(ROOT / "fixtures" / "images" / "coffee.jpg", tmp_path / "photo.png")
    return tmp_path


@needs("curl")
@pytest.mark.parametrize("script", each("sh"))
def test_shell_snippets_do_what_they_say(
    script: str, url: str, beside_fixtures: Path, request: pytest.FixtureRequest
) -> None:
    if STORE in script:
        script = script.replace(STORE, request.getfixturevalue("redis").url)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = run(beside_fixtures, "bash", "-euo", "pipefail", "-c", script.replace(ADDRESS, url), PATH=path)
    assert '"error"' not in done.stdout


@pytest.mark.parametrize("program", each("python"))
def test_python_snippets_do_what_they_say(program: str, url: str, beside_fixtures: Path) -> None:
    (beside_fixtures / "snippet.py").write_text(program.replace(ADDRESS, url))
    run(beside_fixtures, sys.executable, "snippet.py")


@pytest.mark.e2e
@pytest.mark.parametrize("page", [page for page in PAGES if any(map(is_recipe, blocks(page, "python")))])
def test_recipes_pass(page: str, beside_fixtures: Path) -> None:
    for number, recipe in enumerate(filter(is_recipe, blocks(page, "python"))):
        named = FILE.match(recipe)
        name = named[1] if named else f"test_{number:02}.py"
        (beside_fixtures / name).write_text(recipe)
    for ini in blocks(page, "ini"):
        (beside_fixtures / "pytest.ini").write_text(ini)
    pytest_alone = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis")
    run(beside_fixtures, sys.executable, *pytest_alone)


# What the README says many clients have around the call: they go on after a reply that was lost.
CARELESS = """
import sys
from pathlib import Path

for _ in range(3):
    try:
        result = upscale(Path(sys.argv[1]).read_bytes())
        break
    except httpx.TransportError:
        continue
else:
    sys.exit(1)
Path(sys.argv[2]).write_bytes(result)
"""


@pytest.mark.e2e
def test_the_finding_that_the_readme_shows_is_what_conform_says(tmp_path: Path) -> None:
    code = blocks("README.md", "python")[0].partition("def test_")[0]
    real = '"https://api.ideogram.ai/upscale"'
    assert real in code
    client = tmp_path / "client.py"
    client.write_text(code.replace(real, 'os.environ["IDEOGRAM_BASE_URL"] + "/upscale"') + CARELESS)
    conform = [
        str(Path(sys.executable).with_name("fauxscale-contracts")),
        "conform",
        "ideogram",
        "-k",
        "lost-reply",
    ]
    done = subprocess.run(
        [*conform, "--", sys.executable, str(client), "{image}", "{output}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    shown = blocks("README.md", "text")[0].splitlines()
    assert shown[0].split() == ["FAIL", "lost-reply"]
    told = re.sub(r"waited [\d.]+ s", "waited 0.06 s", done.stdout)
    assert [line for line in shown if line not in told] == []


@needs("curl")
def test_a_server_for_tests_in_other_languages_is_ready_when_its_snippet_ends(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "testing-other-languages.md").read_text(encoding="utf-8")
    (script,) = (one[3] for one in BLOCK.finditer(page) if one[2])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = f"trap 'kill $!' EXIT\n{script.replace('2160', port)}"
    done = run(tmp_path, "bash", "-euo", "pipefail", "-c", ended, PATH=path)
    assert json.loads(done.stdout)["status"] == "ok", "nothing else was said"


def files(page: str, language: str, folder: Path) -> None:
    """Write the blocks that name the file they are."""
    for block in blocks(page, language):
        if named := FILE.match(block):
            (folder / named[1]).write_text(block)


@needs("node")
def test_the_tests_in_javascript_pass(url: str, beside_fixtures: Path) -> None:
    files("docs/testing-other-languages.md", "js", beside_fixtures)
    run(beside_fixtures, tools.path_of("node"), "--test", FAUXSCALE_URL=url)


# Not among tests/tools.py's: no other test needs it, and a green run without it promises what the page says.
@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("go") is None, reason="needs go")
def test_the_tests_in_go_pass(url: str, beside_fixtures: Path) -> None:
    files("docs/testing-other-languages.md", "go", beside_fixtures)
    cache = str(beside_fixtures / "cache")
    run(beside_fixtures, "go", "test", FAUXSCALE_URL=url, GO111MODULE="off", GOCACHE=cache)


def test_every_flag_is_in_the_table_with_its_variable() -> None:
    table = (ROOT / "docs" / "local-development.md").read_text(encoding="utf-8")
    for option in serve.params:
        flag = option.opts[0]
        variable = "FAUXSCALE_" + flag.removeprefix("--").replace("-", "_").upper()
        assert f"| `{flag}` | `{variable}` |" in table


def test_every_word_of_the_marker_is_in_the_cookbook() -> None:
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    for word in TERMS:
        flag, ini = f"--fauxscale-{word.replace('_', '-')}", f"fauxscale_{word}"
        assert re.search(rf"^\| `{word}=.*` \| `{flag}` \| `{ini}` \|", page, re.MULTILINE), word


def test_every_provider_option_is_in_the_fidelity_statement() -> None:
    page = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    for name, option in declared(PROVIDERS).items():
        default = str(option.default).lower() if isinstance(option.default, bool) else option.default
        assert f"| `{name}` | `{default}` |" in page, f"{name} is missing or its default is stale"


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[\w-]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_magic_word_is_in_the_table() -> None:
    page = (ROOT / "docs" / "local-development.md").read_text(encoding="utf-8")
    for word in [*catalogue._MAGIC, *catalogue._MAGIC_NUMBERS, "missing", "429"]:
        assert re.search(rf"`fauxscale:{re.escape(word)}[`=]", page), word


def test_every_verb_of_the_makefile_is_in_the_table() -> None:
    verbs = re.findall(r"^(\w+):[^#\n]*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    rows = re.findall(
        r"^\| `make (\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(rows) == sorted({*verbs} - {"help"})


# Phrases that readers stumbled over, each with what to write instead.
RETIRED = {
    "as ever": "as usual",
    "for ever": "without a limit, or forever",
    "page for people": "HTML page",
    "taken by surprise": "crashed",
    "gone by": "in the past",
    "asked for anew": "requested again",
    "unless said": "the default is",
    "is wanted": "expected, or required",
    "should read": "must have the form",
}
RETIRED_ANYWHERE = re.compile(rf"\b({'|'.join(RETIRED)})\b")


@pytest.mark.parametrize(
    "page",
    [
        *PAGES,
        *("SECURITY.md", "docs/control-api.md", "docs/recording-and-drift.md", "docs/gate.md"),
        *(f"docs/{name}.md" for name in ("django", "fastapi", "celery", "playwright", "unittest")),
    ],
)
def test_no_page_uses_a_retired_phrase(page: str) -> None:
    prose = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    assert RETIRED_ANYWHERE.findall(prose) == []


def helps(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    """The help text of a command and of every one below it, each with its name."""
    # A command remembers the option of its first context that asks for help: another one would take -h from it.
    context = click.Context(command, parent, info_name=name, **command.context_settings)
    yield name, command.get_help(context)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from helps(found, f"{name} {inner}", context)


@pytest.mark.parametrize("command", [fauxscale_cli.main, contracts_cli.main])
def test_no_help_text_uses_a_retired_phrase(command: click.Command) -> None:
    found = dict(helps(command, ""))
    assert len(found) > 5
    assert {
        name: RETIRED_ANYWHERE.findall(text) for name, text in found.items() if RETIRED_ANYWHERE.search(text)
    } == {}
