"""Parses plain request heads, and the ends of their bodies, in one step; h11 parses all others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import h11
from h11._headers import Headers
from h11._readers import ContentLengthReader, expect_nothing
from h11._writers import write_any_response

# Nearly all headers of clients: printable ASCII, a colon and a space, no empty value. h11 reads them the same way.
_HEAD = re.compile(
    rb"([A-Z]{1,16}) ([!-~]+) HTTP/1\.1\r\n"
    rb"((?>(?:[-!#$%&'*+.^_`|~0-9A-Za-z]+: ?[!-~](?:[ -~]*[!-~])?\r\n)+))\r\n"
)
_LINE = re.compile(rb"([^:]+): ?([^\r]+)\r\n")
_MOST_DIGITS = 15
# Headers that define a message's framing, or what follows it, other than by one length.
_FRAMING = frozenset({b"transfer-encoding", b"upgrade", b"expect"})


class _Headers(Headers):
    """h11's headers, through which h11 iterates in Python, one by one (0.16)."""

    __slots__ = ()

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return iter([(name, value) for _, name, value in self._full_items])


class PlainHead(NamedTuple):
    """A plain request: its header lines as name, name in lower case, value; the length of its body, and its own."""

    method: bytes
    target: bytes
    lines: list[tuple[bytes, bytes, bytes]]
    length: int
    size: int


def plain_head(data: bytes | bytearray) -> PlainHead | None:
    """Parse the head that `data` begins with; None if it is not plain, or its body not framed by one length."""
    found = _HEAD.match(data)
    if found is None:
        return None
    method, target, lines = found.groups()
    pairs = [(name, name.lower(), value) for name, value in _LINE.findall(lines)]
    named = {name: value for _, name, value in pairs}
    length, connection = named.get(b"content-length", b"0"), named.get(b"connection", b"keep-alive")
    plain = (
        len(named) == len(pairs)
        and b"host" in named
        and _FRAMING.isdisjoint(named)
        and length.isdigit()
        and len(length) <= _MOST_DIGITS
        and connection.lower() == b"keep-alive"
        and method != b"CONNECT"
    )
    return PlainHead(method, target, pairs, int(length), found.end()) if plain else None


class ServerConnection(h11.Connection):
    """h11's connection of a server, which takes a third of the time to read a small request (h11 0.16).

    A head that is not plain is left to h11. After a plain one, h11's state is the same as if it had read the request
    itself.
    """

    def receive_request(self, data: bytes) -> PlainHead | None:
        """Read a plain request with which `data` begins, and what is there of its body; None, and nothing is read, if
        it is not plain, not the next, or not the only one."""
        if (
            self._cstate.states[h11.CLIENT] is not h11.IDLE
            or self._receive_buffer
            or self._receive_buffer_closed
        ):
            return None
        head = plain_head(data)
        if head is None or len(data) > head.size + head.length:
            return None
        self._accept(head)
        assert isinstance(self._reader, ContentLengthReader)
        self._reader._remaining -= len(data) - head.size  # pyright: ignore[reportPrivateUsage]  # h11 0.16, to which pyproject.toml holds us
        if self._is_plain_end():
            self._end_request()
        return head

    def next_event(self) -> Any:
        state = self._cstate.states[h11.CLIENT]
        if state is h11.IDLE and self._receive_buffer:
            head = plain_head(self._receive_buffer._data)  # pyright: ignore[reportPrivateUsage]  # as above
            if head is not None:
                self._receive_buffer._extract(head.size)  # pyright: ignore[reportPrivateUsage]  # as above
                self._accept(head)
                return h11.Request(
                    method=head.method,
                    target=head.target,
                    headers=_Headers(head.lines),
                    http_version=b"1.1",
                    _parsed=True,
                )
        if state is h11.SEND_BODY and self._is_plain_end():
            self._end_request()
            return h11.EndOfMessage()
        return super().next_event()

    def _accept(self, head: PlainHead) -> None:
        self._cstate.states.update({h11.CLIENT: h11.SEND_BODY, h11.SERVER: h11.SEND_RESPONSE})
        self._request_method, self.their_http_version = head.method, b"1.1"
        self._reader, self._writer = ContentLengthReader(head.length), write_any_response

    def _end_request(self) -> None:
        self._cstate.states[h11.CLIENT] = h11.DONE
        self._reader = expect_nothing
        self.client_is_waiting_for_100_continue = False

    def _is_plain_end(self) -> bool:
        """Whether a body of known length is complete here, and the connection goes on after it."""
        known = isinstance(self._reader, ContentLengthReader) and self._reader._remaining == 0  # pyright: ignore[reportPrivateUsage]  # as above
        state = self._cstate
        return (
            known
            and state.states[h11.SERVER] is h11.SEND_RESPONSE
            and state.keep_alive
            and not state.pending_switch_proposals
        )
