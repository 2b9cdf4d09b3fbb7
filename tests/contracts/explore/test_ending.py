"""How a test ended is told from the error it ended with."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from runpy import run_path

import pytest
from PIL import Image

from fauxscale_contracts.explore.ending import ending_of


def raised(call: Callable[[], object], root: Path) -> tuple[str, str]:
    try:
        call()
    except BaseException as error:
        return ending_of(error, root)
    raise AssertionError("nothing was raised")


@pytest.fixture
def client(tmp_path: Path) -> dict[str, Callable[..., object]]:
    """A program of the user's."""
    (tmp_path / "client.py").write_text(
        "import json\n"
        "def look(): return {}['url']\n"
        "def read(): return json.loads('<html>')\n"
        "def check(): assert False, 'no picture'\n"
        "def refuse(): raise ValueError('no picture')\n"
    )
    return run_path(str(tmp_path / "client.py"))


@pytest.mark.parametrize(
    ("name", "ending", "said"),
    [
        ("look", "surprise", "KeyError: 'url' in client.py"),
        ("read", "surprise", "JSONDecodeError: Expecting value: line 1 column 1 (char 0) in client.py"),
        ("check", "failed", "AssertionError: no picture"),
        ("refuse", "failed", "ValueError: no picture"),
    ],
)
def test_what_a_program_raises(
    client: dict[str, Callable[..., object]], tmp_path: Path, name: str, ending: str, said: str
) -> None:
    assert raised(client[name], tmp_path) == (ending, said)


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        ("assert 1 == 2", "assertion"),
        ("import pytest; pytest.fail('no')", "assertion"),
        ("{}['url']", "failed"),
        ("import io; from PIL import Image; Image.open(io.BytesIO(b'<html>'))", "assertion"),
        ("raise OSError('gone')", "failed"),
    ],
)
def test_what_a_test_raises(tmp_path: Path, body: str, ending: str) -> None:
    (tmp_path / "test_it.py").write_text(f"def test(): {body}\n")
    assert raised(run_path(str(tmp_path / "test_it.py"))["test"], tmp_path)[0] == ending


def test_what_pytest_says_of_an_error_that_the_client_raised(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test():\n"
        "    with pytest.raises(ValueError, match='expired'):\n"
        "        raise ValueError('cut')\n"
    )
    assert raised(run_path(str(tmp_path / "test_it.py"))["test"], tmp_path)[0] == "failed"


def test_an_error_of_a_library_alone_is_none_of_the_project(tmp_path: Path) -> None:
    assert raised(lambda: json.loads("<html>"), tmp_path)[0] == "failed"
    assert raised(lambda: Image.open(io.BytesIO(b"")), tmp_path)[0] == "assertion"
