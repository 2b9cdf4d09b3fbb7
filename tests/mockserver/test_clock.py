"""A clock shows real time moved, or stands; it never jumps by being stopped or let go."""

from __future__ import annotations

import pytest

from fauxscale.clock import Clock, http_date, iso, stopwatch, wall


def test_a_new_clock_shows_real_time() -> None:
    assert Clock().now() == pytest.approx(wall(), abs=1)


@pytest.mark.parametrize("clock", [Clock(), Clock().freeze(1_800_000_000.0), Clock(offset=-500)], ids=str)
def test_a_clock_moves_by_what_it_is_told(clock: Clock) -> None:
    assert clock.advance(90_000).now() == pytest.approx(clock.now() + 90_000, abs=1)
    assert clock.advance(-10).now() == pytest.approx(clock.now() - 10, abs=1)


def test_stopping_and_letting_go_shift_nothing() -> None:
    clock = Clock(offset=1000)
    stopped = clock.freeze()
    assert stopped.now() == stopped.now() == pytest.approx(clock.now(), abs=1)
    assert stopped.unfreeze().now() == pytest.approx(clock.now(), abs=1)
    assert stopped.unfreeze().frozen_at is None
    assert clock.unfreeze() is clock


def test_a_clock_can_be_stopped_at_or_set_to_a_moment() -> None:
    assert Clock().freeze(100.5).now() == 100.5
    assert Clock().freeze(100).set(200) == Clock(frozen_at=200)
    assert Clock().set(200).now() == pytest.approx(200, abs=1)


@pytest.mark.parametrize("ahead", [-3_000.0, 3_000.0])
def test_a_machine_shows_the_time_of_those_it_shares_with_and_what_it_sets_holds_for_them(
    ahead: float,
) -> None:
    here = Clock(ahead=ahead)
    assert here.now() == pytest.approx(wall() + ahead, abs=1)
    for moved in (here.set(200), here.freeze(200).unfreeze()):
        assert moved.now() == pytest.approx(200, abs=1)
        assert moved.offset == pytest.approx(200 - wall() - ahead, abs=1)


def test_durations_only_grow() -> None:
    begun = stopwatch()
    assert stopwatch() >= begun


def test_dates_are_spelled_as_headers_and_bodies_want_them() -> None:
    assert http_date(1_801_396_800) == "Sun, 31 Jan 2027 12:00:00 GMT"
    assert iso(1_801_396_800.9) == "2027-01-31T12:00:00+00:00"
    assert iso(1_801_396_800.9, " ") == "2027-01-31 12:00:00+00:00"
