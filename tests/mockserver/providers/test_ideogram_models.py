"""A model is trained by the account's clock, settled at the next look, and can then be asked for by its URI."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from fauxscale import Fail
from fauxscale.client import AccountHandle
from fauxscale.provider_api import Call
from fauxscale.providers.ideogram.models import model_exists
from tests.calls.ideogram_datasets import Ideogram
from tests.stages import Stage

ID = r"[A-Za-z0-9_-]{22}"


@pytest.fixture
def ideogram(stage: Stage) -> Ideogram:
    account = stage.account()
    account.clock.freeze()
    return Ideogram(stage, account)


def exists(ideogram: Ideogram, uri: str) -> bool:
    """What other operations are told of a URI."""
    app = ideogram.stage.mock.app

    class Asked:
        """As much of a call as the question takes."""

        accounts = app.accounts
        provider = next(one for one in app.routes.providers if one.name == "ideogram")
        account: Any

    async def ask() -> bool:
        asked: Any = Asked()
        asked.account = await app.accounts.get(ideogram.account.id)
        call: Call = asked
        return await model_exists(call, uri)

    loop = ideogram.stage.mock._running().loop
    assert loop is not None
    return asyncio.run_coroutine_threadsafe(ask(), loop).result(30)


def test_a_model_is_created_trained_and_completed_by_the_accounts_clock(ideogram: Ideogram) -> None:
    dataset = ideogram.full_dataset()
    reply = ideogram.train(dataset, "My model-2")
    assert reply.status_code == 200
    begun = reply.json()
    assert begun == {
        "model_id": begun["model_id"],
        "dataset_id": dataset,
        "training_status": "CREATING",
        "model_name": "My model-2",
    }
    assert re.fullmatch(ID, begun["model_id"])
    seen: list[tuple[object, object, object]] = []
    for seconds in (0, 10, 59, 1):
        ideogram.account.clock.advance(seconds=seconds)
        model = ideogram.model(begun["model_id"])
        seen.append((model["status"], model["is_available_for_generation"], model["custom_model_uri"]))
        (run,) = model["training_runs"]
        assert run["status"] in ("PREPARING_DATA", "TRAINING", "COMPLETED")
    uri = "model/my-model-2/version/1"
    assert seen == [
        ("CREATING", False, None),
        ("TRAINING", False, None),
        ("TRAINING", False, None),
        ("COMPLETED", True, uri),
    ]
    assert exists(ideogram, uri)
    assert ideogram.ask("GET", f"/datasets/{dataset}").json()["custom_model_ids"] == [begun["model_id"]]


def test_a_model_has_what_its_description_demands(ideogram: Ideogram) -> None:
    dataset = ideogram.full_dataset()
    model_id = ideogram.train(dataset).json()["model_id"]
    model = ideogram.model(model_id)
    assert {name: model[name] for name in ("model_id", "name", "dataset_id", "is_owned")} == {
        "model_id": model_id, "name": "my model", "dataset_id": dataset, "is_owned": True,
    }  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00", model["creation_time"])
    (listed,) = ideogram.ask("GET", "/models").json()["models"]
    assert set(model) - set(listed) == {"training_runs"}


def test_a_model_cannot_be_asked_for_before_it_is_trained(ideogram: Ideogram) -> None:
    ideogram.train(ideogram.full_dataset())
    assert not exists(ideogram, "model/my-model/version/1")
    ideogram.account.clock.advance(seconds=70)
    assert exists(ideogram, "model/my-model/version/1")
    for unknown in ("model/my-model/version/2", "model/other/version/1", "my-model", ""):
        assert not exists(ideogram, unknown)


def test_a_picture_is_generated_by_a_model_that_is_trained_and_by_no_other(ideogram: Ideogram) -> None:
    ideogram.train(ideogram.full_dataset())

    def generate(uri: str) -> int:
        sent = {"prompt": (None, "a cat"), "custom_model_uri": (None, uri)}
        return ideogram.ask("POST", "/v1/ideogram-v3/generate", files=sent).status_code

    assert generate("model/my-model/version/1") == 400
    ideogram.account.clock.advance(seconds=70)
    assert generate("model/my-model/version/1") == 200
    assert generate("model/my-model/version/2") == 400


def test_models_of_one_name_are_versions_of_it(ideogram: Ideogram) -> None:
    dataset = ideogram.full_dataset()
    for name in ("my model", "My Model", "another"):
        ideogram.train(dataset, name)
    ideogram.account.clock.advance(seconds=70)
    models = ideogram.ask("GET", "/models").json()["models"]
    assert [one["custom_model_uri"] for one in models] == [
        "model/my-model/version/1",
        "model/my-model/version/2",
        "model/another/version/1",
    ]


def test_training_ends_errored_where_a_test_wants_it(ideogram: Ideogram) -> None:
    ideogram.account.settings(options={"ideogram.training_ends": "ERRORED"})
    model_id = ideogram.train(ideogram.full_dataset()).json()["model_id"]
    assert ideogram.model(model_id)["status"] == "CREATING"
    ideogram.account.clock.advance(seconds=70)
    model = ideogram.model(model_id)
    assert (model["status"], model["is_available_for_generation"]) == ("ERRORED", False)
    assert model["custom_model_uri"] is None
    assert model["training_runs"][0]["status"] == "FAILED"
    assert not exists(ideogram, "model/my-model/version/1")


def test_a_training_can_be_moved_on_finished_failed_and_stalled_as_any_job(ideogram: Ideogram) -> None:
    dataset, jobs = ideogram.full_dataset(), ideogram.account.jobs
    moved, done, failed, stalled = (ideogram.train(dataset).json()["model_id"] for _ in range(4))
    jobs.advance(moved)
    jobs.finish(done)
    jobs.fail(failed)
    jobs.stall(stalled)
    ideogram.account.clock.advance(seconds=5)
    states = [ideogram.model(one)["status"] for one in (moved, done, failed, stalled)]
    assert states == ["TRAINING", "COMPLETED", "ERRORED", "CREATING"]
    ideogram.account.clock.advance(seconds=3_600)
    assert ideogram.model(stalled)["status"] == "CREATING"


def test_a_configured_refusal_of_the_call_begins_no_training(ideogram: Ideogram) -> None:
    ideogram.account.faults.add(Fail(500), on="ideogram.train_model")
    assert ideogram.train(ideogram.full_dataset()).status_code == 500
    assert ideogram.ask("GET", "/models").json() == {"models": []}


@pytest.mark.parametrize(("images", "least", "status"), [(14, 15, 400), (15, 15, 200), (5, 5, 200)])
def test_training_wants_so_many_images_at_least(
    ideogram: Ideogram, images: int, least: int, status: int
) -> None:
    ideogram.account.settings(options={"ideogram.training_images": least})
    reply = ideogram.train(ideogram.full_dataset(images))
    assert reply.status_code == status
    if status == 400:
        assert "14 images" in reply.headers["x-fauxscale-reason"]


@pytest.mark.parametrize(
    "name",
    [
        "four",
        "a" * 31,
        "",
        "under_score",
        "dots.dots",
        "naïve model",
        "model/1",
        "line\nbreak",
        None,
        12345,
        ["model"],
    ],
)
def test_a_model_name_has_5_to_30_letters_digits_spaces_and_hyphens(ideogram: Ideogram, name: Any) -> None:
    assert ideogram.train(ideogram.full_dataset(), name).status_code == 400


@pytest.mark.parametrize("name", ["fives", "a" * 30, "A-1 b-2", " a   ", " " * 5, "-----", "- - -"])
def test_a_model_name_at_its_bounds_is_accepted_and_makes_a_uri(ideogram: Ideogram, name: str) -> None:
    assert re.fullmatch(r"model/[^/\s]+/version/[^/]+", ideogram.trained(name))


@pytest.mark.parametrize("body", [{}, {"dataset_id": "x"}, {"model_name": "my model"}, [], None])
def test_training_without_its_members_is_refused(ideogram: Ideogram, body: object) -> None:
    assert ideogram.ask("POST", "/v1/ideogram-v3/train-model", json=body).status_code == 400


def test_an_unknown_dataset_and_an_unknown_model_are_404(stage: Stage, ideogram: Ideogram) -> None:
    model_id = ideogram.train(ideogram.full_dataset()).json()["model_id"]
    other = Ideogram(stage, stage.account())
    assert other.train("A" * 22).status_code == 404
    assert other.ask("GET", f"/models/{model_id}").status_code == 404
    assert other.ask("GET", "/models/none").status_code == 404
    assert other.ask("GET", "/models").json() == {"models": []}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 2),
        ("?scope=owned", 2),
        ("?scope=shared", 0),
        ("?status=COMPLETED", 1),
        ("?status=COMPLETED&status=CREATING", 2),
        ("?status=DRAFT", 0),
        ("?scope=owned&status=CREATING", 1),
    ],
)
def test_models_are_listed_by_scope_and_status(ideogram: Ideogram, query: str, count: int) -> None:
    dataset = ideogram.full_dataset()
    ideogram.account.jobs.finish(ideogram.train(dataset).json()["model_id"])
    ideogram.train(dataset)
    assert len(ideogram.ask("GET", f"/models{query}").json()["models"]) == count


@pytest.mark.parametrize(
    "query", ["?scope=mine", "?scope=", "?status=completed", "?status=CREATING&status=x"]
)
def test_another_scope_or_status_is_refused(ideogram: Ideogram, query: str) -> None:
    assert ideogram.ask("GET", f"/models{query}").status_code == 400


def test_training_costs_nothing(stage: Stage) -> None:
    account: AccountHandle = stage.account(balance=0)
    ideogram = Ideogram(stage, account)
    account.jobs.finish(ideogram.train(ideogram.full_dataset()).json()["model_id"])
    assert list(account.ledger) == []


def test_a_model_outlives_no_reset(ideogram: Ideogram) -> None:
    model_id = ideogram.train(ideogram.full_dataset()).json()["model_id"]
    ideogram.account.reset()
    assert ideogram.ask("GET", f"/models/{model_id}").status_code == 404
