"""What a run says at its end, and when its budget fails it."""

from __future__ import annotations

import pytest

from pytest_fauxscale.totals import Totals, dollars
from tests.plugin.runs import Runs

pytest_plugins = ["pytester"]

TWO = """
    @pytest.mark.parametrize("round", range(2))
    def test_account(round, fauxscale, send):
        assert send(fauxscale).status_code == 200
        assert send(fauxscale, b"no picture").status_code == 400
"""
LINE = "fauxscale: 4 calls, 2 images, would have cost $0.12"


def test_a_run_over_its_budget_fails_and_says_by_how_much(run: Runs) -> None:
    result = run(TWO, "--fauxscale-budget", "0.10")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([LINE, "fauxscale: FAILED: the budget of $0.10 was exceeded by $0.02"])


def test_a_run_within_its_budget_passes(run: Runs) -> None:
    run.ini("fauxscale_budget = 0.12")
    result = run(TWO)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([LINE])
    result.stdout.no_fnmatch_line("*budget of*")


def test_the_workers_totals_are_held_against_one_budget(run: Runs) -> None:
    run.write(TWO)
    result = run.apart(
        "-n", "2", "-p", "xdist", "--dist", "each", "--tx", "2*popen", "--fauxscale-budget", "0.20"
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["fauxscale: 8 calls, 4 images, would have cost $0.24", "*the budget of $0.20 was exceeded by $0.04"]
    )
    assert sum("would have cost" in line for line in result.outlines) == 1


def test_a_run_that_uses_nothing_says_nothing(run: Runs) -> None:
    result = run("""
        def test_it(sample_image):
            assert sample_image()
    """)
    assert "fauxscale" not in result.stdout.str()


def test_totals_outlive_resets(run: Runs) -> None:
    result = run("""
        def test_reset(fauxscale, send):
            send(fauxscale)
            fauxscale.reset()
            send(fauxscale)
    """)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["fauxscale: 2 calls, 2 images, would have cost $0.12"])


def test_totals_read_like_a_sentence() -> None:
    assert str(Totals(41, 38, 2_280_000, 0)) == "41 calls, 38 images, would have cost $2.28"
    assert str(Totals(1, 1, 60_000, 1)) == "1 call, 1 image, would have cost $0.06; 1 live call refused"
    assert str(Totals(1_000)) == "1,000 calls, 0 images, would have cost $0.00"


def test_totals_of_workers_add_up() -> None:
    totals = Totals(1, 2, 3, 4)
    totals.add(Totals(10, 20, 30, 40).to_members())
    totals.add({})
    totals.add({"judged": 5, "rejected": 1, "undocumented": 2, "ignored": 1})
    contract = {"judged": 5, "rejected": 1, "undocumented": 2, "ignored": 1}
    assert totals.to_members() == {"calls": 11, "images": 22, "micros": 33, "refused": 44, **contract}


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0.00"), (60_000, "0.06"), (2_280_000, "2.28"), (60_400, "0.0604"), (10, "0.00001")],
)
def test_no_part_of_a_cent_is_hidden(micros: int, text: str) -> None:
    assert dollars(micros) == text


@pytest.mark.parametrize(("budget", "over"), [(None, False), (0.12, False), (0.119999, True), (0, True)])
def test_a_budget_may_be_spent_to_the_last_cent(budget: float | None, over: bool) -> None:
    assert Totals(micros=120_000).exceeds(budget) is over
