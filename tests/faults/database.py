"""Faults of the database: backends terminated, restarted, stopped by a signal, full, read-only, locked."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import time
from collections.abc import Awaitable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import ClassVar, TypeVar

import psycopg2

from tests.faults.arena import Arena, Site, in_thread, mounted
from tests.faults.clients import Gone, call
from tests.faults.fault import BOTH, POSTGRESQL, SQLITE, Fault, Measured
from tests.faults.history import Acknowledged, Refused, percentile
from tests.faults.proxy import Proxy, break_link
from tests.faults.workload import Plan, until

T = TypeVar("T")

TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'chat'"
HEALED_S = 5.0
WITHOUT_QUERY = ("/healthz", "/accounts/login/")


class Terminated(Fault):
    """Every backend of the database is terminated, again and again."""

    name: ClassVar[str] = "backends"
    demand: ClassVar[str] = (
        "every backend terminated each second for 60 s: 0 anomalies; acknowledged p99 ≤ 1 s"
    )
    databases: ClassVar[tuple[str, ...]] = (POSTGRESQL,)
    short: ClassVar[bool] = True

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Terminate all each second."""
        rounds = arena.times(60, 4)
        ended = 0
        async with arena.playing(Plan(readers=6)):
            for _round in range(rounds):
                await asyncio.sleep(1.0)
                rows = await in_thread(
                    arena.site.execute,
                    TERMINATE,
                    database="",
                )
                ended += len(rows)
        measured.tell(f"{ended} backends in {rounds} s")
        measured.at_most("acknowledged p99", percentile(arena.history.acknowledgements_s(), 0.99), 1.0)


class Restarted(Fault):
    """PostgreSQL is stopped, fast and immediate, and started again."""

    name: ClassVar[str] = "restart"
    demand: ClassVar[str] = (
        "PostgreSQL restarted, fast and immediate: 0 anomalies; going on 2 s after it is back"
    )
    databases: ClassVar[tuple[str, ...]] = (POSTGRESQL,)
    short: ClassVar[bool] = True

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Restart in both ways and see when the next message is acknowledged."""
        server = arena.site.server
        assert server is not None
        rng = random.Random(arena.seed)
        going_on_s = []
        async with arena.playing(Plan(readers=6)):
            for number in range(arena.times(10, 2)):
                await asyncio.sleep(rng.uniform(0.5, 2.0))
                await in_thread(server.stop, ("fast", "immediate")[number % 2])
                await asyncio.sleep(rng.uniform(0.0, 3.0 if arena.long else 1.0))
                await in_thread(server.start)
                going_on_s.append(await next_acknowledgement(arena))
        measured.tell(f"{len(going_on_s)} restarts")
        measured.at_most("going on after at most", max(going_on_s), 2.0)


class Stopped(Fault):
    """PostgreSQL is there and answers nothing: every process of it is stopped by SIGSTOP."""

    name: ClassVar[str] = "stop"
    demand: ClassVar[str] = (
        "PostgreSQL stopped by SIGSTOP for 30 s: pages without a query p99 ≤ 50 ms; senders answered in 5 s; "
        "memory bounded; caught up in 2 s; SIGTERM meanwhile still exits in 10 s"
    )
    databases: ClassVar[tuple[str, ...]] = (POSTGRESQL,)
    short: ClassVar[bool] = True

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Stop it, ask for pages meanwhile, end one server, and have it go on."""
        stopped_s = arena.times(30, 7)
        plan = Plan(readers=6, silence_s=60)
        async with arena.playing(plan, servers=3) as crowd:
            await asyncio.sleep(2)
            crowd.doors.pop()
            staying, leaving = arena.servers[:2], arena.servers[2]
            before = sum(resident_bytes(server.pid) for server in staying)
            begun_s = arena.now_s()
            with everything_stopped(arena):
                pages = asyncio.create_task(page_times(staying[0].port, stopped_s))
                exit_code, exit_s = await timed(in_thread(leaving.terminate))
                page_s = await pages
                grown = sum(resident_bytes(server.pid) for server in staying) - before
                ended_s = arena.now_s()
            going_on_s = await next_acknowledgement(arena)
        answers = [took for at_s, took in arena.history.answers_s() if begun_s <= at_s <= ended_s]
        measured.tell(f"stopped for {ended_s - begun_s:.0f} s")
        measured.at_most(f"{len(page_s)} pages p99", percentile(page_s, 0.99), 0.05)
        measured.at_most("senders answered within", max(answers, default=0.0), 5.0)
        measured.demand(grown < 50 * 2**20, f"memory grew by {grown / 2**20:.1f} MiB")
        measured.at_most("going on after", going_on_s, 2.0)
        measured.demand(exit_code == 0, f"SIGTERM: exit code {exit_code}")
        measured.at_most("after", exit_s, 10.0)


