"""The fixtures do what their table says, in functions, classes, property tests and parallel runs."""

from __future__ import annotations

import os
import re
import socket

import pytest

from fauxscale import MockServer, Settings
from tests.plugin.runs import Runs

pytest_plugins = ["pytester"]


def test_each_test_has_an_account_of_its_own(run: Runs) -> None:
    result = run("""
        keys = []

        @pytest.mark.parametrize("round", range(3))
        def test_account(round, fauxscale, send):
            assert fauxscale.api_key("ideogram") not in keys
            keys.append(fauxscale.api_key("ideogram"))
            assert send(fauxscale).status_code == 200

        def test_the_accounts_of_ended_tests_are_closed(fauxscale):
            assert upscale(fauxscale.url + "/ideogram", keys[0], b"").status_code == 403

        def test_an_invented_key_opens_nothing(fauxscale):
            assert upscale(fauxscale.url + "/ideogram", "my-key", b"").status_code == 403
    """)
    result.assert_outcomes(passed=5)


def test_the_server_is_one_for_the_run_and_opens_accounts_by_itself(run: Runs) -> None:
    result = run("""
        def test_account(fauxscale_server, fauxscale, send):
            assert fauxscale.url == fauxscale_server.url
            assert fauxscale_server.base_url("ideogram") == fauxscale.url + "/ideogram"
            with fauxscale_server.account(balance=0.06) as poor:
                assert send(poor).status_code == 200
                assert send(poor).status_code == 402
            assert send(poor).status_code == 403
    """)
    result.assert_outcomes(passed=1)


def test_intercepted_hosts_answer_with_the_same_account(run: Runs) -> None:
    run.write("""
        import asyncio, httpx2, os

        def test_both_stacks(fauxscale_intercept, fauxscale, sample_image):
            assert fauxscale_intercept is fauxscale
            key = os.environ["IDEOGRAM_API_KEY"]
            assert key == fauxscale.api_key("ideogram")
            for http in (httpx, httpx2):
                reply = upscale("https://api.ideogram.ai", key, sample_image("PNG", 40, 30), http)
                assert reply.json()["data"][0]["upscaled_resolution"] == "80x60"
                assert http.get(reply.json()["data"][0]["url"], timeout=60).content.startswith(b"\\x89PNG")

        def test_nothing_is_intercepted_afterwards(fauxscale):
            with pytest.raises(AssertionError, match="use the fixture fauxscale_intercept"):
                httpx.get("https://api.ideogram.ai/")
    """)
    result = run.apart()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["fauxscale: 2 calls, 2 images, would have cost $0.12; 1 live call refused"])


def test_classes_and_properties_have_their_accounts(run: Runs) -> None:
    result = run("""
        import unittest
        from hypothesis import given, settings, strategies as st

        class TestPlain:
            def test_method(self, fauxscale, send):
                assert send(fauxscale).status_code == 200

        class Old(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def account(self, fauxscale, send):
                self.fauxscale, self.send = fauxscale, send

            def test_method(self):
                assert self.send(self.fauxscale).status_code == 200

        @pytest.mark.usefixtures("fauxscale")
        class Marked(unittest.TestCase):
            def test_method(self):
                with pytest.raises(AssertionError, match="live call"):
                    httpx.get("https://fal.run/")

        @settings(max_examples=5, database=None, deadline=None)
        @given(data=st.binary(max_size=9))
        def test_property(fauxscale_server, data):
            with fauxscale_server.account() as account:
                reply = upscale(account.url + "/ideogram", account.api_key("ideogram"), data)
                assert reply.status_code == 400
    """)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["fauxscale: 7 calls, 2 images, would have cost $0.12; 1 live call refused"])


def test_a_server_elsewhere_serves_the_same_tests(run: Runs) -> None:
    run.write("""
        def test_account(fauxscale, send):
            assert send(fauxscale).status_code == 200

        def test_intercepted(fauxscale_intercept, sample_image):
            key = fauxscale_intercept.api_key("ideogram")
            assert upscale("https://api.ideogram.ai", key, sample_image()).status_code == 200

        def test_terms(fauxscale_server, send):
            with fauxscale_server.account(balance=0) as poor:
                assert send(poor).status_code == 402
            with pytest.raises(ValueError, match="choose from ideogram"):
                fauxscale_server.base_url("pixels")
            with pytest.raises(RuntimeError, match="a test cannot reset a shared server"):
                fauxscale_server.reset()
            assert fauxscale_server.base_url("ideogram").endswith("/ideogram")
    """)
    with MockServer(Settings(token="let me in")) as mock:
        result = run.again("--fauxscale-url", mock.url, "--fauxscale-token", "let me in")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["fauxscale: 3 calls, 2 images, would have cost $0.12"])


