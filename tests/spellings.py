"""Addresses that no stranger is to have fetched, in every spelling that some reader of addresses takes for them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

# This machine, its networks, its cloud's metadata (AWS, Azure and GCP; Alibaba; Oracle), a carrier's NAT, multicast.
INSIDE = (
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
)
INSIDE_SIX = (
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "100::1",
)


def of_four(text: str) -> Iterator[str]:
    """An IPv4 address as inet_aton, browsers and curious parsers read it."""
    address = ipaddress.IPv4Address(text)
    number, parts = int(address), [int(part) for part in text.split(".")]
    first, second, third, fourth = parts
    yield text
    yield text + "."
    yield f"{number}"
    yield f"{number:#x}"
    yield f"{number:#X}"
    yield f"0{number:o}"
    yield f"{number + 2**32}"
    yield ".".join(f"{part:#x}" for part in parts)
    yield ".".join(f"{part:#04o}".replace("o", "") for part in parts)
    yield ".".join(f"{part:03}" for part in parts)
    yield f"{first:#x}.{second}.{third:#o}.{fourth}".replace("0o", "0")
    yield f"{first}.{second}.{third * 256 + fourth}"
    yield f"{first}.{second * 65_536 + third * 256 + fourth}"
    yield f"{first}.{second * 65_536 + third * 256 + fourth:#x}"
    yield text.replace(".", "。")
    yield text.replace(".", "．")
    yield text.replace(".", "｡")
    yield text.replace(".", "%2e")
    yield "".join(chr(0xFF10 + int(one)) if one.isdigit() else one for one in text)
    yield "".join(chr(0x2460 + int(one) - 1) if one in "123456789" else one for one in text)
    yield "".join(f"%{ord(one):02x}" for one in text)
    yield f"[{text}]"
    yield f"{text}%00.pictures.test"
    yield f"{text}.nip.io"


def embedding(text: str) -> Iterator[str]:
    """IPv6 addresses that mean an IPv4 address to a system, a translator or a tunnel."""
    number = int(ipaddress.IPv4Address(text))
    high, low = number >> 16, number & 0xFFFF
    yield f"::ffff:{text}"
    yield f"::ffff:{high:x}:{low:x}"
    yield f"0:0:0:0:0:FFFF:{high:X}:{low:X}"
    yield f"::{text}"  # IPv4-compatible (RFC 4291, deprecated)
    yield f"::ffff:0:{high:x}:{low:x}"  # IPv4-translated (RFC 2765)
    yield f"64:ff9b::{text}"  # NAT64 (RFC 6052)
    yield f"64:ff9b:1::{high:x}:{low:x}"  # NAT64 of a network's own (RFC 8215)
    yield f"2002:{high:x}:{low:x}::1"  # 6to4
    yield f"2001:0:{high:x}:{low:x}::1"  # Teredo: the server's address, and here the client's
    yield f"2001:0:4136:e378:8000:63bf:{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}"
    yield f"fe80::5efe:{text}"  # ISATAP
    yield f"2600:9000::5efe:{high:x}:{low:x}"
    yield f"2600:9000::200:5efe:{high:x}:{low:x}"


def hosts() -> list[str]:
    """Hosts of addresses, IPv6 in brackets."""
    four = [spelt for text in INSIDE for spelt in of_four(text)]
    six = [*INSIDE_SIX, *(spelt for text in INSIDE for spelt in embedding(text))]
    zones = [f"[{text}%25eth0]" for text in INSIDE_SIX]
    return list(dict.fromkeys([*four, *(f"[{text}]" for text in six), *zones]))


def literals() -> list[str]:
    """What a resolver may answer."""
    return list(
        dict.fromkeys([*INSIDE, *INSIDE_SIX, *(spelt for text in INSIDE for spelt in embedding(text))])
    )


def tricks(allowed: str) -> list[str]:
    """Addresses that one reader takes for an address inside, and another for one on the `allowed` host."""
    return [
        *(f"http://{allowed}@{host}/a.png" for host in ("127.0.0.1", "[::1]", "169.254.169.254", "localhost")),
        *(f"http://{allowed}:80@{host}/a.png" for host in ("127.0.0.1", "[::1]")),
        f"http://{allowed}%40127.0.0.1/a.png", f"http://{allowed}%2F@127.0.0.1/", f"http://{allowed}%00@127.0.0.1/",
        *(f"http://127.0.0.1{sign}@{allowed}/a.png" for sign in ("#", "?", "/", "\\", "%23", "%5c", "\\\\", "/\\")),
        *(f"http://127.0.0.1{sign}.{allowed}/" for sign in ("#", "?", "/", "\\", "&", ";", "%00", "%0d%0a")),
        *(f"http://{allowed}{end}/" for end in (".", "..", "%2e", "。", ".evil.example", "@evil.example", "%00", ":x")),
        *(f"http://{one}/" for one in (f"evil.{allowed}", f"{allowed}\u200b", f"{allowed}\u00ad", f"{allowed}\u2028")),
        *(f"{scheme}://{allowed}/a.png" for scheme in ("ftp", "file", "gopher", "dict", "ws", "data", "jar:http")),
        *(f"http://{allowed}:{port}@127.0.0.1:{port}/" for port in (22, 6379)),
        "http:127.0.0.1/", "http:/127.0.0.1/", "http:///127.0.0.1/", "http:\\\\127.0.0.1\\", "//127.0.0.1/", "http://",
        "http://?@127.0.0.1/", "http://#@127.0.0.1/", "http://:80/", "http://[::1", "http://::1/", "http://[]/",
        f"http://{allowed}:99999/", f"http://{allowed}:-1/", f"http://{allowed}:٨٠/", "http://ⓟictures.test/",
        "http://localhost/", "http://LOCALHOST/", "http://app.localhost/", "http://localhost.localdomain/",
        "http://metadata.google.internal/", "http://instance-data/", "unix:///run/docker.sock", "http+unix://%2frun/",
    ]  # fmt: skip
