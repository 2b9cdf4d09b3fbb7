"""No live call gets out of a run, and none that was refused goes unnoticed."""

from __future__ import annotations

import pytest

from tests.plugin.runs import Runs

pytest_plugins = ["pytester"]

APP = """
from fauxscale import LiveCallRefused

def app():
    try:
        return httpx.get("https://api.ideogram.ai/")
    except Exception:
        return "try again later"
"""
SAID = "a live call to api.ideogram.ai by httpx (through httpcore) was refused: use the fixture *"


@pytest.mark.tries_to_leave
@pytest.mark.parametrize("scope", ["module", "session"])
def test_a_wider_fixture_reaches_no_service_either(run: Runs, scope: str) -> None:
    result = run(f"""
        import socket

        @pytest.fixture(scope="{scope}")
        def wide():
            socket.getaddrinfo("api.ideogram.ai", 443)

        @pytest.fixture(scope="{scope}")
        def elsewhere():
            with pytest.raises(OSError):
                socket.getaddrinfo("other.invalid", 443)

        def test_first(fauxscale):
            pass

        def test_it(wide, fauxscale):
            pass

        def test_without_a_fixture_of_ours(elsewhere):
            with pytest.raises(AssertionError, match="live call to fal.run"):
                socket.getaddrinfo("fal.run", 443)
    """)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*LiveCallRefused: a live call to api.ideogram.ai by a plain socket*"])
    result.stdout.fnmatch_lines(["fauxscale: *; 2 live calls refused"])


def test_nothing_is_guarded_once_the_server_has_gone_nor_where_the_network_is_allowed(run: Runs) -> None:
    result = run(
        """
        import socket

        def test_first(fauxscale_server):
            assert socket.getaddrinfo.__module__ == "socket"
            assert not hasattr(socket.getaddrinfo, "__wrapped__")
    """,
        "--fauxscale-network",
        "allow",
    )
    result.assert_outcomes(passed=1)
    run("def test_guarded(fauxscale_server):\n    pass\n").assert_outcomes(passed=1)
    import socket

    assert not hasattr(socket.getaddrinfo, "__wrapped__")


@pytest.mark.parametrize("fixture", ["fauxscale", "fauxscale_server", "fauxscale_intercept"])
def test_a_refusal_that_the_program_swallows_fails_the_test(run: Runs, fixture: str) -> None:
    call = "app()" if fixture != "fauxscale_intercept" else "other()"
    host = "api.ideogram.ai" if fixture != "fauxscale_intercept" else "example.com"
    result = run(f"""
        {APP.replace(chr(10), chr(10) + "        ")}
        import urllib.request

        def other():
            try:
                urllib.request.urlopen("https://example.com/")
            except AssertionError:
                pass

        def test_it({fixture}):
            {call}

        def test_another({fixture}):
            pass
    """)
    result.assert_outcomes(passed=1, failed=1)
    by = "urllib *" if call == "other()" else "httpx *"
    result.stdout.fnmatch_lines([f"*a live call to {host} by {by}was refused: *"])
    result.stdout.fnmatch_lines(["*swallowed this error*read calls.refused"])


@pytest.mark.parametrize("fixture", ["fauxscale", "fauxscale_server"])
def test_a_refusal_is_not_swallowed_in_a_test_that_asks_for_its_fixture_by_itself(
    run: Runs, fixture: str
) -> None:
    result = run(f"""
        {APP.replace(chr(10), chr(10) + "        ")}
        import unittest

        def test_first(request):
            request.getfixturevalue("{fixture}")
            app()

        def test_it(request):
            request.getfixturevalue("{fixture}")
            app()

        class Old(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def asked(self, request):
                request.getfixturevalue("{fixture}")

            def test_method(self):
                app()

        def test_without_a_fixture_of_ours():
            app()
    """)
    result.assert_outcomes(passed=1, failed=3)


def test_a_fault_that_never_struck_is_told_of_an_account_asked_for_in_the_body(run: Runs) -> None:
    run.ini("filterwarnings = default")
    result = run("""
        from fauxscale import Fail

        def test_it(request):
            request.getfixturevalue("fauxscale").faults.add(Fail(503))
    """)
    result.assert_outcomes(passed=1, warnings=1)


