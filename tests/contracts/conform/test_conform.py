"""Clients are judged by what they do, whatever they are written in: as a command, and as tests of their own."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from fauxscale import MockServer
from fauxscale_contracts import ClientConformance, Endpoint, Expect
from fauxscale_contracts.conform.advice import explain, topic_of
from fauxscale_contracts.conform.candidate import ClientResult, Task
from fauxscale_contracts.conform.function import Function
from fauxscale_contracts.conform.program import Program
from fauxscale_contracts.conform.replies import ClientNotWorking, Replies, boundary_replies, modes
from fauxscale_contracts.conform.run import RunOptions, chosen, play_all
from fauxscale_contracts.conform.sample_images import picture
from fauxscale_contracts.conform.scenario import Outcome
from fauxscale_contracts.conform.scenarios import scenarios
from fauxscale_contracts.conform.stage import Stage, open_server
from fauxscale_contracts.conform.verdicts import Facts, evaluate
from tests.contracts.conform.clients.ideogram import Client, Failed
from tests.contracts.conform.programs import NOWHERE, conform, environment, gone, program
from tests.tools import needs, path_of
from tests.waiting import until

NODE = Path(__file__).parent / "clients" / "ideogram.mjs"
OPTIONS = ("{prompt}", "{resemblance}", "{detail}", "{seed}")
# Fails cleanly, always: exit 1, no file.
REFUSER = (sys.executable, "-c", "raise SystemExit('no')", "{image}", "{output}")


# Python callables


@pytest.mark.torture  # a clock on a busy machine decides nothing: `make torture` on a quiet one
def test_forty_scenarios_take_a_callable_less_than_five_seconds() -> None:
    began = time.perf_counter()
    with open_server("ideogram") as mock:
        stage = Stage(mock, "ideogram", Function(Client(timeout=0.7).upscale, (Failed,)))
        findings = list(play_all(stage, scenarios("ideogram"), jobs=4))
    seconds = time.perf_counter() - began
    assert [one for one in findings if one.verdict != "PASS"] == []
    assert seconds * 40 / len(findings) < 5


class TestGoodClient(ClientConformance):
    provider = "ideogram"
    failures = (Failed,)
    fuzz = 50

    def upscale(self, endpoint: Endpoint, image: bytes, **options: Any) -> bytes:
        return Client().upscale(endpoint, image, **options)


def crashing(endpoint: Endpoint, image: bytes) -> bytes:
    raise KeyError("data")


def refusing(endpoint: Endpoint, image: bytes) -> bytes:
    raise OSError("no")


def stuck(endpoint: Endpoint, image: bytes) -> bytes:
    time.sleep(2)
    return b""


def silent(endpoint: Endpoint, image: bytes) -> None:
    return None


@pytest.mark.parametrize(
    ("upscale", "failures", "made"),
    [
        (crashing, None, ClientResult("crashed", said="KeyError: 'data'")),
        (crashing, (KeyError,), ClientResult("failed", said="KeyError: 'data'")),
        (refusing, None, ClientResult("failed", said="OSError: no")),
        (refusing, (Failed,), ClientResult("crashed", said="OSError: no")),
        (stuck, None, ClientResult("hung", said="still running after 0.1 s, the limit")),
        (silent, None, ClientResult("returned", said="returned NoneType, not bytes")),
    ],
)
def test_how_a_callable_ended_is_told_apart(upscale: Any, failures: Any, made: ClientResult) -> None:
    assert Function(upscale, failures).run(Task(NOWHERE, b"", limit=0.1)) == made


SUITE = """
from fauxscale_contracts import ClientConformance, Expect

class TestClient(ClientConformance):
    provider = "ideogram"
    fuzz = 0
    xfail = {"picture-w*": "no WebP yet"}
    expected = {"picture-jpeg": Expect(outcome="fail", calls=(0, 0))}

    def upscale(self, endpoint, image, **options):
        raise OSError("no")
