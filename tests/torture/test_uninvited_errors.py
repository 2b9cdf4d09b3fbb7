"""No uninvited 5xx, whatever arrives: mutated pictures, bodies and requests by the hundred thousand. `make torture`.

FAUXSCALE_TORTURE_CALLS sets how many calls of each kind (100,000), FAUXSCALE_TORTURE_SEED where they begin.
"""

from __future__ import annotations

import os
import random
import socket
from collections import Counter

import httpx
import pytest

from fauxscale import MockServer
from tests.conftest import FIXTURES
from tests.pictures import picture

CALLS = int(os.environ.get("FAUXSCALE_TORTURE_CALLS", "100000"))
SEED = int(os.environ.get("FAUXSCALE_TORTURE_SEED", "1"))
pytestmark = pytest.mark.torture


def mutated(data: bytes, dice: random.Random) -> bytes:
    """A few bytes set, a slice cut, doubled or replaced."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(changed) + 1)
        how = dice.randrange(4)
        if how == 0 and at < len(changed):
            changed[at] = dice.randrange(256)
        elif how == 1:
            del changed[at : at + dice.randint(1, 40)]
        elif how == 2:
            changed[at:at] = changed[at : at + dice.randint(1, 40)]
        else:
            changed[at:at] = dice.randbytes(dice.randint(1, 8))
    return bytes(changed)


def seeds() -> list[bytes]:
    small = [picture(kind, 24, 18) for kind in ("PNG", "JPEG", "WEBP")]
    corpus = sorted((FIXTURES / "corpus").glob("*/*.*"))
    return small + [
        file.read_bytes() for file in corpus if 0 < file.stat().st_size < 3000 and file.suffix != ".tsv"
    ]


def test_mutated_pictures_and_forms_never_meet_a_5xx() -> None:
    dice = random.Random(SEED)
    statuses: Counter[int] = Counter()
    pictures = seeds()
    with MockServer(listen=False) as mock, httpx.Client(transport=mock.transport()) as http:
        for _ in range(CALLS):
            form = (
                b'--b\r\nContent-Disposition: form-data; name="image_request"\r\n\r\n{"detail": 5}\r\n'
                b'--b\r\nContent-Disposition: form-data; name="image_file"; filename="x"\r\n\r\n'
                + mutated(dice.choice(pictures), dice)
                + b"\r\n--b--\r\n"
            )
            if dice.random() < 0.3:
                form = mutated(form, dice)
            headers = {"Api-Key": "k", "Content-Type": "multipart/form-data; boundary=b"}
            reply = http.post(f"{mock.url}/upscale", content=form, headers=headers)
            statuses[reply.status_code] += 1
            if reply.status_code == 200 and reply.json()["data"][0]["url"]:
                statuses[http.get(reply.json()["data"][0]["url"]).status_code] += 1
    print(f"\n{CALLS} mutated forms, seed {SEED}: {dict(statuses)}")
    assert set(statuses) <= {200, 400, 422}


def test_mutated_raw_requests_never_meet_a_5xx() -> None:
    dice = random.Random(SEED)
    body = b'--b\r\nContent-Disposition: form-data; name="image_request"\r\n\r\n{}\r\n--b--\r\n'
    plain = (
        b"POST /upscale HTTP/1.1\r\nHost: localhost\r\nApi-Key: k\r\nConnection: close\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n" % len(body)
    ) + body
    statuses: Counter[bytes] = Counter()
    with MockServer() as mock:
        host, port = mock.url.removeprefix("http://").split(":")
        for _ in range(CALLS // 10):
            with socket.create_connection((host, int(port)), timeout=30) as sock:
                sock.sendall(mutated(plain, dice))
                sock.shutdown(socket.SHUT_WR)
                reply = b""
                while piece := sock.recv(65536):
                    reply += piece
                statuses[reply[9:12]] += 1
    print(f"\n{CALLS // 10} mutated raw requests, seed {SEED}: {dict(statuses)}")
    assert not [status for status in statuses if status.startswith(b"5")]
