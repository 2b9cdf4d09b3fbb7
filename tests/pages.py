"""What a hostile page tries on a server of this machine: every route there is, and how an answer shows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fauxscale.app import App
from fauxscale.control import API, ROUTES

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
# GET routes that wait are asked as everybody asks them. The stream of events, which has no end for whoever may read it,
# is in tests/mockserver/control/test_inspector_events.py.
INSPECTOR = (
    "/__fauxscale",
    "/__fauxscale/",
    "/__fauxscale/inspector/app.js",
    "/__fauxscale/inspector/index.html",
    "/__fauxscale/api/inspector/calls",
    "/__fauxscale/api/inspector/calls/{account}/1",
    "/__fauxscale/api/inspector/calls/{account}/1/pictures",
    "/__fauxscale/api/inspector/calls/{account}/1/story",
    "/__fauxscale/api/inspector/money",
    "/__fauxscale/api/inspector/report",
    "/__fauxscale/api/inspector/pictures/{account}/1/before",
    "/__fauxscale/api/inspector/pictures/{account}/1/after",
)


@dataclass(frozen=True, slots=True)
class Target:
    """One route with its parameters filled in.

    `open`: it is meant for pages of any origin. `ours`: it is of the control API or the inspector; `page`: it is a file
    of the inspector's page, or leads there, the same for everybody.
    """

    method: str
    path: str
    open: bool = False
    ours: bool = False
    page: bool = False


def targets(app: App, account: str) -> list[Target]:
    """Every route of a server, those of the control API on this account."""
    found = [
        Target(
            route.method,
            API + _filled(route.path, {"id": account, "call": "call_1", "number": "0"}),
            ours=True,
        )
        for route in ROUTES
    ]
    for path in INSPECTOR:
        page = "/api/" not in path
        found.append(Target("GET", path.replace("{account}", account), ours=True, page=page))
    for provider in app.routes.providers:
        for site in provider.sites:
            for endpoint in site.endpoints:
                path = site.prefix + _filled(
                    endpoint.path, {"shard": account.removeprefix("acct_"), "part": "1"}
                )
                found.append(Target(endpoint.method, path, open=endpoint.any_origin))
    return list(dict.fromkeys(found))


def _filled(path: str, values: dict[str, str]) -> str:
    return _PARAMETER.sub(lambda found: values.get(found[1], "x"), path)
