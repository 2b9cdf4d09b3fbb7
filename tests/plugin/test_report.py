"""A failing test is told about its calls; a passing one is told nothing."""

from __future__ import annotations

from functools import partialmethod
from typing import Any

import pytest
from msgspec.structs import asdict

from fauxscale import MockServer
from fauxscale.client import CallRecord
from fauxscale.state.journal import Entry
from pytest_fauxscale.report import MOST, table
from tests.plugin.runs import Runs

pytest_plugins = ["pytester"]


def test_a_failing_test_shows_its_calls_and_why_they_were_refused(run: Runs) -> None:
    result = run(
        """
        def test_fails(fauxscale, send, sample_image):
            send(fauxscale, sample_image("PNG", 40, 30))
            send(fauxscale, b"GIF89a")
            httpx.get("https://api.ideogram.ai/")

        def test_passes(fauxscale, send):
            assert send(fauxscale).status_code == 200
    """,
        "-rP",  # shows what passing tests have to say, too
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- fauxscale calls -*",
            "time  *operation  *status  fault  picture  *cost",
            "??:??:??  ideogram.upscale  200     -      PNG 40x30 > 80x60  $0.06",
            "??:??:??  ideogram.upscale  400     -      -                  -",
            "    unsupported_format: *",
            "??:??:??  live.refused      -       -      -                  -",
            "    live_call: a live call to api.ideogram.ai by httpx*was refused: use the fixture *",
        ]
    )
    assert result.stdout.str().count("- fauxscale calls -") == 1


def test_calls_that_no_account_took_are_shown_with_their_reasons(run: Runs) -> None:
    result = run("""
        pytestmark = pytest.mark.fauxscale(contract="off")  # these addresses are wrong

        def test_earlier(fauxscale):
            upscale(fauxscale.base_url("fal"), "somebody's key", b"")

        def test_it(fauxscale):
            key = fauxscale.api_key("ideogram")
            upscale(fauxscale.base_url("ideogram"), "real-key-from-env", b"")
            upscale(fauxscale.base_url("ideogram"), fauxscale.api_key("fal"), b"")
            upscale(fauxscale.base_url("ideogram") + "/v2", key, b"")
            upscale(fauxscale.url + "/ideogramm", key, b"")
            assert False
    """)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "none: no call reached the account",
            "calls of no account during this test:",
            "time  *operation  *status*",
            "*ideogram.upscale *403*",
            "    invalid_key: the key real* was not issued here*",
            "*ideogram.upscale *403*",
            "    invalid_key: this key was issued for fal, not for ideogram*",
            "*ideogram.unmatched *404*",
            "    not_found: ideogram has no /v2/upscale, did you mean '/upscale'?*",
            "*unmatched *404*",
            "    not_found: * /ideogramm/upscale*",
        ],
        consecutive=True,
    )


def test_a_fixture_that_fails_after_the_account_was_made_shows_its_calls(run: Runs) -> None:
    result = run("""
        @pytest.fixture
        def prepared(fauxscale, send):
            send(fauxscale)
            raise RuntimeError("not prepared")

        def test_it(prepared):
            pass
    """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*- fauxscale calls -*", "*ideogram.upscale  200*"])


def test_an_account_opened_in_the_test_tells_its_calls_with_the_error(run: Runs) -> None:
    result = run("""
        def test_fails(fauxscale_server, send):
            with fauxscale_server.account() as account:
                assert send(account, b"GIF89a").status_code == 200
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*fauxscale calls:", "E*call_1 ideogram.upscale 400: *"])


def test_an_account_without_calls_says_so(run: Runs) -> None:
    result = run("""
        def test_fails(fauxscale):
            assert False
    """)
    result.stdout.fnmatch_lines(["*- fauxscale calls -*", "none: no call reached the account"])


def test_an_account_that_is_gone_hides_no_failure(run: Runs) -> None:
    result = run("""
        def test_fails(fauxscale):
            fauxscale.delete()
            assert 1 == 2
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([">*assert 1 == 2", "not available: *no account 'acct_1'*"])


@pytest.mark.parametrize("listen", [True, False], ids=["socket", "in process"])
def test_every_test_after_the_death_of_the_server_says_at_once_that_it_is_gone_and_why(
    run: Runs, listen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MockServer, "__init__", partialmethod(MockServer.__init__, listen=listen))
    result = run("""
        def test_kills(fauxscale, fauxscale_server):
            assert len(fauxscale.calls) == 0
            serving = fauxscale_server._serving
            serving.loop.call_soon_threadsafe(serving.loop.stop)
            serving._thread.join()

        def test_is_told(fauxscale):
            assert False

        def test_with_no_account(fauxscale_server):
            fauxscale_server.account()
    """)
    result.assert_outcomes(failed=2, errors=3)
    gone = "*ServerGone: the server at http://* is gone: its thread failed with RuntimeError('Event loop stopped*"
    result.stdout.fnmatch_lines([gone])
    assert sum("ServerGone: the server" in line for line in result.outlines if line.startswith("E ")) == 5
    assert "INTERNALERROR" not in result.stdout.str()


def call(**facts: Any) -> CallRecord:
    return CallRecord.of(asdict(Entry(**facts)))


def test_a_read_of_a_link_that_had_died_is_shown(run: Runs) -> None:
    done = run("""
        def test_fails(fauxscale, send):
            link = send(fauxscale).json()["data"][0]["url"]
            fauxscale.clock.advance(days=30)
            httpx.get(link).raise_for_status()
        """)
    done.assert_outcomes(failed=1)
    assert "INTERNALERROR" not in done.stdout.str()
    done.stdout.fnmatch_lines(["*  ideogram.download  4??  *-  *-"])


def test_only_the_newest_calls_are_shown() -> None:
    lines = table([call(n=number, operation=f"op{number}") for number in range(MOST + 2)]).splitlines()
    assert lines[1] == "(2 earlier calls)"
    assert [line.split()[1] for line in lines[2:]] == [f"op{number}" for number in range(2, MOST + 2)]


def test_faults_downloads_and_several_results_are_told_apart() -> None:
    calls = [
        call(
            operation="ideogram.upscale",
            status=None,
            faults=["Delay", "LoseReply"],
            image={
                "format": "JPEG",
                "width": 4,
                "height": 3,
                "bytes": 9,
                "mode": "L",
                "orientation": 1,
                "has_alpha": False,
            },
            results=[{"width": 8, "height": 6}, {"width": 8, "height": 6}],
            cost=120_000,
            reason="configured: the reply is lost",
        ),
        call(operation="ideogram.download", kind="download", status=200),
    ]
    _, upscale, reason, download = table(calls).splitlines()
    assert " ".join(upscale.split()) == "00:00:00 ideogram.upscale - Delay, LoseReply JPEG 4x3 > 8x6 $0.12"
    assert reason == "    configured: the reply is lost"
    assert " ".join(download.split()) == "00:00:00 ideogram.download 200 - - -"
