"""The dated lists of a provider's scenarios, made from its profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from fauxscale import DuplicateWebhook, Fail, LateWebhook, LoseReply, UnsafeImage
from fauxscale.spelling import choose_from
from fauxscale_contracts.contract.violations import ContractError
from fauxscale_contracts.profiles.installed import profile
from fauxscale_contracts.profiles.profile import Job, Profile

from .common_scenarios import (
    PAID,
    of_clocks,
    of_connections,
    of_downloads,
    of_inline_results,
    of_pictures,
    of_refusals,
    of_replies,
    of_waits,
)
from .dates import CURRENT, LISTS
from .operation_scenarios import of_masks, of_several
from .scenario import Expect, Meanwhile, Scenario, StagedFault


@cache
def scenarios(provider: str, operation: str = "", dated: str = CURRENT) -> tuple[Scenario, ...]:
    """List every scenario of a provider, or of one of its `operations`, in a fixed order.

    Raises ContractError for one without a profile, and for a date without a list.
    """
    if dated not in LISTS:
        raise ContractError(f"no list of scenarios of {dated!r}{choose_from(dated, LISTS)}")
    return tuple(as_of(dated, of_profile(profile(provider, operation))))


def as_of(dated: str, every: Iterable[Scenario]) -> Iterable[Scenario]:
    """Keep the scenarios of the list of that date."""
    return (one for one in every if one.since <= dated and not (one.until and one.until <= dated))


def of_profile(profile: Profile) -> Iterable[Scenario]:
    """Make every scenario that a profile's service can cause."""
    if "image" in profile.inputs:
        yield from of_pictures(profile)
    for name, options in profile.options.items():
        yield Scenario(id=name, about=f"the client is called with {options}", options=options)
    yield from of_refusals(profile)
    yield from of_waits(profile)
    yield from of_connections(profile)
    yield from of_replies(profile)
    if profile.unsafe_results:
        yield Scenario(
            id="unsafe-result",
            about="200, the result is flagged unsafe and has no link",
            expect=PAID,
            faults=(StagedFault(UnsafeImage(), profile.work),),
        )
    if profile.count:
        yield from of_several(profile)
    if "mask" in profile.inputs:
        yield from of_masks()
    if profile.results.carrier == "link":
        yield from of_downloads(profile)
    elif profile.results.carrier != "text":
        yield from of_inline_results(profile)
    if profile.skewed_clocks:
        yield from of_clocks()
    if profile.job is not None:
        yield from _of_jobs(profile.job)


def _of_jobs(job: Job) -> Iterable[Scenario]:
    """Make scenarios of jobs that are slow, stuck, cancelled or reordered, and of polls without a reply."""

    def queued(
        name: str,
        about: str,
        *faults: StagedFault,
        expect: Expect | None = None,
        polls: int = 3,
        meanwhile: Meanwhile = "",
        together: int = 1,
        only: str = job.result if job.direct else job.submit,
    ) -> Scenario:
        terms: Mapping[str, object] = {"options": {job.polls: polls}} if polls else {}
        return Scenario(
            id=f"queue-{name}",
            about=about,
            expect=expect or Expect(),
            together=together,
            faults=faults,
            terms=terms,
            meanwhile=meanwhile,
            only=only,
        )

    endless = 10_000
    unpaid = Expect(outcome="fail", calls=(1, 1), charges=0)
    if job.polls:
        yield queued("slow", "three polls find the request unfinished")
    if job.status:
        once = 3 if job.polls else 0
        lost = StagedFault(LoseReply(), job.status, 2)
        yield queued("status-lost", "two replies to status polls are lost", lost, polls=once)
        down = StagedFault(Fail(503), job.status)
        yield queued("status-503", "a status poll is answered with 503", down, polls=once)
    kept = Expect(outcome="either")
    lost = StagedFault(LoseReply(), job.result)
    yield queued(
        "result-lost", "the result's reply is lost once", lost, expect=kept, polls=3 if job.polls else 0
    )
    if job.polls:
        yield queued("stuck", "the request never finishes", expect=unpaid, polls=endless)
        about = "somebody else cancels the request"
        yield queued("cancelled", about, expect=unpaid, polls=endless, meanwhile="cancelled")
        both = Expect(calls=(2, 2), charges=2)
        about = "two requests at once, the second finishes first"
        yield queued("reordered", about, expect=both, polls=endless, meanwhile="reordered", together=2)
    if job.webhooks:
        twice = StagedFault(DuplicateWebhook(2), job.submit)
        about = "the webhook, if requested, is delivered twice"
        yield queued("webhook-twice", about, twice, polls=0, only=job.submit)
    if job.webhooks and job.direct:
        lost = StagedFault(LateWebhook(24 * 3600), job.submit)
        about = "the webhook, if requested, is not delivered within a day"
        yield queued("webhook-lost", about, lost, polls=0, only=job.submit)
    if job.limits_polls:
        often = StagedFault(Fail(429, retry_after=2), job.status or job.result)
        about = "a status poll exceeds the rate limit: once 429, Retry-After: 2"
        yield queued("poll-429", about, often, expect=Expect(poll_waits=2), polls=0)
