"""Ideogram's error bodies. Only the one of 422 is documented; the others are guesses after it."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import ApiError, Call, Problem, text_of

_STATUS = {
    Problem.INVALID_KEY: 403,
    Problem.NO_FUNDS: 402,
    Problem.NOT_FOUND: 404,
    Problem.WRONG_METHOD: 405,
    Problem.UNSAFE: 422,
    Problem.RATE_LIMITED: 429,
    Problem.TOO_MANY_IN_FLIGHT: 429,
    Problem.SERVER_ERROR: 500,
    Problem.UPSTREAM_ERROR: 502,
    Problem.UNAVAILABLE: 503,
    Problem.TIMEOUT: 408,
    Problem.LINK_UNKNOWN: 404,
}

# Statuses that are not known outside the service, by the option that chooses them.
_CHOSEN = {
    Problem.MISSING_KEY: "missing_key_status",
    Problem.FILE_TOO_LARGE: "oversize_status",
    Problem.LINK_EXPIRED: "expired_status",
    Problem.LINK_FORGED: "forged_status",
}


def word_error(call: Call, error: ApiError) -> Response:
    """Word an error, its text both as `error` and as `message`: known clients read one or the other, none both.

    Only the 422 body is documented; the other bodies are guesses in its image.
    """
    chosen = _CHOSEN.get(error.problem)
    status = error.status or (int(call.setting(chosen)) if chosen else _STATUS.get(error.problem, 400))
    unsafe = error.problem is Problem.UNSAFE and "configured" not in error.details
    text = _TEXTS[422] if unsafe else text_of(error, status, _TEXTS)
    headers: dict[str, str] = {}
    if error.problem is Problem.WRONG_METHOD:
        headers["allow"] = str(error.details.get("allow", ""))
    return JSONResponse({"error": text, "message": text}, status, headers)


# That of 422 is documented.
_TEXTS = {
    400: "Invalid input provided.",
    401: "Not authorized.",
    402: "Insufficient credits.",
    403: "Not authorized to use this API.",
    404: "Not found",
    405: "Method not allowed",
    408: "Timed out waiting for the request body",
    409: "The request conflicts with another one.",
    413: "File is too large",
    422: "Prompt provided failed safety check due to the inclusion of prohibited content.",
    429: "Too many requests.",
    499: "The client closed the request.",
    500: "Internal error.",
    502: "Bad gateway.",
    503: "Service unavailable.",
    504: "Gateway timeout.",
}
