"""A call the real service would reject fails its test although the stand-in took it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fauxscale import MockServer, Settings
from tests.plugin.runs import Runs

pytest_plugins = ["pytester"]

# An account on which the stand-in takes integers in quotes, as the service's framework does; then a call sends one.
LENIENT = """
import json
from fauxscale import ConnectionReset

def send_it(account, **members):
    form = {"image_file": ("a.png", member_image, "image/png"), "image_request": (None, json.dumps(members))}
    reply = httpx.post(account.url + "/upscale", headers={"Api-Key": account.api_key("ideogram")}, files=form)
    assert reply.status_code == 200

@pytest.fixture
def lenient(fauxscale_server, sample_image):
    global member_image
    member_image = sample_image()
    with fauxscale_server.account(options={"ideogram.errors": "v2"}) as account:
        yield account
"""


def test_a_violation_fails_the_test_in_its_call_phase_with_a_curl(run: Runs) -> None:
    result = run(
        LENIENT
        + """
def test_leaves_the_contract(lenient):
    send_it(lenient, detail="50")

def test_keeps_it(lenient):
    send_it(lenient, resemblance=55)

def test_fails_by_itself(lenient):
    send_it(lenient, detail="50")
    assert 1 == 2

def test_was_told_no_by_the_stand_in(fauxscale):
    form = {"image_file": ("a.png", b"GIF89a", "image/png"), "image_request": (None, '{"detail": 0}')}
    url = fauxscale.url + "/upscale"
    assert httpx.post(url, headers={"Api-Key": fauxscale.api_key("ideogram")}, files=form).status_code == 400

def test_was_cut_off_in_the_middle_of_its_upload(fauxscale, send, sample_image):
    fauxscale.faults.add(ConnectionReset(after_bytes=100))
    with pytest.raises(httpx.TransportError):
        send(fauxscale, sample_image.oversized(1_000_000))
"""
    )
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(
        [
            "calls that the real service would reject:",
            "ideogram.upscale: */image_request*detail*",
            "*curl *image_request*",
            "*assert 1 == 2*",
            "*calls that the real service would reject:*",
        ]
    )
    assert "Api-Key: k" not in result.stdout.str()


def test_an_operation_that_is_not_on_record_is_not_judged(run: Runs) -> None:
    result = run(
        """
def test_generates(fauxscale):
    reply = httpx.post(
        fauxscale.base_url("ideogram") + "/v1/ideogram-v3/generate",
        headers={"Api-Key": fauxscale.api_key("ideogram")},
        files={"prompt": (None, "a cat")},
    )
    assert reply.status_code == 200
"""
    )
    result.assert_outcomes(passed=1)


def test_allowances_name_pointers_and_reasons(run: Runs) -> None:
    result = run(
        LENIENT
        + """
@pytest.mark.fauxscale(contract={"*detail*": "in beta for our account"})
def test_allowed(lenient):
    send_it(lenient, detail="50")

@pytest.mark.fauxscale(contract={"*other*": "something else"})
def test_not_allowed(lenient):
    send_it(lenient, detail="50")

@pytest.mark.fauxscale(contract="off")
def test_off(lenient):
    send_it(lenient, detail="50")
"""
    )
    result.assert_outcomes(passed=2, failed=1)


def test_a_run_may_warn_or_not_care(run: Runs) -> None:
    body = LENIENT + "\ndef test_it(lenient):\n    send_it(lenient, detail='50')\n"
    # Pytest before 9 notices that this process, which is of another run, has imported the plugin before.
    rewriting = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
    warned = run(body, "--fauxscale-contract=warn", "-W", "default", *rewriting)
    warned.assert_outcomes(passed=1, warnings=1)
    warned.stdout.fnmatch_lines(["*ContractWarning: calls that the real service would reject:*"])
    run.again("--fauxscale-contract=off").assert_outcomes(passed=1)
    run.ini("fauxscale_contract = off")
    run.again().assert_outcomes(passed=1)


@pytest.mark.parametrize("value", ["'sometimes'", "{'/x': ''}", "5"])
def test_what_a_contract_cannot_be_is_a_usage_error(run: Runs, value: str) -> None:
    result = run(f"@pytest.mark.fauxscale(contract={value})\ndef test_it(fauxscale): pass\n")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*contract must be strict, error, warn or off, or allowances with reasons*"])


def test_no_way_to_a_fixture_leads_round_the_contract(run: Runs) -> None:
    result = run(
        LENIENT
        + """
import unittest

def test_first_of_all(request):
    send_it(request.getfixturevalue("lenient"), detail="50")

