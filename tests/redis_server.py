"""A redis-server for tests, or a cluster of three: on free ports, in folders of their own, ended by the tests.

Tests that ask for one are marked `needs("redis-server")`. Without `durable` it writes nothing to disk.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import redis

from tests.tools import path_of


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class RedisServer:
    """One server. `settings` are lines of redis.conf; `durable`: what it has acknowledged survives its being killed."""

    def __init__(
        self, settings: Mapping[str, str] | None = None, *, durable: bool = False, port: int | None = None
    ) -> None:
        self.port = port or free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="redis-")
        self.settings = {"save": "", "appendonly": "no", **(settings or {})}
        if durable:
            self.settings |= {"appendonly": "yes", "appendfsync": "always"}
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, again if it was killed; returns when it answers."""
        lines = {"port": str(self.port), "bind": "127.0.0.1", "dir": self._folder.name, **self.settings}
        file = Path(self._folder.name) / "redis.conf"
        file.write_text("".join(f"{name} {value or chr(34) * 2}\n" for name, value in lines.items()))
        self._process = subprocess.Popen(
            [path_of("redis-server"), str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 30
        while True:
            try:
                with self.client() as client:
                    client.ping()
                return
            except redis.AuthenticationError:
                return
            except (redis.ConnectionError, redis.TimeoutError):
                if time.monotonic() > until or self._process.poll() is not None:
                    raise
                time.sleep(0.02)

    def client(self) -> Any:
        """A client of this server alone: redis.Redis, much of which has no types."""
        servers: Any = redis.Redis
        return servers.from_url(
            self.url, password=self.settings.get("requirepass"), socket_timeout=30, protocol=2
        )

    def kill(self) -> None:
        """Kill it, as `kill -9` does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    @contextmanager
    def paused(self) -> Generator[None]:
        """It takes connections meanwhile, and answers nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def flush(self) -> None:
        """Forget everything."""
        with self.client() as client:
            client.flushall()

    def everything(self) -> dict[str, bytes]:
        """All that is stored, by its key."""
        readers: dict[str, Callable[[Any, bytes], list[bytes]]] = {
            "string": lambda client, key: [client.get(key)],
            "list": lambda client, key: client.lrange(key, 0, -1),
            "hash": lambda client, key: [part for pair in client.hgetall(key).items() for part in pair],
            "zset": lambda client, key: client.zrange(key, 0, -1),
        }
        with self.client() as client:
            keys = list(client.scan_iter(count=1000))
            rows = {key: readers[client.type(key).decode()](client, key) for key in keys}
        return {key.decode(errors="replace"): b"\n".join(row) for key, row in rows.items()}

    def stored(self) -> list[str]:
        with self.client() as client:
            return [key.decode(errors="replace") for key in client.scan_iter(count=1000)]

    def age(self, seconds: float) -> None:
        """Let whatever has a lifetime die so much sooner."""
        with self.client() as client:
            for key in list(client.scan_iter(count=1000)):
                left = client.pttl(key)
                if left > 0:
                    client.pexpire(key, max(1, int(left - seconds * 1000)))
            gone = [key for key in client.scan_iter(count=1000) if 0 < client.pttl(key) <= 1]
            for key in gone:
                client.unlink(key)

    def close(self) -> None:
        self.kill()
        self._folder.cleanup()

    def __enter__(self) -> RedisServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RedisCluster:
    """Three servers that share the slots of a cluster."""

    def __init__(self) -> None:
        self.nodes: list[RedisServer] = []
        try:
            for _ in range(3):
                bus = {"cluster-enabled": "yes", "cluster-port": str(free_port())}
                self.nodes.append(RedisServer(bus))
            self._join()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return self.nodes[0].url

    def _join(self) -> None:
        clients = [node.client() for node in self.nodes]
        try:
            for number, client in enumerate(clients):
                client.execute_command(
                    "CLUSTER ADDSLOTSRANGE", number * 16384 // 3, (number + 1) * 16384 // 3 - 1
                )
                client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            for node in self.nodes[1:]:
                bus = node.settings["cluster-port"]
                clients[0].execute_command("CLUSTER MEET", "127.0.0.1", node.port, bus)
            until = time.monotonic() + 30
            while not all(_is_complete(client) for client in clients):
                assert time.monotonic() < until, "the cluster did not come together"
                time.sleep(0.05)
        finally:
            for client in clients:
                client.close()

    def flush(self) -> None:
        for node in self.nodes:
            node.flush()

    def age(self, seconds: float) -> None:
        for node in self.nodes:
            node.age(seconds)

    def close(self) -> None:
        for node in self.nodes:
            node.close()

    def __enter__(self) -> RedisCluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _is_complete(client: Any) -> bool:
    facts = client.execute_command("CLUSTER INFO")
    return str(facts["cluster_state"]) == "ok" and int(facts["cluster_known_nodes"]) == 3
