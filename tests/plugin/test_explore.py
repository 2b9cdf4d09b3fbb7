"""--fauxscale-explore runs tests again, once for each situation that can meet one of their calls."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.runs import Runs

pytest_plugins = ["pytester"]

# Each is two runs of pytest: most are left to `make e2e`.

# Asks again whatever happened: pays twice for a lost reply.
STUBBORN = """
import io
from PIL import Image

def test_upload(fauxscale, send):
    for _ in range(3):
        try:
            reply = send(fauxscale)
            break
        except httpx.TransportError:
            continue
    reply.raise_for_status()
"""
FEW = ("--fauxscale-explore", "--fauxscale-explore-max=6", "--fauxscale-explore-report=x.json")


def report(run: Runs) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run.pytester.path / "x.json").read_text())
    return found


def levels(run: Runs) -> dict[str, str]:
    return {one["situation"]: one["level"] for one in report(run)["findings"]}


def explore(run: Runs, source: str, *arguments: str) -> pytest.RunResult:
    run.write(source)
    return run.apart(*arguments)


def test_a_client_that_pays_twice_fails_the_run(run: Runs) -> None:
    done = explore(run, STUBBORN, *FEW)
    assert done.ret == 1
    text = done.stdout.str()
    assert "fauxscale: exploring 6 situations of 1 test" in text
    assert "FAILED test_it.py::test_upload[lost-reply@ideogram.upscale#1]" in text
    assert "paid 2 times for one piece of work, once without the situation" in text
    assert levels(run) == {
        "lost-reply@ideogram.upscale#1": "wrong",
        "lost-reply-closed@ideogram.upscale#1": "wrong",
        "cut-reply@ideogram.upscale#1": "wrong",
        "broken-json@ideogram.upscale#1": "fine",
        "html-200@ideogram.upscale#1": "fine",
        "json-null@ideogram.upscale#1": "fine",
    }


@pytest.mark.e2e
def test_workers_find_the_same(run: Runs) -> None:
    explore(run, STUBBORN, *FEW)
    alone = report(run)
    run.apart(*FEW, "-p", "xdist", "-n", "2")
    spread = report(run)
    assert [(one["situation"], one["level"], one["reasons"]) for one in spread["findings"]] == [
        (one["situation"], one["level"], one["reasons"]) for one in alone["findings"]
    ]
    assert spread["notes"] == alone["notes"]


@pytest.mark.e2e
def test_the_level_that_fails_a_run_is_chosen(run: Runs) -> None:
    assert explore(run, STUBBORN, *FEW, "--fauxscale-explore-fail=never").ret == 0
    careless = "def test_it(fauxscale, send): httpx.get(send(fauxscale).json()['data'][0]['url'])"
    arguments = ["--fauxscale-explore", "-k", "download-html"]
    assert explore(run, careless, *arguments).ret == 0
    assert run.apart(*arguments, "--fauxscale-explore-fail=look").ret == 1


@pytest.mark.e2e
def test_an_id_chooses_one_situation_and_k_those_of_a_name(run: Runs) -> None:
    explore(run, STUBBORN, "--fauxscale-explore", "--fauxscale-explore-report=x.json", "-k", "cut-reply")
    assert list(levels(run)) == ["cut-reply@ideogram.upscale#1"]
    one = "test_it.py::test_upload[reset@ideogram.upscale#1]"
    run.apart("--fauxscale-explore", "--fauxscale-explore-report=x.json", one)
    assert levels(run) == {"reset@ideogram.upscale#1": "fine"}


@pytest.mark.e2e
def test_junit_has_a_case_for_each_situation_in_a_file_of_its_own(run: Runs) -> None:
    explore(run, STUBBORN, *FEW, "--junitxml=j.xml")
    plain = (run.pytester.path / "j.xml").read_text()
    explored = (run.pytester.path / "j-explored.xml").read_text()
    assert 'name="test_upload"' in plain
    assert "@" not in plain
    assert len(re.findall(r'name="test_upload\[[a-z0-9-]+@', explored)) == 6
    assert explored.count("<failure") == 3


@pytest.mark.e2e
def test_x_stops_at_the_first_and_what_is_judged_is_told(run: Runs) -> None:
    done = explore(run, STUBBORN, *FEW, "-x")
    assert list(levels(run)) == ["lost-reply@ideogram.upscale#1"]
    assert "the run was stopped early: 1 of 6 situations were tried" in done.stdout.str()


@pytest.mark.e2e
def test_what_failed_last_is_kept_apart_from_the_plain_run(run: Runs) -> None:
    explore(run, STUBBORN, *FEW)
    assert not (run.pytester.path / ".pytest_cache" / "v" / "cache" / "lastfailed").exists()
    plan = run.pytester.path / ".pytest_cache" / "d" / "fauxscale-explore"
    assert "lost-reply@" in (plan / "cache" / "v" / "cache" / "lastfailed").read_text()


@pytest.mark.e2e
def test_without_a_cache_the_plan_is_kept_elsewhere(run: Runs) -> None:
    assert explore(run, STUBBORN, *FEW, "-p", "no:cacheprovider").ret == 1
    assert len(levels(run)) == 6


@pytest.mark.e2e
def test_a_plan_is_followed_without_a_plain_run(run: Runs) -> None:
    explore(run, STUBBORN, *FEW)
    plan = ".pytest_cache/d/fauxscale-explore/plan.json"
    run.write(STUBBORN.replace("range(3)", "range(1)").replace("reply.raise", "1; reply.raise"))
    done = run.apart(f"--fauxscale-explore-plan={plan}", "--fauxscale-explore-report=x.json")
    assert done.ret == 0, done.stdout.str()
    assert set(levels(run).values()) == {"fine"}


@pytest.mark.e2e
def test_a_plan_of_another_tree_says_what_is_gone(run: Runs) -> None:
    explore(run, STUBBORN, *FEW)
    run.write("def test_other(): pass")
    done = run.apart("--fauxscale-explore-plan=.pytest_cache/d/fauxscale-explore/plan.json")
    assert "planned tests not found: test_it.py::test_upload" in done.stdout.str()
    assert "Traceback" not in done.stdout.str() + done.stderr.str()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--fauxscale-explore-plan=none.json",), "No such file"),
        (("--fauxscale-explore", "--fauxscale-explore-baseline=none"), "cannot be read"),
        (("--fauxscale-explore", "--fauxscale-explore-report=x.txt"), "must be a .html, .json or .md file"),
        (
            ("--fauxscale-explore", "--fauxscale-url=http://127.0.0.1:1"),
            "needs a server that the run itself starts",
        ),
    ],
)
def test_misuse_is_told_before_any_test(run: Runs, arguments: tuple[str, ...], why: str) -> None:
    done = explore(run, STUBBORN, *arguments)
    assert done.ret == 4
    assert why in done.stderr.str()
    assert "Traceback" not in done.stderr.str()


NOT_EXPLORED = """
from hypothesis import given, settings, HealthCheck, strategies as st