def test_when_the_server_runs(request):
    send_it(request.getfixturevalue("lenient"), detail="50")

class Old(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def account(self, request):
        self.account = request.getfixturevalue("lenient")

    def test_method(self):
        send_it(self.account, detail="50")

def test_keeps_it(request):
    send_it(request.getfixturevalue("lenient"), resemblance=55)

def test_is_no_part_of_it():
    pass
"""
    )
    result.assert_outcomes(passed=2, failed=3)
    text = "ideogram.upscale: would be rejected: /body/image_request/detail: *"
    result.stdout.fnmatch_lines([text] * 3)


@pytest.mark.parametrize(
    "own", ['pytest.fail("mine", pytrace=False)', "assert 1 == 2", "Case().fail('mine')"]
)
def test_a_failure_of_its_own_does_not_hide_what_left_the_contract(run: Runs, own: str) -> None:
    body = f"    send_it(self.account, detail='50')\n        {own}\n"
    result = run(
        LENIENT
        + f"""
import unittest

class Case(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def opened(self, lenient):
        self.account = lenient

    def test_old(self):
    {body}

class TestNew:
    def test_new(self, lenient):
        self.account = lenient
    {body}
"""
    )
    result.assert_outcomes(failed=2)
    said = [line for line in result.outlines if "would be rejected: /body/image_request/detail" in line]
    assert len(said) == 2, result.outlines


def test_calls_to_a_server_elsewhere_are_said_to_be_held_against_nothing(run: Runs) -> None:
    line = "fauxscale: calls to the server of --fauxscale-url were not checked against the recorded contract"
    run.write("def test_it(fauxscale, send): send(fauxscale)\n")
    with MockServer(Settings(token="let me in")) as mock:
        there = ("--fauxscale-url", mock.url, "--fauxscale-token", "let me in")
        run.again(*there).stdout.fnmatch_lines(["fauxscale: 1 call, *", line])
        run.again(*there, "--fauxscale-contract", "off").stdout.no_fnmatch_line(line)
        run.ini("fauxscale_contract = error")
        run.again(*there).stdout.fnmatch_lines([line])
    run.again().stdout.no_fnmatch_line(line)


@pytest.mark.parametrize("strictness", ["error", "warn"])
def test_a_contract_that_a_server_elsewhere_cannot_keep_is_a_usage_error(run: Runs, strictness: str) -> None:
    run.write("def test_it(fauxscale): pass\n")
    result = run.again("--fauxscale-url", "http://127.0.0.1:1", "--fauxscale-contract", strictness)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: --fauxscale-contract={strictness} cannot be combined with --fauxscale-url: *"]
    )


@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_every_test_of_a_wider_fixture_that_asked_for_the_server_is_held(run: Runs, scope: str) -> None:
    result = run(
        LENIENT.replace("@pytest.fixture\n", f"@pytest.fixture(scope='{scope}')\n")
        .replace("fauxscale_server, sample_image", "request")
        .replace("with fauxscale_server", "with request.getfixturevalue('fauxscale_server')")
        .replace("sample_image()", "__import__('pytest_fauxscale').samples.SampleImages()()")
        + """
class TestIt:
    def test_first(self, lenient):
        send_it(lenient, detail="50")

    def test_second(self, lenient):
        send_it(lenient, detail="50")

    def test_keeps_it(self, lenient):
        send_it(lenient, resemblance=55)

def test_of_something_else():
    pass
"""
    )
    result.assert_outcomes(passed=2, failed=2)


def test_a_test_that_is_run_again_is_told_nothing_of_the_time_before(run: Runs) -> None:
    run.pytester.makeconftest("""
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            for _ in range(2):
                reports = runtestprotocol(item, nextitem=nextitem, log=False)
            for report in reports:
                item.ihook.pytest_runtest_logreport(report=report)
            return True
    """)
    result = run(
        LENIENT
        + """
runs = []

def test_it(request):
    runs.append(1)
    if len(runs) == 1:
        send_it(request.getfixturevalue("lenient"), detail="50")
    pytest.fail("mine", pytrace=False)
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*detail*")
    result.stdout.no_fnmatch_line("*fauxscale calls*")


UNTIDY = """
@pytest.mark.parametrize("change", ["label", "extra part", "twice", "query"])
def test_it(fauxscale, sample_image, change):
    parts = [("image_file", ("a.png", sample_image("PNG"), "image/png")), ("image_request", (None, "{}"))]
    if change == "label":
        parts[0] = ("image_file", ("a.jpg", sample_image("PNG"), "image/jpeg"))
    elif change == "extra part":
        parts.append(("image_reqest", (None, "{}")))
    elif change == "twice":
        parts.append(parts[1])
    url = fauxscale.url + "/upscale" + ("?stray=1" if change == "query" else "")
    reply = httpx.post(url, headers={"Api-Key": fauxscale.api_key("ideogram")}, files=parts)
    assert reply.status_code == 200
"""


def test_what_is_undocumented_or_ignored_fails_a_strict_test_only(run: Runs) -> None:
    run(UNTIDY).assert_outcomes(passed=4)
    result = run.again("--fauxscale-contract=strict")
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        ["calls that violate the recorded contract:", "*declared image/jpeg, the bytes are PNG*"]
    )
    said = result.stdout.str()
    for each in ("did you mean image_request?", "was sent more than once", "stray is not a query parameter"):
        assert each in said


def test_the_summary_counts_what_was_judged_the_worst_first(run: Runs) -> None:
    result = run(
        LENIENT
        + "def test_it(lenient):\n    send_it(lenient, detail='50')\n"
        + UNTIDY.replace("test_it", "test_more")
    )
    result.stdout.fnmatch_lines(
        ["fauxscale contract: 5 calls checked, 5 violations: 1 would be rejected, 3 undocumented, 1 ignored"]
    )
    clean = run("def test_it(fauxscale, send):\n    send(fauxscale)\n", "--fauxscale-contract=warn")
    clean.stdout.fnmatch_lines(["fauxscale contract: 1 call checked, 0 violations"])


SLIPS = """
import base64

def upscaled(account, path):
    form = {"image_file": ("a.png", b"GIF89a", "image/png"), "image_request": (None, "{}")}
    return httpx.post(account.url + path, headers={"Api-Key": account.api_key("ideogram")}, files=form)

def test_takes_a_wrong_address(fauxscale):
    upscaled(fauxscale, "/ideogram/v1/upscale")

def test_swallows_a_refusal(fauxscale):
    upscaled(fauxscale, "/ideogram/upscale")

def test_sees_a_refusal(fauxscale):
    assert upscaled(fauxscale, "/ideogram/upscale").status_code == 200

def test_sends_what_fal_ignores(fauxscale, sample_image):
    picture = "data:image/png;base64," + base64.b64encode(sample_image()).decode()
    key = {"Authorization": "Key " + fauxscale.api_key("fal")}
    url = fauxscale.url + "/fal/run/fal-ai/ideogram/upscale"
    assert httpx.post(url, headers=key, json={"image_url": picture, "foo": 1}).status_code == 200
"""


def test_a_wrong_address_fails_its_test_and_names_the_right_one(run: Runs) -> None:
    result = run(SLIPS, "-k", "address")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*/method: POST /ideogram/v1/upscale is not an operation: did you mean POST /upscale?*"]
    )


