"""The corpus gate: every row of fixtures/corpus/MANIFEST.tsv is answered as it says, in no endless time.

`make corpus` runs this alone and prints the count. Classes: A and A1 are doubled exactly; A-or-4xx are
accepted or refused; 400 and 422 are refused (both are 400 at Ideogram); JSON rows judge `image_request`.
"""

from __future__ import annotations

import csv
import struct
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.calls.ideogram import SAMPLES
from tests.calls.ideogram_datasets import Ideogram
from tests.calls.ideogram_v2 import Client
from tests.conftest import FIXTURES
from tests.stages import Stage
from tests.torture.results import Result, machine

CORPUS = FIXTURES / "corpus"
SECONDS = 20.0  # of this process, the server included: a bomb takes minutes, a picture well under two
JSON = ("parse", "parse-or-400", "never 5xx")


@dataclass(frozen=True)
class Row:
    file: Path
    expect: str

    @property
    def is_json(self) -> bool:
        return self.expect in JSON or "/json/" in self.file.as_posix()


def rows() -> Iterator[Row]:
    with (CORPUS / "MANIFEST.tsv").open(encoding="utf-8") as lines:
        for line in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Row(CORPUS / line["file"], line["expect"])


def send(stage: Stage, row: Row, key: str) -> httpx.Response:
    data = row.file.read_bytes()
    files = {
        "image_request": (None, data if row.is_json else b"{}"),
        "image_file": ("file", (CORPUS / "good" / "gen_jpeg_444.jpg").read_bytes() if row.is_json else data),
    }
    return stage.http.post(f"{stage.url}/upscale", files=files, headers={"Api-Key": key})


def verdict(stage: Stage, row: Row, reply: httpx.Response) -> str:
    """ "" when the answer is what the row deserves, else what is wrong with it."""
    if reply.status_code not in (200, 400):
        return f"answered {reply.status_code}"
    if reply.status_code == 400:
        body = reply.json()
        if not body.get("error") or not reply.headers.get("x-fauxscale-reason"):
            return "refused without a reason"
        # A JSON value that parses may still be no image_request: only its parsing is judged here.
        unparsed = "JSON" in body["error"] and "must be a JSON object" not in body["error"]
        if row.is_json:
            return "did not parse" if row.expect == "parse" and unparsed else ""
        return "refused" if row.expect in ("A", "A1") else ""
    if row.expect in ("400", "422"):
        return "accepted"
    item = reply.json()["data"][0]
    got = stage.http.get(item["url"])
    if got.status_code == 422 and row.expect == "A-or-4xx":
        return ""
    if got.status_code != 200:
        return f"its link answered {got.status_code}"
    width, height = (2 * int(side) for side in item["resolution"].split("x"))
    # From the header: Pillow warns of the largest results that they might be bombs.
    if struct.unpack(">II", got.content[16:24]) != (width, height):
        return "not exactly twice"
    return ""


@pytest.mark.corpus
def test_every_row_of_the_corpus_is_answered_as_the_manifest_says(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    key = stage.account(in_flight=10).api_key("ideogram")
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    slowest, begun = 0.0, time.monotonic()
    for row in rows():
        started = time.process_time()
        reply = send(stage, row, key)
        taken = time.process_time() - started
        slowest = max(slowest, taken)
        fault = verdict(stage, row, reply)
        if taken > SECONDS:
            fault = f"took {taken:.1f} s of work"
        counts[row.expect] += 1
        if fault:
            wrong.append(f"{row.file.relative_to(CORPUS)} ({row.expect}): {fault}")
    total = sum(counts.values())
    Result(
        "corpus",
        "every row of the manifest is answered as it says, each within 20 s of work",
        seed=0,
        count=total,
        seconds=time.monotonic() - begun,
        slowest_ms=1000 * slowest,
        figures={"server": stage.mode, "slowest is of": "CPU, the server's and the client's"},
        histogram={f"expected: {expect}": times for expect, times in counts.items()},
        failures=wrong,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine(),
    ).save()
    with capsys.disabled():
        print(f"\ncorpus, {stage.mode}: {total - len(wrong)} of {total} rows as written; {dict(counts)}")
    assert wrong == []


# Every part that takes a picture, at the operations of v1; where a mask is as large as the picture, both are the row's.
PARTS = (
    *(
        (name, part)
        for name, sample in SAMPLES.items()
        for part, value in sample.fields.items()
        if not isinstance(value, str)
    ),
    ("v3_generate", "style_reference_images"),
    ("v3_generate", "character_reference_images"),
    ("v3_remix", "style_reference_images"),
)
APART = 8  # each part has every eighth row, from another one on


@pytest.mark.corpus
def test_a_part_that_takes_a_picture_takes_none_that_the_manifest_refuses(stage: Stage) -> None:
    key = stage.account().api_key("ideogram")
    pictures = [row for row in rows() if not row.is_json]
    wrong: list[str] = []
    for at, (name, part) in enumerate(PARTS):
        for row in pictures[at % APART :: APART]:
            changes = {one: row.file.read_bytes() for one in ((part, "mask") if part == "mask" else (part,))}
            if "mask" in SAMPLES[name].fields:
                changes["image_file" if name == "edit" else "image"] = changes["mask"] = changes[part]
            reply = SAMPLES[name].send(stage.http, stage.base_url("ideogram"), key, **changes)
            taken = {"A": (200,), "A1": (200,), "A-or-4xx": (200, 400)}.get(row.expect, (400,))
            if reply.status_code not in taken:
                told = f"{row.file.relative_to(CORPUS)} ({row.expect}) as {name}.{part}"
                wrong.append(f"{told}: {reply.status_code} {reply.text[:100]}")
    assert wrong == []


# What answers a picture that the manifest has in a class.
TAKEN = {"A": (True,), "A1": (True,), "A-or-4xx": (True, False)}


@pytest.mark.corpus
@pytest.mark.parametrize("place", ["v2 upscale", "a dataset", "a character and its mask"])
def test_every_row_of_the_corpus_is_judged_alike_where_pictures_are_sent_otherwise(
    stage: Stage, place: str
) -> None:
    """All rows at all three: no result is read there, so that the run takes seconds. An empty file counts as left out
    in a part that may be left out."""
    v2, ideogram = Client(stage), Ideogram(stage, stage.account())

    def takes(picture: bytes, name: str) -> bool | str:
        if place == "a dataset":
            reply = ideogram.upload(
                ideogram.dataset(), (name, picture)
            )  # one of its own: 100 pictures fill one
            counts = reply.json()
            assert reply.status_code == 200
            assert counts["success_count"] + counts["failure_count"] == counts["total_count"] == 1
            return bool(counts["success_count"])
        if place == "v2 upscale":
            reply = v2.upscale("auto", picture)
        else:
            base, both = (
                stage.base_url("ideogram"),
                ("character_reference_images", "character_reference_images_mask"),
            )
            reply = SAMPLES["v3_generate"].send(
                stage.http, base, ideogram.key, **dict.fromkeys(both, picture)
            )
        return {200: True, 400: False}.get(reply.status_code, f"{reply.status_code} {reply.text[:100]}")

    seen = {
        row.file.relative_to(CORPUS): (row.expect, takes(row.file.read_bytes(), row.file.name))
        for row in rows()
        if not row.is_json and (row.file.stat().st_size or place != "a character and its mask")
    }
    wrong = [
        f"{file} ({expect}): {taken}"
        for file, (expect, taken) in seen.items()
        if taken not in TAKEN.get(expect, (False,))
    ]
    assert wrong == []
    assert len(seen) > 700