"""


def test_a_client_with_the_real_address_built_in_calls_nobody_and_is_told(tmp_path: Path) -> None:
    calls = 'import urllib.request\n        urllib.request.urlopen("https://api.ideogram.ai/upscale", b"")'
    text = (
        SUITE.replace('raise OSError("no")', calls).replace("xfail", "unused").replace("expected =", "also =")
    )
    (tmp_path / "test_client.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis"]
    done = subprocess.run(
        [*command, "-k", "picture-jpeg", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert (
        "picture-jpeg: the client called api.ideogram.ai, not the address that it was given." in done.stdout
    )
    assert "Let it use endpoint.base_url" in done.stdout


def test_shortcomings_are_a_line_each_and_tables_declare_some(tmp_path: Path) -> None:
    (tmp_path / "test_client.py").write_text(SUITE, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis"]
    words = "picture-webp or picture-jpeg] or picture-png-rgb] or error-400"
    done = subprocess.run(
        [*command, "-k", words, str(tmp_path)], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert "2 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "3 xfailed" in done.stdout
    assert (
        "picture-png-rgb: failed: OSError: no; made no call\n"
        "staged: the picture is an ordinary PNG\n"
        "expected: must succeed, must not retry, must not pay twice\n"
    ) in done.stdout
    assert "what to do: The client requested no work at all: check that" in done.stdout


# Replies out of the contract


@pytest.fixture
def mock() -> Any:
    with open_server("ideogram") as mock:
        yield mock


@pytest.mark.torture  # a clock on a busy machine decides nothing: `make torture` on a quiet one
def test_a_hundred_replies_take_less_than_a_second(mock: MockServer) -> None:
    rows = boundary_replies("ideogram")[:100]
    with Replies(mock, "ideogram", Function(Client().upscale, (Failed,))) as replies:
        began = time.perf_counter()
        findings = [replies.play(*row) for row in rows]
        seconds = time.perf_counter() - began
    assert len(findings) == 100
    assert [one for one in findings if one.faults] == []
    assert seconds < 1 * float(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def test_a_client_that_believes_replies_is_found_out_by_the_boundary_set_and_by_generated_ones(
    mock: MockServer,
) -> None:
    naive = Client(believes_replies=True)
    with Replies(mock, "ideogram", Function(naive.upscale, (Failed,))) as replies:
        short = {name for name, body in boundary_replies("ideogram") if replies.play(name, body).faults}
        generated = {mode: replies.fuzz(mode, 60).faults for mode in modes("ideogram")}
    assert "valid:data=none" in short
    assert "valid:as-recorded" not in short
    assert any(name.startswith("hostile:") for name in short)
    assert "IndexError" in generated["valid"][0]
    assert generated["hostile"]


def test_a_failing_reply_is_told_with_its_json_and_a_command_by_which_it_is_served_again(
    mock: MockServer,
) -> None:
    naive = Function(Client(believes_replies=True).upscale, (Failed,))
    body: Any = dict(boundary_replies("ideogram"))["valid:data=none"]
    with Replies(mock, "ideogram", naive) as replies:
        found = [replies.play("valid:data=none", body), replies.fuzz("valid", 60)]
    assert found[0].staged == f"200 with {json.dumps(body)}"
    for one in found:
        assert one.staged.startswith('200 with {"created": ')
        *_, address, _, fault = shlex.split(explain(one).again)
        account = mock.account()
        served = address.replace("http://127.0.0.1:2160", mock.url).replace("acct_1", account.id)
        httpx.post(served, content=fault).raise_for_status()
        reply = httpx.post(
            f"{account.base_url('ideogram')}/upscale",
            headers={"Api-Key": account.api_key("ideogram")},
            data={"image_request": "{}"},
            files={"image_file": picture("png-rgb")},
        )
        assert reply.json()["data"] == json.loads(fault)["json"]["data"] == []


def test_no_reply_leads_a_client_to_another_machine(mock: MockServer) -> None:
    read: list[str] = []

    class Watched(Client):
        def _read(self, http: httpx.Client, url: str, image: bytes) -> bytes:
            read.append(url)
            return super()._read(http, url, image)

    with Replies(mock, "ideogram", Function(Watched().upscale, (Failed,))) as replies:
        for row in boundary_replies("ideogram"):
            replies.play(*row)
    assert len(read) > 40
    assert {url.partition("/ideogram/")[0] for url in read} == {mock.url}


def test_a_client_that_does_not_get_through_an_honest_call_is_served_no_replies(mock: MockServer) -> None:
    replies = Replies(mock, "ideogram", Function(refusing))
    with pytest.raises(
        ClientNotWorking, match="cannot enlarge a picture even when nothing goes wrong: failed OSError: no"
    ):
        replies.__enter__()


# Programs


@needs("node")
def test_a_client_in_node_holds_everywhere_through_the_command() -> None:
    done = conform(
        "ideogram", "--json", "--jobs", "4", "--", path_of("node"), str(NODE), "{image}", "{output}", *OPTIONS
    )
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["provider"], report["api_version"]) == ("ideogram", "2026-04")
    assert (report["passed"], report["failed"]) == (len(scenarios("ideogram")), 0)
    assert set(report["scenarios"][0]) >= {"id", "verdict", "expected", "seen"}


@needs("node")
def test_a_client_in_node_holds_at_replies_of_the_later_api_version() -> None:
    words = ("--api-version", "2026-10", "--fuzz", "1", "-k", "picture-jpeg", "-k", "reply-valid:data=none")
    done = conform("ideogram", *words, "--", path_of("node"), str(NODE), "{image}", "{output}")
    assert done.exit_code == 0, done.stdout
    assert "2026-10" in done.stdout
    assert "PASS      reply-valid:data=none" in done.stdout


def test_a_client_that_never_succeeds_fails_where_it_must(tmp_path: Path) -> None:
    junit, markdown = tmp_path / "junit.xml", tmp_path / "report.md"
    files = ("--junit", str(junit), "--markdown", str(markdown))
    script = tmp_path / "client.py"
    script.write_text(
        "import os, sys, urllib.request\n"
        'key = {"Api-Key": os.environ["IDEOGRAM_API_KEY"]}\n'
        'asked = urllib.request.Request(os.environ["IDEOGRAM_BASE_URL"] + "/upscale", b"", key)\n'
        "try:\n    urllib.request.urlopen(asked)\nexcept OSError:\n    sys.exit('no')\n"
    )
    words = ("picture-png-rgb", "wrong-key")
    chosen = [word for one in words for word in ("-k", one)]
    done = conform(
        "ideogram", *chosen, *files, "--name", "no", "--", sys.executable, str(script), "{image}", "{output}"
    )
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "no at ideogram 2026-04, scenarios of 2026-11"
    about = "            "
    first = lines.index("  FAIL      picture-png-rgb")
    assert lines[first + 1 : first + 7] == [
        f"{about}staged: the picture is an ordinary PNG",
        f"{about}expected: must succeed, must not retry, must not pay twice",
        f"{about}happened: failed: exit 1; no",
        f"{about}seen: failed (exit 1; no); 1 call; $0.00",
        f"{about}what to do: {topic_of('picture-png-rgb').advice}",
        f"{about}more: fauxscale-contracts scenarios picture-png-rgb",
    ]
    assert lines[-1] == "1 PASS, 2 FAIL"
    assert done.stderr.splitlines()[0] == "[1] FAIL: picture-png-rgb"
    suite = ElementTree.fromstring(junit.read_text(encoding="utf-8"))
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    assert (
        "| `picture-png-rgb` | the picture is an ordinary PNG | must succeed, must not retry"
        in markdown.read_text(encoding="utf-8")
    )


def test_accepted_gaps_do_not_fail_the_run_and_stale_ones_are_told(tmp_path: Path) -> None:
    baseline = tmp_path / "gaps"
    baseline.write_text("# known\npicture-png-*  # cannot read yet\nwrong-key\n", encoding="utf-8")
    done = conform(
        "ideogram", "-k", "picture-png-rgb", "-k", "wrong-key", "--baseline", str(baseline), "--", *REFUSER
    )
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "1 PASS, 0 FAIL, 2 accepted"
    assert done.stdout.count("accepted: cannot read yet") == 2
    assert "the baseline accepts wrong-key, which passes now: remove it" in done.stderr
    assert "picture-png-*, which" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ideogram", "--", "true"), "the command has no {image}"),
        (("ideogram", "--", "true", "{image}"), "the command has no {output}"),
        (
            ("ideogram", "--", "no-such-program", "{image}", "{output}"),
            "'no-such-program' is not an executable program",
        ),
        (("ideogram",), "no command: "),
        (
            ("idiogram", "--", *REFUSER),
            "no contract of 'idiogram' is on record, did you mean 'ideogram'? choose from aigateway",
        ),
        (
            ("idiogram", "--list"),
            "no scenarios for 'idiogram', did you mean 'ideogram'? choose from ideogram",
        ),
        (("ideogram", "--api-version", "1999-12", "--", *REFUSER), "no ideogram contract of '1999-12'"),
        (
            ("ideogram", "-k", "nonsense", "--", *REFUSER),
            "no scenario of ideogram matches nonsense: see --list",
        ),
        (
            ("ideogram", "--baseline", "/no/such/file", "--", *REFUSER),
            "the baseline /no/such/file cannot be read",
        ),
        (
            ("ideogram", "-k", "wrong-key", "--junit", "/no/such/file", "--", *REFUSER),
            "/no/such/file cannot be",
        ),
        (
            ("ideogram", "-k", "wrong-key", "--markdown", "/", "--", *REFUSER),
            "/ cannot be written: it is a folder",
        ),
        (
            ("ideogram", "-k", "reply-nonsense", "--", *REFUSER),
            "no scenario of ideogram matches reply-nonsense",
        ),
        (
            ("ideogram", "-k", "wrong-key", "-k", "reply-valid", "--", *REFUSER),
            "reply-valid: replies are served only with --fuzz N",
        ),
        (
            ("ideogram", "--fuzz", "1", "-k", "reply-nonsense", "--", *REFUSER),
            "no scenario of ideogram matches reply-nonsense",
        ),
        (("ideogram", "--limit", "0", "--", *REFUSER), "0.0 is not in the range x>0"),
        (("ideogram", "--limit", "-3", "--", *REFUSER), "-3.0 is not in the range x>0"),
        (("ideogram", "--limit", "nan", "--", *REFUSER), "nan is not a number of seconds"),
        (("ideogram", "--limit", "inf", "--", *REFUSER), "inf is not a number of seconds"),
        (("ideogram", "--fuzz", "-1", "--", *REFUSER), "-1 is not in the range x>=0"),
        (
            ("ideogram", "-k", "reply-valid", "--fuzz", "1", "--", *REFUSER),
            "cannot enlarge a picture even when nothing",
        ),
    ],
)
def test_what_cannot_be_run_is_told_in_a_line_and_exits_with_2(words: tuple[str, ...], said: str) -> None:
    done = conform(*words)
    assert done.exit_code == 2
    assert f"fauxscale-contracts: {said}" in done.stderr or said in done.stderr.splitlines()[-1]
    assert done.stdout == ""


def test_the_list_names_every_scenario_and_what_it_expects() -> None:
    done = conform("fal", "--list")
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == len(scenarios("fal"))
    assert (
        "queue-slow: three polls find the request unfinished: must succeed, must not retry, must not pay twice"
        in done.stdout.splitlines()
    )


def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    source = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"])
pathlib.Path(sys.argv[3]).write_text(str(child.pid))
time.sleep(600)
"""
    noted = tmp_path / "pid"
    made = program(tmp_path, source, str(noted)).run(Task(NOWHERE, b"", limit=3))
    assert (made.ending, made.said) == ("hung", "still running after 3 s, the --limit")
    assert until(lambda: gone(int(noted.read_text())))


