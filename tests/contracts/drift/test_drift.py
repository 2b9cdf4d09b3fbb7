"""Drift is found, classed and priced: against a stand-in with a new member in its replies, and planted changes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from fauxscale import ExtraFields, MockServer, Settings
from fauxscale.client import AccountHandle
from fauxscale_contracts.cli import main
from fauxscale_contracts.drift.compare import Difference
from fauxscale_contracts.drift.report import EXITS, DriftReport, plan
from fauxscale_contracts.drift.run import examine
from fauxscale_contracts.profiles.installed import BUILT_IN, profile
from fauxscale_contracts.profiles.probing import Unreachable
from tests.pictures import picture
from tests.recordings import record_ideogram

PROVIDERS = tuple(one.name for one in BUILT_IN)
BOMBS = Path(__file__).parents[3] / "fixtures" / "corpus" / "bad" / "bomb"
BOMB = (BOMBS / "gen_png_20000x20000_gray.png").read_bytes()
Change = Callable[[httpx.Request, httpx.Response], httpx.Response]


def changed(mock: MockServer, change: Change) -> httpx.AsyncClient:
    """A client of a stand-in whose answers are changed on the way."""
    inner = mock.transport()

    def answer(request: httpx.Request) -> httpx.Response:
        response = inner.handle_request(request)
        response.read()
        return change(request, response)

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


def as_it_is(_: httpx.Request, response: httpx.Response) -> httpx.Response:
    return response


def look(
    provider: str = "ideogram", change: Change = as_it_is, *, recorded: Path | None = None, **options: str
) -> DriftReport:
    settings = Settings(
        key_policy="issued", options={f"{provider}.{name}": value for name, value in options.items()}
    )

    async def examined(mock: MockServer) -> DriftReport:
        key = mock.account().api_key(provider)
        async with changed(mock, change) as http:
            return await examine(provider, mock.base_url(provider), key, http, recorded=recorded)

    with MockServer(settings, listen=False) as mock:
        return asyncio.run(examined(mock))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_service_that_answers_as_recorded_has_no_drift(provider: str) -> None:
    report = look(provider)
    assert (list(report.findings), report.verdict, report.exit) == ([], None, 0)
    assert report.cost == pytest.approx(0.06)
    assert "its picture" in report.statuses


def with_a_new_member(_: httpx.Request, response: httpx.Response) -> httpx.Response:
    if response.status_code != 200 or "json" not in response.headers["content-type"]:
        return response
    return httpx.Response(200, json={**response.json(), "request_id": "Kx4Vw9dRQ4a8bUqT0rX2yA"})


def test_a_new_member_is_additive() -> None:
    report = look(change=with_a_new_member)
    assert [(one.kind, one.probe, one.pointer) for one in report.findings] == [
        ("additive", "a small picture", "/body/request_id")
    ]
    assert report.exit == 3


def in_success(edit: Callable[[dict[str, Any]], object]) -> Change:
    """Change the first object of `data` in a successful answer."""

    def change(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        if response.status_code != 200 or "json" not in response.headers["content-type"]:
            return response
        body = response.json()
        edit(body["data"][0])
        return httpx.Response(200, json=body)

    return change


def to_status(status: int, *, at: int) -> Change:
    def change(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        return httpx.Response(status, json=response.json()) if response.status_code == at else response

    return change


def of_pictures(data: bytes) -> Change:
    def change(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        kind = response.headers["content-type"]
        return (
            httpx.Response(200, content=data, headers={"content-type": kind})
            if kind == "image/png"
            else response
        )

    return change


def without_error(_: httpx.Request, response: httpx.Response) -> httpx.Response:
    return (
        httpx.Response(response.status_code, json={"detail": "no"})
        if response.status_code >= 400
        else response
    )


def nested(was: httpx.Response) -> httpx.Response:
    success = was.status_code == 200 and "json" in was.headers["content-type"]
    return httpx.Response(200, text="[" * 100_000, headers=was.headers) if success else was


PLANTED: list[tuple[str, Change, str, str]] = [
    ("a new member", in_success(lambda one: one.update(license="CC0")), "additive", "/body/data/*/license"),
    ("a member gone", in_success(lambda one: one.pop("resolution")), "breaking", "/body/data/*/resolution"),
    ("another type", in_success(lambda one: one.update(seed="12")), "breaking", "/body/data/*/seed"),
    (
        "a null",
        in_success(lambda one: one.update(is_image_safe=None)),
        "breaking",
        "/body/data/*/is_image_safe",
    ),
    (
        "a new style",
        in_success(lambda one: one.update(style_type="CUBIST")),
        "risky",
        "/body/data/*/style_type",
    ),
    ("no link", in_success(lambda one: one.update(url=None)), "breaking", ""),
    ("another refusal", to_status(422, at=400), "risky", "/status"),
    ("an unknown status", to_status(418, at=400), "risky", "/status"),
    ("a taken mistake", to_status(200, at=400), "breaking", "/status"),
    ("a small picture", of_pictures(picture(width=64, height=64)), "breaking", "/picture"),
    ("a bomb", of_pictures(BOMB), "breaking", "/picture"),
    ("no JSON to speak of", lambda _, was: nested(was), "breaking", ""),
    ("errors in other words", without_error, "news", "/body/error"),
]


@pytest.mark.parametrize(
    ("change", "kind", "pointer"), [one[1:] for one in PLANTED], ids=[one[0] for one in PLANTED]
)
def test_a_planted_drift_is_found_and_classed(change: Change, kind: str, pointer: str) -> None:
    report = look(change=change)
    assert (kind, pointer) in [(one.kind, one.pointer) for one in report.findings], report.to_text()
    assert report.verdict == kind
    assert report.exit == EXITS[report.verdict]


def test_what_only_a_recording_had_is_named_when_it_is_gone(tmp_path: Path) -> None:
    with MockServer() as newer:
        record_ideogram(newer, tmp_path, picture(), key=later_account(newer).api_key("ideogram"))
    report = look(recorded=tmp_path)
    (finding,) = report.findings
    assert (finding.kind, finding.pointer, finding.recorded, finding.live) == (
        "risky",
        "/body/request_id",
        "string",
        "",
    )


@pytest.mark.parametrize(
    ("status", "says"),
    [(403, "key was refused"), (402, "no credit left"), (429, "too many"), (503, "in trouble")],
)
def test_a_service_that_will_not_work_now_gives_no_verdict(status: int, says: str) -> None:
    with pytest.raises(Unreachable, match=says):
        look(change=lambda _, __: httpx.Response(status, json={"error": "no"}))


def later(status: int, *, where: Callable[[httpx.Request, httpx.Response], bool]) -> Change:
    """The service is fine, but for the answers that `where` picks."""

    def change(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        return httpx.Response(status, text="<html>sorry</html>") if where(request, response) else response

    return change


@pytest.mark.parametrize(("status", "says"), [(429, "too many"), (503, "in trouble"), (500, "in trouble")])
@pytest.mark.parametrize("probe", ["its picture", "no picture", "a wrong key"])
def test_a_service_whose_trouble_begins_later_gives_no_verdict_either(
    status: int, says: str, probe: str
) -> None:
    usual = {"its picture": 200, "no picture": 400, "a wrong key": 403}[probe]
    method = "GET" if probe == "its picture" else "POST"
    change = later(status, where=lambda request, was: (request.method, was.status_code) == (method, usual))
    with pytest.raises(Unreachable, match=rf"{says}.* answered {status}: <html>sorry</html>"):
        look(change=change)


def test_the_link_in_a_verdict_that_there_is_none_has_no_signature() -> None:
    with pytest.raises(Unreachable) as caught:
        look(change=later(503, where=lambda request, _: request.method == "GET"))
    assert "sig=" not in str(caught.value)


def test_an_answer_that_never_ends_is_not_waited_for() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for letter in b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello":
                writer.write(bytes([letter]))
                with suppress(TimeoutError):  # the pace; what the client sends is of no interest
                    await asyncio.wait_for(reader.read(1_000_000), 0.05)
                    await asyncio.wait_for(reader.read(-1), 0.05)
        finally:
            writer.close()

    async def examined() -> None:
        service = await asyncio.start_server(trickle, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{service.sockets[0].getsockname()[1]}"
        async with service, httpx.AsyncClient(timeout=30) as http:
            await examine("ideogram", url, "a-key", http, timeout=1)

    with pytest.raises(Unreachable, match=r"gave no complete reply within 1 s"):
        asyncio.run(examined())


def test_a_redirect_gives_no_verdict() -> None:
    with pytest.raises(Unreachable, match="redirected to https://elsewhere: is --base-url right"):
        look(change=lambda _, __: httpx.Response(308, headers={"location": "https://elsewhere"}))


def later_account(mock: MockServer) -> AccountHandle:
    """An account that a later version of the service answers: there is a member more."""
    account = mock.account()
    account.faults.add(ExtraFields({"request_id": "Kx4Vw9dRQ4"}), on="ideogram.upscale", times=None)
    return account


def ask(mock: MockServer, *words: str, key: str = "", answer: str = "") -> Any:
    key = key or later_account(mock).api_key("ideogram")
    command = ["drift", "ideogram", "--base-url", mock.base_url("ideogram"), *words]
    return CliRunner().invoke(main, command, input=answer, env={"FAUXSCALE_DRIFT_KEY": key})


@pytest.fixture(scope="module")
def newer() -> Iterator[MockServer]:
    with MockServer(Settings(key_policy="issued")) as mock:
        yield mock


def test_the_command_prices_itself_and_asks_before_it_spends(newer: MockServer) -> None:
    account = later_account(newer)
    result = ask(newer, key=account.api_key("ideogram"), answer="n\n")
    assert result.exit_code == 2
    assert "4 calls to ideogram for $0.06, at most $0.12" in result.stderr
    assert len(account.calls) == 0
    assert ask(newer, key=account.api_key("ideogram"), answer="y\n").exit_code == 3
    assert account.spend == pytest.approx(0.06)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_probe_that_is_paid_for_is_sent_once_and_its_picture_read_once(provider: str) -> None:
    with MockServer(Settings(key_policy="issued")) as mock:
        account = mock.account()
        base_url, key = mock.base_url(provider), account.api_key(provider)
        done = CliRunner().invoke(main, ["drift", provider, "--base-url", base_url, "--yes", "--key", key])
        assert done.exit_code == 0, done.output
        assert len(account.ledger) == 1
        assert len(account.calls.downloads) == 1


def test_nothing_is_sent_that_could_cost_more_than_allowed(newer: MockServer) -> None:
    account = later_account(newer)
    result = ask(newer, "--yes", "--max-cost", "0.10", key=account.api_key("ideogram"))
    assert (result.exit_code, len(account.calls)) == (2, 0)
    assert "may cost $0.12, more than --max-cost 0.10" in result.stderr


def test_the_report_can_be_read_by_programs_and_by_people(newer: MockServer, tmp_path: Path) -> None:
    page = tmp_path / "drift.md"
    result = ask(newer, "--yes", "--json", "--markdown", str(page))
    report = json.loads(result.stdout)
    assert {name: report[name] for name in ("provider", "api_version", "verdict", "cost")} == {
        "provider": "ideogram",
        "api_version": "2026-04",
        "verdict": "additive",
        "cost": 0.06,
    }
    assert report["findings"][0]["live"] == "string"
    assert "| **additive** | a small picture | `/body/request_id` |" in page.read_text()


def test_the_report_for_people_has_all_four_sides() -> None:
    finding = Difference("risky", "p", "/body/a", "is gone", "allowed", "string", "string", "")
    text = DriftReport("ideogram", "2026-04", "http://x", 0.06, {"p": 200}, [finding]).to_text()
    assert "documented allowed · recorded string · stand-in string · live —" in text


def test_a_wrong_key_is_no_drift_and_is_not_shown(newer: MockServer) -> None:
    result = ask(newer, "--yes", key="somebody-elses-secret")
    assert result.exit_code == 2
    assert "key was refused" in result.stderr
    assert "somebody-elses-secret" not in result.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--max-cost", "nan"), "'--max-cost': nan is not an amount in dollars"),
        (("--max-cost", "-1"), "'--max-cost': -1 is not an amount in dollars"),
        (("--timeout", "nan"), "'--timeout': nan is not a number of seconds above 0"),
        (("--timeout", "0"), "'--timeout': 0 is not a number of seconds above 0"),
        (("--key", ""), "'--key': the key is empty"),
        (("--key", "ключ"), "'--key': the key contains characters that are not allowed in a header"),
        (("--markdown", "nowhere/drift.md"), "'--markdown': nowhere/drift.md cannot be written"),
        (
            ("--base-url", "http://127.0.0.1:99999"),
            "'--base-url': 'http://127.0.0.1:99999': Port out of range",
        ),
        (("--base-url", "http://["), "'--base-url': 'http://[': Invalid"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_asked(
    newer: MockServer, words: tuple[str, ...], says: str
) -> None:
    account = later_account(newer)
    result = ask(newer, "--yes", *words, key=account.api_key("ideogram"))
    assert (result.exit_code, len(account.calls)) == (2, 0)
    assert says in result.stderr


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_gives_no_verdict(sign: signal.Signals, code: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        program = "from fauxscale_contracts.cli import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", program, "drift", "ideogram", "--base-url", url, "--yes"],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "FAUXSCALE_DRIFT_KEY": "a-key"},
        )
        try:
            silent.settimeout(30)
            asked, _ = silent.accept()
            process.send_signal(sign)
            _, told = process.communicate(timeout=60)
            asked.close()
        finally:
            process.kill()
            process.communicate()
    assert (process.returncode, told.splitlines()[-1]) == (code, "no verdict: interrupted")
    assert "Traceback" not in told


def test_findings_that_were_paid_for_are_told_although_a_report_cannot_be_written(
    newer: MockServer, tmp_path: Path
) -> None:
    page = tmp_path / "drift.md"
    page.write_text("of last week")
    (tmp_path / ".drift.md.part").mkdir()
    result = ask(newer, "--yes", "--json", "--markdown", str(page))
    assert result.exit_code == 2
    assert json.loads(result.stdout)["verdict"] == "additive"
    assert f"{page} cannot be written: " in result.stderr
    assert page.read_text() == "of last week"


@pytest.mark.parametrize("words", [("--api-version", "1999"), ("--recorded", "/nowhere")])
def test_what_there_is_nothing_to_compare_with_ends_with_two(
    newer: MockServer, words: tuple[str, ...]
) -> None:
    result = ask(newer, "--yes", *words)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("no verdict: ")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_default_limit_covers_every_provider_and_the_plan_names_each_call(provider: str) -> None:
    words, most = plan(profile(provider))
    assert most <= 0.30
    assert all(probe.id in words for probe in profile(provider).probes)
