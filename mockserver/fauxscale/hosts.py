"""Predicates about host names and addresses: is it loopback, public, open to others, safe from rebinding?"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::[0-9]{1,5})?")


@lru_cache(128)  # a server is called by few names, and by each of them often
def host_name(header: str) -> str:
    """Read the name in a Host header: `LOCALHOST:2160` → `localhost`, `[::1]:2160` → `::1`; "" for an invalid one."""
    found = _HOST.fullmatch(header.lower())
    return "" if found is None else found[1] or found[2]


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
    """Whether other machines may reach what listens on this host: the control API then wants a token."""
    return not is_loopback(host)


def cannot_be_rebound(host: str) -> bool:
    """Whether no DNS server can point this name here: loopback names and literal addresses of any kind."""
    return is_loopback(host) or _address(host) is not None


def is_public(host: str) -> bool:
    """Whether this is an address on the internet, not of this machine, its network or its cloud."""
    address = _address(host)
    return address is not None and address.is_global and not address.is_multicast


def at_loopback(name: str) -> str:
    """Return the address to connect to for a loopback name, without a resolver: `app.localhost` → 127.0.0.1."""
    return "127.0.0.1" if name.endswith(".localhost") else name


@lru_cache(128)
def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an address, IPv4 where IPv6 only wraps it; None for a name. A zone (`%eth0`) is ignored."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