def test_children_that_a_program_leaves_are_ended_and_told(tmp_path: Path) -> None:
    source = """
import pathlib, subprocess, sys
child = subprocess.Popen(["sleep", "600"])
pathlib.Path(sys.argv[3]).write_text(str(child.pid))
raise SystemExit(3)
"""
    noted = tmp_path / "pid"
    made = program(tmp_path, source, str(noted)).run(Task(NOWHERE, b""))
    assert (made.ending, made.said, made.notes) == ("failed", "exit 3", ("left processes running",))
    assert until(lambda: gone(int(noted.read_text())))


def test_a_flood_is_read_and_thrown_away(tmp_path: Path) -> None:
    source = """
import sys
for stream in (sys.stdout, sys.stderr):
    for _ in range(64):
        stream.write("x" * 2**20)
print("the last line", file=sys.stderr)
raise SystemExit(1)
"""
    made = program(tmp_path, source).run(Task(NOWHERE, b""))
    assert made.ending == "failed"
    assert len(made.said) < 200


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("", ClientResult("returned", None, "exit 0")),
        (
            "import pathlib, sys; pathlib.Path(sys.argv[2] + '.tmp').write_bytes(b'x')",
            ClientResult("returned", None, "exit 0", notes=("wrote output.png.tmp beside the output",)),
        ),
        (
            "import pathlib, sys; pathlib.Path(sys.argv[2]).write_bytes(b'x'); sys.exit('half')",
            ClientResult("failed", b"x", "exit 1; half"),
        ),
        (
            f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})",
            ClientResult("crashed", None, "killed by SIGSEGV"),
        ),
        (
            "import os; assert os.environ['IDEOGRAM_API_KEY'] == 'key'; raise SystemExit(0)",
            ClientResult("returned", None, "exit 0"),
        ),
    ],
    ids=["writes nothing", "writes elsewhere", "leaves half a file", "dies", "reads its environment"],
)
def test_how_a_program_ended_is_told_apart(tmp_path: Path, source: str, made: ClientResult) -> None:
    assert program(tmp_path, source).run(Task(NOWHERE, b"")) == made


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (ClientResult("returned", None, "exit 0"), "says it succeeded and saved nothing: exit 0"),
        (ClientResult("failed", b"x", "exit 1"), "failed and left an output file"),
        (ClientResult("hung", None, "killed"), "hung: killed"),
    ],
)
def test_an_unclean_end_is_a_shortcoming_whatever_was_expected(made: ClientResult, said: str) -> None:
    facts = Facts((made,), (b"",), 1, frozenset(), (), 0, 0, {}, {})
    outcomes: tuple[Outcome, ...] = ("succeed", "fail", "either")
    for outcome in outcomes:
        assert said in evaluate(Expect(outcome=outcome), facts)


