"""The rival: a Starlette handler that parses the same multipart body and throws it away."""

from __future__ import annotations

import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def canned(request: Request) -> Response:
    """Answer with a reply of the size of ours."""
    picture = {"url": "http://127.0.0.1:1/a.png?exp=1&sig=2", "seed": 12345, "resolution": "1024x1024"}
    return JSONResponse(
        {"created": "2026-01-01T00:00:00+00:00", "data": [{**picture, "prompt": "A cat" * 20}]}
    )


async def upscale(request: Request) -> Response:
    async with request.form() as form:
        return JSONResponse({"parts": len(form)})


if __name__ == "__main__":
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0))
    sock.listen(128)
    print(sock.getsockname()[1], flush=True)
    app = Starlette(
        routes=[
            Route("/json", canned),
            Route("/upscale", upscale, methods=["POST"]),
            Route("/ideogram/upscale", upscale, methods=["POST"]),
        ]
    )
    config = uvicorn.Config(
        app, http="h11", loop="asyncio", log_level="error", access_log=False, timeout_keep_alive=60
    )
    uvicorn.Server(config).run(sockets=[sock])
