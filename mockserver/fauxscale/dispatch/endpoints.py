"""The endpoint that answers a request: the provider's own, or one of ours for preflights and unknown paths."""

from __future__ import annotations

from msgspec.structs import replace
from starlette.responses import Response

from fauxscale.errors import ApiError, Problem
from fauxscale.spelling import did_you_mean

from .provider import Call, Endpoint
from .routing import Match


def endpoint_for(match: Match, method: str) -> Endpoint:
    """Return the endpoint that answers, ours for a preflight of an endpoint that any origin may read."""
    if match.route is None:
        return _missing(match)
    endpoint = match.route.endpoint
    if method == "OPTIONS" and endpoint.any_origin:
        return replace(endpoint, handler=_preflight, needs_key=False, owner=None, limited=False)
    return endpoint


async def _preflight(call: Call) -> Response:
    """Answer a CORS preflight, which has no API key."""
    allowed = {
        "access-control-allow-methods": f"{call.endpoint.method}, HEAD",
        "access-control-allow-headers": "*",
    }
    return Response(status_code=204, headers=allowed)


def _missing(match: Match) -> Endpoint:
    """Make the endpoint for a path or a method that the provider does not know: it answers 404 or 405."""

    async def refuse(call: Call) -> Response:
        known = [one for site in match.provider.sites for one in site.endpoints]
        if match.allowed:
            raise ApiError(
                Problem.WRONG_METHOD,
                "Method not allowed",
                reason=f"{match.path} answers {', '.join(match.allowed)}, not {call.request.method}",
                details={"allow": ", ".join(match.allowed)},
            )
        raise ApiError(
            Problem.NOT_FOUND,
            "Not found",
            reason=f"{match.provider.name} has no {match.path}"
            + (did_you_mean(match.path, [one.path for one in known]) or ";")
            + " it has "
            + ", ".join(f"{one.method} {one.path}" for one in known),
            details={"path": match.path},
        )

    operation = f"{match.provider.name}.unmatched"
    return Endpoint(
        operation=operation,
        method=match.path,
        path=match.path,
        handler=refuse,
        needs_key=False,
        limited=False,
    )
