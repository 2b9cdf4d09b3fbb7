"""JavaScript's own clients at the stand-in: openai, @fal-ai/client and the AI SDK, each as its users call it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageChops

from fauxscale import MockServer
from tests.clients.js_programs import ADDRESS, PHOTO, PROGRAMS
from tests.clients.node import play, run_module
from tests.pictures import doubled, opened
from tests.tools import needs

pytestmark = needs("node", "npm")

GATEWAYS = ("aigateway", "lumenfall")
PROVIDERS = (*GATEWAYS, "fal")
OPENAI_ERRORS = {
    400: "BadRequestError",
    402: "APIError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "InternalServerError",
}
# How often @fal-ai/client 1.10 asks in all, by the status it meets.
FAL_CALLS = {400: 1, 402: 1, 403: 1, 404: 1, 422: 1, 429: 4, 500: 1, 502: 4, 503: 4, 504: 4}


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a program: its value or its error; the operations its account asked for, and micro-dollars paid."""

    value: Any
    error: Mapping[str, Any]
    asked: Counter[str]
    micros: int

    def shows_the_photo_doubled(self) -> None:
        result = opened(Path(self.value["picture"]).read_bytes())
        assert ImageChops.difference(result, doubled(PHOTO.read_bytes())).getbbox() is None


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer() as mock:
        yield mock


def cases(file: str, mock: MockServer, folder: Path) -> dict[str, Played]:
    names = [provider.name for provider in mock.providers]
    task = {"url": mock.url, "providers": {name: mock.base_url(name) for name in names}}
    told = play(file, task | {"photo": str(PHOTO), "out": str(folder)})
    return {
        name: Played(case.get("value"), case.get("error", {}), Counter(case["asked"]), case["micros"])
        for name, case in told.items()
    }


