"""The recording format: whole or not at all, pictures once, no secrets, to the byte the same when read again."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from fauxscale import credentials, redact
from fauxscale.recordings.har import Recording, RecordingError, body_of
from tests.har_entries import KEY, PNG, entry


def bodies(recording: Recording) -> tuple[bytes, bytes]:
    (found,) = recording.entries()
    return body_of(found["request"]["postData"]), body_of(found["response"]["content"])


def everything(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


FORM = (
    b'--b0\r\nContent-Disposition: form-data; name="image_request"\r\n\r\n{"resemblance": 60}\r\n'
    b'--b0\r\nContent-Disposition: form-data; name="image_file"; filename="a.png"\r\n\r\n'
    + PNG
    + b"\r\n--b0--\r\n"
)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"", ""),
        (b'{"a": "\xc3\xa9"}', "application/json"),
        (PNG, "image/png"),
        (b"\xff\xfe\x00 no picture", "application/octet-stream"),
        (FORM, "multipart/form-data; boundary=b0"),
        (FORM, 'multipart/form-data; charset=utf-8; boundary="b0"'),
        (FORM[: len(FORM) // 2], "multipart/form-data; boundary=b0"),
        (
            json.dumps({"image_url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"}).encode(),
            "application/json",
        ),
        (b"{{file:" + b"0" * 64 + b".png}} is what a reference looks like", "text/plain"),
        (b"A" * 4000, "text/plain"),
    ],
)
def test_every_body_comes_back_to_the_byte(tmp_path: Path, body: bytes, media_type: str) -> None:
    Recording(tmp_path).write(entry(body, body, sent=media_type, got=media_type))
    assert bodies(Recording(tmp_path)) == (body, body)


def test_a_picture_lies_there_once_under_its_hash_however_it_was_sent(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    encoded = json.dumps({"b64_json": base64.b64encode(PNG).decode()}).encode()
    recording.write(entry(FORM, encoded, sent="multipart/form-data; boundary=b0"))
    recording.write(entry(PNG, PNG, sent="image/png", got="image/png"))
    files = list((tmp_path / "files").iterdir())
    assert [file.name for file in files] == [f"{hashlib.sha256(PNG).hexdigest()}.png"]
    assert files[0].read_bytes() == PNG
    assert len(recording.files()[0].read_bytes()) < 3000


def test_a_har_file_can_be_read_by_others(tmp_path: Path) -> None:
    place = Recording(tmp_path).write(entry(FORM, sent="multipart/form-data; boundary=b0"))
    assert place.name == "0001-ideogram.upscale.har"
    log = json.loads(place.read_text())["log"]
    assert (log["version"], log["creator"]["name"], len(log["entries"])) == ("1.2", "fauxscale", 1)
    assert '{"resemblance": 60}' in log["entries"][0]["request"]["postData"]["text"]


@pytest.mark.parametrize("where", ["body", "reply", "url", "picture", "base64"])
def test_no_secret_reaches_the_disk_wherever_it_stands(tmp_path: Path, where: str) -> None:
    noted = PNG[:40] + f" tEXt {KEY} ".encode() + PNG[40:]
    places: dict[str, dict[str, Any]] = {
        "body": {"body": f'{{"note": "{KEY}"}}'.encode()},
        "reply": {"reply": f"no such key: {KEY}".encode()},
        "url": {"url": f"https://api.ideogram.ai/upscale?who={KEY}&sig=0123456789"},
        "picture": {"reply": noted, "got": "image/png"},
        "base64": {"reply": json.dumps({"b64_json": base64.b64encode(noted).decode()}).encode()},
    }
    Recording(tmp_path).write(entry(**places[where]), [KEY])
    kept = everything(tmp_path)
    for secret in (KEY, "topsecretcookie", "0123456789"):
        assert secret.encode() not in kept
        assert base64.b64encode(secret.encode())[:-4] not in kept


def test_cookies_are_secrets_to_their_first_letter() -> None:
    pairs = [("Set-Cookie", "session=abcdefgh; Path=/"), ("Authorization", "Bearer abcdefghijkl")]
    assert redact.headers(pairs) == [("Set-Cookie", "sess…"), ("Authorization", "Bearer abcd…")]
    assert redact.headers(redact.headers(pairs)) == redact.headers(pairs)
    assert credentials.secrets(pairs) == ["session=abcdefgh; Path=/", "abcdefghijkl"]


def test_numbers_count_up_past_what_lies_there(tmp_path: Path) -> None:
    for number in range(1, 4):
        assert Recording(tmp_path).write(entry()).name == f"{number:04}-ideogram.upscale.har"
    (tmp_path / "0002-ideogram.upscale.har").unlink()
    assert Recording(tmp_path).write(entry()).name == "0004-ideogram.upscale.har"


def test_what_cannot_be_finished_leaves_no_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        Recording(tmp_path).write(entry(PNG))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("alter", "says"),
    [
        (
            lambda har: har.write_bytes(har.read_bytes()[:300]),
            "0001-ideogram.upscale.har is not JSON: was it cut short",
        ),
        (lambda har: har.write_text("[]"), "is not a HAR file: it has no log with a list of entries$"),
        (
            lambda har: har.write_text('{"log": {"entries": {"0": 1}}}'),
            "is not a HAR file: it has no log with",
        ),
        (
            lambda har: har.write_text('{"log": {"entries": [5]}}'),
            "is not a HAR file: entry 1 of its log has no request$",
        ),
        (
            lambda har: har.write_text('{"log": {"entries": [{"request": {}}]}}'),
            "entry 1 of its log has no response$",
        ),
        (
            lambda har: har.write_text("[" * 100_000),
            "is not a HAR file: its JSON is nested too deeply$",
        ),
        (lambda har: next(har.parent.glob("files/*")).unlink(), "cannot be read: No such file"),
        (lambda har: next(har.parent.glob("files/*")).write_bytes(PNG[:50]), "is not what was recorded"),
        (lambda har: har.unlink(), "contains no recording"),
    ],
)
def test_a_broken_recording_is_refused_by_name(tmp_path: Path, alter: Any, says: str) -> None:
    har = Recording(tmp_path).write(entry(PNG))
    alter(har)
    with pytest.raises(RecordingError, match=says):
        Recording(tmp_path).entries()


ODD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    (
        {"method": None, "url": 5, "headers": None, "postData": None, "cookies": 1},
        {"status": "ok", "content": []},
    ),
    ({"headers": [1, {"name": "A"}, {"value": 5}], "cookies": [1]}, {"status": True, "headers": {}}),
]


@pytest.mark.parametrize(("sent", "answered"), ODD)
def test_what_others_leave_out_or_fill_wrongly_is_the_empty_value_of_its_kind(
    tmp_path: Path, sent: dict[str, Any], answered: dict[str, Any]
) -> None:
    har = {"log": {"entries": [{"request": sent, "response": answered}]}}
    (tmp_path / "a.har").write_text(json.dumps(har))
    (found,) = Recording(tmp_path).entries()
    assert (found["request"]["method"], found["request"]["url"]) == ("", "")
    assert (found["response"]["status"], found["response"]["content"]) == (0, {})
    for message in (found["request"], found["response"]):
        assert all(set(one) == {"name", "value"} for one in message["headers"])
        assert {type(text) for one in message["headers"] for text in one.values()} <= {str}
        assert message["cookies"] == []
    assert found["request"].get("postData", {}) == {}


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is not a folder"):
        Recording(tmp_path / "nowhere").entries()
