"""Makes the stand-in of a profile: the server that clients are tested with and services are compared with."""

from __future__ import annotations

from fauxscale import MockServer, Settings

from .installed import BUILT_IN
from .profile import Profile


def stand_in(
    profile: Profile, api_version: str | None = None, *, listen: bool = True, tls: bool = False
) -> MockServer:
    """Make a server of an API version of this provider, not yet started; it accepts only keys it issued."""
    option = profile.api_version_option
    options = {option: api_version} if api_version and option else {}
    settings = Settings(key_policy="issued", options=options)
    built_in = profile.name in {one.name for one in BUILT_IN}
    return MockServer(settings, listen=listen, tls=tls, installed=not built_in)