def test_fails(fauxscale, send):
    send(fauxscale)
    assert False

@pytest.mark.xfail
def test_xfail(fauxscale, send):
    send(fauxscale)
    assert False

@given(st.just(1))
@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck))
def test_given(fauxscale, send, one):
    send(fauxscale)

times = []

def test_differs(fauxscale, send):
    times.append(1)
    for _ in times:
        send(fauxscale)

@pytest.fixture(scope="module")
def shared(fauxscale_server):
    with fauxscale_server.account() as account:
        yield account

def test_shared(shared, send):
    send(shared)

@pytest.mark.fauxscale(explore=False)
def test_declared(fauxscale, send):
    send(fauxscale)

def test_silent(fauxscale):
    assert fauxscale.balance

def test_nothing_to_do_with_it():
    pass
"""


def test_what_is_not_explored_is_told_with_its_reason(run: Runs) -> None:
    text = explore(run, NOT_EXPLORED, "--fauxscale-explore").stdout.str()
    told = dict(re.findall(r"not explored: test_it\.py::(\w+): (.*)", text))
    assert told == {
        "test_fails": "it fails in the normal run",
        "test_xfail": "it is expected to fail",
        "test_given": "it is run with generated values (@given)",
        "test_differs": "it makes different calls when run again",
        "test_shared": "it does not make its calls with the account of the fixture fauxscale",
        "test_declared": "its marker says explore=False",
        "test_silent": "it makes no calls",
    }
    assert "exploring 0 situations of 0 tests" in text


KINDS = """
import unittest