class WayBroken(Fault):
    """What lies between the servers and PostgreSQL cuts, freezes and half-closes their connections."""

    name: ClassVar[str] = "way"
    demand: ClassVar[str] = (
        "the way to PostgreSQL cut, frozen, half-closed for 60 s: 0 anomalies; senders answered in 5 s; "
        "going on 2 s after it is whole"
    )
    databases: ClassVar[tuple[str, ...]] = (POSTGRESQL,)
    short: ClassVar[bool] = False

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Break what the dice say, several times a second."""
        server, rng = arena.site.server, random.Random(arena.seed)
        assert server is not None
        proxy = Proxy(server.port)
        await proxy.start()
        url = arena.site.environment["DATABASE_URL"].replace(f":{server.port}/", f":{proxy.port}/")
        broken = 0
        try:
            async with arena.playing(Plan(readers=6, silence_s=60), {"DATABASE_URL": url}):
                await asyncio.sleep(1)
                end_s = arena.now_s() + arena.times(60, 5)
                while arena.now_s() < end_s:
                    await asyncio.sleep(rng.uniform(0.1, 0.6))
                    for link in proxy.some(rng, 0.3):
                        break_link(link, rng)
                        broken += 1
                for link in tuple(proxy.links):
                    link.thaw()
                going_on_s = await next_acknowledgement(arena)
            answers = [took for _at_s, took in arena.history.answers_s()]
        finally:
            await proxy.stop()
        measured.tell(f"{broken} connections broken")
        measured.at_most("senders answered within", max(answers), 5.0)
        measured.at_most("going on after", going_on_s, 2.0)


class Full(Fault):
    """The disk under the database is full for a while."""

    name: ClassVar[str] = "full"
    demand: ClassVar[str] = "disk full: no false acknowledgement; reading goes on; heals by itself"
    databases: ClassVar[tuple[str, ...]] = BOTH
    short: ClassVar[bool] = False

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Move the site to a small file system, fill that up, and make room again."""
        with ExitStack() as stack:
            place = stack.enter_context(mounted(320 if arena.on_postgresql else 64))
            on_postgresql = arena.on_postgresql
            arena.site = await in_thread(Site.make, stack, on_postgresql=on_postgresql, where=place)
            plan = Plan(readers=6, sends_a_second=20, body_repeats=400)
            async with arena.playing(plan):
                await asyncio.sleep(2)
                ballast = place / "ballast"
                await in_thread(fill, ballast)
                refused_after_s = await next_refusal(arena, 30.0)
                measured.tell(f"refused {refused_after_s:.1f} s after the disk was full")
                read = await reads(arena, 20)
                measured.demand(read == 20, f"{read} of 20 reads answered meanwhile")
                await asyncio.sleep(arena.times(8, 2))
                ballast.unlink()
                if await in_thread(start_if_it_fell, arena):
                    measured.tell("PostgreSQL itself had to be started again")
                measured.at_most("going on after", await next_acknowledgement(arena), HEALED_S)


class ReadOnly(Fault):
    """The database takes no writes for a while."""

    name: ClassVar[str] = "readonly"
    demand: ClassVar[str] = "database read-only: no false acknowledgement; reading goes on; heals by itself"
    databases: ClassVar[tuple[str, ...]] = (POSTGRESQL,)
    short: ClassVar[bool] = False

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Make new transactions read-only by the server's configuration, and take that back."""
        async with arena.playing(Plan(readers=6)):
            await asyncio.sleep(1)
            await in_thread(configure, arena, "on")
            try:
                refused_s = await next_refusal(arena, 20.0)
                read = await reads(arena, 20)
                await asyncio.sleep(arena.times(10, 1))
            finally:
                await in_thread(configure, arena, "off")
            going_on_s = await next_acknowledgement(arena)
        measured.demand(refused_s < 20.0, f"refused after {refused_s:.1f} s")
        measured.demand(read == 20, f"{read} of 20 reads answered meanwhile")
        measured.at_most("going on after", going_on_s, HEALED_S)


