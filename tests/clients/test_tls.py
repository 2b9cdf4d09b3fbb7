"""https-only clients at `fauxscale serve --tls`: its banner is pasted into a shell, and nothing else is done."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fauxscale.cli.variables import variables
from fauxscale.providers import PROVIDERS
from tests.clients.js_programs import ADDRESS, PAGE, PHOTO, PROGRAMS
from tests.clients.node import run_module
from tests.pictures import opened
from tests.served import serving
from tests.tools import needs

TLS_PROGRAM = PAGE.read_text(encoding="utf-8").partition("```python tls\n")[2].partition("```")[0]


# What companies set for their own authorities; curl 7 and requests prefer it to SSL_CERT_FILE.
_PREFERRED = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR")
# A client that was not pointed here finds a closed door, not the real service.
_CLOSED_DOOR = "export HTTPS_PROXY=http://127.0.0.1:1 NO_PROXY=127.0.0.1 no_proxy=127.0.0.1"


class Shell:
    """A shell into which the banner's export lines were pasted."""

    def __init__(self, url: str, exports: str) -> None:
        self.url = url
        self.exports = f"unset {' '.join(_PREFERRED)}\n{_CLOSED_DOOR}\n{exports}"

    def run(self, command: str, cwd: Path) -> str:
        script = f"{self.exports}\n{command}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=cwd, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def environment(self, cwd: Path) -> dict[str, str]:
        dump = f"{sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
        environment: dict[str, str] = json.loads(self.run(dump, cwd))
        return environment


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    with serving("--tls") as (ready, process):
        assert process.stderr is not None
        lines: list[str] = []
        while not lines or "No call leaves" not in lines[-1]:
            lines.append(process.stderr.readline())
        exports = "".join(line for line in lines if line.startswith("export "))
        assert f"SSL_CERT_FILE={ready['ca']} NODE_EXTRA_CA_CERTS={ready['ca']}" in exports
        yield Shell(str(ready["url"]), exports)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fixtures").symlink_to(PHOTO.parent.parent)
    return tmp_path


def fetched(shell: Shell, folder: Path, url: str) -> tuple[int, int]:
    assert url.startswith(f"{shell.url}/")
    trusted = ssl.create_default_context(cafile=shell.environment(folder)["SSL_CERT_FILE"])
    return opened(httpx.get(url, verify=trusted).content).size


def test_who_does_not_trust_the_authority_is_not_served(shell: Shell) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{shell.url}/ideogram/upscale")


def test_an_application_for_fal_needs_no_change(shell: Shell, folder: Path) -> None:
    app = Path(__file__).with_name("fal_app.py")
    results = json.loads(shell.run(f"{sys.executable} {app} fixtures/images/{PHOTO.name}", folder))["results"]
    assert len(results) == 6, "run, submit and subscribe, blocking and not"
    for result in results.values():
        assert fetched(shell, folder, result["images"][0]["url"]) == (1024, 1024)


def test_the_documented_program_for_fal(shell: Shell, folder: Path) -> None:
    (folder / "program.py").write_text(TLS_PROGRAM, encoding="utf-8")
    assert fetched(shell, folder, shell.run(f"{sys.executable} program.py", folder).strip()) == (1024, 1024)


def test_openais_python_client(shell: Shell, folder: Path) -> None:
    (folder / "program.py").write_text(
        "import os\n"
        "from openai import OpenAI\n"
        "client = OpenAI(base_url=os.environ['LUMENFALL_BASE_URL'], api_key=os.environ['LUMENFALL_API_KEY'])\n"
        f"with open('fixtures/images/{PHOTO.name}', 'rb') as photo:\n"
        "    print(client.images.edit(model='ideogram-upscale', image=photo, prompt='').data[0].url)\n",
        encoding="utf-8",
    )
    assert fetched(shell, folder, shell.run(f"{sys.executable} program.py", folder).strip()) == (1024, 1024)


@needs("curl")
def test_curl(shell: Shell, folder: Path) -> None:
    form = f"-F image_file=@fixtures/images/{PHOTO.name} -F image_request='{{}}'"
    call = f'curl -s "$IDEOGRAM_BASE_URL/upscale" -H "Api-Key: $IDEOGRAM_API_KEY" {form}'
    url = json.loads(shell.run(call, folder))["data"][0]["url"]
    shell.run(f"curl -sf -o upscaled.png '{url}'", folder)
    assert opened((folder / "upscaled.png").read_bytes()).size == (1024, 1024)


@needs("node", "npm")
@pytest.mark.parametrize("program", PROGRAMS)
def test_documented_javascript(program: str, shell: Shell, folder: Path) -> None:
    run_module(program.replace(ADDRESS, shell.url), folder, shell.environment(folder))
    assert opened((folder / "upscaled.png").read_bytes()).size == (1024, 1024)


def test_hosts_are_named_only_where_https_answers() -> None:
    fal = next(provider for provider in PROVIDERS if provider.name == "fal")
    assert not [name for name in variables(fal, "http://127.0.0.1:2160", "k") if name.endswith("_HOST")]
    secured = variables(fal, "https://127.0.0.1:2160", "k")
    assert secured["FAL_RUN_HOST"] == "127.0.0.1:2160/fal/run"
    assert secured["FAL_QUEUE_RUN_HOST"] == "127.0.0.1:2160/fal/queue"
