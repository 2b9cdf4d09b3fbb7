"""Access to the control API: refuses pages of other origins, and remote calls without the token."""

from __future__ import annotations

import hmac

from starlette.requests import Request

from fauxscale.hosts import is_literal, is_loopback


def refuse(request: Request, token: str | None) -> tuple[int, str] | None:
    """Return the status and message of a refusal; None for a call that may pass."""
    origin = request.headers.get("origin")
    own = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    # A browser states the origin of a call in one header or the other; other clients in neither.
    site = request.headers.get("sec-fetch-site", "same-origin")
    if origin not in (None, own) or site not in ("same-origin", "none"):
        return (
            403,
            f"the control API refuses calls from other origins: this call came from {(origin or site)[:100]!r}",
        )
    if not token:
        # Our own server has a token beyond loopback; another ASGI server may not: see `create_app`.
        peer = request.client.host if request.client else ""
        if is_literal(peer) and not is_loopback(peer):
            return 403, f"without a token the control API answers this machine only, not {peer}"
        return None
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode()):
        return None
    return 401, "send the control token as 'Authorization: Bearer …'; it was printed at start"