class TestMethods:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    def test_method(self, fauxscale, send, sample_image, kind):
        for _ in range(2):
            try:
                send(fauxscale, sample_image(kind))
                break
            except httpx.TransportError:
                pass

class TestUnittest(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _given(self, fauxscale, sample_image):
        self.account, self.image = fauxscale, sample_image()

    def test_unit(self):
        form = {"image_file": self.image, "image_request": '{"prompt": "a"}'}
        for _ in range(2):
            try:
                key = {"Api-Key": self.account.api_key("ideogram")}
                httpx.post(f"{self.account.url}/ideogram/upscale", headers=key, files=form)
                break
            except httpx.TransportError:
                pass

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_asynchronous(fauxscale, sample_image):
    key = {"Api-Key": fauxscale.api_key("ideogram")}
    form = {"image_file": sample_image(), "image_request": '{"seed": 5}'}
    async with httpx.AsyncClient() as http:
        for _ in range(2):
            try:
                await http.post(f"{fauxscale.url}/ideogram/upscale", headers=key, files=form)
                break
            except httpx.TransportError:
                pass
"""


@pytest.mark.e2e
def test_methods_parameters_unittest_and_coroutines_are_explored_as_well(run: Runs) -> None:
    explore(
        run,
        KINDS,
        "-p",
        "anyio",
        "--fauxscale-explore",
        "--fauxscale-explore-report=x.json",
        "-k",
        "lost-reply",
    )
    found = {one["test"]: one["level"] for one in report(run)["findings"]}
    assert Counter(found.values()) == {"wrong": len(found)}
    assert "test_it.py::TestMethods::test_method[PNG]" in found
    assert "test_it.py::TestUnittest::test_unit" in found
    assert "test_it.py::test_asynchronous" in found


@pytest.mark.e2e
def test_a_test_that_fails_by_itself_in_the_end_has_its_findings_withdrawn(run: Runs) -> None:
    leaking = STUBBORN + (
        "\nbroken = []\n\n"
        "def test_breaker(fauxscale, send):\n"
        "    assert len(broken) < 3\n"
        "    try:\n"
        "        send(fauxscale)\n"
        "    except httpx.TransportError:\n"
        "        broken.append(1)\n"
        "        send(fauxscale)\n"
    )
    done = explore(run, leaking.replace("def test_upload", "def not_a_test"), *FEW)
    text = done.stdout.str()
    assert done.ret == 0, text
    assert "withdrawn: test_it.py::test_breaker in lost-reply@ideogram.upscale#1: the test now fails" in text


def test_what_the_user_has_declared_overrides_the_verdict(run: Runs) -> None:
    marked = STUBBORN.replace(
        "def test_upload",
        '@pytest.mark.fauxscale(explore={"lost-reply": "passes", "cut-reply": "either", "html*": "fails", '
        '"json-null": "skip"})\ndef test_upload',
    )
    explore(run, marked, *FEW)
    found = levels(run)
    assert found["lost-reply@ideogram.upscale#1"] == "accepted"
    assert found["cut-reply@ideogram.upscale#1"] == "accepted"
    assert found["html-200@ideogram.upscale#1"] == "wrong"
    assert "json-null@ideogram.upscale#1" not in found


@pytest.mark.e2e
def test_the_ini_file_and_the_baseline_declare_as_well(run: Runs) -> None:
    run.ini("fauxscale_explore =", "    lost-reply*: either")
    (run.pytester.path / "known.txt").write_text("test_it.py::* cut-reply@* # known since May\n")
    done = explore(run, STUBBORN, *FEW, "--fauxscale-explore-baseline=known.txt")
    assert done.ret == 0, done.stdout.str()
    assert Counter(levels(run).values()) == {"accepted": 3, "fine": 3}
    assert "known since May" in done.stdout.str()
    run.ini("fauxscale_explore =", "    lost-reply: whatever")
    assert "needs one of passes, fails, either, skip" in run.apart().stderr.str()


@pytest.mark.e2e
def test_a_test_can_ask_which_situation_it_is_in(run: Runs) -> None:
    source = STUBBORN + "\n    with open('seen', 'a') as file: print(fauxscale.situation, file=file)\n"
    explore(run, source, "--fauxscale-explore", "--fauxscale-explore-max=1")
    seen = (run.pytester.path / "seen").read_text().split()
    assert seen == ["None", "None", *["lost-reply@ideogram.upscale#1"] * 2, "None"]


def test_sleeps_are_not_slept_and_waits_are_judged(run: Runs) -> None:
    source = """
    import time

    def ask(send, account, sleep=time.sleep):
        while (reply := send(account)).status_code == 429:
            sleep(float(reply.headers.get("retry-after", 3600)) * FACTOR)

    def test_patient(fauxscale, send):
        ask(send, fauxscale)
    """
    arguments = (
        "--fauxscale-explore",
        "--fauxscale-explore-report=x.json",
        "-k",
        "429-seconds or 429-no-hint",
    )
    assert explore(run, source.replace("FACTOR", "1"), *arguments).ret == 0
    assert set(levels(run).values()) == {"fine"}
    explore(run, source.replace("FACTOR", "0.5"), *arguments)
    assert levels(run)["429-seconds@ideogram.upscale#1"] == "wrong"
    found = next(one for one in report(run)["findings"] if one["level"] == "wrong")
    events = [line.partition(" s  ")[2].partition("  ")[0] for line in found["timeline"]]
    assert events == ["ideogram.upscale", "waits 1 s", "ideogram.upscale", ""], found["timeline"]


@pytest.mark.e2e
def test_silence_is_tried_with_patience(run: Runs) -> None:
    arguments = ("--fauxscale-explore", "--fauxscale-explore-report=x.json", "-k", "hang")
    explore(
        run, "def test_it(fauxscale, send): send(fauxscale)", *arguments, "--fauxscale-explore-patience=0.2"
    )
    assert levels(run) == {"hang@ideogram.upscale#1": "wrong"}
    assert report(run)["findings"][0]["reasons"] == ["was still waiting after 0.2 s without a reply"]


# A client of the real service, as it is in production.
INTERCEPTED = """
import io, os, httpx
from PIL import Image

def ask(**options):
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(picture, "PNG")
    with httpx.Client(**options) as client:
        reply = client.post(
            "https://api.ideogram.ai/upscale",
            data={"image_request": "{}"},
            files={"image_file": ("x.png", picture.getvalue())},
            headers={"Api-Key": os.environ["IDEOGRAM_API_KEY"]},
        )
    reply.raise_for_status()
    return reply.json()["data"][0]["url"]
"""
SILENCE = ("--fauxscale-explore", "--fauxscale-explore-report=x.json", "-k", "hang or download-stalls")


def test_an_intercepted_client_ends_silence_by_its_own_time_out_and_nobody_waits(run: Runs) -> None:
    source = """
    def test_it(fauxscale_intercept):
        link = ask(timeout=600)
        httpx.get(link, timeout=3000).raise_for_status()
    """
    explore(run, INTERCEPTED + textwrap.dedent(source), *SILENCE)
    assert levels(run) == {"hang@ideogram.upscale#1": "fine", "download-stalls@ideogram.download#1": "fine"}
    assert not any("nothing" in note for note in report(run)["notes"])


@pytest.mark.e2e
def test_a_client_without_a_time_out_waits_for_ever(run: Runs) -> None:
    source = INTERCEPTED + "\ndef test_it(fauxscale_intercept):\n    ask(timeout=None)\n"
    explore(run, source, *SILENCE, "--fauxscale-explore-write=.")
    (found,) = report(run)["findings"]
    assert found["level"] == "wrong"
    assert found["reasons"] == ["waits forever for a reply: it has no time-out"]
    events = [line.partition(" s  ")[2] for line in found["timeline"]]
    assert (events[0].split()[0], events[1]) == ("ideogram.upscale", "would wait forever")
    (kept,) = Path(run.pytester.path).glob("test_it_hang*.py")
    run.apart(kept.name).assert_outcomes(failed=1)
    run.write(source.replace("timeout=None", "timeout=5"))
    run.apart(kept.name).assert_outcomes(passed=1)


@pytest.mark.e2e
def test_an_asynchronous_client_ends_silence_as_well(run: Runs) -> None:
    source = """
    import anyio

    async def read(link):
        async with httpx.AsyncClient(timeout=None) as client, client.stream("GET", link) as reply:
            async for piece in reply.aiter_bytes():
                pass

    def test_it(fauxscale_intercept):
        anyio.run(read, ask())
    """
    explore(run, INTERCEPTED + textwrap.dedent(source), *SILENCE)
    assert levels(run) == {"hang@ideogram.upscale#1": "fine", "download-stalls@ideogram.download#1": "wrong"}


@pytest.mark.e2e
@pytest.mark.parametrize(("second", "places"), [("first()", 1), ("ask()", 2)])
def test_calls_from_two_places_are_explored_from_each(run: Runs, second: str, places: int) -> None:
    source = f"""
    def first():
        ask()

    def second():
        {second}

    def test_first(fauxscale_intercept):
        first()

    def test_second(fauxscale_intercept):
        second()
    """
    # The client is a package of others': whoever calls it is told by the project's own place.
    (run.pytester.path / ".." / f"client{places}.py").write_text(INTERCEPTED)
    arguments = ("--fauxscale-explore", "--fauxscale-explore-report=x.json", "-k", "lost-reply")
    source = f"import sys; sys.path.append('..')\nfrom client{places} import ask\n" + textwrap.dedent(source)
    explore(run, source, *arguments)
    assert len([one for one in levels(run) if "lost-reply@" in one]) == 1
    tried = [one for one in report(run)["findings"] if one["situation"].startswith("lost-reply@")]
    assert len(tried) == places


def test_the_test_to_keep_fails_on_the_broken_client_and_passes_on_the_mended_one(run: Runs) -> None:
    explore(run, STUBBORN, *FEW, "--fauxscale-explore-write=.")
    kept = sorted(Path(run.pytester.path).glob("test_upload_*.py"))
    assert len(kept) == 3
    assert "assert seen.charges <= 1" in kept[0].read_text()
    names = [file.name for file in kept]
    run.apart(*names).assert_outcomes(failed=3)
    run.write(STUBBORN.replace("range(3)", "range(1)").replace("reply.raise", "1; reply.raise"))
    run.apart(*names).assert_outcomes(passed=3)


@pytest.mark.e2e
@pytest.mark.parametrize("package", [False, True])
def test_a_test_to_keep_finds_the_tested_module_from_another_folder(run: Runs, package: bool) -> None:
    checks, kept = run.pytester.mkdir("checks"), Path(run.pytester.path) / "kept"
    if package:
        (checks / "__init__.py").touch()
    run.write(STUBBORN)
    Path(run.pytester.path, "test_it.py").rename(checks / "test_it.py")
    run.apart("checks", "--fauxscale-explore-write=kept", *FEW)
    assert len(list(kept.glob("test_upload_*.py"))) == 3
    run.apart("kept").assert_outcomes(failed=3)
    run.write(STUBBORN.replace("range(3)", "range(1)").replace("reply.raise", "1; reply.raise"))
    Path(run.pytester.path, "test_it.py").rename(checks / "test_it.py")
    run.apart("kept").assert_outcomes(passed=3)


@pytest.mark.e2e
def test_ctrl_c_in_the_middle_tells_what_is_judged(run: Runs) -> None:
    source = (
        STUBBORN + "\n    if fauxscale.situation and 'cut' in fauxscale.situation: raise KeyboardInterrupt\n"
    )
    done = explore(run, source, *FEW)
    text = done.stdout.str()
    assert done.ret == 2
    assert "the run was stopped early" in text
    assert "INTERNALERROR" not in text
    assert levels(run)["lost-reply@ideogram.upscale#1"] == "wrong"


@pytest.mark.e2e
def test_the_page_shows_what_is_found_in_the_client_it_shows(run: Runs) -> None:
    page = (Path(__file__).parents[2] / "docs" / "explore.md").read_text(encoding="utf-8")
    client, test, *_ = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (run.pytester.path / "client.py").write_text(client)
    (run.pytester.path / "test_client.py").write_text(test)
    told = run.apart("--fauxscale-explore").stdout.str()
    (shown,) = re.findall(r"^```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert [line for line in shown.splitlines() if line not in told] == []
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    *_, shown = re.findall(r"^```text\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert [line for line in shown.splitlines() if line not in told] == []
