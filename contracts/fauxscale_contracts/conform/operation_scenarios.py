"""Makes the scenarios of operations other than enlarging one picture: several images per call, masks."""

from __future__ import annotations

from collections.abc import Iterable

from fauxscale import UnsafeImage
from fauxscale_contracts.profiles.profile import Profile

from .common_scenarios import REFUSED
from .scenario import Expect, Scenario, StagedFault

# How long, in seconds, paid work holds its places: long enough for three programs to start.
_HELD = 1.0


def of_several(profile: Profile) -> Iterable[Scenario]:
    """Make scenarios of calls that make several images, of which the client saves one."""
    yield Scenario(
        id="withheld-first",
        about="of two images, the first is withheld as unsafe, the second is delivered",
        options={profile.count: 2},
        faults=(StagedFault(UnsafeImage(only=0), profile.work),),
    )
    if profile.counts_images:
        yield Scenario(
            id="three-of-four",
            about="three clients at once, with four images each: two are accepted, the third is answered with 429",
            expect=Expect(calls=(3, 36), charges=3),
            options={profile.count: 4},
            together=3,
            terms={"latency": _HELD},
        )


def of_masks() -> Iterable[Scenario]:
    """Make a scenario of a mask with the wrong size."""
    yield Scenario(
        id="mask-other-size",
        about="the mask is smaller than the picture",
        expect=REFUSED,
        mask="other-size",
    )
