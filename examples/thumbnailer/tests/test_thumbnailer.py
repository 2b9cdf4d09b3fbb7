"""What a shop may rely on: one photo, one payment, one whole picture. Nothing here but fauxscale's fixtures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from thumbnailer import DownloadFailed, OutcomeUnknown, Refused, Unsafe, Upscaler

from fauxscale import (
    Delay,
    EmptyData,
    Fail,
    Fault,
    HtmlWith200,
    LoseReply,
    MissingField,
    NullUrl,
    SameSize,
    Truncate,
    UnsafeImage,
)
from fauxscale.client import AccountHandle
from pytest_fauxscale.samples import SampleImages


class Waits(list[float]):
    """Stands in for time.sleep: the account's clock moves instead."""

    def __init__(self, account: AccountHandle) -> None:
        self._clock = account.clock

    def __call__(self, seconds: float) -> None:
        self.append(seconds)
        self._clock.advance(seconds=seconds)


@pytest.fixture
def waits(fauxscale: AccountHandle) -> Waits:
    fauxscale.clock.freeze()
    return Waits(fauxscale)


@pytest.fixture
def upscaler(fauxscale: AccountHandle, waits: Waits) -> Iterator[Upscaler]:
    upscaler = Upscaler(fauxscale.base_url("ideogram"), fauxscale.api_key("ideogram"), sleep=waits)
    yield upscaler
    upscaler.close()


@pytest.fixture
def photo(tmp_path: Path, sample_image: SampleImages) -> Path:
    file = tmp_path / "lamp.jpg"
    file.write_bytes(sample_image("JPEG", 40, 30))
    return file


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "lamp@2x.png"


def size(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        return image.size


def test_a_photo_comes_back_twice_as_large(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path
) -> None:
    upscaler.upscale(photo, target, resemblance=80)
    assert size(target) == (80, 60)
    assert sorted(file.name for file in target.parent.iterdir()) == ["lamp.jpg", "lamp@2x.png"]
    fauxscale.calls.assert_called_once(provider="ideogram", image_size=(40, 30), resemblance=80)


def test_one_photo_costs_one_picture(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path
) -> None:
    upscaler.upscale(photo, target)
    assert fauxscale.spend == 0.06


def test_a_photo_that_was_taken_upright_is_judged_as_it_is_seen(
    upscaler: Upscaler, photo: Path, target: Path, sample_image: SampleImages
) -> None:
    photo.write_bytes(sample_image("JPEG", 40, 30, exif_orientation=6))
    upscaler.upscale(photo, target)
    assert size(target) == (60, 80)


@pytest.mark.parametrize("status", [429, 503])
def test_a_service_that_is_busy_is_asked_again(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path, status: int
) -> None:
    fauxscale.faults.add(Fail(status), on="ideogram.upscale", times=2)
    upscaler.upscale(photo, target)
    assert len(fauxscale.calls) == 3
    fauxscale.assert_billed_once()


@pytest.mark.fauxscale(rate_limit=1)
def test_the_service_says_how_long_to_wait(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path, waits: Waits
) -> None:
    upscaler.upscale(photo, target)
    upscaler.upscale(photo, target.with_name("again.png"))
    assert [call.status for call in fauxscale.calls] == [200, 429, 200]
    assert waits == fauxscale.calls.waits() != []


def test_a_service_that_is_not_there_is_not_charged_to_the_photo(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path, waits: Waits
) -> None:
    with closing(Upscaler("http://127.0.0.1:9", "any", sleep=waits)) as astray, pytest.raises(Refused):
        astray.upscale(photo, target)
    upscaler.upscale(photo, target)
    assert size(target) == (80, 60)


def test_a_service_that_stays_busy_is_left_alone(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path
) -> None:
    fauxscale.faults.add(Fail(503), on="ideogram.upscale", times=9)
    with pytest.raises(Refused, match="still 503, after 4 tries"):
        upscaler.upscale(photo, target)
    assert len(fauxscale.calls) == 4


@pytest.mark.parametrize("status", [400, 402, 403, 422])
def test_a_refused_photo_is_not_sent_again(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path, status: int
) -> None:
    fauxscale.faults.add(Fail(status), on="ideogram.upscale")
    with pytest.raises(Refused, match=str(status)):
        upscaler.upscale(photo, target)
    assert len(fauxscale.calls) == 1
    assert not target.exists()


def test_an_unsafe_photo_is_reported(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path
) -> None:
    fauxscale.faults.add(UnsafeImage(), on="ideogram.upscale")
    with pytest.raises(Unsafe):
        upscaler.upscale(photo, target)
    assert not target.exists()


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_lost_reply_is_not_paid_for_twice(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path, how: Literal["reset", "close"]
) -> None:
    fauxscale.faults.add(LoseReply(how), on="ideogram.upscale")
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            upscaler.upscale(photo, target)
    fauxscale.assert_billed_once()


@pytest.mark.parametrize("fault", [EmptyData(), NullUrl(), MissingField("/data/0/is_image_safe")])
def test_a_reply_that_makes_no_sense_is_not_paid_for_twice(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path, fault: Fault
) -> None:
    fauxscale.faults.add(fault, on="ideogram.upscale")
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            upscaler.upscale(photo, target)
    fauxscale.assert_billed_once()


def test_a_service_that_keeps_silent_is_given_up(fauxscale: AccountHandle, photo: Path, target: Path) -> None:
    fauxscale.faults.add(Delay(0.8), on="ideogram.upscale")
    upscaler = Upscaler(fauxscale.base_url("ideogram"), fauxscale.api_key("ideogram"), timeout=0.2)
    with closing(upscaler), pytest.raises(OutcomeUnknown):
        upscaler.upscale(photo, target)


def test_a_web_page_is_not_saved_as_a_picture(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path
) -> None:
    fauxscale.faults.add(HtmlWith200(), on="ideogram", times=None)
    with pytest.raises(DownloadFailed, match="cannot identify image"):
        upscaler.upscale(photo, target)
    assert not target.exists()


def test_a_picture_that_did_not_grow_is_not_taken(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path
) -> None:
    fauxscale.faults.add(SameSize(), on="ideogram.upscale")
    with pytest.raises(DownloadFailed, match="40x30 came, 80x60 was paid for"):
        upscaler.upscale(photo, target)
    assert not target.exists()


def test_a_failed_download_leaves_the_old_file_as_it_was(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path
) -> None:
    target.write_bytes(b"the picture of last week")
    fauxscale.faults.add(Truncate(at=20), on="ideogram", times=None)
    with pytest.raises(DownloadFailed):
        upscaler.upscale(photo, target)
    assert target.read_bytes() == b"the picture of last week"


def test_a_paid_picture_is_fetched_later_without_paying_again(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path
) -> None:
    fauxscale.faults.add(Fail(503), on="ideogram.download", times=4)
    with pytest.raises(DownloadFailed):
        upscaler.upscale(photo, target)
    upscaler.upscale(photo, target)
    assert size(target) == (80, 60)
    fauxscale.assert_billed_once()


def test_a_link_that_died_meanwhile_is_asked_for_anew(
    fauxscale: AccountHandle, upscaler: Upscaler, photo: Path, target: Path
) -> None:
    fauxscale.faults.add(Fail(503), on="ideogram.download", times=4)
    with pytest.raises(DownloadFailed):
        upscaler.upscale(photo, target)
    fauxscale.clock.advance(hours=25)
    upscaler.upscale(photo, target)
    assert size(target) == (80, 60)
    assert fauxscale.spend == 0.12
