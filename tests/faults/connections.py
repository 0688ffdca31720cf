"""Faults of the clients' side: cut, frozen, half-closed, slow, many at once; and pages that take long."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from tests.faults.arena import Arena
from tests.faults.clients import Gone, NotWelcome, WebSocket, call
from tests.faults.database import resident_bytes
from tests.faults.fault import BOTH, POSTGRESQL, Fault, Measured
from tests.faults.history import percentile
from tests.faults.proxy import break_link
from tests.faults.slowly import digest
from tests.faults.workload import Crowd, Plan, until, whole_log
from tests.system.server import ROOT, RunningChat

PEERS = 50
SLOW_S = 120.0
DEAD_PEER_S = 47.0
"""45 s, and what it takes to look."""


class Cut(Fault):
    """Connections end in every way that there is."""

    name: ClassVar[str] = "cuts"
    demand: ClassVar[str] = "500 client cuts, half-open and frozen peers: 0 anomalies; resumed in 2 s"
    databases: ClassVar[tuple[str, ...]] = BOTH
    short: ClassVar[bool] = True

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Break what the dice say."""
        rng = random.Random(arena.seed)
        plan = Plan(writers=6, readers=8, steady=0, silence_s=2.0, sends_a_second=12)
        broken, most = 0, arena.times(500, 60)
        async with arena.playing(plan) as crowd:
            readers = crowd.readers
            while broken < most:
                await asyncio.sleep(rng.uniform(0.02, 0.2))
                for proxy in arena.proxies:
                    for link in proxy.some(rng, 0.3):
                        break_link(link, rng)
                        broken += 1
            resumed_s = [took for reader in readers for took in reader.resumed_s]
        measured.tell(f"{broken} connections broken")
        measured.at_most(f"{len(resumed_s)} resumes p99", percentile(resumed_s, 0.99), 2.0)


class DeadPeers(Fault):
    """Sockets whose other end is there no more, and never said so."""

    name: ClassVar[str] = "dead-peers"
    demand: ClassVar[str] = "a dead WebSocket peer is gone in 45 s, its descriptor too"
    databases: ClassVar[tuple[str, ...]] = (POSTGRESQL,)
    short: ClassVar[bool] = False

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Freeze fifty, and count the server's descriptors."""
        async with arena.serving(1):
            [server], [proxy] = arena.servers, arena.proxies
            token, room = arena.site.tokens[0], arena.site.rooms[0]
            async with AsyncExitStack() as stack:
                for _number in range(PEERS):
                    socket = stack.enter_context(await WebSocket.open(proxy.port, token))
                    socket.send(type="join", room=room, after=0)
                    await socket.receive()
                at_work = descriptors(server)
                for link in proxy.links:
                    link.freeze()
                took_s = await until(lambda: descriptors(server) <= at_work - PEERS, 2 * DEAD_PEER_S)
                left = descriptors(server)
        measured.tell(f"{at_work} descriptors with {PEERS} peers, {left} at the end")
        measured.at_most("back after", took_s, DEAD_PEER_S)


def descriptors(server: RunningChat) -> int:
    """Return how many descriptors a server has open."""
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


class Slow(Fault):
    """Readers who take a hundred bytes a second."""

    name: ClassVar[str] = "slow"
    demand: ClassVar[str] = (
        "200 readers at 100 bytes a second: ≤ 1 MiB of memory each; the others' p99 within 20 %; "
        "they end complete"
    )
    databases: ClassVar[tuple[str, ...]] = (POSTGRESQL,)
    short: ClassVar[bool] = False

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Measure the others without them, then with them; then let them read on."""
        count, for_s = arena.times(200, 20), arena.times(60, 5)
        plan = Plan(readers=3, sends_a_second=8, body_repeats=500)
        async with arena.playing(plan, servers=1) as crowd:
            room = crowd.rooms[0]
            await asyncio.sleep(arena.times(30, 5))
            without = await self._others(arena, for_s)
            memory = resident_bytes(arena.servers[0].pid)
            async with _slow_readers(arena.servers[0].port, crowd.tokens[0], room, count) as readers:
                await readers.told()
                await asyncio.sleep(arena.times(15, 3))
                beside = await self._others(arena, for_s)
                each = (resident_bytes(arena.servers[0].pid) - memory) / count
                log = [message.id for message in await whole_log(crowd, room)]
                behind = (await readers.asked("behind", log[-1]))["behind"]
                end = await readers.asked("on", log[-1])
        measured.tell(f"{behind} of {count} readers were behind")
        measured.demand(each <= 2**20, f"{each / 1024:.0f} KiB each")
        measured.demand(
            beside <= 1.2 * without * measured.slack + 0.005,
            f"acknowledged p99 {without * 1000:.0f} ms without, {beside * 1000:.0f} ms beside them",
        )
        complete = end["digests"] == [digest(log)] and not end["wrong"]
        measured.demand(complete, "all complete" if complete else f"incomplete: {end}")

    async def _others(self, arena: Arena, for_s: float) -> float:
        begun_s = arena.now_s()
        await asyncio.sleep(for_s)
        return percentile(arena.history.acknowledgements_s(begun_s, arena.now_s() - 1), 0.99)


class _SlowReaders:
    """The process of the slow readers, as it is asked."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def told(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(SLOW_S):
            line = await self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def asked(self, what: str, last_id: int) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what} {last_id}\n".encode())
        return await self.told()