@pytest.fixture(scope="module")
def openai(mock: MockServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    return cases("openai.mjs", mock, tmp_path_factory.mktemp("openai"))


@pytest.fixture(scope="module")
def fal(mock: MockServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    return cases("fal.mjs", mock, tmp_path_factory.mktemp("fal"))


@pytest.fixture(scope="module")
def ai_sdk(mock: MockServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    return cases("ai-sdk.mjs", mock, tmp_path_factory.mktemp("ai-sdk"))


class TestOpenai:
    @pytest.mark.parametrize(
        "name",
        [
            "a stream from disk at lumenfall",
            "bytes at lumenfall, answered in base64",
            "a list of one at lumenfall",
            "an edit at aigateway",
            "a picture named to generate at aigateway",
        ],
    )
    def test_a_photo_comes_back_doubled_for_six_cents(self, openai: dict[str, Played], name: str) -> None:
        openai[name].shows_the_photo_doubled()
        assert openai[name].micros == 60_000

    def test_what_the_replies_add_reaches_the_program(self, openai: dict[str, Played]) -> None:
        streamed = openai["a stream from disk at lumenfall"].value
        assert streamed["revised"] == "Add a starry night sky to this image"
        assert openai["bytes at lumenfall, answered in base64"].value["cost"] == 0.06
        assert openai["an edit at aigateway"].value["id"].startswith("req_")

    def test_the_documented_call_draws_a_picture_of_the_asked_size(self, openai: dict[str, Played]) -> None:
        drawn = Path(openai["the documented generate at aigateway"].value["picture"])
        assert opened(drawn.read_bytes()).size == (1024, 1024)

    def test_models_are_found_and_listed(self, openai: dict[str, Played]) -> None:
        expected = {"id": "ideogram/ideogram-upscale", "listed": ["ideogram-upscale"]}
        assert openai["models by an id with a slash"].value == expected

    def test_code_that_names_no_address_is_pointed_here_by_its_environment(
        self, openai: dict[str, Played]
    ) -> None:
        assert openai["a client that reads its environment"].value == "ideogram/ideogram-upscale"

    def test_a_price_asked_beforehand_costs_nothing(self, openai: dict[str, Played]) -> None:
        case = openai["a price asked beforehand"]
        assert (case.value["total_cost_micros"], case.micros) == (60_000, 0)

    @pytest.mark.parametrize("provider", GATEWAYS)
    @pytest.mark.parametrize("status", OPENAI_ERRORS)
    def test_each_refusal_is_the_clients_own_error(
        self, openai: dict[str, Played], status: int, provider: str
    ) -> None:
        error = openai[f"{status} at {provider}"].error
        assert (error["status"], error["class"]) == (status, OPENAI_ERRORS[status])
        assert error["type"]
        assert error["code"]

    @pytest.mark.parametrize("provider", GATEWAYS)
    def test_wrong_keys_and_unknown_models_are_told_apart(
        self, openai: dict[str, Played], provider: str
    ) -> None:
        assert openai[f"a wrong key at {provider}"].error["class"] == "AuthenticationError"
        assert openai[f"an unknown model at {provider}"].error["class"] == "NotFoundError"

    def test_an_empty_wallet_is_a_402(self, openai: dict[str, Played]) -> None:
        error = openai["an empty wallet at aigateway"].error
        assert (error["status"], error["type"]) == (402, "insufficient_credits")

    @pytest.mark.parametrize(
        ("name", "calls"),
        [
            ("bytes are sent again", 3),
            ("json is sent again", 3),
            ("a stream is not sent again", 1),
            ("a refusal is not sent again", 1),
        ],
    )
    def test_retries_are_those_of_the_real_client(
        self, openai: dict[str, Played], name: str, calls: int
    ) -> None:
        assert openai[name].asked.total() == calls


class TestFal:
    @pytest.mark.parametrize(
        "name",
        [
            "a blob is uploaded by itself",
            "a data URI and back",
            "a file uploaded, then the queue",
            "the queue as a stream",
            "submit, status, result",
        ],
    )
    def test_a_photo_comes_back_doubled_for_six_cents(self, fal: dict[str, Played], name: str) -> None:
        fal[name].shows_the_photo_doubled()
        assert fal[name].micros == 60_000

    def test_what_the_replies_add_reaches_the_program(self, fal: dict[str, Played]) -> None:
        uploaded = fal["a blob is uploaded by itself"].value
        assert uploaded["seed"] == 7
        assert uploaded["id"], "the header x-fal-request-id was read"

    def test_progress_is_told_while_the_queue_is_polled(self, fal: dict[str, Played]) -> None:
        value = fal["a file uploaded, then the queue"].value
        assert value["states"] == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
        assert value["id"]
        assert fal["submit, status, result"].value["status"] == "COMPLETED"

    def test_no_address_leads_out_of_this_server(self, fal: dict[str, Played], mock: MockServer) -> None:
        assert fal["a file uploaded, then the queue"].value["upload"].startswith(f"{mock.url}/fal/media/")

    def test_a_large_file_goes_up_in_parts(self, fal: dict[str, Played]) -> None:
        case = fal["a large file goes up in parts"]
        assert case.value == {"whole": True}
        assert case.asked["fal.put_part"] == 10

    def test_a_cancelled_request_costs_nothing(self, fal: dict[str, Played]) -> None:
        case = fal["a request cancelled"]
        assert (case.value, case.micros) == ("COMPLETED", 0)

    @pytest.mark.parametrize(("status", "calls"), FAL_CALLS.items())
    def test_each_refusal_is_the_clients_own_error_with_its_own_retries(
        self, fal: dict[str, Played], status: int, calls: int
    ) -> None:
        case = fal[f"{status}"]
        kind = "ValidationError" if status == 422 else "ApiError"
        assert (case.error["status"], case.error["class"]) == (status, kind)
        assert case.error["message"], "the HTTP reason phrase: it is all this client tells"
        assert case.error["body"]["detail"]
        assert case.asked == {"fal.run": calls}

    def test_an_ordered_404_names_no_application(self, fal: dict[str, Played]) -> None:
        assert fal["404"].error["body"] == {"detail": "Not found"}
        assert "no-such-model" in fal["an unknown model"].error["body"]["detail"]

    def test_wrong_keys_and_empty_wallets_are_told_apart(self, fal: dict[str, Played]) -> None:
        assert fal["a wrong key"].error["status"] == 401
        assert fal["an empty wallet"].error["status"] == 403

    def test_an_error_in_the_queue_arrives_with_the_result(self, fal: dict[str, Played]) -> None:
        case = fal["an error in the queue"]
        assert case.error["class"] == "ValidationError"
        assert case.asked == {"fal.submit": 1, "fal.status": 1, "fal.result": 1}

    def test_the_fields_at_fault_can_be_asked_for(self, fal: dict[str, Played]) -> None:
        found = fal["the fields at fault"].value
        assert [one["type"] for one in found] == ["less_than_equal", "greater_than_equal"]


class TestAiSdk:
    @pytest.mark.parametrize("provider", PROVIDERS)
    def test_a_photo_comes_back_doubled_for_six_cents(self, ai_sdk: dict[str, Played], provider: str) -> None:
        case = ai_sdk[f"a picture at {provider}"]
        case.shows_the_photo_doubled()
        assert (case.value["type"], case.micros) == ("image/png", 60_000)

    def test_a_prompt_alone_is_drawn(self, ai_sdk: dict[str, Played]) -> None:
        drawn = Path(ai_sdk["a prompt alone at aigateway"].value["picture"])
        assert opened(drawn.read_bytes()).size == (1024, 1024)

    @pytest.mark.parametrize("provider", PROVIDERS)
    @pytest.mark.parametrize("status", [400, 402, 404, 422, 429, 500, 503])
    def test_each_refusal_is_an_api_call_error(
        self, ai_sdk: dict[str, Played], status: int, provider: str
    ) -> None:
        error = ai_sdk[f"{status} at {provider}"].error
        assert (error["status"], error["class"]) == (status, "APICallError")

    @pytest.mark.parametrize("provider", PROVIDERS)
    def test_a_wrong_key_is_a_401(self, ai_sdk: dict[str, Played], provider: str) -> None:
        assert ai_sdk[f"a wrong key at {provider}"].error["status"] == 401

    def test_a_limit_is_met_with_three_calls(self, ai_sdk: dict[str, Played]) -> None:
        case = ai_sdk["a call is sent again"]
        assert (case.error["class"], case.error["reason"]) == ("RetryError", "maxRetriesExceeded")
        assert case.asked.total() == 3

    def test_a_refusal_is_not_sent_again(self, ai_sdk: dict[str, Played]) -> None:
        assert ai_sdk["a refusal is not sent again"].asked.total() == 1

    def test_a_withheld_picture_is_paid_for_as_often_as_the_sdk_asks(self, ai_sdk: dict[str, Played]) -> None:
        case = ai_sdk["an empty result is asked for, and paid, again"]
        assert case.error["class"] == "NoImageGeneratedError"
        assert (case.asked["fal.run"], case.micros) == (2, 120_000)


# The JavaScript call of Lumenfall's model page, its key, origin and file name left to the reader.
LUMENFALLS_OWN = """
import OpenAI from 'openai';
import fs from 'fs';

const client = new OpenAI({ apiKey: 'YOUR_API_KEY', baseURL: '%s/openai/v1' });
const response = await client.images.edit({
  model: 'ideogram-upscale',
  image: fs.createReadStream('fixtures/images/astronaut.png'),
  prompt: 'Add a starry night sky to this image',
  size: '1024x1024'
});
const picture = await fetch(response.data[0].url);
fs.writeFileSync('upscaled.png', Buffer.from(await picture.arrayBuffer()));
"""


@pytest.mark.parametrize("program", [LUMENFALLS_OWN % ADDRESS, *PROGRAMS])
def test_documented_programs_write_the_photo_doubled(program: str, mock: MockServer, tmp_path: Path) -> None:
    assert ADDRESS in program
    run_module(program.replace(ADDRESS, mock.url), tmp_path)
    assert opened((tmp_path / "upscaled.png").read_bytes()).size == (1024, 1024)


def test_every_client_has_a_documented_program() -> None:
    page = "".join(PROGRAMS)
    for package in ("openai", "@fal-ai/client", "@ai-sdk/fal", "@ai-sdk/openai-compatible"):
        assert f'from "{package}"' in page
