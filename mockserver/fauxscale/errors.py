"""Neutral errors: what can be wrong with a call. Handlers raise them; each provider writes its own reply for them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any


class Problem(StrEnum):
    """The neutral name of an error. A provider maps it to a status, a code and a body."""

    MISSING_KEY = "missing_key"
    INVALID_KEY = "invalid_key"
    NO_FUNDS = "no_funds"
    NOT_FOUND = "not_found"
    UNKNOWN_MODEL = "unknown_model"
    WRONG_METHOD = "wrong_method"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    MALFORMED_BODY = "malformed_body"
    MISSING_PARAMETER = "missing_parameter"
    INVALID_PARAMETER = "invalid_parameter"
    FILE_TOO_LARGE = "file_too_large"
    UNSUPPORTED_FORMAT = "unsupported_format"
    BROKEN_IMAGE = "broken_image"
    TOO_MANY_PIXELS = "too_many_pixels"
    WRONG_SIZE = "wrong_size"
    RESULT_TOO_LARGE = "result_too_large"
    DOWNLOAD_FAILED = "download_failed"
    UNSAFE = "unsafe"
    RATE_LIMITED = "rate_limited"
    TOO_MANY_IN_FLIGHT = "too_many_in_flight"
    SERVER_ERROR = "server_error"
    UPSTREAM_ERROR = "upstream_error"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    LINK_EXPIRED = "link_expired"
    LINK_FORGED = "link_forged"
    LINK_UNKNOWN = "link_unknown"


# Problems that add nothing to their status: a provider has one text for each, from any source.
_PLAIN = frozenset(
    {
        Problem.MISSING_KEY,
        Problem.INVALID_KEY,
        Problem.NO_FUNDS,
        Problem.WRONG_METHOD,
        Problem.RATE_LIMITED,
        Problem.TOO_MANY_IN_FLIGHT,
        Problem.TIMEOUT,
    }
)


class FauxscaleError(Exception):
    """The base class of every error that fauxscale raises; most are also a built-in exception such as ValueError."""


class ApiError(FauxscaleError):
    """A refusal on its way to the client.

    `message` goes into the provider's error body, so it is written as a service would write it. `reason` is for the
    developer and is only in `x-fauxscale-reason` and the journal: the rule, the value received, the limit and the
    fix. `param` names the offending field (a dotted path). `status` forces a status the provider would not choose
    by itself (configured faults do that). `details` are facts that some providers need for their message (limits,
    sizes, allowed values); keys are the neutral names used by the module that raised.
    """

    def __init__(
        self,
        problem: Problem,
        message: str,
        *,
        reason: str = "",
        param: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.problem = problem
        self.message = message
        self.reason = reason or message
        self.param = param
        self.status = status
        self.retry_after = retry_after
        self.details: Mapping[str, object] = details or {}

    def to_members(self) -> dict[str, object]:
        """Return this error as JSON members, to be raised again later or elsewhere."""
        members = ("message", "reason", "param", "status", "retry_after")
        return {
            "problem": self.problem.value,
            **{name: getattr(self, name) for name in members},
            "details": dict(self.details),
        }

    @classmethod
    def from_members(cls, members: Mapping[str, Any]) -> ApiError:
        others = {name: value for name, value in members.items() if name not in ("problem", "message")}
        return cls(Problem(members["problem"]), members["message"], **others)

    def again(self) -> ApiError:
        """Return an equal error without its traceback."""
        return ApiError(
            self.problem,
            self.message,
            reason=self.reason,
            param=self.param,
            status=self.status,
            retry_after=self.retry_after,
            details=self.details,
        )


def file_too_large(reason: str, *, param: str | None, limit: int, received: int) -> ApiError:
    """Return the refusal of a picture, or of a part, of at least `received` bytes where `limit` are allowed."""
    details = {"limit": limit, "received": received, "part": param}
    return ApiError(Problem.FILE_TOO_LARGE, "File is too large", reason=reason, param=param, details=details)


def download_failed(reason: str, param: str) -> ApiError:
    """Return the refusal of an address in `param` that gives no picture."""
    reason = f"{param} names no picture that can be had: {reason}"
    return ApiError(Problem.DOWNLOAD_FAILED, "Failed to download the image", reason=reason, param=param)


def text_of(
    error: ApiError, status: int, texts: Mapping[int, str], own: Mapping[Problem, str] | None = None
) -> str:
    """Choose the text of an error: the configured one, else the provider's `own` for this problem, else the error's
    message, else the provider's text for its status.

    The same order for all providers, so that a configured refusal reads like a real one.
    """
    if "configured" in error.details:
        return error.message or texts.get(status) or phrase(status)
    named = "" if error.problem in _PLAIN else error.message
    return (own or {}).get(error.problem) or named or texts.get(status) or phrase(status)


def phrase(status: int) -> str:
    """The standard reason phrase of an HTTP status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "The request was refused" if status < 500 else "The server failed"
