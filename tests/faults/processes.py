"""Faults of our own processes: killed in mid-commit, replaced in good order, their clock moved."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import time
from pathlib import Path
from typing import ClassVar

from tests.faults.arena import Arena, CannotRun, in_thread, ready
from tests.faults.database import processes
from tests.faults.fault import BOTH, POSTGRESQL, Fault, Measured
from tests.faults.history import percentile
from tests.faults.workload import Plan
from tests.system.server import RunningChat

RESTARTS = 1012
WORKERS = 3
FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"


class Killed(Fault):
    """SIGKILL, at moments that have nothing to do with what the server is at."""

    name: ClassVar[str] = "kill"
    demand: ClassVar[str] = "SIGKILL of a server, of all, amid commits: 0 anomalies; serving again in 3 s"
    databases: ClassVar[tuple[str, ...]] = BOTH
    short: ClassVar[bool] = True

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Kill one, or all, and start them again at once."""
        rng = random.Random(arena.seed)
        back_s: list[float] = []
        kills = 0
        most = arena.times(200, 5)
        async with arena.playing(Plan(writers=6, readers=6, sends_a_second=12)):
            while kills < most:
                await asyncio.sleep(rng.uniform(0.05, 0.8))
                everyone = rng.random() < 0.3
                chosen = arena.servers if everyone else [rng.choice(arena.servers)]
                begun_s = time.monotonic()
                await asyncio.gather(*(in_thread(again, server) for server in chosen))
                for server in chosen:
                    await ready(server.port)
                back_s.append(time.monotonic() - begun_s)
                kills += len(chosen)
        measured.tell(f"{kills} kills, serving again after {percentile(back_s, 0.5):.1f} s (p50)")
        measured.at_most("at most", max(back_s), 3.0)


def again(server: RunningChat) -> None:
    """Kill a server and start it."""
    server.kill()
    server.start()


class Replaced(Fault):
    """Servers stopped in good order and started again; on PostgreSQL some come and go besides."""

    name: ClassVar[str] = "replace"
    demand: ClassVar[str] = "servers added, removed, replaced every 5 s: 0 anomalies; closes are 1012"
    databases: ClassVar[tuple[str, ...]] = BOTH
    short: ClassVar[bool] = True

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Replace one, add one, remove that again, and so on."""
        rounds = arena.times(24, 3)
        codes, ended_s = [], []
        async with arena.playing(Plan(readers=6)) as crowd:
            for number in range(rounds):
                await asyncio.sleep(arena.times(4, 1))
                if arena.on_postgresql and number % 3 == 1:
                    await arena.add(crowd)
                    continue
                begun_s = time.monotonic()
                if arena.on_postgresql and number % 3 == 2:
                    codes.append(await arena.remove(crowd))
                    ended_s.append(time.monotonic() - begun_s)
                    continue
                server = arena.servers[number % len(arena.servers)]
                codes.append(await in_thread(server.terminate))
                ended_s.append(time.monotonic() - begun_s)
                await in_thread(server.start)
            closes = {code: count for code, count in crowd.closes.items() if code is not None}
        measured.demand(set(codes) == {0}, f"{rounds} rounds, exit codes {sorted(set(codes))}")
        measured.at_most("ended within", max(ended_s), 10.0)
        measured.demand(set(closes) <= {RESTARTS}, f"close codes {closes}")


class Workers(Fault):
    """One server of several workers: replaced by SIGHUP in good order, and killed singly."""

    name: ClassVar[str] = "workers"
    demand: ClassVar[str] = "workers killed, and replaced every 5 s: 0 anomalies; closes are 1012"
    databases: ClassVar[tuple[str, ...]] = (POSTGRESQL,)
    short: ClassVar[bool] = False

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Replace all, then kill one, and so on."""
        rng = random.Random(arena.seed)
        rounds = arena.times(12, 2)
        async with arena.playing(Plan(writers=6, readers=9), servers=1, workers=WORKERS) as crowd:
            [server] = arena.servers
            for _round in range(rounds):
                server.tell(signal.SIGHUP)
                await asyncio.sleep(5)
                os.kill(rng.choice(children(server)), signal.SIGKILL)
                await asyncio.sleep(2)
            left = len(children(server))
            closes = {code: count for code, count in crowd.closes.items() if code is not None}
            unready_s = await ready(server.port)
        measured.demand(left == WORKERS, f"{rounds} times replaced and one killed, {left} workers at the end")
        measured.at_most("ready after", unready_s, 3.0)
        measured.demand(set(closes) <= {RESTARTS}, f"close codes {closes}")


def children(server: RunningChat) -> list[int]:
    """Return the processes that a server started."""
    return [pid for pid, parent in processes() if parent == server.pid]


class ClockMoved(Fault):
    """The servers' wall clock is moved while everything else keeps its time."""

    name: ClassVar[str] = "clock"
    demand: ClassVar[str] = "the clock moved by ±1 h: no disconnects; order by id"
    databases: ClassVar[tuple[str, ...]] = BOTH
    short: ClassVar[bool] = False

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Move it forth, and back by twice as much, under readers who never hang up."""
        library = faketime()
        with tempfile.NamedTemporaryFile("w", prefix="chat-clock-") as clock:
            faked = {
                "LD_PRELOAD": str(library),
                "FAKETIME_TIMESTAMP_FILE": clock.name,
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_DONT_RESET": "1",
            }
            _set(clock.name, "+0")
            plan = Plan(readers=6, steady=6, silence_s=60)
            async with arena.playing(plan, faked) as crowd:
                await asyncio.sleep(3)
                before = sum(crowd.closes.values())
                for moved in ("+1h", "-1h", "+0"):
                    _set(clock.name, moved)
                    await asyncio.sleep(arena.times(20, 5))
                lost = sum(crowd.closes.values()) - before
        measured.demand(lost == 0, f"{lost} disconnects")


def faketime() -> Path:
    """Return libfaketime; raise CannotRun where it is not installed."""
    library = next(iter(Path("/").glob(FAKETIME.lstrip("/"))), None)
    if library is None:
        raise CannotRun("libfaketime is not installed (Debian's package faketime)")
    return library


def _set(clock: str, moved: str) -> None:
    Path(clock).write_text(moved + "\n", encoding="ascii")
