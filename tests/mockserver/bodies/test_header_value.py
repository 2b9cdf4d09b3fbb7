"""read_parameters: what real clients write into Content-Disposition and Content-Type."""

from __future__ import annotations

import pytest

from fauxscale.bodies.header_value import read_parameters


@pytest.mark.parametrize(
    ("value", "said", "parameters"),
    [
        (None, b"", {}),
        (b"image/PNG", b"image/png", {}),
        (b' Form-Data ; Name="A" ', b"form-data", {b"name": b"A"}),
        (b"form-data; name=a; filename=b.png", b"form-data", {b"name": b"a", b"filename": b"b.png"}),
        (b'form-data; name="a;b=c"', b"form-data", {b"name": b"a;b=c"}),
        (rb'form-data; name="say \"hi\" \\o/"', b"form-data", {b"name": b'say "hi" \\o/'}),
        (b'form-data; name="a"b"', b"form-data", {b"name": b'a"b'}),
        (rb'form-data; filename="C:\pictures\a.png"', b"form-data", {b"filename": b"a.png"}),
        (rb'form-data; filename="\\\\host\\share\\a.png"', b"form-data", {b"filename": b"a.png"}),
        (b"form-data; name=a; filename*=UTF-8''b.png", b"form-data", {b"name": b"a"}),
        (b"form-data; name=a; name=b", b"form-data", {b"name": b"b"}),
        (b"form-data; flag; name=a", b"form-data", {b"flag": b"", b"name": b"a"}),
        (b"form-data;;; name=a;", b"form-data", {b"": b"", b"name": b"a"}),
    ],
)
def test_a_value_is_split_as_clients_mean_it(
    value: bytes | None, said: bytes, parameters: dict[bytes, bytes]
) -> None:
    assert read_parameters(value) == (said, parameters)
