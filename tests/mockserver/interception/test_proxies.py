"""What a proxy is asked for is told by the first bytes a client sends it."""

from __future__ import annotations

import pytest

from fauxscale.interception.proxies import host_asked_for


@pytest.mark.parametrize(
    "sent",
    [
        b"CONNECT api.ideogram.ai:443 HTTP/1.1\r\nHost: api.ideogram.ai:443\r\n\r\n",
        b"CONNECT API.Ideogram.AI.:443 HTTP/1.0\r\n",
        b"GET http://api.ideogram.ai/upscale HTTP/1.1\r\n",
        b"POST https://user:pass@api.ideogram.ai:443/upscale HTTP/1.1\r\n",
        b"DELETE http://api.ideogram.ai HTTP/1.1\r\n",
        b"\x05\x01\x00\x03\x0fapi.ideogram.ai\x01\xbb",
        b"\x04\x01\x01\xbb\x00\x00\x00\x01user\x00api.ideogram.ai\x00",
        bytearray(b"CONNECT api.ideogram.ai:443 HTTP/1.1\r\n"),
        memoryview(b"CONNECT api.ideogram.ai:443 HTTP/1.1\r\n"),
    ],
    ids=["tunnel", "case", "plain", "TLS", "no path", "SOCKS5", "SOCKS4a", "bytearray", "memoryview"],
)
def test_the_host_is_read(sent: bytes) -> None:
    assert host_asked_for(sent) == "api.ideogram.ai"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /upscale HTTP/1.1\r\nHost: api.ideogram.ai\r\n\r\n",
        b'{"image_url": "https://api.ideogram.ai/"}',
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03api.ideogram.ai",
        b"CONNECTED api.ideogram.ai",
        b"A" * 100_000,
    ],
    ids=["nothing", "direct", "body", "TLS", "a word", "long"],
)
def test_what_is_no_request_to_a_proxy_is_none(sent: bytes) -> None:
    assert host_asked_for(sent) == ""
