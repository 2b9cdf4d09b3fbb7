"""Says what to do about a finding, by the topic its scenario belongs to, and where the page about that topic is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase

from .candidate import Ending
from .verdicts import NO_CALL, Finding

PAGE = "docs/scenarios.md"


@dataclass(frozen=True, slots=True)
class Topic:
    """Scenarios that ask the same of a client. `title` is a heading of the page, `patterns` are ids."""

    title: str
    patterns: tuple[str, ...]
    advice: str

    @property
    def link(self) -> str:
        """The page, and the place in it."""
        return f"{PAGE}#{self.title.lower().replace(' ', '-')}"


OPTIONS = Topic(
    "Options",
    ("options-*",),
    "Pass every option on as it was given, in UTF-8 and with its type: 0 is a value, not a missing one.",
)
TOPICS: tuple[Topic, ...] = (
    Topic(
        "Files no service accepts",
        ("picture-gif", "picture-cut", "picture-empty", "picture-text", "picture-oversize"),
        "Check the file before sending it, or take the service's 4xx as final: say what it says, do not ask again, "
        "write no output.",
    ),
    Topic(
        "Pictures",
        ("picture-*",),
        "Send the file's bytes as they are. Decoding and writing it anew turns photos, loses transparency and "
        "changes colours; its name and declared type decide nothing.",
    ),
    Topic(
        "Masks",
        ("mask-*",),
        "Compare the mask's size with that of the picture as it is shown, and refuse another one: a mask that is "
        "stretched edits other places than its author meant.",
    ),
    Topic(
        "Errors that stay",
        ("error-*", "wrong-key", "empty-wallet", "unsafe-refused"),
        "Try again at 429 and 5xx only. At any other error say what the service says, at once.",
    ),
    Topic(
        "Waits",
        ("429-no-hint", "429-zero", "429-seconds", "429-float", "429-date", "429-past-date", "503-hint"),
        "Read Retry-After as a whole number, a fraction or an HTTP-date (0 when it has gone by); without one choose "
        "a wait. Sleep at least that long, then ask once more.",
    ),
    Topic(
        "Waits without end",
        ("429-far-future", "*-always"),
        "Limit the number of tries and the seconds of a wait. Where Retry-After is longer, fail and say "
        "how long it is.",
    ),
    Topic(
        "Calls that may be repeated",
        ("50?-once", "reset", "no-answer", "garbage"),
        "Catch the errors of the HTTP library as well as those of the service. No work was done here, but a client "
        "cannot know: one more try is enough.",
    ),
    Topic(
        "Lost replies",
        ("lost-reply", "lost-reply-closed", "cut-reply"),
        "The work is done and paid, and the service knows no idempotency key: do not send the request again when its "
        "reply was lost. Switch off what the HTTP library or SDK repeats by itself (max_retries), at least for read "
        "errors.",
    ),
    Topic(
        "Silence",
        ("hang", "*-stalls"),
        "Give every request and every download a time-out for reading, and let all of them together end within the "
        "limit of the run.",
    ),
    Topic("Slow replies", ("slow", "drip"), "Let the time-outs be longer than a second."),
    Topic(
        "Unreadable replies",
        ("broken-json", "html-200", "json-null", "json-list", "empty-body", "reply-*"),
        "Check what a 200 holds before using it: that it is JSON, an object, and that each member is there and of its "
        "type. Where it is not, fail with an error of your own and do not ask again: the work is paid.",
    ),
    Topic(
        "Replies without a result",
        ("empty-data", "null-url", "missing-*", "unsafe-result"),
        "Expect a 200 whose result is missing or withheld as unsafe. Fail and say so; asking again pays again.",
    ),
    Topic(
        "New members",
        ("new-fields", "new-fields-in-result"),
        "Ignore members you do not know: services add them without notice.",
    ),
    Topic(
        "Several images",
        ("withheld-first", "three-of-four"),
        "Look through all results for those that have a link: the first may be withheld. Places in flight are counted "
        "in images, so that a 429 may only mean your own other calls: wait until one of them has ended.",
    ),
    Topic(
        "Dead links",
        ("download-expired", "download-dead-on-arrival", "download-forged", "download-purged"),
        "Check the status of a download. A link that is dead stays dead: fail, and do not ask for the work again, "
        "which pays again.",
    ),
    Topic(
        "Wrong sizes",
        ("*-not-enlarged", "*-halved"),
        "Open the result and compare its size with that of the picture sent or asked for; fail where it differs.",
    ),
    Topic(
        "Bad downloads",
        ("download-*", "result-*"),
        "Check a download's status, decode the whole picture and look at its format before you save it. Read the same "
        "link again, a few times, when it comes broken; follow redirects, but not for ever.",
    ),
    Topic(
        "Clocks",
        ("clock-*",),
        "Compare no time of the service with the client's own clock: ask the link whether it is alive.",
    ),
    Topic(
        "Jobs",
        ("queue-*",),
        "Submit once and remember the id. Poll with a pause, as long as Retry-After says where there is one; a poll "
        "that fails is asked again, the submission is not. Give up after a time of your own choice, take `failed` as "
        "an answer, and poll as well where a webhook is late.",
    ),
    OPTIONS,
)

_ENDINGS: Mapping[Ending, str] = {
    "hung": "It was still running at the limit: give its requests time-outs that end before it, or raise the limit "
    "above the time-outs it has.",
    "crashed": "It was taken by surprise: catch this error where it arises, and end with a message of your own.",
}
_NO_CALL = "It asked for no work at all: see that it reads the address and the key it is given."


def topic_of(scenario: str) -> Topic:
    """The topic of a scenario or reply; profiles name scenarios of options as they like."""
    return next(
        (one for one in TOPICS if any(fnmatchcase(scenario, pattern) for pattern in one.patterns)), OPTIONS
    )


@dataclass(frozen=True, slots=True)
class Explanation:
    """A finding in words, the same in every report; empty where there is nothing to say."""

    staged: str
    expected: str
    happened: str
    seen: str
    accepted: str
    what_to_do: str
    more: str
    again: str
    note: str

    def lines(self) -> list[str]:
        """Its parts, a line each."""
        parts = ((one.name.replace("_", " "), getattr(self, one.name)) for one in fields(self))
        return [f"{label}: {text}" for label, text in parts if text]


def explain(finding: Finding) -> Explanation:
    """Word a finding: what was staged, expected and seen, what to do about it, and where more is said."""
    failed = bool(finding.faults)
    return Explanation(
        staged=finding.staged,
        expected=finding.expected,
        happened="; ".join(finding.faults) or finding.seen,
        seen=finding.seen if failed else "",
        accepted=finding.reason,
        what_to_do=_what_to_do(finding) if failed else "",
        more=topic_of(finding.id).link if failed else "",
        again=finding.again if failed else "",
        note="; ".join(finding.notes),
    )


def _what_to_do(finding: Finding) -> str:
    said = [_ENDINGS[one] for one in dict.fromkeys(finding.measured.endings) if one in _ENDINGS]
    said += [_NO_CALL] if NO_CALL in finding.faults else []
    return " ".join([*said, topic_of(finding.id).advice])
