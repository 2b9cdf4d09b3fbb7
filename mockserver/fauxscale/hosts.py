"""Predicates about host names and addresses: is it loopback, public, open to others, safe from rebinding?"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::[0-9]{1,5})?")


# IPv6's public ranges, and the parts of them and of IPv4's that no host has, although `ipaddress` calls them global,
# depending on the version of Python: IANA's registries of special addresses (read 2026-11). Of the tunnels that carry
# IPv4 in IPv6, 6to4 and Teredo are in the list (2002::/16, 2001::/32), ISATAP is recognized by the middle of an address
# (RFC 5214), and NAT64 (RFC 6052) is as public as the IPv4 address in it: networks without IPv4 reach all of IPv4 that
# way.
_INTERNET = ipaddress.IPv6Network("2000::/3")
_NO_HOSTS: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = (
    *map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24")),
    *map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")),
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP = (0x5EFE, 0x200_5EFE)


@lru_cache(128)  # a server is called by few names, each of them often
def host_name(header: str) -> str:
    """Read the name in a Host header: `LOCALHOST:2160` → `localhost`, `[::1]:2160` → `::1`; "" for an invalid one."""
    found = _HOST.fullmatch(header.lower())
    return "" if found is None else found[1] or found[2]


def named_host(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Read the name in the Host header of a request's raw headers, as `host_name` does."""
    return host_name(next((value for name, value in headers if name == b"host"), b"").decode("latin-1"))


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own: `localhost`, `app.localhost`, 127.0.0.0/8, ::1, and the
    IPv4 ones written as IPv6 (::ffff:127.0.0.1)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def leads_here(host: str) -> bool:
    """Whether a client that connects to `host` reaches this machine: loopback, no name at all, or 0.0.0.0 and ::,
    which every system treats as itself."""
    address = _address(host)
    return not host or is_loopback(host) or (address is not None and address.is_unspecified)


def is_open_to_others(host: str) -> bool:
    """Whether other machines may reach a server on this host: the control API then needs a token."""
    return not is_loopback(host)


def is_literal(host: str) -> bool:
    """Whether this is an address instead of a name."""
    return _address(host) is not None


@lru_cache(128)
def cannot_be_rebound(host: str) -> bool:
    """Whether no DNS server can point this name here: loopback names and literal addresses of any kind."""
    return is_loopback(host) or is_literal(host)


def is_public(host: str) -> bool:
    """Whether this is an address on the internet, not of this machine, its network or its cloud, nor one that a
    translator or a tunnel on the way turns into such a one."""
    address = _address(host)
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        elif address not in _INTERNET or int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
            return False
    if address is None or address.is_multicast or any(address in network for network in _NO_HOSTS):
        return False
    return address.is_global


def at_loopback(name: str) -> str:
    """Return the address to connect to for a loopback name, without a resolver: `app.localhost` → 127.0.0.1."""
    return "127.0.0.1" if name.endswith(".localhost") else name


@lru_cache(128)
def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an address; IPv4 if IPv6 only wraps it; None for a name. A zone (`%eth0`) is ignored."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
