"""Makes the scenarios common to all services: pictures, refusals, waits, lost calls, bad replies and downloads."""

from __future__ import annotations

from collections.abc import Iterable

from fauxscale import (
    Body,
    ConnectionReset,
    CorruptChunk,
    Delay,
    EmptyData,
    EmptyResponse,
    Expire,
    ExtraFields,
    Fail,
    Fault,
    ForgedUrl,
    Hang,
    HtmlWith200,
    LoseReply,
    MalformedChunk,
    MissingField,
    NullUrl,
    Purge,
    Redirect,
    SameSize,
    SlowDrip,
    Smaller,
    Stall,
    Truncate,
    UnsafeImage,
    WrongContentLength,
    WrongFormat,
)
from fauxscale_contracts.profiles.profile import Profile

from . import sample_images
from .scenario import Expect, Scenario, StagedFault

_PAGE = "<!doctype html>\n<title>Just a moment</title>\n<h1>Checking your connection</h1>\n"
_DAY = 24 * 3600.0

REFUSED = Expect(outcome="fail", calls=(0, 1), charges=0)
"""Asking again cannot help."""
RETRIED = Expect(calls=(2, 2))
"""The service asked for another try."""
GIVEN_UP = Expect(outcome="fail", calls=(1, 12), charges=0)
"""It never gets better."""
SURVIVED = Expect(outcome="either", calls=(1, 12))
"""No work was done: trying again and giving up are both right."""
PAID = Expect(outcome="fail", calls=(1, 12))
"""The work was done and paid for, and its result is lost: asking again pays again."""
KEPT = Expect(outcome="either", calls=(1, 12))
"""The picture is paid for and exists: reading it again and giving up are both right, requesting it anew is not."""


def of_pictures(profile: Profile) -> Iterable[Scenario]:
    """Make a scenario for each picture format and mode, and for each kind of refused file."""
    for name in sample_images.accepted(profile.formats, profile.least_side):
        yield Scenario(id=f"picture-{name}", about=sample_images.ABOUT[name], picture=name)
    for name in sample_images.REFUSED:
        if name == "oversize" and profile.largest >= sample_images.OVERSIZE:
            continue
        yield Scenario(id=f"picture-{name}", about=sample_images.ABOUT[name], expect=REFUSED, picture=name)


def of_refusals(profile: Profile) -> Iterable[Scenario]:
    """Make a scenario for each error after which asking again cannot help, and for accounts without permission."""
    for status in profile.refusals:
        yield Scenario(
            id=f"error-{status}",
            about=f"every call is answered with {status}",
            expect=Expect(outcome="fail", calls=(1, 1), charges=0),
            faults=(StagedFault(Fail(status), profile.work, None),),
        )
    yield Scenario(id="wrong-key", about="the key is unknown", expect=REFUSED, key="wrong")
    yield Scenario(id="empty-wallet", about="the account has no money", expect=REFUSED, terms={"balance": 0})
    yield Scenario(
        id="unsafe-refused",
        about="the picture is refused as unsafe",
        expect=Expect(outcome="fail", calls=(1, 1), charges=0),
        faults=(StagedFault(UnsafeImage(refuse=True), profile.work, None),),
    )


