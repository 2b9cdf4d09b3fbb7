"""`fauxscale.exploring` puts the account of a test into a situation and tells what its client did."""

from __future__ import annotations

from tests.plugin.runs import Runs

pytest_plugins = ["pytester"]


def test_a_situation_is_staged_and_what_the_client_did_is_told(run: Runs) -> None:
    run("""
    def test_pays_twice(fauxscale, send):
        with fauxscale.exploring("lost-reply@ideogram.upscale") as seen:
            for _ in range(2):
                try:
                    send(fauxscale)
                except httpx.TransportError:
                    pass
        assert (seen.charges, seen.calls, seen.error) == (2, 2, None)
        assert seen.findings == ["paid 2 times for one piece of work, once without the situation"]

    def test_gives_up(fauxscale, send):
        with fauxscale.exploring("lost-reply@ideogram.upscale") as seen:
            send(fauxscale)
        assert seen.charges == 1
        assert isinstance(seen.error, httpx.TransportError)
        assert seen.findings == []

    def test_meets_nothing(fauxscale):
        with fauxscale.exploring("lost-reply@ideogram.upscale"):
            pass
        assert fauxscale.faults.list() == []

    def test_no_such_situation(fauxscale):
        with pytest.raises(ValueError, match="choose from"):
            with fauxscale.exploring("lost-letter@ideogram.upscale"):
                pass
        assert fauxscale.situation is None
    """).assert_outcomes(passed=4)


def test_a_client_that_does_not_wait_as_long_as_it_was_told_is_found(run: Runs) -> None:
    result = run("""
    import time

    def twice(send, account, wait):
        with account.exploring("429-seconds@ideogram.upscale#1") as seen:
            for _ in range(2):
                send(account)
                wait()
        return seen.findings

    def test_does_not_wait(fauxscale, send):
        (said,) = twice(send, fauxscale, lambda: None)
        assert said.startswith("was told to wait 2 s but waited 0.")

    def test_waits_by_the_clock_of_its_account(fauxscale, send):
        assert twice(send, fauxscale, lambda: fauxscale.clock.advance(seconds=2)) == []

    def test_whose_sleeps_are_replaced_is_not_judged(fauxscale, send, monkeypatch):
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        assert twice(send, fauxscale, lambda: time.sleep(2)) == []
    """)
    result.assert_outcomes(passed=3)
