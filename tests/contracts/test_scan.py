"""A scan finds whatever looks like a secret, and only that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fauxscale_contracts.cli import main
from tests.mockserver.test_recording import KEY, PNG, entry


def har(**more: Any) -> str:
    return json.dumps({"log": {"version": "1.2", "entries": [entry(**more)]}})


def clean() -> dict[str, Any]:
    made = entry(b"{}")
    made["request"]["headers"] = [{"name": "Api-Key", "value": "Zt9-…"}, {"name": "Accept", "value": "*/*"}]
    made["response"]["headers"] = []
    return made


def run(folder: Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["scan", str(folder)])
    return result.exit_code, result.output


def written(folder: Path, made: dict[str, Any]) -> Path:
    (folder / "0001-x.har").write_text(json.dumps({"log": {"entries": [made]}}, ensure_ascii=False))
    return folder


def test_a_recording_without_secrets_passes(tmp_path: Path) -> None:
    assert run(written(tmp_path, clean())) == (0, "nothing looks like a secret\n")


def _header(made: dict[str, Any]) -> None:
    made["request"]["headers"] = [{"name": "api-key", "value": KEY}]


def _cookie(made: dict[str, Any]) -> None:
    made["response"]["cookies"] = [{"name": "session", "value": "x"}]


def _url(made: dict[str, Any]) -> None:
    made["request"]["url"] += "?sig=0123456789abcdef"


def _body(made: dict[str, Any]) -> None:
    made["request"]["postData"] = {"mimeType": "text/plain", "text": "use sk-proj-abcdefghijklmnop"}


def _encoded(made: dict[str, Any]) -> None:
    made["request"] = entry(b"use sk-proj-abcdefghijklmnop")["request"] | {"headers": []}


@pytest.mark.parametrize("plant", [_header, _cookie, _url, _body, _encoded])
def test_a_secret_is_found_wherever_it_stands_and_not_shown(tmp_path: Path, plant: Any) -> None:
    made = clean()
    plant(made)
    code, told = run(written(tmp_path, made))
    assert code == 1
    assert "0001-x.har" in told
    for secret in (KEY, "0123456789abcdef", "sk-proj-abcdefghijklmnop"):
        assert secret not in told


def test_a_secret_in_the_notes_of_a_picture_is_found(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.png").write_bytes(PNG + b" tEXt sk-aig-abcdefghijklmnop")
    code, told = run(tmp_path)
    assert code == 1
    assert "files/a.png:" in told


@pytest.mark.parametrize("trouble", ["missing", "empty", "cut short"])
def test_what_cannot_be_looked_through_is_no_verdict(tmp_path: Path, trouble: str) -> None:
    if trouble == "cut short":
        (tmp_path / "0001-x.har").write_text(har()[:200])
    code, told = run(tmp_path / "nowhere" if trouble == "missing" else tmp_path)
    assert code == 2
    assert told.startswith("cannot scan: ")
