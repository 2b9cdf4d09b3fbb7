"""The bugs that are planted in the example project, one edit of its client each."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "thumbnailer"


@dataclass(frozen=True, slots=True)
class Bug:
    """One edit of the client, what it makes of it, and the tests that must fail then."""

    what: str
    old: str
    new: str
    caught_by: tuple[str, ...]


BUGS = (
    Bug(
        "no retry",
        "TURNED_AWAY = (429, 503)",
        "TURNED_AWAY = ()",
        (
            "test_a_service_that_is_busy_is_asked_again",
            "test_a_service_that_stays_busy_is_left_alone",
            "test_the_service_says_how_long_to_wait",
        ),
    ),
    Bug(
        "waits as it pleases",
        "float(asked) if asked.isdigit() else 2**tries",
        "0.5",
        ("test_the_service_says_how_long_to_wait",),
    ),
    Bug(
        "retries a 422",
        "TURNED_AWAY = (429, 503)",
        "TURNED_AWAY = (422, 429, 503)",
        ("test_a_refused_photo_is_not_sent_again",),
    ),
    Bug(
        "pays twice after a lost reply",
        "except (httpx.ConnectError, httpx.ConnectTimeout) as error:",
        "except (httpx.NetworkError, httpx.ProtocolError) as error:",
        ("test_a_lost_reply_is_not_paid_for_twice",),
    ),
    Bug(
        "saves a web page as a picture",
        "                _judge(part, (2 * width, 2 * height))\n",
        "",
        ("test_a_picture_that_did_not_grow_is_not_taken", "test_a_web_page_is_not_saved_as_a_picture"),
    ),
    Bug(
        "takes a picture that did not grow",
        "if image.size != size:",
        "if image.size == (0, 0):",
        ("test_a_picture_that_did_not_grow_is_not_taken",),
    ),
    Bug(
        "follows a stale link",
        "except LinkDied:",
        "except ZeroDivisionError:",
        ("test_a_link_that_died_meanwhile_is_asked_for_anew",),
    ),
    Bug(
        "ignores is_image_safe",
        "if not safe:",
        "if False:",
        ("test_an_unsafe_photo_is_reported",),
    ),
    Bug(
        "writes into the file it should replace",
        'part = target.with_name(target.name + ".part")',
        "part = target",
        ("test_a_failed_download_leaves_the_old_file_as_it_was",),
    ),
    Bug(
        "pays again for what is only to be fetched",
        "if not receipt.is_open:",
        "if not receipt.is_open or receipt.link:",
        ("test_a_paid_picture_is_fetched_later_without_paying_again",),
    ),
    Bug(
        "waits for ever",
        "httpx.Client(timeout=timeout)",
        "httpx.Client(timeout=None)",
        ("test_a_service_that_keeps_silent_is_given_up",),
    ),
    Bug(
        "forgets how cameras store photos",
        "ImageOps.exif_transpose(image).size",
        "image.size",
        ("test_a_photo_that_was_taken_upright_is_judged_as_it_is_seen",),
    ),
    Bug(
        "buys two pictures and keeps one",
        '"num_images": 1',
        '"num_images": 2',
        ("test_a_link_that_died_meanwhile_is_asked_for_anew", "test_one_photo_costs_one_picture"),
    ),
    Bug(
        "does not pass on what it was asked",
        '"resemblance": resemblance',
        '"resemblance": 50',
        ("test_a_photo_comes_back_twice_as_large",),
    ),
)


def copy(folder: Path) -> Path:
    return shutil.copytree(EXAMPLE, folder / "thumbnailer", ignore=shutil.ignore_patterns("__pycache__"))


def plant(bug: Bug, files: Iterable[Path]) -> None:
    """Make the edit in the one place it fits."""
    places = [file for file in files if bug.old in file.read_text(encoding="utf-8")]
    assert len(places) == 1, f"{bug.what}: {bug.old!r} is in {len(places)} files"
    source = places[0].read_text(encoding="utf-8")
    assert source.count(bug.old) == 1, f"{bug.what}: {bug.old!r} is there {source.count(bug.old)} times"
    places[0].write_text(source.replace(bug.old, bug.new), encoding="utf-8")
