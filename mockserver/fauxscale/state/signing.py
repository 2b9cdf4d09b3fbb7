"""Signs and verifies links: HMAC-SHA-256 over path, expiry and owner; only one spelling is accepted."""

from __future__ import annotations

import hmac
from hashlib import sha256

from fauxscale.errors import ApiError, Problem

# RFC 2104, section 2: the block of SHA-256, and what its key is combined with.
_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Mac:
    """HMAC-SHA-256 under one secret. `hmac.digest` takes three times as long for a short message: it hashes the secret
    each time (Python 3.11, OpenSSL 3)."""

    def __init__(self, secret: bytes) -> None:
        key = (secret if len(secret) <= _BLOCK else sha256(secret).digest()).ljust(_BLOCK, b"\0")
        self._inner, self._outer = key.translate(_INNER), key.translate(_OUTER)

    def __call__(self, message: bytes) -> bytes:
        return sha256(self._outer + sha256(self._inner + message).digest()).digest()


class Signer:
    """Signs and verifies the query of a link, `exp=<Unix seconds>&sig=<64 hex>`."""

    def __init__(self, secret: bytes) -> None:
        self._mac = Mac(secret)

    def query(self, path: str, exp: int, owner: str) -> str:
        """Sign `path` (provider-relative, from its leading slash): the query that makes it valid until `exp`."""
        # The separator cannot occur in any of the three, so no two triples have the same signature.
        signed = f"{path}\n{exp}\n{owner}".encode()
        return f"exp={exp}&sig={self._mac(signed).hex()}"

    def verify(self, path: str, query: bytes, owner: str, now: float) -> None:
        """Raise LINK_FORGED unless `query` is, byte for byte, the signed one; LINK_EXPIRED once now >= exp."""
        if not query:
            raise ApiError(
                Problem.LINK_FORGED,
                "Signature missing",
                reason="the link was read without its query string; exp and sig are part of the address",
            )
        exp = _expiry(query)
        # Signing again and comparing whole queries leaves a single spelling: no reordering, padding, case or extra
        # member can pass, and nothing outside the signature can change the link's meaning.
        if not hmac.compare_digest(self.query(path, exp, owner).encode(), query):
            raise ApiError(
                Problem.LINK_FORGED,
                "Signature mismatch",
                reason="the link's path, exp or sig was changed after signing; use the link exactly as it was given",
            )
        if now >= exp:
            raise ApiError(
                Problem.LINK_EXPIRED,
                "Link expired",
                reason=f"the link expired at exp={exp}, {_ago(now - exp)} by this account's clock; "
                "download results when they arrive, or request them again",
                details={"exp": exp, "now": now},
            )


def _expiry(query: bytes) -> int:
    value = query[4:].split(b"&", 1)[0] if query.startswith(b"exp=") else b""
    # isdigit on bytes is ASCII only; 15 digits hold any date a clock can be set to, 1960 too.
    return int(value) if value.removeprefix(b"-").isdigit() and len(value) <= 15 else -1


def _ago(seconds: float) -> str:
    if seconds < 1:
        return "this second"
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d} ago"
