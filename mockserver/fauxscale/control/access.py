"""Access to the control API: refuses pages of another origin, and calls without the token off loopback."""

from __future__ import annotations

import hmac

from starlette.requests import Request


def refuse(request: Request, token: str | None) -> tuple[int, str] | None:
    """Return the status and message of a refusal; None for a call that may pass."""
    origin = request.headers.get("origin")
    own = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    # A browser says where a call comes from in one header or the other; what is no browser says neither.
    site = request.headers.get("sec-fetch-site", "same-origin")
    if origin not in (None, own) or site not in ("same-origin", "none"):
        return 403, f"the control API answers no other origin: this call came from {(origin or site)[:100]!r}"
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if token is None or (scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode())):
        return None
    return 401, "send the control token as 'Authorization: Bearer …'; it was printed at start"