class Locked(Fault):
    """Another process holds SQLite's write lock, for longer than senders wait."""

    name: ClassVar[str] = "locked"
    demand: ClassVar[str] = (
        "SQLite's write lock held for 7 s: senders answered in 5 s; reading goes on; heals"
    )
    databases: ClassVar[tuple[str, ...]] = (SQLITE,)
    short: ClassVar[bool] = True

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Hold it."""
        async with arena.playing(Plan(readers=6)):
            await asyncio.sleep(1)
            file = arena.site.data_dir / "db.sqlite3"
            with closing(sqlite3.connect(file, isolation_level=None)) as holder:
                holder.execute("BEGIN IMMEDIATE")
                read = await reads(arena, 20)
                await asyncio.sleep(7)
                holder.execute("ROLLBACK")
            going_on_s = await next_acknowledgement(arena)
        answers = [took for _at_s, took in arena.history.answers_s()]
        measured.at_most("senders answered within", max(answers), 5.0)
        measured.demand(read == 20, f"{read} of 20 reads answered meanwhile")
        measured.at_most("going on after", going_on_s, HEALED_S)


async def next_acknowledgement(arena: Arena, limit_s: float = 30.0) -> float:
    """Return how long it takes from now until something sent is acknowledged; at most `limit_s`."""
    return await _next(arena, Acknowledged, limit_s)


async def next_refusal(arena: Arena, limit_s: float) -> float:
    """Return how long it takes from now until something sent is refused; at most `limit_s`."""
    return await _next(arena, Refused, limit_s)


async def _next(arena: Arena, kind: type[Acknowledged | Refused], limit_s: float) -> float:
    place = len(arena.history.events)
    return await until(
        lambda: any(isinstance(event, kind) for event in arena.history.events[place:]), limit_s
    )


async def reads(arena: Arena, times: int) -> int:
    """Return how many of so many reads of history are answered."""
    answered = 0
    for number in range(times):
        room = arena.site.rooms[number % len(arena.site.rooms)]
        port = arena.servers[number % len(arena.servers)].port
        try:
            answer = await call(port, "GET", f"/api/rooms/{room}/messages", token=arena.site.tokens[0])
        except Gone:
            continue
        answered += answer.status == 200
    return answered


async def timed(work: Awaitable[T]) -> tuple[T, float]:
    """Return what work brings, and how long it took in seconds."""
    begun_s = time.monotonic()
    return await work, time.monotonic() - begun_s


async def page_times(port: int, for_s: float) -> list[float]:
    """Ask for pages that need no query, one after the other, and return how long each took."""
    took_s = []
    end_s = time.monotonic() + for_s
    while time.monotonic() < end_s:
        for path in WITHOUT_QUERY:
            begun_s = time.monotonic()
            try:
                answer = await call(port, "GET", path, limit_s=5.0)
                took_s.append(time.monotonic() - begun_s if answer.status == 200 else 5.0)
            except Gone:
                took_s.append(5.0)
        await asyncio.sleep(0.03)
    return took_s


def resident_bytes(pid: int) -> int:
    """Return how much memory a process holds (proc(5), statm)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def everything_stopped(arena: Arena) -> Iterator[None]:
    """Stop every process of PostgreSQL, and have them go on."""
    server = arena.site.server
    assert server is not None
    main = int((server._data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
    os.kill(main, signal.SIGSTOP)
    children = [pid for pid, parent in processes() if parent == main]
    for pid in children:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in (*children, main):
            os.kill(pid, signal.SIGCONT)


def processes() -> Iterator[tuple[int, int]]:
    """Yield each process and its parent (proc(5), stat)."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8")
            except OSError:
                continue
            yield int(entry.name), int(stat.rpartition(")")[2].split()[1])


def fill(file: Path) -> None:
    """Write until there is no room."""
    with file.open("wb", buffering=0) as ballast:
        for size in (1 << 20, 1 << 12):
            try:
                while ballast.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def start_if_it_fell(arena: Arena) -> bool:
    """Start PostgreSQL where it ended for want of room, and return whether it had."""
    server = arena.site.server
    if server is None:
        return False
    end_s = time.monotonic() + 5
    while time.monotonic() < end_s:
        try:
            arena.site.execute("SELECT 1")
        except psycopg2.Error:
            continue
        return False
    server.start()
    return True


def configure(arena: Arena, value: str) -> None:
    """Set whether new transactions are read-only, for everybody."""
    arena.site.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}", database="")
    arena.site.execute("SELECT pg_reload_conf()", database="")
