"""Lumenfall's error bodies, and how a failure at fal, its upstream, is passed on.

Sources: docs.lumenfall.ai, "Errors" (read 2026-06); lumenfall-ai/agent-skill, error reference (2026-06-23).
"""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import ApiError, Call, Interrupted, Problem, Refuse, Withhold, text_of

_STATUS = {
    Problem.MISSING_KEY: 401,
    Problem.INVALID_KEY: 401,
    Problem.NO_FUNDS: 402,
    Problem.NOT_FOUND: 404,
    Problem.UNKNOWN_MODEL: 404,
    Problem.LINK_UNKNOWN: 404,
    Problem.LINK_EXPIRED: 404,  # "deleted after 60 minutes"
    Problem.LINK_FORGED: 403,
    Problem.WRONG_METHOD: 405,
    Problem.FILE_TOO_LARGE: 413,
    Problem.RATE_LIMITED: 429,
    Problem.TOO_MANY_IN_FLIGHT: 429,
    Problem.SERVER_ERROR: 500,
    Problem.UPSTREAM_ERROR: 502,
    Problem.UNAVAILABLE: 503,
    Problem.TIMEOUT: 504,
}
_CODES = {
    Problem.UNSAFE: "CONTENT_POLICY_VIOLATION",
    Problem.UNKNOWN_MODEL: "MODEL_NOT_FOUND",
    Problem.NOT_FOUND: "NOT_FOUND",  # a guess: the documented 404s are about models
    Problem.LINK_UNKNOWN: "NOT_FOUND",
    Problem.LINK_EXPIRED: "NOT_FOUND",
}
_CODES_BY_STATUS = {
    401: "AUTHENTICATION_FAILED",
    402: "INSUFFICIENT_BALANCE",
    403: "FORBIDDEN",  # a guess, as is its text
    404: "MODEL_NOT_FOUND",
    429: "RATE_LIMITED",
    500: "INTERNAL_ERROR",  # a guess: no page lists a 500
    502: "ALL_PROVIDERS_EXHAUSTED",
}
_TYPES = {401: "authentication_error", 402: "billing_error", 429: "rate_limit_error"}
_TEXTS = {
    400: "Invalid request",
    401: "Invalid API key",
    402: "Insufficient balance",
    403: "Forbidden",
    404: "Model not found",
    405: "Method not allowed",
    408: "Timed out waiting for the request body",
    413: "File is too large",
    422: "Invalid request",
    429: "Rate limit exceeded",
    499: "The client closed the request",
    500: "Internal error",
    502: "All providers failed",
    503: "The provider is unavailable",
    504: "The provider timed out",
}
_PICTURE = (Problem.UNSUPPORTED_FORMAT, Problem.BROKEN_IMAGE)


def word_error(call: Call, error: ApiError) -> Response:
    """Write an error as `{"error": {message, type, code}}` with an upper-case code and no `param`."""
    status = error.status or _STATUS.get(error.problem, 400)
    fallback = "INVALID_REQUEST" if status < 500 else "UPSTREAM_ERROR"
    code = _CODES_BY_STATUS.get(status, fallback)
    # A configured status decides alone, whatever the problem is.
    if "configured" not in error.details:
        code = _CODES.get(error.problem, code)
    code = str(error.details.get("code", code))
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    headers: dict[str, str] = {}
    if error.problem is Problem.WRONG_METHOD:
        headers["allow"] = str(error.details.get("allow", ""))
    return JSONResponse(
        {"error": {"message": _message(error, status), "type": kind, "code": code}}, status, headers
    )


def _message(error: ApiError, status: int) -> str:
    if error.problem in _PICTURE and error.status is None:
        return "Invalid image file provided"
    return text_of(error, status, _TEXTS)


async def ask_fal(call: Call) -> None:
    """Apply the faults configured for fal: rules on `fal.run`, `fal.*`.

    The model has only one provider. So errors after which another would have been tried (429, 5xx, a lost or
    useless reply) end the search with ALL_PROVIDERS_EXHAUSTED; all others become UPSTREAM_ERROR.
    """
    fal = call.faults.behind()  # kept apart: a verdict of Lumenfall's own is no refusal by fal
    await fal.assign("fal.run", "upstream")
    lost = fal.ended_by("reply")
    try:
        await fal.apply("call", "outcome")
        unsafe = fal.take(Refuse) or fal.take(Withhold)
    except ApiError as complaint:
        raise _passed_on(complaint) from None
    except Interrupted:
        unsafe, lost = None, fal.applied[-1]
    finally:
        call.faults.join(fal)
    if unsafe is not None:
        raise _passed_on(ApiError(Problem.UNSAFE, "", reason="configured: fal judges the picture unsafe"))
    if lost is not None:
        call.faults.mark_applied(lost)
        reason = f"configured at fal: {type(lost.fault).__name__}"
        raise _passed_on(ApiError(Problem.UPSTREAM_ERROR, "no usable answer", reason=reason))


def _passed_on(complaint: ApiError) -> ApiError:
    status = complaint.status or 502
    if complaint.problem is Problem.UNSAFE and complaint.status is None:
        message = "fal: the content was flagged by the content checker"
        return ApiError(Problem.UNSAFE, message, reason=complaint.reason)
    said = complaint.message or f"status {status}"
    if status >= 500 or status in (408, 429):
        return ApiError(
            Problem.UPSTREAM_ERROR,
            f"All providers failed. Last error: fal: {said}",
            reason=f"fal, the one provider of this model, failed ({complaint.reason})",
            status=502,
            details={"code": "ALL_PROVIDERS_EXHAUSTED"},
        )
    return ApiError(
        Problem.UPSTREAM_ERROR,
        f"fal: {said}",
        reason=f"fal refused the request ({complaint.reason})",
        status=status,
        details={"code": "UPSTREAM_ERROR"},
    )
