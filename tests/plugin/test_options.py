"""Who may say what: the command line over the marker over the ini file over the default; unknown words are refused."""

from __future__ import annotations

import pytest

from tests.plugin.runs import Runs

pytest_plugins = ["pytester"]

SHOW = """
    from pytest_fauxscale.options import terms_for

    @pytest.mark.fauxscale(balance=2, link_ttl=60)
    class TestMarked:
        @pytest.mark.fauxscale(balance=3)
        def test_marked(self, request):
            print("words", terms_for(request.node))

    def test_plain(request):
        print("words", terms_for(request.node))
"""


def words(result: pytest.RunResult) -> list[str]:
    return [line.partition("words ")[2] for line in result.outlines if "words " in line]


def test_the_default_is_ten_dollars_and_nothing_else(run: Runs) -> None:
    assert words(run(SHOW, "-s")) == ["{'balance': 3, 'link_ttl': 60}", "{'balance': 10.0}"]


def test_the_ini_file_beats_the_default_and_the_marker_the_ini_file(run: Runs) -> None:
    run.ini("fauxscale_balance = 4", "fauxscale_in_flight = 5")
    assert words(run(SHOW, "-s")) == [
        "{'balance': 3, 'in_flight': 5, 'link_ttl': 60}",
        "{'balance': 4.0, 'in_flight': 5}",
    ]


def test_the_command_line_beats_all(run: Runs) -> None:
    run.ini("fauxscale_balance = 4", "fauxscale_api_version = 2026-04")
    assert words(run(SHOW, "-s", "--fauxscale-balance", "1", "--fauxscale-api-version", "2026-10")) == [
        "{'balance': 1.0, 'link_ttl': 60, 'api_version': '2026-10'}",
        "{'balance': 1.0, 'api_version': '2026-10'}",
    ]


@pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest 9 reads [tool.pytest]")
def test_native_toml_takes_native_values(run: Runs) -> None:
    run.pytester.makepyprojecttoml("""
        [tool.pytest]
        fauxscale_budget = 2.0
        fauxscale_rate_limit = 7
        fauxscale_reachable = ["db.test"]
    """)
    assert words(run(SHOW, "-s"))[1] == "{'balance': 10.0, 'rate_limit': 7}"


def test_the_words_are_the_account_s_terms(run: Runs) -> None:
    result = run("""
        import time

        @pytest.mark.fauxscale(balance=0.06, api_version="2026-10")
        def test_wallet_and_api_version(fauxscale, send):
            assert send(fauxscale).status_code == 200
            refused = send(fauxscale)
            assert (refused.status_code, "reject_reason" in refused.json()) == (402, True)

        @pytest.mark.fauxscale(rate_limit=1)
        def test_rate(fauxscale, send):
            assert [send(fauxscale).status_code for _ in range(2)] == [200, 429]

        @pytest.mark.fauxscale(latency=0.2, link_ttl=0)
        def test_time(fauxscale, send):
            before = time.perf_counter()
            reply = send(fauxscale)
            assert time.perf_counter() - before > 0.2
            assert httpx.get(reply.json()["data"][0]["url"]).status_code == 403

        @pytest.mark.fauxscale(rate_limit=1, time="virtual")
        def test_virtual_time(fauxscale, send):
            assert [send(fauxscale).status_code for _ in range(3)] == [200, 429, 200]
    """)
    result.assert_outcomes(passed=4)


def test_virtual_time_may_be_the_whole_run_s(run: Runs) -> None:
    run.ini("fauxscale_time = virtual")
    source = """
        def test_it(fauxscale):
            assert fauxscale.settings()["time"] == "virtual"
    """
    run(source).assert_outcomes(passed=1)
    run.again("--fauxscale-time", "real").assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("marker", "line"),
    [
        (
            "fauxscale(balanse=1)",
            "*test_it.py::test_it: the marker fauxscale has no 'balanse', did you mean 'balance'? choose from *",
        ),
        ("fauxscale(5)", "*test_it.py::test_it: the marker fauxscale accepts named arguments only: *"),
        ("fauxscale(balance='3')", "*test_it.py::test_it: balance must be a number, not '3'"),
        ("fauxscale(latency=True)", "*test_it.py::test_it: latency must be a number, not True"),
        ("fauxscale(in_flight=1.5)", "*test_it.py::test_it: in_flight must be a whole number, not 1.5"),
        ("fauxscale(api_version=202610)", "*test_it.py::test_it: api_version must be a text, not 202610"),
        ("fauxscale(time='fast')", "*test_it.py::test_it: time must be one of real, virtual, not 'fast'"),
    ],
)
def test_a_marker_nobody_understands_is_a_usage_error(run: Runs, marker: str, line: str) -> None:
    result = run(f"""
        @pytest.mark.{marker}
        def test_it():
            pass
    """)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {line}"])


