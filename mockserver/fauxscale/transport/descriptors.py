"""How many files and sockets this process may have open."""

from __future__ import annotations

import sys

# Connections, uploads on disk and everything else fit in well.
ENOUGH = 4_096


def descriptor_limit() -> int:
    """How many descriptors this process may have open."""
    if sys.platform == "win32":
        return ENOUGH  # sockets are no files there, and are not limited
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if soft == resource.RLIM_INFINITY else soft


def raise_descriptor_limit() -> None:
    """Raise this process' limit to ENOUGH descriptors, or to its hard limit.

    Only for our own programs: in another program the limit may be set on purpose.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
