"""Advice on a finding by its scenario's topic, and the command that says more."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase

from .candidate import Ending
from .verdicts import NO_CALL, Finding


@dataclass(frozen=True, slots=True)
class Topic:
    """Scenarios that ask the same of a client; `patterns` are ids."""

    title: str
    patterns: tuple[str, ...]
    advice: str


OPTIONS = Topic(
    "Options",
    ("options-*",),
    "Pass every option on unchanged, in UTF-8 and with its type: 0 is a value, not a missing one.",
)
TOPICS: tuple[Topic, ...] = (
    Topic(
        "Files no service accepts",
        ("picture-gif", "picture-cut", "picture-empty", "picture-text", "picture-oversize"),
        "Check the file before sending it, or treat the service's 4xx as final: report its message, do not "
        "retry, write no output.",
    ),
    Topic(
        "Pictures",
        ("picture-*",),
        "Send the file's bytes unchanged. Decoding and re-encoding it rotates photos, loses transparency and "
        "changes colours; its name and declared type do not matter.",
    ),
    Topic(
        "Masks",
        ("mask-*",),
        "Compare the mask's size with that of the picture as displayed, and reject a different size: a "
        "stretched mask edits the wrong places.",
    ),
    Topic(
        "Errors that stay",
        ("error-*", "wrong-key", "empty-wallet", "unsafe-refused"),
        "Retry after 429 and 5xx only. After any other error, fail at once with the service's message.",
    ),
    Topic(
        "Waits",
        ("429-no-hint", "429-zero", "429-seconds", "429-float", "429-date", "429-past-date", "503-hint"),
        "Read Retry-After as a whole number, a fraction or an HTTP-date (no wait if it is in the past); without "
        "one choose a delay. Sleep at least that long, then retry once.",
    ),
    Topic(
        "Waits without end",
        ("429-far-future", "*-always"),
        "Limit the number of retries and the length of a wait. If Retry-After is longer, fail and say how long "
        "it is.",
    ),
    Topic(
        "Calls that may be repeated",
        ("50?-once", "reset", "no-answer", "garbage"),
        "Catch the errors of the HTTP library as well as those of the service. No work was done here, but a "
        "client cannot know that: one retry is enough.",
    ),
    Topic(
        "Lost replies",
        ("lost-reply", "lost-reply-closed", "cut-reply"),
        "The work is done and paid for, and the service has no idempotency key: do not send the request again "
        "after its reply was lost. Turn off automatic retries of the HTTP library or SDK (max_retries), at "
        "least for read errors.",
    ),
    Topic(
        "Silence",
        ("hang", "*-stalls"),
        "Set a read time-out on every request and every download, short enough that all of them together end "
        "within the limit of the run.",
    ),
    Topic("Slow replies", ("slow", "drip"), "Set time-outs longer than a second."),
    Topic(
        "Unreadable replies",
        ("broken-json", "html-200", "json-null", "json-list", "empty-body", "reply-*"),
        "Validate the body of a 200 before using it: it must be a JSON object, and every member must exist and "
        "have its type. If not, fail with your own error and do not retry: the work is already paid for.",
    ),
    Topic(
        "Replies without a result",
        ("empty-data", "null-url", "missing-*", "unsafe-result"),
        "Expect a 200 whose result is missing or withheld as unsafe. Fail and say so; a retry pays again.",
    ),
    Topic(
        "New members",
        ("new-fields", "new-fields-in-result"),
        "Ignore unknown members: services add them without notice.",
    ),
    Topic(
        "Several images",
        ("withheld-first", "three-of-four"),
        "Look through all results for those with a link: the first may be withheld. The in-flight limit counts "
        "images, so a 429 may be caused by your own other calls: wait until one of them finishes.",
    ),
    Topic(
        "Dead links",
        ("download-expired", "download-dead-on-arrival", "download-forged", "download-purged"),
        "Check the status of a download. An expired link stays expired: fail, and do not request the work "
        "again, because that pays again.",
    ),
    Topic(
        "Wrong sizes",
        ("*-not-enlarged", "*-halved"),
        "Open the result and compare its size with the size you sent or requested; fail if it differs.",
    ),
    Topic(
        "Bad downloads",
        ("download-*", "result-*"),
        "Check a download's status, decode the whole picture and check its format before you save it. If it is "
        "broken, retry the same link a few times; limit the number of redirects you follow.",
    ),
    Topic(
        "Clocks",
        ("clock-*",),
        "Do not compare the service's times with the client's own clock: read the link to see whether it still "
        "works.",
    ),
    Topic(
        "Jobs",
        ("queue-*",),
        "Submit once and keep the id. Pause between polls, for as long as Retry-After says if there is one; "
        "retry a failed poll, never the submission. Give up after a time limit of your own, treat `failed` as "
        "final, and poll too if a webhook is late.",
    ),
    OPTIONS,
)

_ENDINGS: Mapping[Ending, str] = {
    "hung": (
        "The client was still running at the limit: set shorter time-outs on its requests, or raise the limit "
        "above its time-outs."
    ),
    "crashed": "The client crashed: catch this error where it is raised, and end with your own message.",
}
_NO_CALL = (
    "The client requested no work at all: check that it reads the base URL and the key from its variables."
)


def topic_of(scenario: str) -> Topic:
    """The topic of a scenario or reply; profiles name scenarios of options as they like."""
    return next(
        (one for one in TOPICS if any(fnmatchcase(scenario, pattern) for pattern in one.patterns)), OPTIONS
    )


def more_about(scenario: str) -> str:
    """The command that explains a scenario or reply."""
    return f"fauxscale-contracts scenarios {shlex.quote(scenario)}"


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
    """Word a finding: what was staged, expected and seen, what to do about it, and the command that says more."""
    failed = bool(finding.faults)
    return Explanation(
        staged=finding.staged,
        expected=finding.expected,
        happened="; ".join(finding.faults) or finding.seen,
        seen=finding.seen if failed else "",
        accepted=finding.reason,
        what_to_do=_what_to_do(finding) if failed else "",
        more=more_about(finding.id) if failed else "",
        again=finding.again if failed else "",
        note="; ".join(finding.notes),
    )


def _what_to_do(finding: Finding) -> str:
    said = [_ENDINGS[one] for one in dict.fromkeys(finding.measured.endings) if one in _ENDINGS]
    said += [_NO_CALL] if NO_CALL in finding.faults else []
    return " ".join([*said, topic_of(finding.id).advice])
