"""Reads a header value with parameters: `form-data; name="image_file"; filename="a.png"`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

# A parameter: its name, and its value in quotes or up to the next semicolon.
_PARAMETER = re.compile(
    rb';([^=;]*)(?:=[ \t]*("(?:[^"\\]|\\.)*"(?=[ \t]*(?:;|\Z))|[^;]*))?(?=;|\Z)', re.DOTALL
)
_ESCAPED = re.compile(rb'\\([\\"])')


@lru_cache(128)  # the parts of a client's forms have the same headers in every call
def read_parameters(value: bytes | None) -> tuple[bytes, Mapping[bytes, bytes]]:
    """Split a header value into its value, in lower case, and its parameters, with names in lower case.

    Of repeated parameters the last counts. Those of the extended syntax (`filename*=`), which RFC 7578 section 4.2
    forbids in forms, are left out. Of a file name with a path, as old Windows browsers send it, the last part is
    kept.
    """
    first, semicolon, _ = (value or b"").partition(b";")
    parameters: dict[bytes, bytes] = {}
    for found in _PARAMETER.finditer(value or b"", len(first)) if semicolon else ():
        name, content = found[1].strip(b" \t").lower(), (found[2] or b"").strip(b" \t")
        if b"*" in name:
            continue
        if len(content) >= 2 and content[:1] == content[-1:] == b'"':
            content = _ESCAPED.sub(rb"\1", content[1:-1])
        if name == b"filename" and (content[1:3] == b":\\" or content[:2] == b"\\\\"):
            content = content.rpartition(b"\\")[2]
        parameters[name] = content
    return first.strip(b" \t").lower(), parameters
