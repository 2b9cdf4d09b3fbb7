"""BoundedLog: what is said again and again is one line a minute, and nothing else is held back."""

from __future__ import annotations

import logging

import pytest

from fauxscale.transport import bounded_log
from fauxscale.transport.bounded_log import BoundedLog


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be moved."""
    now = [1000.0]
    monkeypatch.setattr(bounded_log, "stopwatch", lambda: now[0])
    return now


@pytest.fixture
def log(time: list[float]) -> BoundedLog:
    return BoundedLog(logging.getLogger("fauxscale.test"))


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_message_is_logged_once_a_minute_with_how_many_were_left_out(
    log: BoundedLog, time: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1_500):
        log.warning("a bad request of %d bytes", number)
    time[0] += 61
    log.warning("a bad request of %d bytes", 7)
    time[0] += 61
    log.warning("a bad request of %d bytes", 8)
    assert said(caplog) == [
        "a bad request of 0 bytes",
        "a bad request of 7 bytes (1,499 more like it since the last)",
        "a bad request of 8 bytes",
    ]


def test_different_messages_are_all_logged(log: BoundedLog, caplog: pytest.LogCaptureFixture) -> None:
    log.warning("one")
    log.error("another")
    assert said(caplog) == ["one", "another"]


def failing(log: BoundedLog, error: Exception) -> None:
    try:
        raise error
    except Exception as raised:
        log.error("a call failed\n", exc_info=raised)


def test_exceptions_of_one_kind_and_place_are_one_message(
    log: BoundedLog, caplog: pytest.LogCaptureFixture
) -> None:
    for error in (ValueError("a"), ValueError("b"), KeyError("c")):
        failing(log, error)
    try:
        raise ValueError("elsewhere")
    except ValueError as raised:
        log.error("a call failed\n", exc_info=raised)
    assert [str(record.exc_info and record.exc_info[1]) for record in caplog.records] == [
        "a",
        "'c'",
        "elsewhere",
    ]


def test_a_cause_tells_the_kind_and_is_not_logged(log: BoundedLog, caplog: pytest.LogCaptureFixture) -> None:
    for error in (ValueError("a"), ValueError("b"), KeyError("c")):
        log.error("failed: %s", "of it", cause=error)
    assert said(caplog) == ["failed: of it", "failed: of it"]
    assert [record.exc_info for record in caplog.records] == [None, None]


def test_uvicorn_can_read_its_level(log: BoundedLog) -> None:
    assert log.level == logging.getLogger("fauxscale.test").level
