"""What a misspelt name was meant to be."""

from __future__ import annotations

import pytest

from fauxscale.spelling import choose_from, did_you_mean, nearest

KNOWN = ("link_ttl", "Fail", "ideogram.upscale", "ideogram.remix", "fal.run", "lost-reply")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("link_tll", "link_ttl"),
        ("link-ttl", "link_ttl"),
        ("LINK TTL", "link_ttl"),
        ("fail", "Fail"),
        ("ideogram.upscael", "ideogram.upscale"),
        ("ideogramm.upscale", "ideogram.upscale"),
        ("lost_reply", "lost-reply"),
        ("ideogram.nope", None),
        ("", None),
        ("x" * 100_000, None),
    ],
)
def test_the_nearest_name_is_found_where_one_is_near(said: str, meant: str | None) -> None:
    assert nearest(said, KNOWN) == meant


def test_an_error_ends_with_what_was_meant_and_what_there_is() -> None:
    assert did_you_mean("fial", KNOWN) == ", did you mean 'Fail'?"
    assert did_you_mean("nothing like it", KNOWN) == ""
    assert choose_from("fall", ["fal", "ideogram"]) == ", did you mean 'fal'? choose from fal, ideogram"
    assert choose_from("zzz", iter(["fal", "ideogram"])) == ": choose from fal, ideogram"
