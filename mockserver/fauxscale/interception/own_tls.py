"""TLS between intercepted clients and our listener: our contexts on both ends, the client's own unchanged."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from fauxscale.extras import MissingExtra
from fauxscale.transport import tls

# OpenSSL has these in its security level 0 only; a machine that is held to FIPS has none of them.
_WITHOUT_CERTIFICATE = "AECDH-AES256-SHA:ADH-AES256-GCM-SHA384:@SECLEVEL=0"


class Contexts(Struct, frozen=True):
    """Both ends: `server` for the listener, `client` in the place of whatever context a client has."""

    server: ssl.SSLContext
    client: ssl.SSLContext


class OwnSocket(ssl.SSLSocket):
    """A client's end."""

    def getpeercert(self, binary_form: bool = False) -> Any:
        return super().getpeercert(binary_form) or _named(self.server_hostname, binary_form)


class OwnObject(ssl.SSLObject):
    """A client's end without a socket, as asyncio and trio have it."""

    def getpeercert(self, binary_form: bool = False) -> Any:
        return super().getpeercert(binary_form) or _named(self.server_hostname, binary_form)


def _named(host: str | None, binary_form: bool) -> dict[str, object] | None:
    """What a certificate for that host says: urllib3 1.26 compares names itself, whatever the context says of it."""
    return None if binary_form or host is None else {"subjectAltName": (("DNS", host),)}


def is_ours(context: ssl.SSLContext) -> bool:
    """Whether this is a client context of ours, which reaches nothing but a listener of this process."""
    return context.sslsocket_class is OwnSocket


def contexts(hosts: Iterable[str]) -> Contexts:
    """Make both ends, with a certificate for `hosts`, which some clients look at (niquests 3.21): in 4 ms.

    Without the extra that makes it they do without one. Raises MissingExtra where OpenSSL may not.
    """
    try:
        made = _certified(hosts)
    except MissingExtra as missing:
        try:
            made = _anonymous()
        except ssl.SSLError:
            raise missing from None
    made.client.check_hostname = False  # it was the name that led here
    made.client.sslsocket_class, made.client.sslobject_class = OwnSocket, OwnObject
    for one in (made.server, made.client):
        one.set_alpn_protocols(["http/1.1"])
    return made


def _bare() -> Contexts:
    made = context_classes()[0]
    return Contexts(made(ssl.PROTOCOL_TLS_SERVER), made(ssl.PROTOCOL_TLS_CLIENT))


def _certified(hosts: Iterable[str]) -> Contexts:
    certificates, made = tls.issue(hosts), _bare()
    try:
        made.server.load_cert_chain(certificates.chain, certificates.key)
        made.client.load_verify_locations(certificates.ca)
    finally:
        certificates.remove()
    return made


def _anonymous() -> Contexts:
    """TLS without a certificate: no one can intercept a connection within this process."""
    made = _bare()
    made.client.check_hostname = False
    _set(made.client, "verify_mode", ssl.CERT_NONE)
    for one in (made.server, made.client):
        one.set_ciphers(_WITHOUT_CERTIFICATE)
        _set(one, "minimum_version", ssl.TLSVersion.TLSv1_2)  # TLS 1.3 has no such ciphers
        _set(one, "maximum_version", ssl.TLSVersion.TLSv1_2)
    return made


def _set(context: ssl.SSLContext, name: str, value: int) -> None:
    # Python's own setters look for `ssl.SSLContext` when they are called, and call themselves for ever once a library
    # (truststore) has put a class of its own in that place.
    getattr(type(context).__mro__[1], name).__set__(context, value)


def context_classes() -> list[type[ssl.SSLContext]]:
    """Python's own class of contexts, whatever a library has put in its place, and those derived from it."""
    found = [next(one for one in ssl.SSLContext.__mro__ if one.__module__ == "ssl")]
    for one in found:
        found.extend(one.__subclasses__())
    return found
