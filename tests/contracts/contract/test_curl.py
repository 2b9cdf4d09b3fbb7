"""The curl command of a call: a shell takes it, curl sends the same, and no key is in it."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from fauxscale import MockServer
from fauxscale_contracts import Exchange, Request, curl
from fauxscale_contracts.contract.multipart import Part
from tests.contracts.calls import form_call, json_call, upscale_parts
from tests.tools import needs

KEY = "abcdefgh01234567"


@needs("curl")
def test_the_command_repeats_the_call(photo: bytes, tmp_path: Path) -> None:
    (tmp_path / 'a photo; of"mine.png').write_bytes(photo)
    nasty = Part("image_request", None, "application/json", b'{"prompt": "a; \\"b\\" @c, it\'s"}')
    with MockServer() as mock:
        key = mock.account().api_key("ideogram")
        picture = Part("image_file", 'a photo; of\\"mine.png', "image/png", photo)
        for text in (nasty, upscale_parts({"detail": 7})[0]):
            call = form_call(
                [text, picture], url=f"{mock.base_url('ideogram')}/upscale", headers=(("Api-Key", key),)
            )
            command = curl(call)
            assert key not in command
            words = [
                f"Api-Key: {key}" if word.startswith("Api-Key: ") else word for word in shlex.split(command)
            ]
            done = subprocess.run(
                [*words, "-w", "%{http_code}"], cwd=tmp_path, capture_output=True, text=True, check=True
            )
            assert done.stdout.endswith("200"), done.stdout


def test_a_key_is_nowhere_in_the_command() -> None:
    url = f"https://h/a?sig={KEY}&exp=1"
    headers = (("Authorization", f"Bearer sk-aig-{KEY}"), ("X-Api-Key", KEY))
    call = Exchange(
        Request(
            "POST", url, (*headers, ("Content-Type", "application/json")), f'{{"token": "{KEY}"}}'.encode()
        )
    )
    assert KEY not in curl(call)


def test_a_key_is_nowhere_in_the_command_or_the_har_entry_wherever_it_was_pasted() -> None:
    headers = (("Api-Key", KEY), ("X-Note", f"mine is {KEY}"))
    parts = [
        Part("image_request", None, None, f'{{"prompt": "{KEY}"}}'.encode()),
        Part(KEY, None, f"text/{KEY}", KEY.encode()),
        Part("image_file", f"{KEY}.png", "image/png", b"x"),
        Part("password", None, None, b"of-a-client"),
    ]
    for call in (
        form_call(parts, url=f"https://h/{KEY}", headers=headers),
        Exchange(Request("POST", "https://h/", headers, f'{{"prompt": ["{KEY}"]}}'.encode())),
    ):
        assert KEY[4:] not in curl(call) + str(call.to_har())
        assert "of-a-client" not in curl(call)


def test_what_curl_writes_itself_is_left_out() -> None:
    headers = (("Host", "h"), ("User-Agent", "x"), ("X-Stainless-Lang", "python"), ("X-Own", "1"))
    assert (
        curl(Exchange(Request("GET", "https://h/a", headers))) == "curl -sS -X GET https://h/a -H 'X-Own: 1'"
    )


@pytest.mark.parametrize(
    ("body", "shown"),
    [(b'{"a": 1}', "--data-raw '{\"a\": 1}'"), (b"\xff\xd8", "--data-binary @body.bin"), (b"x" * 9000, "…'")],
)
def test_a_body_is_shown_when_it_can_be(body: bytes, shown: str) -> None:
    command = curl(Exchange(Request("POST", "https://h/a", (), body)))
    assert command.endswith(shown)
    assert len(command) < 2200


def test_a_broken_form_is_sent_from_a_file() -> None:
    headers = (("Content-Type", "multipart/form-data; boundary=x"),)
    assert curl(Exchange(Request("POST", "https://h/a", headers, b"?"))).endswith("--data-binary @body.bin")


def test_json_keeps_its_content_type() -> None:
    assert "-H 'Content-Type: application/json'" in curl(json_call("https://h/a", {}))
