"""Where a fault happens: a site and a database of its own, servers, proxies before them, a crowd."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import psycopg2

from tests import postgresql
from tests.faults import checker
from tests.faults.clients import Gone, call
from tests.faults.history import History
from tests.faults.proxy import Proxy
from tests.faults.workload import Crowd, Plan
from tests.system.server import ROOT, RunningChat

P = ParamSpec("P")
T = TypeVar("T")

SETTINGS = "tests.settings"
PEOPLE, ROOMS = 6, 4
CROWDED = {
    "CHAT_CONNECTIONS": "20000",
    "CHAT_CONNECTIONS_PER_USER": "10000",
    "CHAT_CONNECTIONS_PER_ADDRESS": "0",
    "CHAT_SENDS_PER_MINUTE": "1000000",
    "CHAT_SENDS_PER_MINUTE_NEW": "1000000",
    "CHAT_SENDS_BURST": "1000000",
}
"""A crowd is a few accounts at one address: bounds that are for others would keep it out."""
DATABASE, TEMPLATE = "chat", "chat_template"


class CannotRun(Exception):  # noqa: N818 (told in the table)
    """This machine lacks what a fault needs; the text says what."""


async def in_thread(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Return what blocking work returns."""
    return await asyncio.to_thread(functools.partial(work, *arguments, **named))


