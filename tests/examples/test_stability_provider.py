"""The example of a package with a provider of its own: once it is installed, every part of fauxscale knows it."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "stability-provider"
SOURCE = EXAMPLE / "src" / "fauxscale_stability"
CAREFUL, CARELESS = EXAMPLE / "tests" / "careful.py", EXAMPLE / "tests" / "careless.py"
FAST = "/stability/v2beta/stable-image/upscale/fast"
KEY = {"authorization": "Bearer sk-mine", "accept": "image/*"}
VERDICT = re.compile(r"^ +(PASS|FAIL) +(\S+)", re.MULTILINE)

Env = dict[str, str]


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Env:
    """The environment of a machine where the package is installed, in a folder of this test's own."""
    folder = tmp_path_factory.mktemp("installed")
    # Nothing is downloaded: what builds the package is here already.
    command = ["pip", "install", "--no-deps", "--no-index", "--no-build-isolation", "--quiet"]
    command += ["--disable-pip-version-check", "--target", str(folder), str(EXAMPLE)]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, timeout=120)
    # Not measured: the example is a user's code, and measuring doubles what starting Python costs.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return env | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def run(env: Env, module: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=180)


def contracts(env: Env, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(env, "fauxscale_contracts", *arguments)


@contextmanager
def running(env: Env, module: str, *arguments: str, ready: str) -> Generator[str]:
    """A command that goes on until it is interrupted; yields the address it says, which `ready` finds."""
    command = [sys.executable, "-u", "-m", module, *arguments]
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            said = ""
            for line in process.stdout:
                said += line
                found = re.search(ready, line)
                if found:
                    yield found.group(1)
                    break
            else:
                pytest.fail(f"{command} ended: {said}")
        finally:
            process.send_signal(signal.SIGINT)
            process.stdout.read()
            process.wait(timeout=30)


def serving(env: Env, *arguments: str) -> AbstractContextManager[str]:
    return running(env, "fauxscale", "serve", "--port", "0", "--json", *arguments, ready=r'"url": "([^"]+)"')


def picture() -> bytes:
    return (EXAMPLE.parent.parent / "fixtures" / "images" / "chelsea.webp").read_bytes()


def test_it_imports_nothing_of_fauxscale_but_the_provider_api() -> None:
    imported: set[str] = set()
    for file in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=names):
                    imported |= {one.name for one in names}
                case ast.ImportFrom(module=str(module)):
                    imported.add(module)
                case _:
                    pass
    ours = {name for name in imported if name.split(".")[0].startswith(("fauxscale", "pytest_fauxscale"))}
    assert ours == {"fauxscale.provider_api", "fauxscale_contracts"}


def test_every_answer_of_its_contract_says_where_it_is_from() -> None:
    (file,) = (SOURCE / "recorded").glob("*.json")
    document = json.loads(file.read_text(encoding="utf-8"))
    for methods in document["paths"].values():
        for operation in methods.values():
            for answer in (operation, *operation["responses"].values()):
                name = answer.get("$ref", "").rsplit("/", 1)[-1]
                one = document["components"]["responses"][name] if name else answer
                assert one["x-recorded"]["source"]
                assert one["x-confidence"] in {"documented", "observed", "guess"}