def test_a_refusal_in_a_test_that_passed_is_told_in_the_summary(run: Runs) -> None:
    result = run(SLIPS, "-k", "refusal")
    result.assert_outcomes(passed=1, failed=1)
    told = (
        "1 call was refused in tests that passed: test_it.py::test_swallows_a_refusal (ideogram.upscale 400)"
    )
    result.stdout.fnmatch_lines([f"fauxscale contract: {told}"])


def test_the_report_has_every_departure_with_its_test_and_workers_write_the_same(run: Runs) -> None:
    run.write(SLIPS)
    run.apart("--fauxscale-contract=warn", "--fauxscale-contract-report=alone.json")
    run.apart("--fauxscale-contract=warn", "--fauxscale-contract-report=among.json", "-p", "xdist", "-n", "2")
    alone, among = (
        json.loads((run.pytester.path / f"{name}.json").read_text()) for name in ("alone", "among")
    )
    found = {(one["test"].partition("::")[2], one["pointer"], one["severity"]) for one in alone["departures"]}
    assert ("test_takes_a_wrong_address", "/method", "would be rejected") in found
    assert ("test_sends_what_fal_ignores", "/body/foo", "ignored") in found
    assert "curl" in alone["departures"][0]["curl"]
    assert alone["judged"] == among["judged"] == 2

    def told(report: Any) -> list[tuple[str, str]]:
        return sorted((one["test"], one["pointer"]) for one in report["departures"])

    assert told(alone) == told(among)


def test_a_report_that_cannot_be_written_is_said(run: Runs) -> None:
    result = run(SLIPS, "-k", "swallows", "--fauxscale-contract-report=none/report.json")
    result.stdout.fnmatch_lines(["fauxscale contract: none/report.json cannot be written: *"])