def of_waits(profile: Profile) -> Iterable[Scenario]:
    """Make scenarios of 429 with every form of Retry-After, and of server errors with and without one."""

    def limited(
        name: str, about: str, fault: Fail, expect: Expect = RETRIED, times: int | None = 1
    ) -> Scenario:
        return Scenario(
            id=name, about=about, expect=expect, faults=(StagedFault(fault, profile.work, times),)
        )

    wait = "once 429, Retry-After"
    yield limited("429-no-hint", "once 429, no Retry-After", Fail(429))
    yield limited("429-zero", f"{wait}: 0", Fail(429, retry_after=0))
    # Longer than any client waits by itself before its second try, including jitter.
    yield limited("429-seconds", f"{wait}: 2", Fail(429, retry_after=2), Expect(calls=(2, 2), waits=2))
    yield limited("429-float", f"{wait}: 0.3", Fail(429, retry_after=0.3), Expect(calls=(2, 2), waits=0.3))
    # By the time the reply is sent a date is nearer, on a busy machine by tenths of a second.
    yield limited(
        "429-date",
        f"{wait}: an HTTP-date",
        Fail(429, retry_after=0.7, form="date"),
        Expect(calls=(2, 2), waits=0.2),
    )
    yield limited("429-past-date", f"{wait}: a date in the past", Fail(429, retry_after=-60, form="date"))
    once = Expect(outcome="fail", calls=(1, 1), charges=0)
    yield limited("429-far-future", "429, Retry-After: a day", Fail(429, retry_after=_DAY), once, None)
    yield limited("429-always", "every call is answered with 429", Fail(429, retry_after=0), GIVEN_UP, None)
    for status in (500, 502, 503, 504):
        yield limited(f"{status}-once", f"once {status}, no Retry-After", Fail(status), SURVIVED)
    hinted = Expect(calls=(2, 2), waits=0.2)
    yield limited("503-hint", "once 503, Retry-After: 0.2", Fail(503, retry_after=0.2), hinted)
    yield limited("500-always", "every call is answered with 500", Fail(500), GIVEN_UP, None)
    yield limited("503-always", "every call is answered with 503", Fail(503), GIVEN_UP, None)


def of_connections(profile: Profile) -> Iterable[Scenario]:
    """Make scenarios of calls that get no reply, half of one, or a slow one."""

    def cut(name: str, about: str, fault: Fault, expect: Expect = SURVIVED) -> Scenario:
        return Scenario(id=name, about=about, expect=expect, faults=(StagedFault(fault, profile.work),))

    yield cut(
        "lost-reply",
        "the work is done and paid for, then a connection reset loses the reply",
        LoseReply(),
        PAID,
    )
    yield cut(
        "lost-reply-closed",
        "the work is done and paid for, then the connection is closed without a reply",
        LoseReply("close"),
        PAID,
    )
    yield cut(
        "cut-reply", "the connection is closed in the middle of the reply", LoseReply("close", 20), PAID
    )
    yield cut("reset", "the connection is reset, no work done", ConnectionReset())
    yield cut("no-answer", "the connection is closed without a byte, no work done", EmptyResponse())
    yield cut("garbage", "the reply is not valid HTTP after its headers, no work done", MalformedChunk())
    yield cut("hang", "no answer at all, no work done", Hang())
    yield cut("slow", "the answer comes after 0.3 s", Delay(0.3), Expect())
    yield cut("drip", "the reply comes in five pieces over 0.3 s", SlowDrip(0.3, 5), Expect())


def of_replies(profile: Profile) -> Iterable[Scenario]:
    """Make scenarios of a 200 whose body is wrong, or has something new."""
    results = profile.results

    def said(name: str, about: str, fault: Fault, expect: Expect = PAID) -> Scenario:
        return Scenario(id=name, about=about, expect=expect, faults=(StagedFault(fault, profile.replies),))

    yield said("broken-json", "200, the JSON is cut off", Body(text='{"created": "2026-04-'))
    yield said("html-200", "200, an HTML page", Body(text=_PAGE, media_type="text/html; charset=utf-8"))
    yield said("json-null", "200, the body is null", Body())
    yield said("json-list", "200, the body is a list", Body(json=[]))
    yield said("empty-body", "200, no body", Body(text=""))
    if results.carrier == "body":
        return
    what = {"link": "link", "text": "text"}.get(results.carrier, "picture")
    listed, _, number = results.at.rpartition("/")
    if number.isdecimal():
        # EmptyData empties only lists of pictures.
        none = Body(json={listed[1:]: []}) if results.carrier == "text" else EmptyData()
        yield said("empty-data", "200, no results", none)
    if results.member in ("url", "b64_json"):
        yield said("null-url", f"200, the result's {what} is null", NullUrl())
    missing = "missing-text" if results.carrier == "text" else "missing-url"
    yield said(missing, f"200, the result has no {what}", MissingField(results.pointer))
    if number.isdecimal() and listed:
        yield said("missing-data", "200, the list of results is missing", MissingField(listed))
    yield said("new-fields", "undocumented members", ExtraFields(), Expect())
    if results.at and results.member:
        new = ExtraFields({"moderation": {"score": 0.01}}, results.at)
        yield said("new-fields-in-result", "undocumented members in the result", new, Expect())


