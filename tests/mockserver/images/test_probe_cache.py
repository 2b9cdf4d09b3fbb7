"""Judged once per content, where that is cheaper than judging again."""

from __future__ import annotations

import sys
from contextlib import suppress

import pytest

from fauxscale.errors import ApiError
from fauxscale.images.permits import Permits
from fauxscale.images.probe import Picture, probe
from fauxscale.images.probe_cache import ProbeCache
from fauxscale.images.structure import Rules
from fauxscale.workers import Workers
from tests.pictures import picture


def probe_cache(memory: int = 10**9) -> ProbeCache:
    return ProbeCache(Workers(), Permits(memory))


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    seen: list[int] = []

    def count(data: bytes, rules: Rules) -> Picture:
        seen.append(len(data))
        return probe(data, rules)

    monkeypatch.setattr(sys.modules["fauxscale.images.probe"], "probe", count)
    return seen


def test_an_equal_upload_is_not_judged_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)
    probes = probe_cache()
    first = probes.probe(picture("JPEG"), Rules())
    assert probes.probe(picture("JPEG"), Rules()) == first
    assert len(seen) == 1


def test_other_rules_are_another_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)
    probes = probe_cache()
    probes.probe(picture("JPEG"), Rules())
    with pytest.raises(ApiError):
        probes.probe(picture("JPEG"), Rules(max_pixels=5))
    assert len(seen) == 2


def test_a_refusal_is_remembered_as_an_equal_error_of_its_own() -> None:
    probes = probe_cache()
    errors: list[ApiError] = []
    for _ in range(2):
        with pytest.raises(ApiError) as refused:
            probes.probe(b"GIF89a", Rules())
        errors.append(refused.value)
    first, second = errors
    assert first is not second
    assert (first.problem, first.reason) == (second.problem, second.reason)


def test_a_refused_upload_is_not_kept() -> None:
    probes, upload = probe_cache(), b"no picture" * 1000
    before = sys.getrefcount(upload)
    with suppress(ApiError):
        probes.probe(upload, Rules())
    assert sys.getrefcount(upload) == before


def test_only_small_pngs_and_what_was_judged_before_are_judged_at_once() -> None:
    probes = probe_cache()
    small = picture("PNG")
    probes.probe(small, Rules())  # loads Pillow
    assert probes.judge_at_once(small, Rules()) is not None
    # A header that announces more pixels, and formats whose few bytes may hold millions of them.
    unfolding = small[:16] + (400).to_bytes(4, "big") * 2 + small[24:]
    for slow in (unfolding, picture("JPEG"), picture("WEBP"), small + bytes(2 * 1024 * 1024)):
        assert probes.judge_at_once(slow, Rules()) is None
    for known in (picture("JPEG"), picture("WEBP")):
        assert probes.probe(known, Rules()) == probes.judge_at_once(known, Rules())
