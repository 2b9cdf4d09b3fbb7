"""One worker of `fauxscale serve --workers N`: a process that the supervisor starts."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from fauxscale.app import create_app
from fauxscale.dispatch.provider import Provider
from fauxscale.handover import Handover
from fauxscale.images import probe as probe  # and Pillow: the first upload need not wait
from fauxscale.providers import PROVIDERS
from fauxscale.providers.installed import find_providers
from fauxscale.recordings.har import RecordingError
from fauxscale.state.redis import PATIENCE
from fauxscale.state.redis.store import RedisStore
from fauxscale.transport.listener import inherited
from fauxscale.transport.serving import Serving
from fauxscale.transport.supervisor import GO, tell
from fauxscale.transport.tls import Certificates

from .serve import VERBOSE, collect_briefly
from .verbose import echo

# A worker whose supervisor is gone ends within this many seconds, whatever it does.
_END_SECONDS = 5.0


def main() -> None:
    """Get ready, wait for `go`, and serve until the supervisor ends this process, or has ended itself."""
    orders = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115  # until the end
    if not (line := orders.readline()):
        return
    try:
        serving, notes = _ready(Handover.of_line(line))
    except Exception as error:
        tell(
            state="failed",
            failed=" ".join(str(error).split()),
            misuse=isinstance(error, RecordingError | ValueError),
        )
        raise SystemExit(1) from None
    tell(state="waiting", notes=notes)
    if orders.readline() != GO:
        return
    threading.Thread(target=_end_with_supervisor, args=(serving,), daemon=True).start()

    def announce() -> None:
        collect_briefly()
        tell(state="serving")

    serving.run(announce)


def _ready(told: Handover) -> tuple[Serving, list[str]]:
    """Make the server, and describe what it serves. Raises the errors that keep it from serving."""
    settings = told.settings
    # No request yet: a worker whose Redis is unreachable answers too, and says so.
    store = RedisStore(
        told.store,
        memory=settings.upload_memory,
        clustered=told.clustered,
        secret=told.secret,
        seconds=PATIENCE,
    )
    app = create_app(
        settings,
        providers=_named(told.providers),
        store=store,
        journal=echo if os.environ.get(VERBOSE) == "1" else None,
    )
    certificates = Certificates(None, Path(), Path(told.chain), Path(told.key)) if told.chain else None
    sock = inherited(told.socket)
    sock.setblocking(False)
    serving = Serving(app, app.accounts.close, sock, certificates, shared=True)
    return serving, app.replay.summary() if app.replay else []


def _named(names: tuple[str, ...]) -> list[Provider]:
    known = {one.name: one for one in (*PROVIDERS, *find_providers(PROVIDERS).providers)}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"workers find built-in and installed providers only, not {', '.join(unknown)}")
    return [known[name] for name in names]


def _end_with_supervisor(serving: Serving) -> None:
    """End this process when the supervisor's pipe ends: it closes it, or was killed."""
    while os.read(0, 1):
        pass
    timer = threading.Timer(_END_SECONDS, os._exit, (1,))
    timer.daemon = True
    timer.start()
    serving.stop()


if __name__ == "__main__":
    main()