def test_scenarios_with_options_the_command_cannot_take_are_left_out() -> None:
    done = conform("ideogram", "-k", "options-prompt", "--", *REFUSER)
    assert done.exit_code == 2
    assert "no scenario was run" in done.stderr
    assert "not run   options-prompt" in done.stdout
    assert "the command has no {prompt}" in done.stdout


def test_clients_that_speak_https_alone_are_served_it(tmp_path: Path) -> None:
    seen = tmp_path / "environment"
    command = ("sh", "-c", f"env > {seen}; exit 1", "{image}", "{output}")
    conform("fal", "--tls", "-k", "wrong-key", "--", *command)
    env = environment(seen)
    assert env["FAL_RUN_URL"].startswith("https://127.0.0.1:")
    assert env["FAL_RUN_HOST"].endswith("/fal/run")
    assert env["SSL_CERT_FILE"] == env["NODE_EXTRA_CA_CERTS"]


def test_the_gateways_are_named_in_openais_variables_too(tmp_path: Path) -> None:
    seen = tmp_path / "environment"
    command = ("sh", "-c", f"env > {seen}; exit 1", "{image}", "{output}")
    conform("lumenfall", "-k", "wrong-key", "--", *command)
    env = environment(seen)
    assert env["OPENAI_BASE_URL"] == env["LUMENFALL_BASE_URL"]
    assert env["OPENAI_API_KEY"] == env["LUMENFALL_API_KEY"]


