"""Control API routes for the whole server: health, providers, settings, reset, description."""

from __future__ import annotations

import json
from importlib.resources import files

from msgspec import to_builtins
from starlette.responses import Response

from fauxscale._version import __version__

from .metrics import MEDIA_TYPE
from .request import Ask, ControlRoute


async def health(ask: Ask) -> object:
    """Return 200 when the server is ready; until then the connection waits."""
    return {"status": "ok", "version": __version__}


async def providers(ask: Ask) -> object:
    """List the providers: base paths, templates of the variables clients read, operations with prices,
    parameters, options."""
    return {
        "providers": {
            provider.name: {
                "base": provider.base,
                "env": dict(provider.env),
                "tls_env": dict(provider.tls_env),
                "parameters": list(provider.parameters),
                "operations": {
                    endpoint.operation: endpoint.price_of({})
                    for site in provider.sites
                    for endpoint in site.endpoints
                },
                "options": {
                    option.name: {
                        "default": option.default,
                        "choices": list(option.choices),
                        "why": option.why,
                        "verified": option.verified,
                    }
                    for option in provider.options
                },
            }
            for provider in ask.providers.values()
        }
    }


async def settings(ask: Ask) -> object:
    """Read the server's settings, without keys and token."""
    members = to_builtins(ask.accounts.settings)
    # The initial accounts contain keys, and are listed as accounts.
    return {name: value for name, value in members.items() if name not in ("keys", "token", "accounts")}


async def reset(ask: Ask) -> object:
    """Delete every account and all of its state."""
    ask.know()
    await ask.accounts.reset()
    return {"reset": ["accounts"]}


async def metrics(ask: Ask) -> object:
    """Read this worker's metrics since its start, in Prometheus text format."""
    return Response(ask.metrics.text(), media_type=MEDIA_TYPE)


async def openapi(ask: Ask) -> object:
    """Read the OpenAPI description of this API."""
    return json.loads((files("fauxscale.control") / "control.openapi.json").read_text("utf-8"))


ROUTES = (
    ControlRoute("GET", "/health", health),
    ControlRoute("GET", "/providers", providers),
    ControlRoute("GET", "/settings", settings),
    ControlRoute("POST", "/reset", reset),
    ControlRoute("GET", "/metrics", metrics),
    ControlRoute("GET", "/openapi.json", openapi),
)
