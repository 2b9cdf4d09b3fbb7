"""MockServer: serves the application in its own thread or in the caller's, on a socket or without one."""

from __future__ import annotations

import secrets
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

from msgspec.structs import replace

from .app import App, create_app
from .dispatch.provider import Provider
from .hosts import is_open_to_others
from .observer import Observer
from .providers import PROVIDERS
from .providers.installed import find_providers
from .settings import Scalar, Settings, Terms
from .spelling import choose_from
from .state.journal import JournalObserver
from .state.store import Store
from .temporary import remove_orphans
from .transport.listener import address, listen
from .transport.serving import Serving

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from .client import AccountHandle, FauxscaleClient
    from .client.arguments import TermArguments
    from .transport.in_process import AppTransport
    from .transport.tls import Certificates

NO_SOCKET = "http://fauxscale.localhost"


class MockServer:
    """The mock server: ready when `start()` returns, and completely gone when `stop()` returns.

        with MockServer() as mock:
            client = MyClient(mock.base_url("ideogram"), api_key="anything")

    `listen=False` opens no socket: reach it through `transport()`. `tls` serves https with a throw-away
    authority, whose certificate is the file `ca`. `observer` is told of answered API calls, `journal` of every entry.
    `installed` adds the providers of installed packages; a broken one is a warning that names its package.
    On a `host` that other machines reach, the control API wants `settings.token`, made here if none is given.
    `store` may be the address of a Redis, or `file:` and a folder, which keeps all state for the next server; several
    `workers` need a Redis and serve in processes of their own: then there is neither `app` nor `transport()`.
    Once stopped it starts again by `start()` alone. Raises ValueError for options that no provider has.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        providers: Sequence[Provider] = PROVIDERS,
        store: Store | str | None = None,
        workers: int = 1,
        host: str = "127.0.0.1",
        port: int = 0,
        listen: bool = True,
        tls: bool = False,
        observer: Observer | None = None,
        journal: JournalObserver | None = None,
        installed: bool = False,
    ) -> None:
        self.settings = settings or Settings()
        if listen:
            self._want_token(host)
        self.providers = tuple(providers)
        if installed:
            found = find_providers(self.providers)
            self.providers += found.providers
            for problem in found.problems:
                warnings.warn(problem, stacklevel=2)
        if workers != 1:
            from .handover import check_workers

            check_workers(workers, store, alone=not listen or observer is not None or journal is not None)
        self._store = store
        self._workers = workers
        self._host = host
        self._port = port
        self._listen = listen
        self._observer = observer
        self._journal = journal
        self._tls = tls
        self._url = NO_SOCKET
        self._app: App | None = None
        self._serving: Serving | None = None
        self._client: FauxscaleClient | None = None
        self._stopped = False
        # Threads may ask first at once, and each thing asked for starts the rest.
        self._lock = threading.RLock()
        # A start waits for a running stop.
        self._turn = threading.Lock()

    def __enter__(self) -> MockServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server; returns when it accepts calls.

        Raises OSError if the port is taken, RecordingError if `settings.replay` cannot be replayed.
        """
        with self._turn, self._lock:
            self._start()

    def serve_forever(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve in the calling thread until `stop()`; in the main thread, until SIGINT, SIGTERM or SIGHUP too.

        `on_ready` is called when calls will be answered. Raises what `start()` raises, and RuntimeError if this
        server runs already.
        """
        with self._turn, self._lock:
            if self._serving is not None:
                raise RuntimeError("this server is already running")
            serving = self._prepare()
        try:
            serving.run(on_ready)
        finally:
            self._leave(serving)

    def _start(self) -> Serving:
        if self._serving is not None:
            self._serving.ready.wait()
            return self._serving
        serving = self._prepare()
        serving.start()
        if serving.failure is not None:
            self._leave(serving)
            self._stopped = False
            raise RuntimeError("the server did not start") from serving.failure
        return serving

    def _prepare(self) -> Serving:
        """Check everything that can be refused before serving. A stopped server starts afresh: its state went with its
        store."""
        remove_orphans()
        sock = listen(self._host, self._port) if self._listen else None
        try:
            if sock is not None:
                self._want_token(str(sock.getsockname()[0]))  # localhost may resolve to another address
            serving = self._alone(sock) if sock is None or self._workers == 1 else self._supervised(sock)
        except BaseException:
            if sock is not None:
                sock.close()
            raise
        if sock is not None:
            self._url = address(sock, "https" if self._tls else "http")
        self._serving = serving
        self._stopped = False
        return serving

    def _alone(self, sock: socket.socket | None) -> Serving:
        """Serve in this process."""
        store = self._store
        if isinstance(store, str):
            from .state.opening import open_store

            store = open_store(store, memory=self.settings.upload_memory)
        self._app = app = create_app(
            self.settings,
            providers=self.providers,
            store=store,
            observer=self._observer,
            journal=self._journal,
        )
        return Serving(app, app.accounts.close, sock, self._issue(), begin=app.begin)

    def _supervised(self, sock: socket.socket) -> Serving:
        """Serve in separate processes."""
        from .handover import supervised

        return supervised(self._workers, self.settings, self.providers, str(self._store), sock, self._issue)

    def _want_token(self, host: str) -> None:
        """Make a token, if there is none, for a server that other machines can reach."""
        if not self.settings.token and is_open_to_others(host):
            self.settings = replace(self.settings, token=secrets.token_urlsafe(24))

    def stop(self) -> None:
        """Stop serving; returns when thread, socket and temporary files are gone.

        May be called twice, and from any thread but the one that serves.
        """
        with self._turn:
            serving = self._serving
            if serving is not None:
                # An observer, for example, may still call this server meanwhile.
                self._close_client()
                serving.stop()
                self._leave(serving)

    def _close_client(self) -> None:
        """Close the control client for good: later use raises that the server was stopped."""
        with self._lock:
            self._stopped = True
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _leave(self, serving: Serving) -> None:
        """Forget a run that has ended, and remove its files. Both its own end and `stop()` may call this."""
        with self._lock:
            if self._serving is not serving:
                return
            self._close_client()
            self._serving = None
        if serving.certificates is not None:
            serving.certificates.remove()

    def _issue(self) -> Certificates | None:
        if not self._tls:
            return None
        from .transport import tls

        imitated = (host for provider in self.providers for site in provider.sites for host in site.hosts)
        return tls.issue(tls.names(self._host, (*self.settings.allow_hosts, *imitated)))

    @property
    def ca(self) -> Path | None:
        """The certificate clients must trust, while a server with `tls` runs."""
        made = self._serving and self._serving.certificates
        return made.ca if made else None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`, no slash at the end."""
        return self._url

    def base_url(self, provider: str) -> str:
        """The base URL for clients of that provider."""
        if provider not in (bases := {one.name: one.base for one in self.providers}):
            raise ValueError(f"no provider {provider!r}{choose_from(provider, bases)}")
        return self.url + bases[provider]

    def transport(self) -> AppTransport:
        """A transport for `httpx.Client` and `httpx.AsyncClient` that needs no socket."""
        from .transport.in_process import AppTransport

        return AppTransport(self.app, self._running().loop)

    @property
    def app(self) -> App:
        """The ASGI application, started. Raises RuntimeError after `stop()`, and where other processes serve it."""
        self._running()
        if self._app is None:
            raise RuntimeError("the application runs in the worker processes, not in this one")
        return self._app

    def _running(self) -> Serving:
        with self._lock:
            if self._stopped:
                raise RuntimeError("this server was stopped; start() starts a new, empty one")
            return self._start()

    @property
    def client(self) -> FauxscaleClient:
        """The control API of this server."""
        with self._lock:
            if self._client is None:
                from .client import FauxscaleClient
                from .client.lines import DirectLine

                loop = self._running().loop
                # If separate processes serve, there is no application here.
                line = DirectLine(self._app.control, self.url, loop) if self._app is not None else None
                self._client = FauxscaleClient(
                    self.url, token=self.settings.token, line=line, why_gone=self._why_gone
                )
            return self._client

    def _why_gone(self) -> str:
        failure = self._serving and self._serving.failure
        return f"its thread failed with {failure!r}" if failure else ""

    def account(
        self, *, options: Mapping[str, Scalar] | None = None, label: str = "", **terms: Unpack[TermArguments]
    ) -> AccountHandle:
        """Open an account with its own keys; terms as in `Terms` (balance=, rate_limit=, link_ttl=, …)."""
        members: dict[str, object] = {**terms, "options": options} if options else {**terms}
        return self.client.account(Terms.from_mapping(members), label)

    def reset(self) -> None:
        """Delete every account, call, link and charge."""
        self.client.reset()

    @property
    def notes(self) -> list[str]:
        """What a recording can and cannot answer."""
        if (supervisor := self._running().supervisor) is not None:
            return supervisor.notes
        return self.app.replay.summary() if self.app.replay else []
