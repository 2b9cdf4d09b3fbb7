"""What a client sent and read becomes a part of the contract, a Pact, and the measure of drift."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from fauxscale import MockServer, Settings
from fauxscale_contracts import Exchange, load, load_file
from fauxscale_contracts.cli import main
from fauxscale_contracts.contract.violations import ContractError
from fauxscale_contracts.record.secrets import scan
from fauxscale_contracts.usage import document
from fauxscale_contracts.usage.collected import Collected
from tests.pictures import picture
from tests.recordings import Through, record_ideogram

READ = ("/body", "/body/data", "/body/data/*", "/body/data/*/is_image_safe", "/body/data/*/url")
SHOP = "shop/test_photos.py::test_upload"


@pytest.fixture(scope="module")
def upload() -> Iterator[Exchange]:
    """An upload as a client sends it, with a member that is not on record."""
    with MockServer(Settings(), listen=False) as mock:
        request = {"resemblance": 50, "sharpness": 3}
        with httpx.Client(transport=mock.transport()) as http:
            response = http.post(
                mock.base_url("ideogram") + "/upscale",
                headers={"Api-Key": mock.account().api_key("ideogram")},
                files={"image_file": ("a.png", picture(), "image/png")},
                data={"image_request": json.dumps(request)},
            )
        yield Exchange.of(response)


def collected(exchange: Exchange, read: tuple[str, ...] | None = READ) -> Collected:
    found, contract = Collected(), load("ideogram")
    found.note(contract, contract.operation("ideogram.upscale"), exchange, SHOP, read)
    return found


@pytest.fixture(scope="module")
def folder(upload: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("usage")
    collected(upload).write(to, "shop")
    return to


def usage_of(folder: Path) -> Any:
    return json.loads((folder / "ideogram-2026-04.usage.json").read_text())


def test_the_document_is_the_part_of_the_contract_that_is_used(folder: Path) -> None:
    whole = usage_of(folder)
    assert list(whole["paths"]) == ["/upscale"]
    operation = whole["paths"]["/upscale"]["post"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"].keys() == {"image_request", "image_file"}
    request = form["properties"]["image_request"]
    assert request["properties"].keys() == {"resemblance"}
    assert request["properties"]["resemblance"]["maximum"] == 100
    assert operation["responses"].keys() == {"200"}
    result = operation["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["data"][
        "items"
    ]
    assert result["properties"].keys() == {"is_image_safe", "url"}
    assert (result["required"], result["properties"]["url"]["x-used-by"]) == (["is_image_safe"], [SHOP])


def test_what_the_contract_does_not_know_is_told_too(folder: Path) -> None:
    beyond = usage_of(folder)["paths"]["/upscale"]["post"]["x-used-beyond"]
    assert beyond == {"/body/image_request/sharpness": [SHOP]}


def test_it_is_a_contract_that_the_same_call_keeps(folder: Path, upload: Exchange) -> None:
    contract = load_file(folder / "ideogram-2026-04.usage.json")
    rejected = [one for one in contract.check_response(upload) if one.severity == "would be rejected"]
    assert rejected == []


def test_it_is_read_back_whole(folder: Path, upload: Exchange) -> None:
    read = document.read(folder / "ideogram-2026-04.usage.json", load("ideogram"))
    (members,) = collected(upload).to_members()
    assert read.to_members() == members["users"]


def test_where_reading_is_unknown_every_member_of_the_answer_counts(upload: Exchange) -> None:
    (members,) = collected(upload, read=None).to_members()
    assert {"/answers/200/body/created", "/answers/200/body/data/*/seed"} <= members["users"][
        "ideogram.upscale"
    ].keys()


def test_what_another_process_collected_is_added(upload: Exchange, tmp_path: Path, folder: Path) -> None:
    joined = Collected()
    joined.add_members(collected(upload).to_members())
    joined.add_members(collected(upload).to_members())
    joined.write(tmp_path, "shop")
    for file in folder.iterdir():
        assert (tmp_path / file.name).read_text() == file.read_text()


def test_the_pact_says_what_was_read_and_leaves_forms_out(folder: Path) -> None:
    pact = json.loads((folder / "ideogram-2026-04.pact.json").read_text())
    assert (pact["consumer"]["name"], pact["provider"]["name"]) == ("shop", "ideogram")
    assert pact["metadata"]["pactSpecification"]["version"] == "4.0"
    (one,) = pact["interactions"]
    assert one["request"] == {"method": "POST", "path": "/upscale"}
    (result,) = one["response"]["body"]["content"]["data"]
    assert result.keys() == {"is_image_safe", "url"}
    rules = one["response"]["matchingRules"]["body"]
    assert rules.keys() == {"$.data", "$.data[*].is_image_safe", "$.data[*].url"}
    assert rules["$.data[*].url"] == {"combine": "AND", "matchers": [{"match": "type"}]}
    assert "form" in one["comments"]["text"][0]


def test_no_secret_is_written(folder: Path) -> None:
    assert scan(folder) == []


def run(*words: str | Path, **env: str) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], env=env)


def test_a_recording_tells_what_its_client_uses(tmp_path: Path) -> None:
    with MockServer() as mock:
        record_ideogram(mock, tmp_path / "recording", picture())
    done = run("usage", tmp_path / "recording", "--to", tmp_path / "to", "--consumer", "shop")
    assert done.exit_code == 0, done.output
    assert str(tmp_path / "to" / "ideogram-2026-04.usage.json") in done.stdout
    operation = usage_of(tmp_path / "to")["paths"]["/upscale"]["post"]
    assert operation["x-used-by"] == ["shop"]


def test_what_holds_no_call_of_a_known_operation_gives_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with MockServer() as mock:
        Through(mock.url, tmp_path / "others").ask("GET", "/elsewhere")
    for name, why in (
        ("empty", "there is no .har file in it"),
        ("others", "no call of a known operation is in"),
    ):
        done = run("usage", tmp_path / name, "--to", tmp_path / "to")
        assert (done.exit_code, (tmp_path / "to").exists()) == (2, False)
        assert why in done.stderr


def test_a_document_of_something_else_is_refused(tmp_path: Path, folder: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"openapi": "3.1.0"}')
    with pytest.raises(ContractError, match="was not written by"):
        document.read(other, load("ideogram"))
    with pytest.raises(ContractError, match="ideogram 2026-04, not ideogram 2026-10"):
        document.read(folder / "ideogram-2026-04.usage.json", load("ideogram", api_version="2026-10"))
    with pytest.raises(ContractError, match="cannot be read"):
        document.read(tmp_path / "none.json", load("ideogram"))


Edit = Callable[[dict[str, Any]], object]


def served_with(edit: Edit, mock: MockServer) -> httpx.MockTransport:
    """A service whose results are edited."""
    inner = mock.transport()

    def answer(request: httpx.Request) -> httpx.Response:
        response = inner.handle_request(request)
        response.read()
        if response.status_code != 200 or "json" not in response.headers["content-type"]:
            return response
        body = response.json()
        for one in body["data"]:
            edit(one)
        return httpx.Response(200, json=body)

    return httpx.MockTransport(answer)


def drift(edit: Edit, monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> Result:
    real = httpx.AsyncClient
    with MockServer(Settings(key_policy="issued"), listen=False) as mock:
        service = served_with(edit, mock)

        def client(**options: Any) -> httpx.AsyncClient:
            options.setdefault("transport", service)
            return real(**options)

        monkeypatch.setattr(httpx, "AsyncClient", client)
        key = mock.account().api_key("ideogram")
        command = ("drift", "ideogram", "--base-url", mock.base_url("ideogram"), "--yes", "--json", *words)
        return run(*command, FAUXSCALE_DRIFT_KEY=key)


def test_drift_at_what_no_client_uses_is_quiet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_seed(result: dict[str, Any]) -> None:
        del result["seed"]

    judged = drift(without_seed, monkeypatch)
    assert judged.exit_code == 5
    quiet = drift(without_seed, monkeypatch, "--used-by", folder / "ideogram-2026-04.usage.json")
    report = json.loads(quiet.stdout)
    assert (quiet.exit_code, report["findings"]) == (0, [])
    assert [one["pointer"] for one in report["unused"]] == ["/body/data/*/seed"]


def test_drift_at_what_a_client_uses_names_the_client(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_safety(result: dict[str, Any]) -> None:
        del result["is_image_safe"]

    told = drift(without_safety, monkeypatch, "--used-by", folder / "ideogram-2026-04.usage.json")
    (finding,) = json.loads(told.stdout)["findings"]
    assert (told.exit_code, finding["kind"], finding["used_by"]) == (5, "breaking", [SHOP])


def test_a_usage_of_another_contract_stops_drift_before_anything_is_sent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "ideogram-2026-04.usage.json"
    done = drift(lambda _: None, monkeypatch, "--used-by", file, "--api-version", "2026-10")
    assert (done.exit_code, "not ideogram 2026-10" in done.stderr) == (2, True)
