"""Scenarios are made of a profile: a service of another shape gets those it can bring about, and no others."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import pytest

from fauxscale_contracts import Expect, Job, Profile, Results
from fauxscale_contracts.conform.candidate import ClientResult
from fauxscale_contracts.conform.sample_images import accepted, picture
from fauxscale_contracts.conform.scenarios import of_profile
from fauxscale_contracts.conform.verdicts import Facts, evaluate
from fauxscale_contracts.contract.image_headers import read_header
from fauxscale_contracts.profiles.installed import BUILT_IN

LINK = BUILT_IN[0]
BASE64 = replace(
    LINK,
    download="",
    unsafe_results=False,
    results=Results(operation="ideogram.upscale", carrier="base64", at="/image"),
)
BODY = replace(BASE64, results=Results(operation="ideogram.upscale", carrier="body"))
JOB = replace(LINK, job=Job(submit="ideogram.upscale", result="ideogram.download"))


def ids(profile: Profile) -> set[str]:
    names = [one.id for one in of_profile(profile)]
    assert len(set(names)) == len(names)
    return set(names)


@pytest.mark.parametrize("profile", [LINK, BASE64, BODY, JOB], ids=["link", "base64", "body", "job"])
def test_every_fault_is_staged_on_an_operation_of_the_profile(profile: Profile) -> None:
    ids(profile)
    known = {profile.work, profile.replies, profile.download} - {""}
    for scenario in of_profile(profile):
        for staged in scenario.faults:
            assert any(fnmatchcase(staged.on, one) for one in known), scenario.id


def test_results_without_a_link_have_no_bad_links_and_go_bad_in_the_reply() -> None:
    for profile in (BASE64, BODY):
        assert not any(name.startswith("download-") for name in ids(profile))
        assert {"result-cut", "result-corrupt", "result-not-enlarged"} <= ids(profile)
    assert not any(name.startswith("result-") for name in ids(LINK))


def test_a_reply_that_is_the_picture_has_no_members_to_lose() -> None:
    json = {"missing-url", "new-fields"}
    assert json <= ids(BASE64)
    assert not json & ids(BODY)
    # A result that stands alone is in no list and has no members.
    assert not {"missing-data", "empty-data", "null-url", "new-fields-in-result"} & ids(BASE64)


def test_a_job_without_an_option_for_polls_is_lost_but_never_slow() -> None:
    assert {name for name in ids(JOB) if name.startswith("queue-")} == {"queue-result-lost"}


def test_only_pictures_that_the_service_takes_are_sent() -> None:
    assert all(name.startswith("jpeg") for name in accepted(["JPEG"]))
    assert "png-one-pixel" in accepted(["PNG"])
    assert "png-one-pixel" not in accepted(["PNG"], 32)


@pytest.mark.parametrize("name", accepted(["PNG", "JPEG", "WEBP"], 64))
def test_no_picture_is_smaller_than_the_service_takes(name: str) -> None:
    for least in (1, 64, 200):
        header = read_header(picture(name, 0, least))
        assert header is not None
        assert min(header.width, header.height) >= (least if least > 1 else 36)


@pytest.mark.parametrize(("scale", "faults"), [(2, 0), (4, 1)])
def test_the_picture_is_to_be_as_much_larger_as_the_profile_says(scale: float, faults: int) -> None:
    small, large = picture("png-rgb"), picture("png-rgb", 0, 72)
    facts = Facts((ClientResult("returned", large),), (small,), 1, frozenset(), (), 0, 0, {}, {}, scale)
    assert len(evaluate(Expect(), facts)) == faults
