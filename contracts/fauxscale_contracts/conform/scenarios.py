"""The lists of scenarios, one for each provider. A change of what a client must do raises VERSION."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fauxscale import DuplicateWebhook, Fail, LoseReply, UnsafeImage

from .common_scenarios import (
    PAID,
    Names,
    of_clocks,
    of_connections,
    of_downloads,
    of_pictures,
    of_refusals,
    of_replies,
    of_waits,
)
from .scenario import Expect, Meanwhile, Scenario, StagedFault

VERSION = 1


def _ideogram() -> Iterable[Scenario]:
    names = Names("ideogram.upscale", "ideogram.upscale", "ideogram.download", "/data/0")
    yield from of_pictures()
    for name, options in (
        ("options-least", {"resemblance": 1, "detail": 1, "seed": 0}),
        ("options-most", {"resemblance": 100, "detail": 100, "seed": 2**31 - 1}),
        ("options-prompt", {"prompt": "Zoë's “cat” \\ 猫 🐈"}),
    ):
        yield Scenario(id=name, about=f"the client is asked for {options}", options=options)
    # The documented statuses of POST /upscale are 400, 403, 422 and 429; the others any front door may answer.
    yield from of_refusals(names, (400, 401, 402, 403, 404, 413, 415, 422))
    yield from of_waits(names)
    yield from of_connections(names)
    yield from of_replies(names)
    yield Scenario(
        id="unsafe-result",
        about="200, the result is flagged unsafe and has no link",
        expect=PAID,
        faults=(StagedFault(UnsafeImage(), names.work),),
    )
    yield from of_downloads(names)
    yield from of_clocks()


def _gateway(provider: str, statuses: Iterable[int], *, signed: bool) -> Iterable[Scenario]:
    work = f"{provider}.[eg]*"  # edits, generations
    names = Names(work, work, f"{provider}.download", "/data/0")
    yield from of_pictures()
    yield from of_refusals(names, statuses)
    yield from of_waits(names)
    yield from of_connections(names)
    yield from of_replies(names)
    yield from of_downloads(names, signed=signed)


def _fal() -> Iterable[Scenario]:
    # run and submit ask for work; run and result carry what came of it.
    names = Names("fal.[rs]u*", "fal.r[eu]*", "fal.download", "/images/0")
    yield from of_pictures()
    yield from of_refusals(names, (400, 401, 403, 404, 422))
    yield from of_waits(names)
    yield from of_connections(names)
    yield from of_replies(names)
    yield from of_downloads(names, signed=False)
    yield from _queue()


def _queue() -> Iterable[Scenario]:
    polled, endless = {"options": {"fal.polls": 3}}, {"options": {"fal.polls": 10_000}}

    def queued(
        name: str,
        about: str,
        *faults: StagedFault,
        expect: Expect | None = None,
        terms: Mapping[str, object] = polled,
        meanwhile: Meanwhile = "",
        together: int = 1,
    ) -> Scenario:
        return Scenario(
            id=f"queue-{name}",
            about=about,
            expect=expect or Expect(),
            together=together,
            faults=faults,
            terms=terms,
            meanwhile=meanwhile,
            only="fal.submit",
        )

    unpaid = Expect(outcome="fail", calls=(1, 1), charges=0)
    yield queued("slow", "three looks find the request unfinished")
    yield queued(
        "status-lost", "two answers about the status are lost", StagedFault(LoseReply(), "fal.status", 2)
    )
    yield queued("status-503", "a look at the status is answered 503", StagedFault(Fail(503), "fal.status"))
    kept = Expect(outcome="either")
    yield queued(
        "result-lost", "the result's reply is lost once", StagedFault(LoseReply(), "fal.result"), expect=kept
    )
    yield queued("stuck", "the request is never done", expect=unpaid, terms=endless)
    yield queued("cancelled", "somebody cancels it", expect=unpaid, terms=endless, meanwhile="cancelled")
    both = Expect(calls=(2, 2), charges=2)
    about = "two requests at once, the second is done first"
    yield queued("reordered", about, expect=both, terms=endless, meanwhile="reordered", together=2)
    twice = StagedFault(DuplicateWebhook(2), "fal.submit")
    yield queued("webhook-twice", "the notice, where one is asked for, comes twice", twice, terms={})


SCENARIOS: Mapping[str, tuple[Scenario, ...]] = {
    "ideogram": tuple(_ideogram()),
    "aigateway": tuple(_gateway("aigateway", (400, 401, 402, 403, 404, 413), signed=True)),
    "lumenfall": tuple(_gateway("lumenfall", (400, 401, 402, 404, 422), signed=False)),
    "fal": tuple(_fal()),
}
