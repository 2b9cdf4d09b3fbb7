"""Whatever is recorded, no secret of it is on the disk, and a scan finds nothing."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxscale.recordings.har import Recording
from fauxscale_contracts.record.secrets import scan
from tests.har_entries import PNG, entry
from tests.pictures import opened

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
HEADERS = (
    "X-Auth-Token", "Private-Token", "X-Vault-Token", "X-Amz-Security-Token", "Ocp-Apim-Subscription-Key",
    "X-Goog-Api-Key", "Apikey", "Cf-Access-Client-Secret", "X-Api-Key", "Api-Key", "Authorization",
    "Proxy-Authorization", "Cookie", "X-Session-Id", "X-Csrf-Token", "X-Access-Token", "X-Secret", "X-Credential",
    "X-Password", "X-Gateway-Pass", "DPoP", "X-Acme-Ticket", "Cf-Access-Client-Id",
)  # fmt: skip
MEMBERS = (
    "client_secret", "refreshToken", "private_key", "passwd", "clientSecret", "accessToken", "apiKey", "api_key",
    "secretAccessKey", "session_id", "aws_secret_access_key", "sessionToken", "password", "userPassword", "authToken",
    "id_token", "bearerToken", "credential", "passphrase",
)  # fmt: skip
# What keys of other services look like: a beginning, and how many letters follow.
SHAPES = (
    ("ghp_", 36), ("AIza", 35), ("hf_", 34), ("r8_", 37), ("sk_live_", 32), ("glpat-", 20), ("npm_", 36),
    ("xoxb-123456789012-", 24), ("sk-proj-", 40), ("whsec_", 32), ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.", 43),
    ("SG.abcdefghijklmnopqrstuv.", 43), ("-----BEGIN RSA PRIVATE KEY-----\nMII", 60),
)  # fmt: skip
Plant = Callable[[str, str], dict[str, Any]]


def _json(secret: str, name: str) -> dict[str, Any]:
    body = {"prompt": "a cat", "options": [{name: secret}]}
    return entry(json.dumps(body).encode(), json.dumps({"echo": body}).encode(), sent="application/json")


def _form(secret: str, name: str) -> dict[str, Any]:
    return entry(f"{name}={secret}&prompt=a+cat".encode(), sent="application/x-www-form-urlencoded")


def _part(secret: str, name: str) -> dict[str, Any]:
    head = f'Content-Disposition: form-data; name="{name}"'
    body = f"--b\r\n{head}\r\n\r\n{secret}\r\n--b--\r\n".encode()
    return entry(body, sent="multipart/form-data; boundary=b")


def _query(secret: str, name: str) -> dict[str, Any]:
    return entry(url=f"https://api.ideogram.ai/upscale?{name}={quote(secret, safe='')}&n=1")


def _header(secret: str, name: str) -> dict[str, Any]:
    made = entry()
    made["request"]["headers"].append({"name": name, "value": secret})
    made["response"]["headers"].append({"name": name, "value": f"Bearer {secret}"})
    return made


def _text(secret: str, _: str) -> dict[str, Any]:
    return entry(f"use {secret} for it".encode(), json.dumps({"said": [secret]}).encode())


def _packed(secret: str, _: str) -> dict[str, Any]:
    return entry(gzip.compress(f"use {secret} for it".encode()))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _picture(secret: str, _: str) -> dict[str, Any]:
    note = zlib.compress(f"made with {secret} today".encode())
    at = 8 + 25  # behind the signature and the header
    notes = chunk(b"zTXt", b"Comment\0\0" + note) + chunk(b"iTXt", b"Comment\0\1\0\0\0" + note)
    return entry(reply=PNG[:at] + notes + chunk(b"tEXt", b"Comment\0" + secret.encode()) + PNG[at:])


def kept_of(made: dict[str, Any]) -> tuple[bytes, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        Recording(folder).write(made)
        files = [file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()]
        return b"".join([*files, *(gzip.decompress(one) for one in files if one[:2] == b"\x1f\x8b")]), scan(
            Path(folder)
        )


def shapeless(length: int = 32) -> st.SearchStrategy[str]:
    return st.text(LETTERS, min_size=length, max_size=length).filter(
        lambda one: any(map(str.isdigit, one)) and any(map(str.isalpha, one)) and len(set(one)) > 8
    )


def shaped() -> st.SearchStrategy[str]:
    return st.sampled_from(SHAPES).flatmap(lambda one: shapeless(one[1]).map(lambda rest: one[0] + rest))


@pytest.mark.parametrize("plant", [_json, _form, _part, _query])
@settings(max_examples=60, deadline=None)
@given(secret=shapeless(), name=st.sampled_from(MEMBERS))
def test_a_member_called_a_secret_is_not_kept(plant: Plant, secret: str, name: str) -> None:
    kept, found = kept_of(plant(secret, name))
    assert secret.encode() not in kept
    assert found == []


@settings(max_examples=100, deadline=None)
@given(secret=shapeless(), name=st.sampled_from(HEADERS))
def test_a_header_that_may_be_a_credential_is_not_kept(secret: str, name: str) -> None:
    kept, found = kept_of(_header(secret, name))
    assert secret.encode() not in kept
    assert found == []


@pytest.mark.parametrize("plant", [_text, _packed, _picture, _query])
@settings(max_examples=60, deadline=None)
@given(secret=shaped())
def test_a_key_of_a_known_shape_is_not_kept_wherever_it_stands(plant: Plant, secret: str) -> None:
    kept, found = kept_of(plant(secret, "note"))
    assert secret[-20:].encode() not in kept
    assert found == []


@settings(max_examples=30, deadline=None)
@given(secret=shaped(), pack=st.sampled_from([_packed, _picture]))
def test_a_scan_looks_into_what_is_packed(secret: str, pack: Plant) -> None:
    made = pack(secret, "")
    data = made["response" if pack is _picture else "request"]
    with tempfile.TemporaryDirectory() as folder:
        body = data["content" if pack is _picture else "postData"]["text"]
        (Path(folder) / "note.gz").write_bytes(base64.b64decode(body))
        assert scan(Path(folder)) != []


def test_a_picture_whose_notes_were_taken_is_the_same_picture(tmp_path: Path) -> None:
    Recording(tmp_path).write(_picture("ghp_" + "Ab3" * 12, ""))
    (kept,) = (tmp_path / "files").glob("*.png")
    assert opened(kept.read_bytes()).tobytes() == opened(PNG).tobytes()


def test_headers_of_a_call_that_are_well_known_are_kept(tmp_path: Path) -> None:
    made = entry()
    told = {
        "Content-Type": "image/png",
        "X-Ratelimit-Remaining": "9",
        "X-Fal-Billable-Units": "4",
        "Retry-After": "3",
    }
    mine = {"X-Acme-Cost": "0.0300", "X-Acme-Ticket": "abcdefghijkl"}
    made["response"]["headers"] = [{"name": name, "value": value} for name, value in {**told, **mine}.items()]
    Recording(tmp_path).write(made, keep=["x-acme-cost"])
    (entry_,) = Recording(tmp_path).entries()
    kept = {one["name"]: one["value"] for one in entry_["response"]["headers"]}
    assert kept == {**told, "X-Acme-Cost": "0.0300", "X-Acme-Ticket": "abcd…"}


def test_magic_words_are_kept_though_the_key_is_called_so(tmp_path: Path) -> None:
    Recording(tmp_path).write(entry(b'{"prompt": "fauxscale:429 a cat"}'), ["fauxscale"])
    assert "fauxscale:429 a cat" in next(tmp_path.glob("*.har")).read_text()