@pytest.mark.parametrize("which", ["TestCareful", "not TestCareful"])
def test_the_packages_own_tests_pass(env: Env, which: str) -> None:
    """Among them: the fixtures, the inspector, the control API, the real host intercepted, faults in pictures inside
    replies, and the careful client in every scenario."""
    unused = [f"-pno:{one}" for one in ("cacheprovider", "schemathesis", "xdist", "hypothesispytest")]
    done = run(env, "pytest", "-q", "-rs", *unused, "-k", which, cwd=EXAMPLE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_serve_serves_it_and_its_contract_is_kept(env: Env) -> None:
    with serving(env, "--key", "sk-mine") as url:
        reply = httpx.post(url + FAST, headers=KEY, files={"image": picture()})
        assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png")
        assert "stability.fast" in httpx.get(url + "/__fauxscale/api/inspector/calls").text
        providers = httpx.get(url + "/__fauxscale/api/providers").json()["providers"]
        assert providers["stability"]["operations"]["stability.fast"] == 20_000
        served = f"{url}/stability"
        check = contracts(env, "check", "--base-url", served, "--provider", "stability", "--key", "sk-mine",
                          "--examples", "3")  # fmt: skip
        assert check.returncode == 0, check.stdout + check.stderr
        drift = contracts(env, "drift", "stability", "--base-url", served, "--key", "sk-mine", "--max-cost",
                          "2", "--yes")  # fmt: skip
        assert drift.returncode == 0, drift.stdout + drift.stderr
        assert "no drift" in drift.stdout


def test_what_was_recorded_is_played_back(env: Env, tmp_path: Path) -> None:
    recordings = str(tmp_path / "recordings")
    upload = {"image": picture()}

    def told(base: str) -> list[bytes]:
        work = f"{base}/v2beta/stable-image/upscale"
        fast = httpx.post(f"{work}/fast", headers=KEY, files=upload)
        submitted = httpx.post(f"{work}/creative", headers=KEY, files=upload, data={"prompt": "a cat"})
        result = httpx.get(f"{base}/v2beta/results/{submitted.json()['id']}", headers=KEY)
        replies = (fast, submitted, result)
        assert [one.status_code for one in replies] == [200, 200, 200]
        played.append([one.headers.get("x-fauxscale-replayed", "") for one in replies])
        return [one.content for one in replies]

    played: list[list[str]] = []
    with serving(env, "--key", "sk-mine") as url:
        where = ("--upstream", f"{url}/stability", "--to", recordings, "--port", "0")
        with running(env, "fauxscale_contracts", "record", *where, ready=r" at (http\S+) into") as recorder:
            recorded = told(recorder)
    # Another seed: what is not played back would differ.
    with serving(env, "--key", "sk-mine", "--seed", "9", "--replay", recordings) as url:
        assert told(f"{url}/stability") == recorded
        # What can go wrong with a picture goes wrong with a recorded one.
        api = f"{url}/__fauxscale/api/accounts"
        account = httpx.get(api).json()["accounts"][-1]["id"]
        fault = {"fault": "HtmlWith200", "on": "stability.fast"}
        assert httpx.post(f"{api}/{account}/faults", json=fault).is_success
        page = httpx.post(f"{url}/stability/v2beta/stable-image/upscale/fast", headers=KEY, files=upload)
        assert page.text.startswith("<!doctype html>")
    assert played[0] == ["", "", ""]
    assert [name[5:] for name in played[1]] == [
        "stability.fast.har",
        "stability.creative.har",
        "stability.results.har",
    ]


def test_list_names_it(env: Env) -> None:
    listed = contracts(env, "list")
    assert listed.stderr == ""
    (line,) = [line for line in listed.stdout.splitlines() if line.startswith("stability ")]
    assert "stability.fast, stability.creative, stability.results, stability.balance" in line


def conform(env: Env, client: Path, kind: str, *words: str, limit: str = "60") -> tuple[int, dict[str, str]]:
    """The exit status, and the verdict of each scenario whose id holds one of the words."""
    only = [part for word in words for part in ("-k", word)]
    command = [sys.executable, str(client), kind, "{image}", "{output}", "0.05"]
    done = contracts(env, "conform", "stability", "--limit", limit, *only, "--", *command)
    return done.returncode, {scenario: verdict for verdict, scenario in VERDICT.findall(done.stdout)}


@pytest.mark.parametrize("kind", ["fast", "creative"])
def test_a_careful_client_passes(env: Env, kind: str) -> None:
    status, verdicts = conform(env, CAREFUL, kind, "error-4*", "result-*", "picture-jpeg", "html-200")
    assert status == 0
    assert len(verdicts) > 12
    assert set(verdicts.values()) == {"PASS"}


def test_a_careless_client_does_not(env: Env) -> None:
    status, verdicts = conform(
        env, CARELESS, "creative", "queue-stuck", "result-corrupt", "result-halved", limit="5"
    )
    assert (status, verdicts["queue-stuck"]) == (1, "FAIL")  # it polls for ever
    status, fast = conform(env, CARELESS, "fast", "error-400", "result-corrupt", "html-200", "picture-webp")
    assert (status, fast["error-400"]) == (1, "FAIL")  # it saves the error as a picture
    assert fast["picture-webp"] == "PASS"
    assert {verdicts["result-corrupt"], verdicts["result-halved"], fast["result-corrupt"]} == {"FAIL"}