@asynccontextmanager
async def _slow_readers(port: int, token: str, room: str, count: int) -> AsyncIterator[_SlowReaders]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.slowly", str(port), room, str(count),
        cwd=ROOT, env={**os.environ, "TOKEN": token}, limit=2**20,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield _SlowReaders(process)
    finally:
        process.kill()
        await process.wait()


class SlowPages(Fault):
    """Django's pages take five seconds each, and some hold a room's lock."""

    name: ClassVar[str] = "pages"
    demand: ClassVar[str] = (
        "50 Django views that take 5 s each, some with a room's lock held: sends to other rooms p99 ≤ 250 ms"
    )
    databases: ClassVar[tuple[str, ...]] = (POSTGRESQL,)
    short: ClassVar[bool] = False

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Ask for them all at once."""
        held = arena.site.rooms[-1]
        slow = {"DJANGO_SETTINGS_MODULE": "tests.faults.slow_settings"}
        async with arena.playing(Plan(writers=6, readers=6), slow):
            await asyncio.sleep(1)
            begun_s = arena.now_s()
            count = arena.times(50, 10)
            # Those of one room wait for each other, and none may wait for longer than a page waits.
            paths = [f"/slow/{held}/" if number % 10 == 0 else "/slow/" for number in range(count)]
            answers = await asyncio.gather(
                *(
                    call(arena.servers[number % len(arena.servers)].port, "GET", path, limit_s=120)
                    for number, path in enumerate(paths)
                )
            )
            ended_s = arena.now_s()
        served = sum(answer.status == 200 for answer in answers)
        took_s = arena.history.acknowledgements_s(begun_s, ended_s, without=held)
        measured.demand(served == count, f"{served} of {count} views in {ended_s - begun_s:.0f} s")
        measured.at_most(f"{len(took_s)} sends to other rooms p99", percentile(took_s, 0.99), 0.25)


class Herd(Fault):
    """Everybody comes back at once."""

    name: ClassVar[str] = "herd"
    demand: ClassVar[str] = "5,000 clients back within 1 s: all live in 15 s"
    databases: ClassVar[tuple[str, ...]] = (POSTGRESQL,)
    short: ClassVar[bool] = False

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Connect all, cut all, and have them resume where they were."""
        count = arena.times(5000, 300)
        async with arena.playing(Plan(writers=2, readers=3, sends_a_second=4)) as crowd:
            clients = [Returning(arena, crowd, number) for number in range(count)]
            gate = asyncio.Semaphore(50)
            await asyncio.gather(*(client.come(gate) for client in clients))
            for client in clients:
                client.hang_up()
            await asyncio.sleep(2)
            begun_s = time.monotonic()
            await asyncio.gather(*(client.come_back() for client in clients))
            took_s = time.monotonic() - begun_s
            tries = sum(client.tries for client in clients) / count
            for client in clients:
                client.hang_up()
        measured.tell(f"{count} clients, {len(arena.servers)} servers, {tries:.2f} tries each")
        measured.at_most("all live after", took_s, 15.0)


class Returning:
    """One of very many: it keeps a cursor and a socket, and writes no history."""

    def __init__(self, arena: Arena, crowd: Crowd, number: int) -> None:
        """Take a server and a room."""
        self._port = arena.servers[number % len(arena.servers)].port
        self._token = crowd.tokens[number % len(crowd.tokens)]
        self._room = crowd.rooms[number % len(crowd.rooms)]
        self._rng = random.Random(number)
        self._socket: WebSocket | None = None
        self._cursor = 0
        self.tries = 0

    async def come(self, gate: asyncio.Semaphore) -> None:
        """Connect, a few at a time."""
        async with gate:
            await self._until_live()
        self.tries = 0

    async def come_back(self) -> None:
        """Connect again some time in the next second, and return once live."""
        await asyncio.sleep(self._rng.random())
        await self._until_live()

    def hang_up(self) -> None:
        """End the connection without a word."""
        if self._socket is not None:
            self._socket.hang_up()

    async def _until_live(self) -> None:
        while True:
            self.tries += 1
            with suppress(Gone, NotWelcome):
                self._socket = await WebSocket.open(self._port, self._token, limit_s=30)
                await self._join(self._socket)
                return
            await asyncio.sleep(self._rng.uniform(0.2, 1.0))

    async def _join(self, socket: WebSocket) -> None:
        socket.send(type="join", room=self._room, after=self._cursor)
        last_id = 1
        joined = False
        while not joined or self._cursor < last_id:
            frame = await socket.receive(30)
            if frame["type"] == "joined":
                joined, last_id = True, frame["last_id"]
            elif frame["type"] == "messages":
                self._cursor = frame["messages"][-1]["id"]
