"""MockServer: the stand-in in a thread of this process, on a socket or without one."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

from .app import App, create_app
from .dispatch.provider import Provider
from .hosts import is_open_to_others
from .observer import Observer
from .providers import PROVIDERS
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


class MockServer:
    """The stand-in, ready when `start()` returns and gone without trace when `stop()` does.

        with MockServer() as mock:
            client = MyClient(mock.base_url("ideogram"), api_key="anything")

    `listen=False` opens no socket: reach it through `transport()`. `tls` serves https with a throw-away
    authority, whose certificate is the file `ca`. `observer` is told of every API call once it is answered.
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
    ) -> None:
        self.settings = settings or Settings()
        if not self.settings.token and listen and is_open_to_others(host):
            self.settings = replace(self.settings, token=secrets.token_urlsafe(24))
        self.providers = tuple(providers)
        self._store = store
        self._host = host
        self._port = port
        self._listen = listen
        self._observer = observer
        self._tls = tls
        self._certificates: Certificates | None = None
        self._url = NO_SOCKET
        self._app: App | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: Callable[[], None] | None = None
        self._failure: BaseException | None = None
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

    def _start(self) -> None:
        if self._thread is not None:
            return
        self._stopped = False
        # A stopped server starts afresh: its state went with its store.
        app = self._app = create_app(
            self.settings, providers=self.providers, store=self._store, observer=self._observer
        )
        sock = listen(self._host, self._port) if self._listen else None
        if sock is not None:
            self._url = address(sock, "https" if self._tls else "http")
        if self._tls:
            try:
                self._certificates = self._issue()
            except BaseException:
                if sock is not None:
                    sock.close()
                raise
        ready = threading.Event()
        self._failure = None
        thread = threading.Thread(target=self._run, args=(app, sock, ready), name="fauxscale", daemon=True)
        self._thread = thread
        thread.start()
        ready.wait()
        if self._failure is not None:
            thread.join()
            self._thread = None
            raise RuntimeError("the server did not start") from self._failure

    def stop(self) -> None:
        """Returns when thread, socket and temporary files are gone. May be called twice."""
        with self._turn:
            with self._lock:
                thread, self._thread = self._thread, None
                client, self._client = self._client, None
                certificates, self._certificates = self._certificates, None
                self._stopped = thread is not None or self._stopped
            # What still runs, an observer say, may ask this server for something meanwhile.
            if client is not None:
                client.close()
            if thread is not None:
                if self._end is not None:
                    self._end()
                thread.join()
            if certificates is not None:
                certificates.remove()

    def _issue(self) -> Certificates:
        from .transport import tls

        return tls.issue(
            host for provider in self.providers for site in provider.sites for host in site.hosts
        )

    @property
    def ca(self) -> Path | None:
        """The certificate clients must trust, while a server with `tls` runs."""
        return self._certificates.ca if self._certificates else None

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

        app = self.app
        assert self._loop is not None
        return AppTransport(app, self._loop)

    @property
    def app(self) -> App:
        """The ASGI application, started. Raises RuntimeError after `stop()`."""
        self._ensure_started()
        assert self._app is not None
        return self._app

    def _ensure_started(self) -> None:
        with self._lock:
            if self._stopped:
                raise RuntimeError("this server was stopped; start() begins a new one, with nothing in it")
            self._start()

    @property
    def client(self) -> FauxscaleClient:
        """The control API of this server."""
        with self._lock:
            if self._client is None:
                from .client import FauxscaleClient

                self._ensure_started()
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

    def _run(self, app: App, sock: socket.socket | None, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(app, sock, ready))
        except BaseException as error:
            self._failure = error
            if ready.is_set():
                logging.getLogger("fauxscale").exception("the server thread died")
        finally:
            if sock is not None:
                sock.close()
            ready.set()

    async def _serve(self, app: App, sock: socket.socket | None, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        if sock is not None:
            made = self._certificates
            config = {"ssl_certfile": made.chain, "ssl_keyfile": made.key} if made else {}
            listener = Listener(app, ready.set, **config)
            self._end = listener.end
            await listener.serve(sockets=[sock])
            return
        ending = asyncio.Event()
        loop = self._loop

        def end() -> None:
            loop.call_soon_threadsafe(ending.set)

        self._end = end
        ready.set()
        await ending.wait()
        mine = asyncio.current_task()
        running = [task for task in asyncio.all_tasks() if task is not mine]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=1)
        await app.accounts.close()
