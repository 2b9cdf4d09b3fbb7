"""The baseline of an exploration accepts what is known, with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from fauxscale_contracts.explore.baseline import Baseline


def read(tmp_path: Path, text: str) -> Baseline:
    (tmp_path / "known.txt").write_text(text)
    return Baseline.read(tmp_path / "known.txt")


def test_a_line_accepts_a_finding_with_its_reason(tmp_path: Path) -> None:
    known = read(
        tmp_path, "# ours\n\ntest_a.py::test[x] lost-reply@* # paid by hand until May\n* download-* # later\n"
    )
    assert known.reason("test_a.py::test[x]", "lost-reply@ideogram.upscale#1") == "paid by hand until May"
    assert known.reason("npm test -- all", "download-html@fal.download#1") == "later"
    assert known.reason("test_a.py::test[x]", "reset@ideogram.upscale#1") == ""
    assert Baseline.read(None).reason("any", "any") == ""


@pytest.mark.parametrize("line", ["test_a.py::test lost-reply@*", "lost-reply # why", "a b #"])
def test_a_line_without_test_situation_or_reason_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match="line 1: expected TEST SITUATION # why"):
        read(tmp_path, line)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        Baseline.read(tmp_path / "none")
