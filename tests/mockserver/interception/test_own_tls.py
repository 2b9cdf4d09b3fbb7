"""Both ends of TLS are ours, with a certificate where there is one and without one where there is none."""

from __future__ import annotations

import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from fauxscale.interception import own_tls
from fauxscale.interception.own_tls import Contexts, context_classes, contexts, is_ours
from fauxscale.transport.tls import MissingExtra

HOST = "api.ideogram.ai"


def met(made: Contexts) -> ssl.SSLSocket:
    """Have both ends meet, and return the client's."""
    left, right = socket.socketpair()
    with ThreadPoolExecutor(1) as threads:
        serving = threads.submit(made.server.wrap_socket, left, server_side=True)
        client = made.client.wrap_socket(right, server_hostname=HOST)
        with serving.result(timeout=10) as server:
            server.sendall(b"hello")
            assert client.recv(5) == b"hello"
    return client


def named(client: ssl.SSLSocket) -> object:
    found = client.getpeercert()
    assert found is not None
    return found["subjectAltName"]


def test_with_the_extra_the_client_sees_a_certificate_that_it_verified() -> None:
    with met(contexts([HOST])) as client:
        assert named(client) == (("DNS", HOST),)
        assert client.getpeercert(binary_form=True)
        assert client.context.verify_mode == ssl.CERT_REQUIRED


def test_without_the_extra_there_is_none_and_its_name_is_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with met(contexts([HOST])) as client:
        assert named(client) == (("DNS", HOST),)
        assert client.getpeercert(binary_form=True) is None


def test_where_openssl_may_not_do_without_one_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    monkeypatch.setattr(own_tls, "_WITHOUT_CERTIFICATE", "no such cipher")
    with pytest.raises(MissingExtra, match=r"^TLS needs an extra: pip install 'fauxscale\[tls\]'$"):
        contexts([HOST])


@pytest.mark.parametrize("extra", [True, False])
def test_a_library_that_replaces_python_s_class_of_contexts_changes_nothing(
    extra: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not extra:
        monkeypatch.setitem(sys.modules, "trustme", None)
    original = ssl.SSLContext

    class Injected(ssl.SSLContext):
        """As truststore's, which verifies by the system's own authorities."""

    monkeypatch.setattr(ssl, "SSLContext", Injected)
    assert context_classes()[0] is original
    assert Injected in context_classes()
    with met(contexts([HOST])) as client:
        assert type(client.context) is original


def test_ours_are_told_from_a_client_s_own() -> None:
    assert is_ours(contexts([HOST]).client)
    assert not is_ours(ssl.create_default_context())


def test_ours_reach_nobody_else() -> None:
    stranger = contexts([HOST])
    with pytest.raises(ssl.SSLError):
        met(Contexts(stranger.server, contexts([HOST]).client))
