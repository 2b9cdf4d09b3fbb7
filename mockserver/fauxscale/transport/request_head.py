"""Reads the plain heads of requests in one step; h11 reads all others, and decides what follows from either."""

from __future__ import annotations

import re
from typing import Any

import h11
from h11._headers import Headers

# What nearly every client sends: printable ASCII, a colon and a blank, no empty value. h11 reads the same of it.
_HEAD = re.compile(
    rb"([A-Z]{1,16}) ([!-~]+) HTTP/1\.1\r\n"
    rb"((?>(?:[-!#$%&'*+.^_`|~0-9A-Za-z]+: ?[!-~](?:[ -~]*[!-~])?\r\n)+))\r\n"
)
_LINE = re.compile(rb"([^:]+): ?([^\r]+)\r\n")
_MOST_DIGITS = 15


class ServerConnection(h11.Connection):
    """h11's connection of a server, which takes half the time to read a small request (h11 0.16).

    A head that is anything but plain, or says how its body is framed in any way but one length, is left to h11.
    """

    def _extract_next_receive_event(self) -> Any:
        if (
            self._receive_buffer
            and self.their_state is h11.IDLE
            and (event := self._plain_request()) is not None
        ):
            return event
        return super()._extract_next_receive_event()

    def _plain_request(self) -> h11.Request | None:
        found = _HEAD.match(self._receive_buffer._data)  # pyright: ignore[reportPrivateUsage]  # h11 0.16, to which pyproject.toml holds us
        if found is None:
            return None
        method, target, lines = found.groups()
        pairs = [(name, name.lower(), value) for name, value in _LINE.findall(lines)]
        names = [name for _, name, _ in pairs]
        if b"transfer-encoding" in names or names.count(b"host") != 1:
            return None
        if b"content-length" in names:
            lengths = [value for _, name, value in pairs if name == b"content-length"]
            if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > _MOST_DIGITS:
                return None
        self._receive_buffer._extract(found.end())  # pyright: ignore[reportPrivateUsage]  # h11 0.16, to which pyproject.toml holds us
        return h11.Request(
            method=method, target=target, headers=Headers(pairs), http_version=b"1.1", _parsed=True
        )
