"""Exploration finds planted bugs of the example by its happy path alone, and nothing in the example as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.examples.bugs import BUGS, Bug, copy, plant

pytestmark = pytest.mark.e2e  # each is two runs of pytest

HAPPY = '''"""One happy path, and one that comes back later: with a photo that was taken upright."""

from contextlib import closing

import httpx
import pytest
from PIL import Image
from thumbnailer import DownloadFailed, Upscaler

from fauxscale import Fail


@pytest.fixture
def upscaler(fauxscale_intercept):
    with closing(Upscaler("https://api.ideogram.ai", fauxscale_intercept.api_key("ideogram"))) as upscaler:
        yield upscaler


def test_upload(upscaler, sample_image, tmp_path):
    photo, target = tmp_path / "lamp.jpg", tmp_path / "lamp@2x.png"
    photo.write_bytes(sample_image("JPEG", 40, 30))
    upscaler.upscale(photo, target, resemblance=80)
    with Image.open(target) as image:
        assert image.size == (80, 60)
'''
LATER = """

def test_later(fauxscale, upscaler, sample_image, tmp_path):
    photo, target = tmp_path / "lamp.jpg", tmp_path / "lamp@2x.png"
    photo.write_bytes(sample_image("JPEG", 40, 30, exif_orientation=6))
    fauxscale.faults.add(Fail(503), on="ideogram.download", times=4)
    with pytest.raises(DownloadFailed):
        upscaler.upscale(photo, target)
    upscaler.upscale(photo, target)
    fauxscale.assert_billed_once()
    with Image.open(target) as image:
        assert image.size == (60, 80)
"""


# Clients that survive their lists, as they call the real hosts.
SOUND = '''"""A happy path for each of the sound clients that conform is tried with."""

import pytest

from fauxscale_contracts.conform.candidate import Endpoint
from tests.contracts.conform.clients.ideogram import Client
from tests.contracts.conform.clients.ideogram_operations import Describer, Editor, Generator, Upscaler


@pytest.fixture
def endpoint(fauxscale_intercept):
    return Endpoint("ideogram", "https://api.ideogram.ai", fauxscale_intercept.api_key("ideogram"), {})


def test_upscale(endpoint, sample_image):
    assert Client().upscale(endpoint, sample_image())


def test_generate(endpoint):
    assert Generator().generate(endpoint, prompt="a lamp", resolution="1024x1024")


def test_edit(endpoint, sample_image):
    image, mask = sample_image("PNG", 512, 512), sample_image("PNG", 512, 512, mode="1")
    assert Editor().edit(endpoint, image, mask, prompt="a lamp")


def test_describe(endpoint, sample_image):
    assert Describer().describe(endpoint, sample_image())


def test_v2_upscale(endpoint, sample_image):
    assert Upscaler().upscale(endpoint, sample_image())
'''


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a bug: the verdict on the client by the happy path alone, and with the second test. `why`: where
    nothing is."""

    happy: str = ""
    later: str = ""
    why: str = ""


ALONE = "no situation of this test leads there"
TABLE: Mapping[str, Told] = {
    "no retry": Told(why="giving up is a right answer to 429 and 503"),
    "waits as it pleases": Told("wrong", "wrong"),
    "retries a 422": Told("wrong", "wrong"),
    "pays twice after a lost reply": Told("wrong", "wrong"),
    "saves a web page as a picture": Told("look", "look"),
    "takes a picture that did not grow": Told("look", "look"),
    "follows a stale link": Told(why=ALONE),
    "ignores is_image_safe": Told(why="it raises another error of its own: no link came"),
    "writes into the file it should replace": Told(why="the test does not look at what is left behind"),
    "pays again for what is only to be fetched": Told("", "fails"),
    "waits for ever": Told("wrong", "wrong"),
    "forgets how cameras store photos": Told("", "fails"),
    "buys two pictures and keeps one": Told("look", "look"),
    "does not pass on what it was asked": Told(why="nothing says what was asked for"),
}


def explored(folder: Path, *tests: str) -> tuple[int, dict[str, Any], str]:
    """Explore these tests in a copy of the example: exit status, report, output."""
    for file in (folder / "tests").glob("*.py"):
        file.unlink()
    (folder / "tests" / "test_happy.py").write_text("".join(tests), encoding="utf-8")
    return explored_in(folder)


def explored_in(folder: Path) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-B", "-m", "pytest", "-q", "--fauxscale-explore"]
    command += ["--fauxscale-explore-report=found.json"]
    for unused in ("schemathesis", "xdist", "hypothesispytest"):
        command += ["-p", f"no:{unused}"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    env["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    file = folder / "found.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"findings": [], "summary": {}}
    return done.returncode, found, done.stdout + done.stderr


def verdict(found: Mapping[str, Any]) -> str:
    levels = [one["level"] for one in found["findings"]]
    return next((level for level in ("wrong", "look") if level in levels), "")


def test_nothing_is_found_in_the_example_as_it_is(tmp_path: Path) -> None:
    status, found, output = explored(copy(tmp_path), HAPPY, LATER)
    assert status == 0, output
    assert found["summary"]["wrong"] == 0
    assert found["summary"]["fine"] >= 60
    # A link that died is asked for anew: to be looked at, as it costs money, and wanted here.
    looks = {one["situation"]: one["reasons"] for one in found["findings"] if one["level"] == "look"}
    assert looks.keys() <= {"download-expired@ideogram.download#5", "download-purged@ideogram.download#5"}


def test_no_client_is_called_wrong_that_conform_calls_right(tmp_path: Path) -> None:
    (tmp_path / "test_sound.py").write_text(SOUND)
    status, found, output = explored_in(tmp_path)
    assert status == 0, output
    assert not found["not_explored"]
    assert found["summary"]["wrong"] == 0
    assert found["summary"]["fine"] >= 300
    assert {"hang@ideogram.upscale#1", "download-stalls@ideogram.download#1"} <= {
        one["situation"] for one in found["findings"] if one["level"] == "fine"
    }


@pytest.mark.parametrize("bug", [pytest.param(bug, id=bug.what.replace(" ", "-")) for bug in BUGS])
def test_a_planted_bug_is_told_by_the_happy_path_alone(bug: Bug, tmp_path: Path) -> None:
    folder = copy(tmp_path)
    plant(bug, (folder / "thumbnailer").glob("*.py"))
    told = TABLE[bug.what]
    status, found, output = explored(folder, HAPPY)
    assert verdict(found) == told.happy, output
    assert status == (1 if told.happy == "wrong" else 0), output
    if told.happy == told.later:
        return
    status, found, output = explored(folder, HAPPY, LATER)
    if told.later == "fails":
        assert status == 1
        assert "not explored: tests/test_happy.py::test_later: it fails in the normal run" in output
    else:
        assert verdict(found) == told.later, output


def test_a_second_test_reaches_two_bugs_more() -> None:
    assert sum(bool(told.later) and not told.happy for told in TABLE.values()) == 2


def test_the_table_holds_what_is_promised() -> None:
    assert TABLE.keys() == {bug.what for bug in BUGS}
    happy = [told.happy for told in TABLE.values()]
    assert happy.count("wrong") >= 4
    assert happy.count("look") >= 3
    assert all(told.why or told.happy or told.later for told in TABLE.values())
