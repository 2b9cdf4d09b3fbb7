"""Small ASGI applications for tests of what runs applications."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


def application(answer: ASGIApp) -> ASGIApp:
    """Make a whole application, which starts and stops, of what answers its requests."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await answer(scope, receive, send)
            return
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    return run


async def no_close() -> None:
    """Close nothing: what `Serving` awaits at the end of an application without a socket."""
