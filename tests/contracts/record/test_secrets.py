"""A scan finds whatever looks like a secret, and only that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fauxscale_contracts.cli import main
from fauxscale_contracts.record.secrets import scan
from tests.har_entries import KEY, PNG, entry

ROOT = Path(__file__).resolve().parents[3]


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
    assert run(written(tmp_path, clean())) == (0, "no secrets found\n")


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


PLAIN = "plainideogramkey1234567890"  # Ideogram's keys have no shape of their own
RANDOM = "3aXkP-q_a_9vTzLmN0Rf"


@pytest.mark.parametrize("secret", [PLAIN, RANDOM, "aQwErTyUiOpAsDfGhJkL"])
@pytest.mark.parametrize(
    "line",
    [
        "Api-Key: {}",
        "X-API-Key={}",
        "authorization : {}",
        'curl -H "Api-Key: {}" https://api.ideogram.ai/upscale',
        'headers = {{"Api-Key": "{}"}}',
        "headers = {{'api-key': '{}'}}",
        '"body": "{{\\"Api-Key\\": \\"{}\\"}}"',
        "IDEOGRAM_API_KEY={}",
        "export FAL_KEY='{}'",
        "  VITE_IDEOGRAM_API_KEY: {}",
        "FAUXSCALE_DRIFT_KEY={} fauxscale-contracts drift ideogram",
    ],
)
def test_a_key_without_a_shape_is_told_by_the_name_before_it(tmp_path: Path, line: str, secret: str) -> None:
    (tmp_path / "notes.md").write_text(f"first\n{line.format(secret)}\n")
    code, told = run(tmp_path)
    assert (code, told.splitlines()[0]) == (1, f"notes.md:2: {secret[:4]}…")


@pytest.mark.parametrize(
    "line",
    [
        'curl -H "Api-Key: $IDEOGRAM_API_KEY"',
        "Api-Key: ${IDEOGRAM_API_KEY}",
        "Api-Key: <your key>",
        "Api-Key: YOUR_IDEOGRAM_API_KEY",
        "Api-Key: your-ideogram-key-123",
        "Api-Key: xxxxxxxxxxxxxxxx1",
        "Api-Key: 00000000000000a0",
        "Api-Key: plai…3f0c",
        "Api-Key: plainkey123…",
        "Api-Key: ********1234",
        "Api-Key: a-key",
        "Api-Key: drift-probe-no-such-key",
        "Api-Key: another-test-key-12",
        "Authorization: required by the service",
        "authorization: https://docs.example.com/authentication1",
        'headers = {"Api-Key": settings.ideogram_api_key}',
        'headers = {"Api-Key": os.environ["IDEOGRAM_API_KEY"]}',
        'headers: {"Api-Key": process.env.IDEOGRAM_API_KEY}',
        'headers: {"Api-Key": ideogramApiKey, Accept: "*/*"}',
        'headers = {"Api-Key": loadKey2("ideogram")}',
        'f"Api-Key: {key}"',
        "IDEOGRAM_API_KEY=",
        "IDEOGRAM_API_KEY=…",
        "FAUXSCALE_DRIFT_KEY: ${{ secrets.IDEOGRAM_API_KEY }}",
        "Access-Control-Allow-Headers: Api-Key, Content-Type",
        "MONKEY=bananas12345678",
    ],
)
def test_what_stands_for_a_key_or_speaks_of_one_is_no_secret(tmp_path: Path, line: str) -> None:
    (tmp_path / "notes.md").write_text(f"{line}\n")
    assert run(tmp_path) == (0, "no secrets found\n")


SHAPELESS = "q7Zt9LmXv3RwKb5NcYd8Hf2PsJg4Ue6A"


@pytest.mark.parametrize(
    "line",
    [
        'client = Ideogram(api_key="{}")',
        "api_key: {}",
        'ideogram_api_key = "{}"',
        'ideogram_api_key: str | None = "{}"',
        "const ideogram = new Client({{ apiKey: '{}' }})",
        'headers["Api-Key"] = "{}"',
        'os.environ["IDEOGRAM_API_KEY"] = "{}"',
        'request.headers.update([("Api-Key", "{}")])',
        'monkeypatch.setenv("IDEOGRAM_API_KEY", "{}")',
        "ENV IDEOGRAM_API_KEY {}",
        "set -x IDEOGRAM_API_KEY '{}'",
        '{{"name": "Api-Key", "value": "{}"}}',
        '{{"key": "Api-Key", "value": "{}"}}',
        "<td>Api-Key: {}</td>",
        "The API key: {}",
        '{{"token": "{}"}}',
        'f"{{url}}?sig={}"',
        'curl -H "Authorization: Key {}"',
    ],
)
def test_a_key_is_found_however_a_language_spells_its_name(tmp_path: Path, line: str) -> None:
    (tmp_path / "notes.md").write_text(f"first\n{line.format(SHAPELESS)}\n")
    code, told = run(tmp_path)
    assert code == 1
    assert all(one.startswith("notes.md:2: ") for one in told.splitlines()[:-1])
    assert SHAPELESS not in told


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Api-Key",\n "value": "%s"}',
        "- name: IDEOGRAM_API_KEY\n  value: %s",
        '- name: A_API_KEY\n  value: "%s"',
    ],
)
def test_a_key_below_its_name_is_found_where_it_stands(tmp_path: Path, text: str) -> None:
    (tmp_path / "deploy.yaml").write_text(text % SHAPELESS)
    code, told = run(tmp_path)
    assert (code, told.splitlines()[0]) == (1, "deploy.yaml:2: q7Zt…")


@pytest.mark.parametrize(
    "line",
    [
        'headers={"Api-Key": "YOUR_KEY"}',
        '{"api_key": "${IDEOGRAM_API_KEY}"}',
        '{"Authorization": "<your key>"}',
        '{"Authorization": "Bearer another-word"}',
        '-H "Authorization: Bearer your-key-here"',
        '{"token": "auto"}',
        '{"token": "what the service gave you 1 hour ago"}',
        'f"{url}?sig={sig}"',
        "https://example.com/a.png?sig={{signature}}&token=%(token)s",
        '"signature": "string"',
        "# The Key identifies the record",
        "Bearer authentication, Key responsibilities",
        'client = Ideogram(api_key="sk-your-key-here-0123456789")',
        'api_key="lmnfl_any.key"',
        "api_key=settings.keys2.ideogram",
        "api_key: str | None = None",
        "Set IDEOGRAM_API_KEY before you begin",
        'os.environ.get("IDEOGRAM_API_KEY", "anything")',
        "https://example.com/a.png?exp=1743867804&sig=" + "e13e1267" * 8,
        "https://example.com/a.png?sig=[Filtered]&token=%5BFiltered%5D",
    ],
)
def test_what_people_write_in_place_of_a_key_raises_no_alarm(tmp_path: Path, line: str) -> None:
    (tmp_path / "notes.md").write_text(f"{line}\n")
    assert run(tmp_path) == (0, "no secrets found\n")


def test_what_schemathesis_left_out_of_a_har_file_is_no_secret(tmp_path: Path) -> None:
    made = clean()
    made["request"]["headers"] = [{"name": "Api-Key", "value": "[Filtered]"}]
    made["request"]["url"] += "?sig=%5BFiltered%5D"
    assert run(written(tmp_path, made)) == (0, "no secrets found\n")


@pytest.mark.parametrize("folder", ["docs", "contracts", "mockserver", "plugin"])
def test_the_pages_and_programs_of_this_repository_hold_no_secret(folder: str) -> None:
    assert scan(ROOT / folder) == []


def test_examples_that_name_variables_for_keys_hold_no_secret() -> None:
    assert scan(ROOT / "examples") == []


@pytest.mark.parametrize("plant", [_header, _cookie, _url, _body, _encoded])
def test_a_har_file_is_known_by_what_is_in_it(tmp_path: Path, plant: Any) -> None:
    made = clean()
    plant(made)
    (tmp_path / "web.har.json").write_text(json.dumps({"log": {"entries": [made]}}))
    code, told = run(tmp_path)
    assert code == 1
    assert "web.har.json" in told


@pytest.mark.parametrize(
    "text",
    [
        '{"entries": []}',
        '{"log": {"entries": [5]}}',
        '{"log": {"entries": [{"request": {}}]}}',
        '{"log": {"entries": [{"request": {"headers": [1]}, "response": {}}]}}',
        '{"log": {"entries": [{"request": {}, "response": {"content": {"text": "%", "encoding": "base64"}}}]}}',
        '{"entries"' + "[" * 100_000,
    ],
)
def test_other_json_is_read_as_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "some.json").write_text(text)
    assert run(tmp_path) == (0, "no secrets found\n")


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


def test_entries_as_others_write_them_are_looked_through_without_a_stumble(tmp_path: Path) -> None:
    odd: dict[str, Any] = {
        "request": {"headers": [1, {"value": 5}], "cookies": 3, "postData": None},
        "response": {"status": 0, "content": {"encoding": "base64", "text": "Zg sk-proj-abcdefghijklmnop"}},
    }
    code, lines = run(written(tmp_path, odd))
    assert (code, lines.count("sk-p…")) == (1, 1)