def test_a_refusal_the_test_knows_of_is_its_own_business(run: Runs) -> None:
    result = run(f"""
        {APP.replace(chr(10), chr(10) + "        ")}
        import asyncio
        import unittest
        from concurrent.futures import ThreadPoolExecutor
        from hypothesis import given, settings, strategies as st

        def live():
            return httpx.get("https://api.ideogram.ai/")

        def test_raises(fauxscale):
            with pytest.raises(LiveCallRefused):
                live()

        def test_except(fauxscale_server):
            try:
                live()
            except LiveCallRefused:
                pass

        def test_in_a_thread(fauxscale):
            with ThreadPoolExecutor() as pool, pytest.raises(LiveCallRefused):
                pool.submit(live).result()

        def test_in_a_loop(fauxscale):
            async def main():
                async with httpx.AsyncClient() as http:
                    with pytest.raises(LiveCallRefused):
                        await asyncio.gather(http.get("https://fal.run/"))
            asyncio.run(main())

        def test_read(fauxscale):
            app()
            assert len(fauxscale.calls.refused) == 1

        class Old(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def account(self, fauxscale):
                pass

            def test_method(self):
                self.assertRaises(LiveCallRefused, live)
                with self.assertRaises(LiveCallRefused):
                    live()

        @settings(max_examples=2, database=None, deadline=None)
        @given(st.integers())
        def test_property(fauxscale_server, number):
            with pytest.raises(LiveCallRefused):
                live()
    """)
    result.assert_outcomes(passed=7)


def test_reading_before_it_happens_is_not_knowing(run: Runs) -> None:
    result = run(f"""
        {APP.replace(chr(10), chr(10) + "        ")}
        def test_too_early(fauxscale):
            assert not fauxscale.calls.refused
            app()

        def test_one_of_two(fauxscale):
            app()
            assert fauxscale.calls.refused
            app()
    """)
    result.assert_outcomes(failed=2)


def test_a_fixture_that_swallows_fails_the_test_it_prepares(run: Runs) -> None:
    result = run(f"""
        {APP.replace(chr(10), chr(10) + "        ")}
        @pytest.fixture
        def prepared(fauxscale):
            app()

        def test_it(prepared):
            pass
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{SAID}"])


def test_a_test_that_fails_keeps_its_own_failure(run: Runs) -> None:
    result = run(f"""
        {APP.replace(chr(10), chr(10) + "        ")}
        def test_it(fauxscale):
            app()
            assert 1 == 2
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*assert 1 == 2"])
    result.stdout.no_fnmatch_line("*swallowed this*")
    result.stdout.fnmatch_lines(["    live_call: *"])


ORDERED = """
    from fauxscale import Delay, Fail, Ok

    def test_other_operation(fauxscale, send):
        fauxscale.faults.add(Fail(503), on="fal.run")
        send(fauxscale)

    def test_half_a_script(fauxscale, send):
        fauxscale.faults.script([Fail(503), Delay(0), Ok()], on="ideogram.upscale")
        send(fauxscale)

    def test_struck(fauxscale, send):
        fauxscale.faults.script([Delay(0), Ok(), Ok(download=True)], on="ideogram")
        fauxscale.faults.add(Fail(503), times=5)
        fauxscale.faults.add(Fail(500), probability=0.0)
        send(fauxscale)
        send(fauxscale)

    def test_fails_anyhow(fauxscale):
        fauxscale.faults.add(Fail(503))
        assert False
"""


def test_a_fault_that_never_struck_is_worth_a_warning(run: Runs) -> None:
    run.ini("filterwarnings = default")
    result = run(ORDERED)
    result.assert_outcomes(passed=3, failed=1, warnings=2)
    result.stdout.fnmatch_lines(
        [
            "*UnusedFault: fault_1, configured on 'fal.run', never applied: no call for Fail",
            "*UnusedFault: fault_1, configured on 'ideogram.upscale', applied 1 of 3 times: no call for Delay",
        ]
    )


def test_the_warning_can_be_an_error_or_nothing(run: Runs) -> None:
    run.ini("filterwarnings = error")
    run(ORDERED).assert_outcomes(passed=1, failed=3)
    run.ini("filterwarnings = ignore::pytest_fauxscale.UnusedFault")
    run.again().assert_outcomes(passed=3, failed=1)
