"""RedisStore: the store that several workers and machines share."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from redis.exceptions import NoScriptError

from fauxscale.clock import wall
from fauxscale.state import store as protocol
from fauxscale.state.batch import (
    Batch,
    BatchOutcome,
    BatchRefusal,
    Delete,
    DeleteField,
    Drop,
    NameBlob,
    Operation,
)
from fauxscale.state.blobs import sha256
from fauxscale.state.store import BLOB_LIFE, Changes

from .connections import Client, Connections
from .encoding import (
    DIRECTORY,
    Member,
    asked,
    blob_on_redis,
    is_of_directory,
    outcome_of,
    place_of,
)
from .waiters import channel_of

_BODY = Path(__file__).with_name("batch.lua").read_text("utf-8")
_CHANGES = f"{DIRECTORY}changes"


class _Script:
    """The script under one set of flags, by which Redis refuses it before it begins (since 7.0)."""

    def __init__(self, flags: str) -> None:
        self._text = f"#!lua{flags}\n{_BODY}"
        self._sha = hashlib.sha1(self._text.encode()).hexdigest()

    async def run(self, client: Client, keys: Sequence[str], arguments: Sequence[Member]) -> Any:
        try:
            return await client.evalsha(self._sha, len(keys), *keys, *arguments)
        except NoScriptError:  # the server was restarted, or SCRIPT FLUSH said
            return await client.eval(self._text, len(keys), *keys, *arguments)


# What only reads runs on a full server and on a replica; what forgets runs on a full one.
_READING, _WRITING, _FORGETTING = _Script(" flags=no-writes"), _Script(""), _Script(" flags=allow-oom")


class RedisStore:
    """A store on one Redis server, or on a cluster of them.

    `memory`: so many bytes of pictures are kept of an account, then the oldest give way. `secret` is what all who share
    the store sign with, `seconds` how long a reply may take. `ahead`: the seconds by which a test has moved the store's
    clock. `skew`: see Store; as the newest replies have it.
    """

    def __init__(
        self,
        url: str,
        *,
        memory: int,
        clustered: bool,
        secret: bytes,
        seconds: float,
    ) -> None:
        self.secret: bytes | None = secret
        self.ahead = 0.0
        self.skew = 0.0
        self._memory = memory
        self.clustered = clustered
        self._connections = Connections(url, clustered=clustered, seconds=seconds)

    async def run(self, batch: Batch) -> BatchOutcome:
        """Execute a batch: in one call; on a cluster in up to three, if it touches the directory as well.

        Entries of the directory are hints that are checked where they lead. There they are written before the account,
        and deleted after it, so that none is ever missing; one that leads nowhere is as none.
        """
        operations = batch.operations
        noted = batch.account if batch.writes else ""
        if not self.clustered:
            return await self._execute(operations, noted, writes=batch.writes)
        before, within, after = _parts(operations)
        if not within:
            return await self._execute(operations, "", writes=batch.writes)
        results: list[object] = [None] * len(operations)
        for places in (before, within, after):
            if places:
                part = [operations[place] for place in places]
                outcome = await self._execute(part, "", writes=batch.writes)
                for place, result in zip(places, outcome.results, strict=False):
                    results[place] = result
                if outcome.refusal is not None:
                    place = places[outcome.refusal.index]
                    refusal = BatchRefusal(place, outcome.refusal.found)
                    return BatchOutcome(tuple(results[:place]), refusal)
        if noted:
            await self._execute((), noted, writes=True)
        return BatchOutcome(tuple(results))

    async def _execute(self, operations: Sequence[Operation], noted: str, *, writes: bool) -> BatchOutcome:
        keys, arguments = asked(operations)
        if noted:
            account = noted[1:-1]
            keys.append(_CHANGES)
            arguments += ("note", "0", account, protocol.MOST_CHANGES, channel_of(account))
        if any(isinstance(one, Drop | Delete) for one in operations):
            script = _FORGETTING
        else:
            script = _WRITING if writes else _READING
        reply = await self._script(script, keys, arguments)
        return outcome_of(operations, reply)

    async def _script(self, script: _Script, keys: Sequence[str], arguments: Sequence[Member]) -> Any:
        ahead = (repr(self.ahead), self._memory)
        asked_at = wall()
        reply = await self._connections.ask(lambda client: script.run(client, keys, (*ahead, *arguments)))
        # The server read its clock between the two moments. What an earlier reply said is kept while this one allows
        # it, so that time does not jump to and fro by how long replies take.
        at = float(reply[3])
        self.skew = min(max(self.skew, at - wall()), at - asked_at)
        return reply

    async def put_blob(self, key: str, data: bytes, *, life: float | None = BLOB_LIFE) -> None:
        blob = blob_on_redis(key)
        group, _, member = blob.partition("/")
        seconds = BLOB_LIFE if life is None else life
        # One that has given way to others can be asked for its digest still.
        digest = await sha256(data)

        async def put(client: Client) -> None:
            async with client.pipeline(transaction=False) as pipe:
                pipe.set(blob, data, px=int(seconds * 1000))
                pipe.set(f"{blob}|digest", digest, px=int(seconds * 1000))
                # When it leaves the list, if it is not named, need not be exact: any clock will do.
                pipe.zadd(group, {f"/{member}": wall() + 2 * seconds})
                await pipe.execute()

        await self._connections.ask(put)
        if life is None:
            await self._execute((NameBlob(key),), "", writes=True)

    async def get_blob(self, key: str) -> bytes | None:
        found: bytes | None = await self._connections.ask(lambda client: client.get(blob_on_redis(key)))
        return found

    async def digests(self, keys: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        groups: dict[str, list[str]] = {}
        for key in keys:
            groups.setdefault(blob_on_redis(key).partition("/")[0], []).append(key)
        for group, several in groups.items():
            members = [blob_on_redis(key).removeprefix(group) for key in several]
            digests: list[bytes | None] = await self._connections.ask(
                partial(_several, name=f"{group}/|digests", fields=members)
            )
            found |= {key: said.decode() for key, said in zip(several, digests, strict=True) if said}
        return found

    async def changed(self, account: str) -> asyncio.Future[None]:
        waiters = (await self._connections.here()).waiters
        return await self._connections.ask(lambda client: waiters.wait(account))

    async def changes(self, since: int | None) -> Changes:
        arguments = ("changes", "0", "" if since is None else since)
        _, _, ((mark, *found),), _ = await self._script(_WRITING, (_CHANGES,), arguments)
        return Changes(int(mark), tuple(name.decode() for name in found[0]) if found else None)

    async def close(self) -> None:
        with suppress(RuntimeError):
            await self._connections.close()


async def _several(client: Any, *, name: str, fields: Sequence[str]) -> list[bytes | None]:
    found: list[bytes | None] = await client.hmget(name, fields)
    return found


def _parts(operations: Sequence[Operation]) -> tuple[list[int], list[int], list[int]]:
    """Sort the operations of a batch: those on the directory that come first, the account's, the directory's last."""
    before: list[int] = []
    within: list[int] = []
    after: list[int] = []
    for number, one in enumerate(operations):
        if not is_of_directory(place_of(one)):
            within.append(number)
        elif isinstance(one, Delete | DeleteField | Drop):
            after.append(number)
        else:
            before.append(number)
    return before, within, after