def test_a_worker_says_so_at_the_test(run: Runs) -> None:
    run.write("""
        @pytest.mark.fauxscale(balanse=1)
        def test_it():
            pass

        def test_other():
            pass
    """)
    result = run.apart("-n", "1", "-p", "xdist")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*test_it.py::test_it: the marker fauxscale has no 'balanse', did you mean 'balance'? choose from *"]
    )


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("balance=-1", "balance must be a number of 0 or more, not -1"),
        ("balance=float('nan')", "balance must be a number of 0 or more, not nan"),
        ("balance=float('inf')", "balance must be a number of 0 or more, not inf"),
        ("in_flight=-1", "in_flight must be a whole number of 0 or more, not -1"),
        ("latency=1e9", "latency must be at most 3,600, got 1000000000.0"),
        ("api_version='1999-01'", "no provider has the API version '1999-01': choose from 2026-04, 2026-10"),
    ],
)
def test_a_value_that_no_account_can_be_given_is_a_usage_error(run: Runs, marker: str, said: str) -> None:
    result = run(f"""
        @pytest.mark.fauxscale({marker})
        def test_it(fauxscale):
            pass
    """)
    result.assert_outcomes()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*test_it.py::test_it: *{said}*"])


def test_an_option_that_no_account_can_be_given_is_one_too(run: Runs) -> None:
    result = run("def test_it(fauxscale): pass", "--fauxscale-latency=1e9")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*fauxscale_latency: latency must be at most 3,600*"])


PASSES = "def test_it(fauxscale): pass"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("fauxscale_budget = 2,00", "fauxscale_budget must be a number: could not convert *2,00*"),
        ("fauxscale_budget = nan", "fauxscale_budget must be a number of 0 or more, not nan"),
        ("fauxscale_rate_limit = 1.5", "fauxscale_rate_limit must be a whole number: *1.5*"),
        ("fauxscale_latency = -1", "fauxscale_latency must be a number of 0 or more, not -1.0"),
        ("fauxscale_time = fast", "fauxscale_time must be one of real, virtual, not 'fast'"),
        (
            "fauxscale_contract = errr",
            "fauxscale_contract must be one of strict, error, warn, off, not 'errr'",
        ),
        ("fauxscale_network = blok", "fauxscale_network must be one of block, allow, not 'blok'"),
        (
            "fauxscale_api_version = 1999-01",
            "fauxscale_api_version: no provider has the API version '1999-01': choose *",
        ),
    ],
)
def test_an_ini_value_that_cannot_be_is_a_usage_error_before_any_test(
    run: Runs, line: str, says: str
) -> None:
    run.ini(line)
    result = run(PASSES)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {says}"])
    result.stdout.no_fnmatch_line("*collected*")


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--fauxscale-budget=nan", "--fauxscale-budget must be a number of 0 or more, not nan"),
        ("--fauxscale-budget=inf", "--fauxscale-budget must be a number of 0 or more, not inf"),
        ("--fauxscale-balance=-1", "--fauxscale-balance must be a number of 0 or more, not -1.0"),
        (
            "--fauxscale-api-version=1999-01",
            "fauxscale_api_version: no provider has the API version '1999-01': *",
        ),
        (
            "--fauxscale-url=mock.test:2160",
            "--fauxscale-url must be an address such as *, not 'mock.test:2160'",
        ),
    ],
)
def test_an_option_that_cannot_be_is_a_usage_error_before_any_test(run: Runs, option: str, says: str) -> None:
    result = run(PASSES, option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {says}"])
    result.stdout.no_fnmatch_line("*collected*")


def test_nothing_at_all_may_be_spent(run: Runs) -> None:
    run(PASSES, "--fauxscale-budget=0").assert_outcomes(passed=1)


def test_options_and_marker_explain_themselves(run: Runs) -> None:
    result = run.again("--help")
    result.stdout.fnmatch_lines(
        [
            "*--fauxscale-balance=NUMBER*",
            "*dollars in the wallet*",
            "*--fauxscale-network={block,allow}*",
            "*--fauxscale-url=URL*",
        ]
    )
    result = run.again("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.fauxscale(balance=*, api_version=*, contract=*"])
