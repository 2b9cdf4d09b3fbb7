"""How many files and sockets this process may have open."""

from __future__ import annotations

import sys

# Connections, uploads on disk and all else fit in well.
ENOUGH = 4_096


def descriptor_limit() -> int:
    """How many descriptors this process may have open."""
    if sys.platform == "win32":
        return ENOUGH  # sockets are no files there, and none is short of them
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if soft == resource.RLIM_INFINITY else soft


def raise_descriptor_limit() -> None:
    """Let this process have ENOUGH descriptors open, or as many as it may allow itself.

    Only for our own programs: in another program the limit may be set on purpose.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