def test_keys_in_the_environment_are_replaced_and_put_back(
    run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = {
        "IDEOGRAM_API_KEY": "real",
        "OPENAI_API_KEY": "sk-real",
        "FAL_KEY_ID": "id",
        "FAL_KEY_SECRET": "secret",
    }
    for name, value in real.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.lumenfall.ai/openai/v1")
    for name in ("AIGATEWAY_API_KEY", "LUMENFALL_API_KEY", "FAL_KEY"):
        monkeypatch.delenv(name, raising=False)
    result = run("""
        import os

        def test_replaced(fauxscale, monkeypatch):
            assert os.environ["IDEOGRAM_API_KEY"] == fauxscale.api_key("ideogram")
            assert os.environ["OPENAI_API_KEY"] == fauxscale.api_key("lumenfall")
            assert os.environ["FAL_KEY_ID"] + ":" + os.environ["FAL_KEY_SECRET"] == fauxscale.api_key("fal")
            assert "AIGATEWAY_API_KEY" not in os.environ
            monkeypatch.setenv("IDEOGRAM_API_KEY", "mine")

        def test_real_ones_stay_without_the_fixture():
            assert os.environ["IDEOGRAM_API_KEY"] == "real"
    """)
    result.assert_outcomes(passed=2)
    assert {name: os.environ[name] for name in real} == real


def test_a_test_has_the_same_luck_alone_as_among_others(run: Runs) -> None:
    source = """
        from fauxscale import Fail

        def test_before(fauxscale_server):
            fauxscale_server.account().delete()

        def test_lucky(fauxscale, send):
            fauxscale.faults.add(Fail(503), times=None, probability=0.5)
            print("luck", [send(fauxscale).status_code for _ in range(12)])
    """
    among, alone = run(source, "-s"), run.again("-s", "-k", "lucky")
    luck = [re.findall(r"luck (\[.*\])", result.stdout.str()) for result in (among, alone)]
    assert luck[0] == luck[1]
    assert {"200", "503"} == set(re.findall(r"\d+", luck[0][0]))


@pytest.mark.tries_to_leave
def test_the_network_is_blocked_unless_allowed(run: Runs) -> None:
    source = """
        import socket
        from fauxscale import LiveCallRefused

        def reach(host):
            try:
                socket.getaddrinfo(host, 443)
            except OSError:
                pass

        def test_a_service(fauxscale):
            with pytest.raises(LiveCallRefused):
                reach("api.ideogram.ai")

        def test_another_host(fauxscale):
            with pytest.raises(LiveCallRefused, match="list the host in fauxscale_reachable"):
                reach("other.invalid")

        def test_the_server_alone(fauxscale_server):
            with pytest.raises(LiveCallRefused):
                reach("queue.falrun.com")

        def test_a_host_on_the_list(fauxscale):
            reach("db.invalid")

        def test_no_fixture():
            reach("api.ideogram.invalid")

        def test_intercepted(fauxscale_intercept):
            reach("api.ideogram.ai")
    """
    run.ini("fauxscale_reachable = db.invalid cache.invalid")
    run(source).assert_outcomes(passed=6)
    # Allowed, only what goes past an interception is still refused.
    run.again("--fauxscale-network", "allow").assert_outcomes(passed=3, failed=3)


@pytest.mark.parametrize(
    "args",
    [
        ("-n", "2", "-p", "xdist"),
        ("-p", "no:cacheprovider", "-p", "no:terminal"),
        ("--import-mode=importlib",),
    ],
    ids=["parallel", "bare", "importlib"],
)
def test_runs_of_every_kind_pass(run: Runs, args: tuple[str, ...]) -> None:
    run.write("""
        @pytest.mark.parametrize("round", range(4))
        def test_account(round, fauxscale, send):
            assert send(fauxscale).status_code == 200
    """)
    result = run.apart(*args)
    assert result.ret == 0
    if "no:terminal" not in args:
        result.stdout.fnmatch_lines(["fauxscale: 4 calls, 4 images, would have cost $0.24"])


def test_a_failed_run_can_be_stopped_and_taken_up_again(run: Runs) -> None:
    result = run(
        """
        def test_first(fauxscale, send):
            assert send(fauxscale).status_code == 200

        def test_second(fauxscale):
            assert False

        def test_third(fauxscale):
            pass
    """,
        "-x",
    )
    result.assert_outcomes(passed=1, failed=1)
    run.again("--lf").assert_outcomes(failed=1)


def test_a_server_that_does_not_answer_is_told_in_one_line(run: Runs) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    run("def test_it(fauxscale): pass")
    result = run.again("--fauxscale-url", url)
    result.assert_outcomes(errors=1)
    line = f"--fauxscale-url={url}: no fauxscale server answers there: *refused*"
    result.stdout.fnmatch_lines(
        ["*ERROR at setup of test_it*", line, "*short test summary*"], consecutive=True
    )