@dataclass
class Site:
    """A migrated site with people and rooms; `fresh` puts it back to that."""

    environment: dict[str, str]
    tokens: list[str]
    rooms: list[str]
    data_dir: Path
    server: postgresql.OwnServer | None

    @classmethod
    def make(cls, stack: ExitStack, *, on_postgresql: bool, where: Path | None = None) -> Site:
        """Make one, removed with `stack`, with all its files in `where`.

        Raises:
            CannotRun: no PostgreSQL is installed.
        """
        data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chat-faults-", dir=where)))
        environment = {
            "CHAT_DATA_DIR": str(data_dir),
            "DATABASE_URL": "",
            "SECRET_KEY": "only-of-a-run-of-faults-" * 3,
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "LOG_LEVEL": "warning",
            **CROWDED,
        }
        server = None
        if on_postgresql:
            server = own_postgresql(stack, where)
            postgresql.create(server, TEMPLATE)
            environment["DATABASE_URL"] = server.url(TEMPLATE)
        site = cls(environment, [], [], data_dir, server)
        site.manage("migrate", "--verbosity", "0")
        made = json.loads(
            site.manage("shell", "-c", f"from tests.faults import people; people.make({PEOPLE}, {ROOMS})")
            .strip()
            .splitlines()[-1]
        )
        site.tokens, site.rooms = made["tokens"], made["rooms"]
        if server is not None:
            environment["DATABASE_URL"] = server.url(DATABASE)
        else:
            site._keep_file()
        return site

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=120,
        )
        return done.stdout

    def fresh(self) -> None:
        """Put the database back to what it was when it was made. No server may run."""
        if self.server is None:
            for file in self.data_dir.glob("db.sqlite3*"):
                file.unlink()
            shutil.copy(self.data_dir / "template.sqlite3", self.data_dir / "db.sqlite3")
        else:
            postgresql.drop(self.server, DATABASE)
            self.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {TEMPLATE}", database="")

    def execute(self, statement: str, *, database: str = DATABASE) -> list[tuple[Any, ...]]:
        """Execute a statement as PostgreSQL's superuser, outside any transaction, and return its rows."""
        assert self.server is not None
        with closing(psycopg2.connect(self.server.url(database), connect_timeout=5)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    def _keep_file(self) -> None:
        file = self.data_dir / "db.sqlite3"
        self.manage("shell", "-c", "from django.db import connection as c; "
                    "c.cursor().execute('PRAGMA wal_checkpoint(TRUNCATE)')")  # fmt: skip
        shutil.copy(file, self.data_dir / "template.sqlite3")


def own_postgresql(stack: ExitStack, where: Path | None) -> postgresql.OwnServer:
    """Start a PostgreSQL that may be broken, removed with `stack`. None installed: CannotRun."""
    binaries = postgresql.installed_binaries()
    if binaries is None:
        raise CannotRun("no PostgreSQL is installed")
    usual, tempfile.tempdir = tempfile.tempdir, str(where) if where else tempfile.tempdir
    try:
        server = stack.enter_context(closing(postgresql.OwnServer(binaries)))
    finally:
        tempfile.tempdir = usual
    server.start()
    return server


@contextmanager
def mounted(size_mib: int) -> Iterator[Path]:
    """Mount a small file system in memory and return where.

    Raises:
        CannotRun: we may not.
    """
    if os.geteuid() != 0:
        raise CannotRun("only root may mount a small file system to fill up")
    place = Path(tempfile.mkdtemp(prefix="chat-small-"))
    options = f"size={size_mib}m,mode=0755"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(place)], check=False).returncode:
        place.rmdir()
        raise CannotRun("no small file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.rmdir()


@dataclass
class Arena:
    """Servers of one site, each behind a proxy, and the crowd that uses them."""

    site: Site
    seed: int
    long: bool
    part: float = 1.0
    """How much of the long form is done."""
    servers: list[RunningChat] = field(default_factory=list)
    proxies: list[Proxy] = field(default_factory=list)
    history: History = field(default_factory=lambda: History(time.monotonic))
    crowd: Crowd | None = None

    @property
    def on_postgresql(self) -> bool:
        """Whether several servers share the database."""
        return self.site.server is not None

    def times(self, long: int, short: int) -> int:
        """Return how often, or for how many seconds, something is done."""
        return max(short, round(long * self.part)) if self.long else short

    def now_s(self) -> float:
        """Return the time of the history."""
        return self.history.now_s()

    @asynccontextmanager
    async def serving(
        self, servers: int = 2, environment: Mapping[str, str] | None = None, workers: int = 1
    ) -> AsyncIterator[None]:
        """Run servers on a fresh database; SQLite has one whatever is asked for."""
        await in_thread(self.site.fresh)
        count = servers if self.on_postgresql else 1
        options = ("--workers", str(workers)) if workers > 1 else ()
        self.servers = [
            RunningChat(*options, **{**self.site.environment, **(environment or {})})
            for _number in range(count)
        ]
        try:
            await asyncio.gather(*(in_thread(server.start) for server in self.servers))
            for server in self.servers:
                proxy = Proxy(server.port)
                await proxy.start()
                self.proxies.append(proxy)
            yield
        finally:
            for proxy in self.proxies:
                await proxy.stop()
            for server in self.servers:
                if server.running:
                    await in_thread(server.kill)

    @asynccontextmanager
    async def playing(
        self,
        plan: Plan | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        servers: int = 2,
        workers: int = 1,
    ) -> AsyncIterator[Crowd]:
        """Run servers and a crowd; on leaving, all is settled."""
        async with self.serving(servers, environment, workers):
            self.crowd = Crowd(
                self.history,
                [proxy.port for proxy in self.proxies],
                self.site.tokens,
                self.site.rooms,
                self.seed,
                plan or Plan(),
            )
            async with self.crowd.at_work():
                yield self.crowd

    async def add(self, crowd: Crowd) -> None:
        """Run one more server, and let the crowd use it."""
        server = RunningChat(**self.site.environment)
        await in_thread(server.start)
        proxy = Proxy(server.port)
        await proxy.start()
        self.servers.append(server)
        self.proxies.append(proxy)
        crowd.doors.append(proxy.port)

    async def remove(self, crowd: Crowd) -> int:
        """Stop the last server for good and return its exit code."""
        server, proxy = self.servers.pop(), self.proxies.pop()
        crowd.doors.remove(proxy.port)
        code = await in_thread(server.terminate)
        await proxy.stop()
        return code

    def anomalies(self) -> list[checker.Anomaly]:
        """Return what is wrong with the history."""
        return checker.check(self.history)


async def ready(port: int, *, limit_s: float = 30.0) -> float:
    """Return how long it took until a server said that it can serve.

    Raises:
        Gone: it did not within `limit_s`.
    """
    begun = time.monotonic()
    while time.monotonic() - begun < limit_s:
        with suppress(Gone):
            if (await call(port, "GET", "/readyz", limit_s=2.0)).status == 200:
                return time.monotonic() - begun
        await asyncio.sleep(0.05)
    raise Gone(f"not ready within {limit_s:.0f} s")
