"""Faults of what servers tell each other: a database put back under them, notifications that never come."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from tests import postgresql
from tests.faults.arena import DATABASE, Arena, Site, in_thread
from tests.faults.fault import BOTH, Fault, Measured
from tests.faults.history import Restored, percentile
from tests.faults.workload import Plan, Reader, until

BAN = """
from django.contrib.auth import get_user_model
from rooms.models import Ban, ChatRoom
user = get_user_model().objects.get(username={user!r})
Ban.objects.create(room=ChatRoom.objects.get(slug={room!r}), user=user)
"""


class FromBackup(Fault):
    """An older state of the database, under servers that go on running."""

    name: ClassVar[str] = "restore"
    demand: ClassVar[str] = (
        "database restored from a backup under the running server, new epoch: every reader gets reset, "
        "none silence"
    )
    databases: ClassVar[tuple[str, ...]] = BOTH
    short: ClassVar[bool] = True

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Back up, go on, restore, make a new epoch, go on."""
        site = arena.site
        backup = site.data_dir / "backup"
        async with arena.playing(Plan(readers=6)) as crowd:
            await asyncio.sleep(arena.times(5, 1))
            await in_thread(back_up, site, backup)
            await asyncio.sleep(arena.times(5, 1))
            async with crowd.resting():
                await in_thread(restore, site, backup)
                await in_thread(site.manage, "newepoch")
                arena.history.add(Restored(arena.now_s()))
                took_s = await until(lambda: all(reader.resets for reader in crowd.readers), 10)
            await asyncio.sleep(arena.times(5, 1))
            told = sum(bool(reader.resets) for reader in crowd.readers)
        measured.demand(told == len(crowd.readers), f"{told} of {len(crowd.readers)} readers were reset")
        measured.at_most("after newepoch had ended, at most", took_s, 5.0)


def back_up(site: Site, backup: Path) -> None:
    """Copy the database as docs/operations.md tells."""
    if site.server is None:
        with (
            closing(sqlite3.connect(site.data_dir / "db.sqlite3")) as live,
            closing(sqlite3.connect(backup)) as copy,
        ):
            live.backup(copy)
    else:
        _postgresql(site, "pg_dump", "--format=custom", f"--file={backup}", DATABASE)


def restore(site: Site, backup: Path) -> None:
    """Put the copy in the place of the database, whoever is connected."""
    if site.server is None:
        with (
            closing(sqlite3.connect(backup)) as copy,
            closing(sqlite3.connect(site.data_dir / "db.sqlite3", timeout=30)) as live,
        ):
            copy.backup(live)
    else:
        postgresql.drop(site.server, DATABASE)
        site.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0", database="")
        _postgresql(site, "pg_restore", "--single-transaction", f"--dbname={DATABASE}", str(backup))


def _postgresql(site: Site, program: str, *arguments: str) -> None:
    assert site.server is not None
    url = urlsplit(site.server.url())
    where = {
        "PGHOST": url.hostname or "",
        "PGPORT": str(url.port),
        "PGUSER": url.username or "",
        "PGPASSWORD": url.password or "",
    }
    subprocess.run(
        [str(site.server._binaries / program), *arguments],
        env={**os.environ, **where},
        check=True,
        timeout=60,
    )


class Silent(Fault):
    """Servers hear nothing of each other: the poll alone tells them."""

    name: ClassVar[str] = "silent"
    demand: ClassVar[str] = (
        "every notification dropped: delivery within 1.5 s; a ban still reaches its reader"
    )
    databases: ClassVar[tuple[str, ...]] = BOTH
    short: ClassVar[bool] = True

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Turn listening off, write, and ban a reader from another process."""
        async with arena.playing(Plan(readers=6, steady=6), {"CHAT_LISTEN": "0"}) as crowd:
            banned = Reader(
                crowd,
                "banned",
                crowd.rooms[-1],
                arena.seed,
                transports=("websocket",),
                hang_up=False,
                person=0,
            )
            crowd.join([banned])
            await asyncio.sleep(arena.times(20, 3))
            script = BAN.format(user="person0", room=crowd.rooms[-1])
            await in_thread(arena.site.manage, "shell", "-c", script)
            left_s = await until(lambda: bool(banned.left), 10)
        late_s = arena.history.deliveries_s()
        measured.at_most("delivered within", max(late_s, default=0.0), 1.5)
        measured.tell(f"p50 {percentile(late_s, 0.5) * 1000:.0f} ms")
        measured.demand(bool(banned.left), f"the banned reader was told: {', '.join(banned.left)}")
        measured.at_most("after the ban's command had ended, at most", left_s, 1.5)