def of_inline_results(profile: Profile) -> Iterable[Scenario]:
    """Make scenarios of a bad picture inside the reply: reading it again means paying again."""

    def bad(name: str, about: str, fault: Fault, on: str = profile.replies) -> Scenario:
        return Scenario(id=f"result-{name}", about=about, expect=PAID, faults=(StagedFault(fault, on),))

    yield bad("cut", "the connection is closed after 100 bytes of the picture", Truncate(100))
    yield bad("corrupt", "some bytes of the picture are wrong", CorruptChunk())
    if profile.results.carrier == "body":
        yield bad("stalls", "the picture stalls after 100 bytes", Stall(100))
    yield bad("not-enlarged", "the picture comes back with its original size", SameSize(), profile.work)
    yield bad("halved", "the picture comes back smaller", Smaller(), profile.work)


def of_downloads(profile: Profile) -> Iterable[Scenario]:
    """Make scenarios of a bad link to a picture that exists and is paid for."""

    def read(
        name: str,
        about: str,
        fault: Fault,
        expect: Expect = KEPT,
        times: int | None = 1,
        on: str = profile.download,
    ) -> Scenario:
        return Scenario(id=name, about=about, expect=expect, faults=(StagedFault(fault, on, times),))

    if profile.expiring_links:
        yield read("download-expired", "the link expires before it is read", Expire(), PAID)
        yield Scenario(
            id="download-dead-on-arrival",
            about="the link has expired when it arrives",
            expect=PAID,
            terms={"link_ttl": 0},
        )
    if profile.signed_links:
        yield read("download-forged", "the link's signature is wrong", ForgedUrl(), PAID, on=profile.replies)
    yield read("download-purged", "the picture is gone", Purge(), PAID)
    yield read("download-redirected", "the link redirects once, to itself", Redirect())
    yield read(
        "download-redirected-for-ever", "the link redirects to itself endlessly", Redirect(), PAID, None
    )
    wrong = Expect(outcome="either", calls=(1, 12), format=profile.result_format)
    kind = "JPEG" if profile.result_format == "PNG" else "PNG"
    about = f"the file is a {kind}, labelled {profile.result_format}"
    yield read("download-wrong-type", about, WrongFormat(), wrong, None)
    yield read("download-cut", "the connection is closed after 100 bytes of the picture", Truncate(100))
    yield read(
        "download-reset", "the connection is reset after 100 bytes of the picture", Truncate(100, reset=True)
    )
    yield read("download-corrupt", "some bytes of the picture are wrong", CorruptChunk())
    yield read("download-html", "an HTML page with status 200", HtmlWith200())
    yield read(
        "download-short",
        "the last 200 bytes are missing, and Content-Length leaves them out too",
        WrongContentLength(-200),
    )
    yield read("download-stalls", "the picture stalls after 100 bytes", Stall(100))
    yield read("download-503-once", "the link answers 503 once", Fail(503))
    if profile.task == "upscale":
        about = "the picture comes back with its original size"
        yield read("download-not-enlarged", about, SameSize(), PAID, on=profile.work)
    yield read("download-halved", "the picture comes back smaller", Smaller(), PAID, on=profile.work)


def of_clocks() -> Iterable[Scenario]:
    """Make scenarios in which the client's clock differs from the service's."""
    yield Scenario(id="clock-ahead", about="the service's clock is a day ahead", clock=_DAY)
    yield Scenario(id="clock-behind", about="the service's clock is a day behind", clock=-_DAY)
