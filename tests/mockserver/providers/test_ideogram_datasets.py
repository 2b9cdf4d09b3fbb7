"""Datasets take pictures, captions and zip files; what cannot be taken is told file by file, and the rest is taken."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from typing import Any

import pytest

from fauxscale import Settings, UnsafeImage
from tests.calls.ideogram_datasets import File, Ideogram, pictures
from tests.pictures import picture
from tests.stages import Stage, open_stage

MIB = 1024 * 1024
ID = r"[A-Za-z0-9_-]{22}"


@pytest.fixture
def ideogram(stage: Stage) -> Ideogram:
    return Ideogram(stage, stage.account())


def zipped(files: Iterable[File], way: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", way) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def reasons(told: dict[str, Any]) -> dict[str, str]:
    """Why each file failed, by its name."""
    return {one["file_name"]: one["failure_reason"] for one in told["failed_assets"]}


def taken(told: dict[str, Any]) -> list[str]:
    return [one["file_name"] for one in told["successful_assets"]]


def test_a_dataset_is_made_listed_and_found(ideogram: Ideogram) -> None:
    made = ideogram.ask("POST", "/datasets", json={"name": "Zoë's cats"})
    assert made.status_code == 200
    dataset = made.json()
    assert set(dataset) == {"dataset_id", "name", "user_id", "creation_time"}
    assert re.fullmatch(ID, dataset["dataset_id"])
    assert dataset["name"] == "Zoë's cats"
    second = ideogram.dataset("dogs")
    listed = ideogram.ask("GET", "/datasets").json()["datasets"]
    assert [one["dataset_id"] for one in listed] == [dataset["dataset_id"], second]
    found = ideogram.ask("GET", f"/datasets/{dataset['dataset_id']}").json()
    assert found == {"dataset": dataset, "file_count": 0, "files": [], "custom_model_ids": []}


def test_datasets_are_searched_for_by_words_of_their_names_since_2026_10(ideogram: Ideogram) -> None:
    for name in ("Red cats", "Black dogs", "black cats", "Ωmega"):
        ideogram.dataset(name)

    def found(search: str) -> list[str]:
        listed = ideogram.ask("GET", "/datasets", params={"search": search}).json()["datasets"]
        return [one["name"] for one in listed]

    assert found("dogs") == ["Red cats", "Black dogs", "black cats", "Ωmega"]
    ideogram.account.settings(options={"ideogram.api_version": "2026-10"})
    assert found("CATS") == ["Red cats", "black cats"]
    assert found("cats black") == ["black cats"]
    assert found("ωmega") == ["Ωmega"]
    assert found("horses") == found("c" * 64) == []
    assert found("") == found(" ") == ["Red cats", "Black dogs", "black cats", "Ωmega"]


@pytest.mark.parametrize(("api_version", "status"), [("2026-04", 200), ("2026-10", 400)])
def test_a_search_of_more_than_64_characters_is_refused_where_there_is_one(
    ideogram: Ideogram, api_version: str, status: int
) -> None:
    ideogram.account.settings(options={"ideogram.api_version": api_version})
    assert ideogram.ask("GET", "/datasets", params={"search": "Ω" * 65}).status_code == status


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_taken_by_its_bytes(ideogram: Ideogram, format: str) -> None:
    dataset = ideogram.dataset()
    told = ideogram.upload(dataset, ("photo", picture(format))).json()
    assert (told["total_count"], told["success_count"], told["failure_count"]) == (1, 1, 0)
    (asset,) = told["successful_assets"]
    assert asset["file_name"] == "photo"
    assert set(asset["asset_identifier"]) == {"asset_type", "asset_id"}
    assert re.fullmatch(ID, asset["asset_identifier"]["asset_id"])
    found = ideogram.ask("GET", f"/datasets/{dataset}").json()
    assert found["dataset"]["cover_asset_identifier"] == asset["asset_identifier"]
    assert found["files"] == [{"file_name": "photo", "file_size_bytes": len(picture(format))}]


def test_a_mixed_upload_is_a_200_that_says_why_each_file_failed(ideogram: Ideogram) -> None:
    dataset = ideogram.dataset()
    reply = ideogram.upload(
        dataset,
        ("good.png", picture()),
        ("good.txt", b"A good picture"),
        ("cut.png", picture()[:-30]),
        ("words.png", b"no picture"),
        ("alone.txt", b"A picture that was not sent"),
        ("cut.txt", b"A picture that could not be read"),
        ("broken.zip", b"PK\x03\x04 and then nothing"),
        ("no.zip", b"no zip file"),
        ("large.png", b"\x89PNG" + bytes(10 * MIB)),
    )
    assert reply.status_code == 200
    told = reply.json()
    assert taken(told) == ["good.png"]
    assert reasons(told) == {
        "broken.zip": "INVALID_ZIP",
        "no.zip": "INVALID_ZIP",
        "cut.png": "INVALID_IMAGE",
        "words.png": "INVALID_IMAGE",
        "large.png": "FILE_TOO_LARGE",
        "alone.txt": "INVALID_CAPTION",
        "cut.txt": "INVALID_CAPTION",
    }
    # A caption that belongs to its picture counts nowhere.
    assert (told["total_count"], told["success_count"], told["failure_count"]) == (8, 1, 7)
    files = ideogram.ask("GET", f"/datasets/{dataset}").json()["files"]
    assert [one["file_name"] for one in files] == ["good.png"]


@pytest.mark.parametrize(
    ("caption", "fits"),
    [
        (b"A cat", True),
        ("Zoë’s “cat” 🐈".encode(), True),
        (b"\xef\xbb\xbfA cat, as Windows saves it", True),
        (b"", False),
        (b" \n ", False),
        (b"\xff\xfe", False),
        (b"a" * 10_000, True),
        (b"a" * 10_001, False),
    ],
)
def test_a_caption_is_text_that_says_something(ideogram: Ideogram, caption: bytes, fits: bool) -> None:
    told = ideogram.upload(ideogram.dataset(), ("a.png", picture()), ("a.txt", caption)).json()
    assert reasons(told) == ({} if fits else {"a.txt": "INVALID_CAPTION"})


def test_a_caption_may_come_after_its_picture_and_replaces_an_earlier_one(ideogram: Ideogram) -> None:
    ideogram.account.settings(options={"ideogram.api_version": "2026-10"})
    dataset = ideogram.dataset()
    ideogram.upload(dataset, ("a.png", picture()), ("b.png", picture()))
    for text in (b"one", b"another"):
        told = ideogram.upload(dataset, ("a.TXT", text)).json()
        assert (told["total_count"], told["failed_assets"]) == (0, [])
    found = ideogram.ask("GET", f"/datasets/{dataset}").json()
    assert found["file_count"] == 2
    assert [one.get("caption") for one in found["files"]] == ["another", None]


def test_a_zip_file_is_unpacked_into_pictures_and_captions(ideogram: Ideogram) -> None:
    files = [
        ("cats/", b""),
        ("cats/a.png", picture()),
        ("cats/a.txt", b"A cat"),
        ("cats/b.jpg", picture("JPEG")),
        ("cats/c.png", b"no picture"),
        ("__MACOSX/cats/._a.png", b"\x00\x05\x16\x07"),
        ("cats/.DS_Store", b"\x00"),
    ]
    dataset = ideogram.dataset()
    told = ideogram.upload(dataset, ("cats.zip", zipped(files))).json()
    assert taken(told) == ["a.png", "b.jpg"]
    assert reasons(told) == {"c.png": "INVALID_IMAGE"}
    files_in = ideogram.ask("GET", f"/datasets/{dataset}").json()["files"]
    assert [one["file_name"] for one in files_in] == ["a.png", "b.jpg"]


def test_a_zip_file_is_known_by_its_bytes(ideogram: Ideogram) -> None:
    told = ideogram.upload(ideogram.dataset(), ("cats", zipped([("a.png", picture())]))).json()
    assert taken(told) == ["a.png"]


def patched(data: bytes, at: int, new: bytes) -> bytes:
    """A zip file with these bytes at this place of every entry of its directory."""
    entries = data.split(b"PK\x01\x02")
    return b"PK\x01\x02".join(
        [entries[0], *(one[: at - 4] + new + one[at - 4 + len(new) :] for one in entries[1:])]
    )


def declaring(data: bytes, size: int) -> bytes:
    """A zip file whose directory says that each of its members is so large."""
    return patched(data, 24, size.to_bytes(4, "little"))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (declaring(zipped([("bomb.png", b"")]), 200 * MIB), "unpacked it is over 134,217,728 bytes"),
        (
            declaring(zipped([(f"{one}.png", b"") for one in range(10)]), 14 * MIB),
            "unpacked it is over",
        ),
        (zipped([(f"{one}.txt", b"") for one in range(1001)]), "over 1,000 members"),
        (zipped([("/etc/passwd.png", picture())]), "no path inside a folder"),
        (zipped([("a/../../b.png", picture())]), "no path inside a folder"),
        (zipped([("..\\b.png", picture())]), "no path inside a folder"),
        (zipped([("C:\\b.png", picture())]), "no path inside a folder"),
        (zipped([("a.png", zipped([("b.png", picture())]))]), "an archive itself (zip)"),
        (zipped([("a.png", b"\x1f\x8b\x08\x00 gzip")]), "an archive itself (gzip)"),
        (zipped([("a.png", picture())], zipfile.ZIP_LZMA), "another way than stored or deflated"),
        (zipped([("a.png", picture())], zipfile.ZIP_BZIP2), "another way than stored or deflated"),
        (patched(zipped([("a.png", picture())]), 8, b"\x01\x00"), "is encrypted"),
        (zipped([("a.png", picture())])[:-30], "no zip file, or a broken one"),
        (zipped([]), "there is no file in it"),
        (zipped([(".DS_Store", b"x")]), "there is no file in it"),
    ],
    ids=[
        "one member of 200 MB", "ten of 14 MB", "1,001 members", "absolute", "out of it", "out of it backwards",
        "a drive", "nested", "gzip", "lzma", "bzip2", "encrypted", "cut", "empty", "nothing to see",
    ],
)  # fmt: skip
def test_a_zip_file_that_could_do_harm_is_refused_unopened(ideogram: Ideogram, data: bytes, why: str) -> None:
    reply = ideogram.upload(ideogram.dataset(), ("a.zip", data), ("good.png", picture()))
    assert reasons(reply.json()) == {"a.zip": "INVALID_ZIP"}
    assert taken(reply.json()) == ["good.png"]
    assert why in ideogram.account.calls[-1].reason


def test_zip_files_of_one_call_share_what_they_may_unpack(ideogram: Ideogram) -> None:
    data = declaring(zipped([(f"{one}.png", b"") for one in range(6)]), 8 * MIB)
    told = ideogram.upload(ideogram.dataset(), *((f"{one}.zip", data) for one in range(4))).json()
    refused = [name for name, reason in reasons(told).items() if reason == "INVALID_ZIP"]
    assert refused == ["2.zip", "3.zip"]


def test_a_member_that_is_larger_than_it_says_is_broken_and_not_unpacked(ideogram: Ideogram) -> None:
    lying = declaring(zipped([("a.png", bytes(9 * MIB))]), 100)
    told = ideogram.upload(ideogram.dataset(), ("a.zip", lying)).json()
    assert reasons(told) == {"a.png": "INVALID_IMAGE"}


def test_a_dataset_holds_a_hundred_images_and_says_so_of_the_others(ideogram: Ideogram) -> None:
    dataset = ideogram.dataset()
    small = picture(width=4, height=4)
    first = ideogram.upload(dataset, *((f"{one}.png", small) for one in range(99))).json()
    assert first["success_count"] == 99
    second = ideogram.upload(dataset, *((f"x{one}.png", small) for one in range(3))).json()
    assert taken(second) == ["x0.png"]
    assert reasons(second) == {"x1.png": "TOO_MANY_IMAGES", "x2.png": "TOO_MANY_IMAGES"}


def test_2026_10_takes_files_of_25_mib() -> None:
    for api_version, fits in (("2026-04", False), ("2026-10", True)):
        for stage in open_stage("in-process", Settings(options={"ideogram.api_version": api_version})):
            ideogram = Ideogram(stage, stage.account())
            large = picture() + bytes(11 * MIB)
            told = ideogram.upload(ideogram.dataset(), ("a.png", large)).json()
            assert reasons(told) == ({} if fits else {"a.png": "FILE_TOO_LARGE"})


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        (UnsafeImage(refuse=True), {"0.png", "1.png", "2.png"}),
        (UnsafeImage(), {"0.png", "1.png", "2.png"}),
        (UnsafeImage(only=1), {"1.png"}),
    ],
)
def test_pictures_that_a_test_has_judged_unsafe_fail_by_themselves(
    ideogram: Ideogram, fault: UnsafeImage, failed: set[str]
) -> None:
    ideogram.account.faults.add(fault, on="ideogram.upload_assets")
    told = ideogram.upload(ideogram.dataset(), *pictures(3)).json()
    assert reasons(told) == dict.fromkeys(sorted(failed), "FAILED_SAFETY_CHECK")
    assert ideogram.account.calls[-1].faults == ("UnsafeImage",)


@pytest.mark.parametrize(
    "body", [{}, {"name": None}, {"name": 5}, {"name": ["a"]}, {"name": "a" * 1_001}, [], "cats"]
)
def test_a_dataset_without_a_name_is_refused(ideogram: Ideogram, body: object) -> None:
    assert ideogram.ask("POST", "/datasets", json=body).status_code == 400
    assert ideogram.ask("GET", "/datasets").json() == {"datasets": []}


@pytest.mark.parametrize(
    "files",
    [[], [("file", ("a.png", picture()))], [("files", ("", b""))], [("images", ("a.png", picture()))]],
    ids=["nothing", "another name", "an empty field", "yet another"],
)
def test_an_upload_of_no_files_is_refused(ideogram: Ideogram, files: list[Any]) -> None:
    dataset = ideogram.dataset()
    reply = ideogram.ask(
        "POST",
        f"/datasets/{dataset}/upload_assets",
        files=[*files, ("other", (None, "x"))],
    )
    assert reply.status_code == 400
    assert "files" in reply.text


def test_an_upload_over_the_limit_of_a_call_is_refused_whole(ideogram: Ideogram) -> None:
    ideogram.account.settings(options={"ideogram.max_upload": MIB})
    dataset = ideogram.dataset()
    reply = ideogram.upload(dataset, ("a.png", picture()), ("b.png", bytes(MIB)))
    assert reply.status_code == 400
    assert ideogram.ask("GET", f"/datasets/{dataset}").json()["file_count"] == 0


@pytest.mark.parametrize("call", [("GET", ""), ("POST", "/upload_assets")])
def test_a_dataset_is_known_to_its_own_key_only(
    stage: Stage, ideogram: Ideogram, call: tuple[str, str]
) -> None:
    method, path = call
    dataset, other = ideogram.dataset(), Ideogram(stage, stage.account())
    for found in (dataset, "A" * 22, "..%2f", "a" * 500):
        reply = other.ask(method, f"/datasets/{found}{path}", files=[("files", ("a.png", picture()))])
        assert reply.status_code == 404, found
    assert other.ask("GET", "/datasets").json() == {"datasets": []}


def test_a_reset_forgets_datasets_and_their_bytes(ideogram: Ideogram) -> None:
    dataset = ideogram.full_dataset(3)
    ideogram.account.reset()
    assert ideogram.ask("GET", f"/datasets/{dataset}").status_code == 404
    own = [key for key in ideogram.stage.stored() if ideogram.account.id in key]
    assert [key for key in own if "blobs" in key or "records" in key] == []


def test_a_reset_of_links_forgets_datasets_with_their_pictures(ideogram: Ideogram) -> None:
    dataset = ideogram.full_dataset(1)
    ideogram.account.reset("jobs")
    assert ideogram.ask("GET", f"/datasets/{dataset}").json()["file_count"] == 1
    ideogram.account.reset("links")
    assert ideogram.ask("GET", f"/datasets/{dataset}").status_code == 404


def test_uploads_to_a_dataset_cost_nothing_and_count_against_no_limit(stage: Stage) -> None:
    ideogram = Ideogram(stage, stage.account(balance=0, in_flight=0))
    told = ideogram.upload(ideogram.dataset(), *pictures(2)).json()
    assert told["success_count"] == 2
    assert list(ideogram.account.ledger) == []


def test_same_calls_give_the_same_ids() -> None:
    seen: list[Any] = []
    for _ in range(2):
        for stage in open_stage("in-process"):
            ideogram = Ideogram(stage, stage.mock.account(label="x", options=None))
            dataset = ideogram.dataset()
            seen.append((dataset, ideogram.upload(dataset, *pictures(2)).json()))
    assert seen[0] == seen[1]
