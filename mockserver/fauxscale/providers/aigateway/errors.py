"""AIgateway's error bodies, in each of the four catalogues it has published.

The catalogues disagree. The default is the model page's, which is about this model; for a status that one does not
have, the next one below is used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import ApiError, Call, Option, Problem, text_of

_STATUS = {
    Problem.MISSING_KEY: 401,
    Problem.INVALID_KEY: 401,
    Problem.NO_FUNDS: 402,
    Problem.LINK_EXPIRED: 403,
    Problem.LINK_FORGED: 403,
    Problem.LINK_UNKNOWN: 404,
    Problem.NOT_FOUND: 404,
    Problem.UNKNOWN_MODEL: 404,
    Problem.WRONG_METHOD: 405,
    Problem.FILE_TOO_LARGE: 413,
    Problem.RATE_LIMITED: 429,
    Problem.TOO_MANY_IN_FLIGHT: 429,
    Problem.SERVER_ERROR: 500,
    Problem.UPSTREAM_ERROR: 502,
    Problem.UNAVAILABLE: 503,
    Problem.TIMEOUT: 504,
}
# Read 2026-06: the model's page; docs/errors; reference; the Python SDK's tests.
_MODEL_PAGE = {
    401: "authentication_error",
    402: "insufficient_credits",
    404: "not_found",
    429: "rate_limit_error",
    500: "server_error",
    503: "service_unavailable",
}
_DOCS = {
    400: "invalid_request",
    401: "invalid_key",
    402: "insufficient_credits",
    403: "scope_exceeded",
    404: "unknown_model",
    409: "idempotency_conflict",
    413: "payload_too_large",
    422: "unsupported_parameter",
    429: "rate_limited",
    499: "client_closed",
    500: "internal_error",
    502: "provider_unavailable",
    503: "capacity_exceeded",
    504: "provider_timeout",
}
_REFERENCE = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "budget_exceeded",
    404: "model_not_found",
    429: "rate_limit_error",
    502: "provider_error",
    504: "timeout_error",
}
_SDK = {404: "model_not_found"}
_CATALOGUES: Mapping[str, Mapping[int, str]] = {
    "model-page": _DOCS | _REFERENCE | _MODEL_PAGE,
    "docs": _DOCS,
    "reference": _DOCS | _MODEL_PAGE | _REFERENCE,
    "sdk": _DOCS | _REFERENCE | _MODEL_PAGE | _SDK,
}
_TEXTS = {
    400: "Invalid request",
    401: "Invalid or missing API key",
    402: "Insufficient credits",
    403: "The API key's scope does not cover this request",
    404: "Not found",
    405: "Method not allowed",
    408: "Timed out waiting for the request body",
    409: "The idempotency key was used with another request",
    413: "File is too large",
    422: "Unsupported parameter",
    429: "Rate limit exceeded",
    499: "The client closed the request",
    500: "Internal server error",
    502: "The upstream provider failed",
    503: "The upstream provider is saturated",
    504: "The upstream provider timed out",
}
OPTION = Option(
    name="errors",
    default="model-page",
    choices=tuple(_CATALOGUES),
    why="four published catalogues of error types disagree; which one the service uses is unknown",
)


def word_error(call: Call, error: ApiError) -> Response:
    """Write an error as `{"error": {message, type, code, param}}`; `code` is the status, or the docs' name."""
    status = error.status or _STATUS.get(error.problem, 400)
    catalogue = str(call.setting("errors"))
    fallback = "invalid_request_error" if status < 500 else "server_error"
    word = str(error.details.get("code", _CATALOGUES[catalogue].get(status, fallback)))
    body = {
        "message": text_of(error, status, _TEXTS),
        "type": word,
        "code": word if catalogue == "docs" else status,
        "param": error.param,
    }
    headers: dict[str, str] = {}
    if status == 429:
        wait = 1.0 if error.retry_after is None else error.retry_after
        headers["retry-after"] = "1"  # unless the refusal says otherwise
        # The minute's reset says nothing about too many at once.
        if error.problem is not Problem.TOO_MANY_IN_FLIGHT:
            own, usual = call.terms.rate_limit, call.provider.quotas[0].most
            headers |= rate_headers(usual if own is None else own, 0, wait)
    if error.problem is Problem.WRONG_METHOD:
        headers["allow"] = str(error.details.get("allow", ""))
    return JSONResponse({"error": body}, status, headers)


def rate_headers(limit: object, remaining: int, reset: float) -> dict[str, str]:
    """Make the rate limit headers. The reset is in seconds, a bare number, unlike OpenAI's "6m0s"."""
    return {
        "x-ratelimit-limit-requests": str(limit),
        "x-ratelimit-remaining-requests": str(remaining),
        # If a fault's configured date has passed, the wait is 0, never negative.
        "x-ratelimit-reset-requests": str(math.ceil(max(reset, 0))),
    }
