"""A recording answers again: the same words and pictures, links of this hour, money as for work."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from fauxscale import Fail, LoseReply, MockServer, Settings
from fauxscale.cli import main
from fauxscale.client import AccountHandle
from fauxscale.observer import Observation
from fauxscale.recordings.har import Recording, RecordingError
from tests.pictures import opened, picture
from tests.recordings import Through, key_header, record_ideogram, upscale

PHOTO = picture(width=64, height=48)
WARM = '{"resemblance": 60}'


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, httpx.Response]:
    """A recording of one Ideogram upscale, and the answer the client saw then."""
    folder = tmp_path_factory.mktemp("recording")
    with MockServer(Settings(seed=7)) as mock:
        return folder, record_ideogram(mock, folder, PHOTO, WARM)


class Player:
    """A stand-in that answers from a folder, one account, and a client."""

    def __init__(self, mock: MockServer) -> None:
        self.mock = mock
        self.account: AccountHandle = mock.account(balance=1.0)
        self.http = httpx.Client(timeout=30)

    def upscale(
        self, request: str = WARM, photo: bytes = PHOTO, account: AccountHandle | None = None
    ) -> httpx.Response:
        headers = key_header("ideogram", (account or self.account).api_key("ideogram"))
        return self.http.post(
            f"{self.mock.base_url('ideogram')}/upscale", headers=headers, **upscale(photo, request)
        )


def play(folder: Path) -> Iterator[Player]:
    with MockServer(Settings(replay=str(folder))) as mock:
        player = Player(mock)
        yield player
        player.http.close()


@pytest.fixture
def player(recorded: tuple[Path, httpx.Response]) -> Iterator[Player]:
    yield from play(recorded[0])


def replayed(response: httpx.Response) -> bool:
    return "x-fauxscale-replayed" in response.headers


def test_the_same_request_gets_the_recorded_words(
    player: Player, recorded: tuple[Path, httpx.Response]
) -> None:
    then, now = recorded[1].json(), player.upscale().json()
    links = then["data"][0].pop("url"), now["data"][0].pop("url")
    assert now == then
    assert links[1].startswith(f"{player.mock.url}/ideogram/api/images/ephemeral/") != links[0].startswith(
        player.mock.url
    )


def test_links_are_fresh_and_die_by_the_account_s_clock(player: Player) -> None:
    url = player.upscale().json()["data"][0]["url"]
    assert player.http.get(url).status_code == 200
    player.account.clock.advance(hours=24, seconds=1)
    assert player.http.get(url).status_code == 403
    assert player.http.get(player.upscale().json()["data"][0]["url"]).status_code == 200


@pytest.mark.parametrize("difference", ["spelling", "boundary"])
def test_what_means_the_same_is_the_same_request(player: Player, difference: str) -> None:
    assert replayed(player.upscale('{ "resemblance":60 }' if difference == "spelling" else WARM))


@pytest.mark.parametrize(
    ("request_text", "photo"), [('{"resemblance": 61}', PHOTO), (WARM, picture(width=10))]
)
def test_anything_else_falls_back_to_the_real_work(player: Player, request_text: str, photo: bytes) -> None:
    response = player.upscale(request_text, photo)
    assert response.status_code == 200
    assert not replayed(response)
    assert player.http.get(response.json()["data"][0]["url"]).status_code == 200


def test_a_refusal_falls_back_too(player: Player) -> None:
    response = player.upscale("[]")
    assert response.status_code == 400
    assert not replayed(response)


def test_recorded_work_is_charged_and_refused_when_the_wallet_is_empty(player: Player) -> None:
    poor = player.mock.account(balance=0.10)
    assert [player.upscale(account=poor).status_code for _ in range(2)] == [200, 402]
    assert poor.spend == pytest.approx(0.06)


def test_the_journal_names_the_file_an_answer_came_from(player: Player) -> None:
    response = player.upscale()
    assert response.headers["x-fauxscale-replayed"] == "0001-ideogram.upscale.har"
    assert player.account.calls.last.reason == "replayed from 0001-ideogram.upscale.har"


def test_faults_apply_to_recorded_answers_as_any(player: Player) -> None:
    player.account.faults.add(Fail(503), on="ideogram.upscale", times=1)
    assert [player.upscale().status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize("request_text", [WARM, "{}"])
def test_a_lost_reply_ends_the_call_whether_it_was_recorded_or_not(player: Player, request_text: str) -> None:
    player.account.faults.add(LoseReply("close"), on="ideogram.upscale", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        player.upscale(request_text)
    assert player.account.spend == pytest.approx(0.06)


@pytest.mark.parametrize("request_text", [WARM, "{}"])
def test_an_observer_sees_the_whole_request(recorded: tuple[Path, httpx.Response], request_text: str) -> None:
    seen: list[Observation] = []
    with MockServer(Settings(replay=str(recorded[0])), observer=seen.append) as mock:
        player = Player(mock)
        player.upscale(request_text)
        player.http.close()
    assert PHOTO in seen[0].body
    assert seen[0].whole


def rewritten(folder: Path, number: int, change: Any) -> None:
    """Change one recorded HAR entry by hand, as a user may."""
    file = Recording(folder).files()[number]
    har = json.loads(file.read_text())
    change(har["log"]["entries"][0])
    file.write_text(json.dumps(har))


def test_the_picture_is_the_recorded_one_to_the_byte(tmp_path: Path) -> None:
    with MockServer() as mock:
        record_ideogram(mock, tmp_path, PHOTO)
    # As no encoder of ours would write it, and of another size than twice the upload's.
    other = picture(width=100, height=80, compress_level=1)
    content = {"mimeType": "image/png", "encoding": "base64", "text": base64.b64encode(other).decode()}
    rewritten(tmp_path, 1, lambda entry: entry["response"].update(content=content))
    for player in play(tmp_path):
        assert player.http.get(player.upscale("{}").json()["data"][0]["url"]).content == other


def test_what_was_asked_twice_is_answered_in_order_for_each_account(tmp_path: Path) -> None:
    with MockServer() as mock:
        for _ in range(2):
            record_ideogram(mock, tmp_path, PHOTO)

    def refuse(entry: dict[str, Any]) -> None:
        entry["response"] |= {"status": 429, "headers": [{"name": "Retry-After", "value": "2"}]}
        entry["response"]["content"] = {"mimeType": "application/json", "text": '{"error": "slow down"}'}

    rewritten(tmp_path, 0, refuse)
    for player in play(tmp_path):
        first = player.upscale("{}")
        assert (first.status_code, first.headers["retry-after"], first.json()) == (
            429,
            "2",
            {"error": "slow down"},
        )
        assert [player.upscale("{}").status_code for _ in range(2)] == [200, 200]
        assert player.upscale("{}", account=player.mock.account()).status_code == 429
        player.account.reset("seed")
        assert player.upscale("{}").status_code == 429


def test_an_answer_whose_picture_is_missing_is_left_out_and_said(tmp_path: Path) -> None:
    with MockServer() as mock:
        record_ideogram(mock, tmp_path, PHOTO)
    Recording(tmp_path).files()[1].unlink()
    for player in play(tmp_path):
        assert not replayed(player.upscale("{}"))
        assert player.mock.app.replay is not None
        words = player.mock.app.replay.summary()
        assert words[0] == "replaying  0 recorded answers"
        assert "was not recorded" in words[1]


def test_a_whole_queue_is_told_again_with_addresses_of_this_server(tmp_path: Path) -> None:
    address = f"data:image/png;base64,{base64.b64encode(PHOTO).decode()}"
    with MockServer() as mock:
        headers = key_header("fal", mock.account().api_key("fal"))
        through = Through(f"{mock.url}/fal/queue", tmp_path)
        job = through.ask(
            "POST", "/fal-ai/ideogram/upscale", json={"image_url": address}, headers=headers
        ).json()
        there = f"/fal-ai/ideogram/requests/{job['request_id']}"
        through.ask("GET", f"{there}/status", headers=headers)
        result = through.ask("GET", there, headers=headers).json()
    for player in play(tmp_path):
        headers = key_header("fal", player.account.api_key("fal"))
        url = f"{player.mock.url}/fal/queue/fal-ai/ideogram/upscale"
        again = player.http.post(url, json={"image_url": address}, headers=headers)
        assert replayed(again)
        assert again.json()["request_id"] == job["request_id"]
        assert player.http.get(again.json()["status_url"], headers=headers).json()["status"] == "COMPLETED"
        told = player.http.get(again.json()["response_url"], headers=headers).json()
        assert told["seed"] == result["seed"]
        assert opened(player.http.get(told["images"][0]["url"]).content).size == (128, 96)
        assert player.account.spend == pytest.approx(0.06)


@pytest.mark.parametrize("trouble", ["missing", "cut short"])
def test_serve_says_at_once_that_a_recording_is_broken(tmp_path: Path, trouble: str) -> None:
    if trouble == "cut short":
        (tmp_path / "0001-x.har").write_text('{"log": {"entr')
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--replay", str(tmp_path)])
    assert result.exit_code == 2
    assert "contains no recording" in result.output or "was it cut short?" in result.output
    with pytest.raises(RecordingError):
        MockServer(Settings(replay=str(tmp_path))).start()
