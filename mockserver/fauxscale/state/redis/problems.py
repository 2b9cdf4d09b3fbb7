"""What can be wrong with Redis, in plain sentences, without passwords or user names."""

from __future__ import annotations

from urllib.parse import urlsplit

from redis import exceptions

from fauxscale.state.store import StoreUnavailable

# By the first word of an error that Redis replies with, or by the client's own class of it.
_BY_WORD = {
    "OOM": "is full: raise its maxmemory (its maxmemory-policy must stay noeviction), or delete accounts",
    "READONLY": "is a read-only replica: use the address of the primary",
    "LOADING": "is still loading its data after a start",
    "MISCONF": "cannot write to its disk, so it accepts no writes",
    "NOREPLICAS": "has lost its replicas, so it accepts no writes",
    "MASTERDOWN": "has lost its primary",
    "CLUSTERDOWN": "belongs to an incomplete cluster",
    "BUSY": "is busy running another script",
    "WRONGPASS": "rejects the user name or password in the store's address",
    "NOAUTH": "requires a password, but the store's address has none",
    "NOPERM": "does not give this user the rights it needs: every command, on keys that begin with fauxscale:",
}
_BY_CLASS: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.BusyLoadingError, "LOADING"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.ClusterDownError, "CLUSTERDOWN"),
    (exceptions.SlotNotCoveredError, "CLUSTERDOWN"),
    (exceptions.AuthenticationWrongNumberOfArgsError, "NOAUTH"),
    (exceptions.NoPermissionError, "NOPERM"),
)


def place_named(url: str) -> str:
    """The server that an address names, without user name and password."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"Redis at {parts.path}"
    return f"Redis at {parts.hostname or 'localhost'}:{parts.port or 6379}"


def problem_with(place: str, error: Exception, seconds: float) -> StoreUnavailable:
    """Describe an error of the client library. Raises the error again if it is a mistake of ours."""
    said = str(error)
    word = next((word for kind, word in _BY_CLASS if isinstance(error, kind)), said.split(" ", 1)[0])
    if word in _BY_WORD:
        return StoreUnavailable(f"{place} {_BY_WORD[word]}")
    if isinstance(error, exceptions.AuthenticationError):
        return StoreUnavailable(f"{place} {_BY_WORD['NOAUTH' if 'required' in said else 'WRONGPASS']}")
    if isinstance(error, exceptions.TimeoutError | TimeoutError):
        return StoreUnavailable(f"{place} did not answer within {seconds:g} s", lost=True)
    if isinstance(error, exceptions.ConnectionError | exceptions.ClusterError | OSError):
        return StoreUnavailable(f"{place} cannot be reached", lost=True)
    raise error
