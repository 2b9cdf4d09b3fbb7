"""MockServer: the one way to serve, in a thread of its own or in the caller's, on a socket or without one."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Unpack

from .app import App, create_app
from .dispatch.provider import Provider
from .hosts import is_open_to_others
from .observer import Observer
from .providers import PROVIDERS
from .providers.installed import find_providers
from .settings import Scalar, Settings, Terms
from .state.store import Store
from .transport.listener import Listener, address, listen

if TYPE_CHECKING:
    from pathlib import Path

    from .client import AccountHandle, FauxscaleClient
    from .client.arguments import TermArguments
    from .transport.in_process import AppTransport
    from .transport.tls import Certificates

NO_SOCKET = "http://fauxscale.localhost"


@dataclass(slots=True, eq=False)
class _Run:
    """One life of a server, from its start to its stop."""

    app: App
    sock: socket.socket | None
    certificates: Certificates | None = None
    thread: threading.Thread | None = None
    loop: asyncio.AbstractEventLoop | None = None
    end: Callable[[], None] = lambda: None
    failure: BaseException | None = None
    ready: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        """Nothing is served any more. Whoever waited for it to be ready need not wait."""
        if self.sock is not None:
            self.sock.close()
        self.ready.set()
        self.closed.set()


class MockServer:
    """The stand-in, ready when `start()` returns and gone without trace when `stop()` does.

        with MockServer() as mock:
            client = MyClient(mock.base_url("ideogram"), api_key="anything")

    `listen=False` opens no socket: reach it through `transport()`. `tls` serves https with a throw-away
    authority, whose certificate is the file `ca`. `observer` is told of every API call once it is answered.
    `installed` adds the providers of installed packages; a broken one is a warning that names its package.
    On a `host` that other machines reach, the control API wants `settings.token`, made here if none is given.
    Once stopped it starts again by `start()` alone. Raises ValueError for options that no provider has.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        providers: Sequence[Provider] = PROVIDERS,
        store: Store | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        listen: bool = True,
        tls: bool = False,
        observer: Observer | None = None,
        installed: bool = False,
    ) -> None:
        self.settings = settings or Settings()
        if not self.settings.token and listen and is_open_to_others(host):
            self.settings = replace(self.settings, token=secrets.token_urlsafe(24))
        self.providers = tuple(providers)
        if installed:
            found = find_providers(self.providers)
            self.providers += found.providers
            for problem in found.problems:
                warnings.warn(problem, stacklevel=2)
        self._store = store
        self._host = host
        self._port = port
        self._listen = listen
        self._observer = observer
        self._tls = tls
        self._url = NO_SOCKET
        self._run: _Run | None = None
        self._client: FauxscaleClient | None = None
        self._stopped = False
        # Threads may ask first at once, and each thing asked for starts the rest.
        self._lock = threading.RLock()
        # A start waits for the stop that is under way.
        self._turn = threading.Lock()

    def __enter__(self) -> MockServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when calls will be answered. Raises OSError if the port is taken, RecordingError
        if `settings.replay` cannot be told again."""
        with self._turn, self._lock:
            self._start()

    def serve_forever(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve in the calling thread until `stop()`; in the main thread, until SIGINT, SIGTERM or SIGHUP too.

        `on_ready` is called when calls will be answered. Raises what `start()` raises, and RuntimeError where
        this server runs already.
        """
        with self._turn, self._lock:
            if self._run is not None:
                raise RuntimeError("this server runs already")
            run = self._run = self._prepare()
        try:
            asyncio.run(self._serve(run, on_ready))
        finally:
            run.close()
            self._leave(run)

    def _start(self) -> _Run:
        if self._run is not None:
            self._run.ready.wait()
            return self._run
        run = self._prepare()
        run.thread = threading.Thread(target=self._serve_apart, args=(run,), name="fauxscale", daemon=True)
        self._run = run
        run.thread.start()
        run.ready.wait()
        if run.failure is not None:
            run.thread.join()
            self._leave(run)
            self._stopped = False
            raise RuntimeError("the server did not start") from run.failure
        return run

    def _prepare(self) -> _Run:
        """All that can be refused before anything is served. A stopped server starts afresh: its state went with
        its store."""
        app = create_app(self.settings, providers=self.providers, store=self._store, observer=self._observer)
        sock = listen(self._host, self._port) if self._listen else None
        run = _Run(app, sock)
        if sock is not None:
            self._url = address(sock, "https" if self._tls else "http")
        if self._tls:
            try:
                run.certificates = self._issue()
            except BaseException:
                run.close()
                raise
        self._stopped = False
        return run

    def stop(self) -> None:
        """Returns when thread, socket and temporary files are gone. May be called twice, and from any thread but
        the one that serves."""
        with self._turn:
            run = self._run
            if run is None:
                return
            with self._lock:
                self._stopped = True
                client, self._client = self._client, None
            # What still runs, an observer say, may ask this server for something meanwhile.
            if client is not None:
                client.close()
            run.ready.wait()
            with suppress(RuntimeError):  # it has ended by itself, and its loop is closed
                run.end()
            if run.thread is not None:
                run.thread.join()
            run.closed.wait()
            self._leave(run)

    def _leave(self, run: _Run) -> None:
        """Forget a run that has ended."""
        with self._lock:
            client = None
            if self._run is run:
                self._run = None
                self._stopped = True
                client, self._client = self._client, None
            certificates, run.certificates = run.certificates, None
        if client is not None:
            client.close()
        if certificates is not None:
            certificates.remove()

    def _issue(self) -> Certificates:
        from .transport import tls

        imitated = (host for provider in self.providers for site in provider.sites for host in site.hosts)
        return tls.issue(tls.names(self._host, (*self.settings.allow_hosts, *imitated)))

    @property
    def ca(self) -> Path | None:
        """The certificate clients must trust, while a server with `tls` runs."""
        made = self._run and self._run.certificates
        return made.ca if made else None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`, no slash at the end."""
        return self._url

    def base_url(self, provider: str) -> str:
        """What to give a client of that provider as its base URL."""
        bases = {one.name: one.base for one in self.providers}
        if provider not in bases:
            raise ValueError(f"no provider {provider!r}: choose from {', '.join(bases)}")
        return self.url + bases[provider]

    def transport(self) -> AppTransport:
        """A transport for `httpx.Client` and `httpx.AsyncClient` that needs no socket."""
        from .transport.in_process import AppTransport

        run = self._running()
        assert run.loop is not None  # it is ready
        return AppTransport(run.app, run.loop)

    @property
    def app(self) -> App:
        """The ASGI application, started. Raises RuntimeError after `stop()`."""
        return self._running().app

    def _running(self) -> _Run:
        with self._lock:
            if self._stopped:
                raise RuntimeError("this server was stopped; start() begins a new one, with nothing in it")
            return self._start()

    @property
    def client(self) -> FauxscaleClient:
        """The control API of this server."""
        with self._lock:
            if self._client is None:
                from .client import FauxscaleClient

                self._running()
                transport = None if self._listen else self.transport()
                self._client = FauxscaleClient(self.url, token=self.settings.token, transport=transport)
            return self._client

    def account(
        self, *, options: Mapping[str, Scalar] | None = None, label: str = "", **terms: Unpack[TermArguments]
    ) -> AccountHandle:
        """A fresh account with keys of its own; terms as in `Terms` (balance=, rate_limit=, link_ttl=, …)."""
        words: dict[str, object] = {**terms, "options": options} if options else {**terms}
        return self.client.account(Terms.from_mapping(words), label)

    def reset(self) -> None:
        """Forget every account, call, link and charge."""
        self.client.reset()

    def _serve_apart(self, run: _Run) -> None:
        try:
            asyncio.run(self._serve(run, lambda: None))
        except BaseException as error:
            run.failure = error
            if run.ready.is_set():
                logging.getLogger("fauxscale").exception("the server thread died")
        finally:
            run.close()

    async def _serve(self, run: _Run, on_ready: Callable[[], None]) -> None:
        run.loop = asyncio.get_running_loop()

        def ready() -> None:
            run.ready.set()
            on_ready()

        if run.sock is None:
            await _serve_in_process(run, ready)
        else:
            made = run.certificates
            config = {"ssl_certfile": made.chain, "ssl_keyfile": made.key} if made else {}
            listener = Listener(run.app, ready, **config)
            run.end = listener.end
            await listener.serve(sockets=[run.sock])


async def _serve_in_process(run: _Run, ready: Callable[[], None]) -> None:
    """Keep the loop that calls run on, until the end; then end those that still run."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.call_soon_threadsafe(ending.set)

    run.end = end
    ready()
    await ending.wait()
    mine = asyncio.current_task()
    running = [task for task in asyncio.all_tasks() if task is not mine]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=1)
    await run.app.accounts.close()