def test_the_command_is_a_module_too() -> None:
    command = [
        sys.executable,
        "-m",
        "fauxscale_contracts",
        "conform",
        "ideogram",
        "--list",
        "-k",
        "lost-reply",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2


def test_words_choose_by_part_and_by_pattern() -> None:
    assert [one.id for one in chosen(RunOptions("ideogram", patterns=("clock-*",)))] == [
        "clock-ahead",
        "clock-behind",
    ]
    assert {one.id for one in chosen(RunOptions("ideogram", patterns=("webp",)))} == {
        "picture-webp",
        "picture-webp-alpha",
        "picture-webp-animated",
    }


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Traceback (most recent call last):\n  File x\nValueError: no link", "ValueError: no link"),
        (
            "x.mjs:3\nthrow new Error('no link')\n^\n\nError: no link\n    at x.mjs:3:7\n\nNode.js v20.20.2",
            "Error: no link",
        ),
        (
            "node:internal\nTypeError: fetch failed {\n  [cause]: x\n}\n\nNode.js v22.1.0\n",
            "TypeError: fetch failed {",
        ),
        ("something\nNode.js v20.20.2", "something"),
    ],
)
def test_the_reason_of_a_program_is_its_error(tmp_path: Path, said: str, reason: str) -> None:
    source = f"import sys; sys.stderr.write({said!r}); sys.exit(1)"
    made = program(tmp_path, source).run(Task(NOWHERE, b"", limit=30))
    assert made.said == f"exit 1; {reason}"


def test_a_typed_command_line_is_run_with_the_options_a_scenario_has(tmp_path: Path) -> None:
    script = tmp_path / "typed.py"
    script.write_text(
        "import argparse, pathlib\n"
        "asked = argparse.ArgumentParser()\n"
        "asked.add_argument('--seed', type=int, default=-1)\n"
        "asked.add_argument('image')\n"
        "asked.add_argument('output')\n"
        "given = asked.parse_args()\n"
        "pathlib.Path(given.output).write_text(str(given.seed))\n"
    )
    command = [sys.executable, str(script), "[--seed {seed}]", "{image}", "{output}"]
    for options, seen in (({}, b"-1"), ({"seed": 0}, b"0")):
        assert Program(command).accepts(options)
        made = Program(command).run(Task(NOWHERE, b"", options, limit=30))
        assert (made.ending, made.picture) == ("returned", seen)
