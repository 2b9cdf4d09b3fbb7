"""`uvx fauxscale` and `pipx run fauxscale`: the wheel and what it asks for, from an index that holds nothing else."""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from importlib.metadata import Distribution, distribution
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fauxscale._version import __version__
from tests import tools

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parent.parent
UV = Path(sys.executable).parent / "uv"


def required() -> dict[str, Distribution]:
    """What the base install brings along, as this environment has it."""
    found: dict[str, Distribution] = {}
    ahead = [Requirement(line) for line in distribution("fauxscale").requires or []]
    while ahead:
        one = ahead.pop()
        name = canonicalize_name(one.name)
        if name not in found and (not one.marker or one.marker.evaluate({"extra": ""})):
            found[name] = distribution(name)
            ahead += [Requirement(line) for line in found[name].requires or []]
    return found


def wheel_again(installed: Distribution, folder: Path) -> None:
    """Pack an installed distribution into a wheel, as it was before it was installed."""
    files = [
        file for file in installed.files or [] if file.parts[0] != ".." and "__pycache__" not in file.parts
    ]
    made_here = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json"}
    tags = re.findall(r"^Tag: (\S+)", installed.read_text("WHEEL") or "", re.MULTILINE)
    python, abi, _ = tags[0].split("-")
    platforms = ".".join(dict.fromkeys(tag.split("-")[2] for tag in tags))
    stem = f"{installed.name.replace('-', '_')}-{installed.version}"
    with zipfile.ZipFile(folder / f"{stem}-{python}-{abi}-{platforms}.whl", "w") as wheel:
        kept = [
            file for file in files if not (file.parts[0].endswith(".dist-info") and file.name in made_here)
        ]
        for file in kept:
            wheel.write(str(installed.locate_file(file)), file.as_posix())
        (about,) = {file.parts[0] for file in kept if file.parts[0].endswith(".dist-info")}
        lines = [file.as_posix() for file in kept] + [f"{about}/RECORD"]
        wheel.writestr(f"{about}/RECORD", "".join(f"{line},,\n" for line in lines))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a simple index (PEP 503) of the wheel and its dependencies."""
    wheels = tmp_path_factory.mktemp("wheels")
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert built.returncode == 0, built.stderr
    for one in required().values():
        wheel_again(one, wheels)
    simple = tmp_path_factory.mktemp("index") / "simple"
    for wheel in wheels.glob("*.whl"):
        project = simple / canonicalize_name(wheel.name.partition("-")[0])
        project.mkdir(parents=True)
        shutil.move(wheel, project)
        (project / "index.html").write_text(f'<!doctype html><a href="{wheel.name}">{wheel.name}</a>')

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=simple.parent))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    server.server_close()


@pytest.fixture
def environ(index: str, tmp_path: Path) -> dict[str, str]:
    """The variables of a machine that has nothing yet, and knows no index but ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("UV_", "PIP_", "PIPX_", "FAUXSCALE", "COVERAGE", "PYTHON", "VIRTUAL_ENV"))
    }
    folders = {name: str(tmp_path / name) for name in ("UV_CACHE_DIR", "UV_TOOL_DIR", "PIPX_HOME", "HOME")}
    own = {
        "UV_DEFAULT_INDEX": index,
        "UV_NO_CONFIG": "1",
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
    }
    pip = {"PIP_INDEX_URL": index, "PIP_CONFIG_FILE": os.devnull, "PIPX_DEFAULT_PYTHON": sys.executable}
    return {**kept, **folders, **own, **pip}


def answers(command: list[str], environ: dict[str, str]) -> None:
    """Start `serve` by this command and ask for its health."""
    serve = [*command, "serve", "--port", "0", "--json", "--quiet"]
    process = subprocess.Popen(serve, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=60)[1]
        ready = json.loads(line)
        health = httpx.get(f"{ready['control']}/health", trust_env=False).json()
        assert health == {"status": "ok", "version": __version__}
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_uvx_runs_the_command_and_serves(environ: dict[str, str]) -> None:
    uvx = [str(UV), "tool", "run"]  # which is what `uvx` is
    done = subprocess.run(
        [*uvx, "fauxscale", "--version"], env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert __version__ in done.stdout
    answers([*uvx, "fauxscale"], environ)


def test_pipx_run_serves(environ: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "pipx"
    # Of the index of this machine, as all that is developed with: pipx itself is no part of what is tested.
    done = subprocess.run(
        [str(UV), "pip", "install", "--quiet", "--target", str(target), "pipx"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        tools.not_installed("pipx", done.stderr)
    pipx = [sys.executable, "-m", "pipx", "run", "--spec", f"fauxscale=={__version__}", "fauxscale"]
    answers(pipx, {**environ, "PYTHONPATH": str(target)})
