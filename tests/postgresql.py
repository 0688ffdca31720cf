"""Finds a PostgreSQL for a test run, or starts one, and makes a database in it that is the run's own."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

import psycopg2
from psycopg2 import sql

UNPRIVILEGED = ("postgres", "nobody")
"""Who runs a server of ours where the tests run as root, which PostgreSQL refuses: the first that exists."""


class NotFoundError(Exception):
    """There is no PostgreSQL to test on; the text says what was looked for."""


class Server(Protocol):
    """A PostgreSQL that may make databases."""

    def url(self, database: str = "") -> str:
        """Return where a database of that name is; without a name, one that is always there."""

    def close(self) -> None:
        """Stop what was started for this run."""


class GivenServer:
    """A server that was there before, and stays: it is named by the URL of one of its databases."""

    def __init__(self, url: str) -> None:
        """Name the server; nothing is asked of it yet."""
        self._url = urlsplit(url)

    def url(self, database: str = "") -> str:
        """Return where a database is; without a name, the one that the server was named by."""
        return self._url._replace(path=f"/{quote(database)}").geturl() if database else self._url.geturl()

    def close(self) -> None:
        """Leave it running."""


class OwnServer:
    """A PostgreSQL started from installed binaries: new data, a free port of 127.0.0.1, its own password."""

    def __init__(self, binaries: Path) -> None:
        """Make the data; the server itself is started by `start`."""
        self._binaries = binaries
        self._password = secrets.token_hex(16)
        self._home = Path(tempfile.mkdtemp(prefix="chat-postgresql-"))
        self._as_user = _other_user() if os.geteuid() == 0 else []
        self.port = _free_port()
        try:
            password_file = self._home / "password"
            password_file.write_text(self._password, encoding="ascii")
            if self._as_user:
                shutil.chown(self._home, self._as_user[-1])
                shutil.chown(password_file, self._as_user[-1])
            self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "scram-sha-256", "--no-sync",
                      "--encoding=UTF8", "--locale=C", f"--pwfile={password_file}")  # fmt: skip
        except BaseException:
            shutil.rmtree(self._home, ignore_errors=True)
            raise

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def start(self) -> None:
        """Start it and return once it answers."""
        settings = (
            f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories='' -c fsync=off"
        )
        log = self._home / "log"
        self._run("pg_ctl", "start", "-w", "-t", "60", "-D", str(self._data), "-l", str(log), "-o", settings)

    def stop(self, mode: str = "fast") -> None:
        """Stop it ("smart", "fast" or "immediate") and return once it has gone."""
        self._run("pg_ctl", "stop", "-w", "-t", "60", "-D", str(self._data), "-m", mode)

    def processes(self) -> list[int]:
        """Return its processes: the first one, and those that serve connections or work behind."""
        first = int((self._data / "postmaster.pid").read_text(encoding="ascii").split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii")
        return [first, *map(int, children.split())]

    def url(self, database: str = "") -> str:
        """Return where a database is; without a name, the one that every server has."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/{quote(database or 'postgres')}"

    def close(self) -> None:
        """Stop it if it runs, and remove its data."""
        if (self._data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self._home)

    def _run(self, program: str, *arguments: str) -> None:
        # Output goes to a file: the server inherits it, and a pipe would stay open for as long as that runs.
        told = self._home / "told"
        with told.open("wb") as file:
            command = (
                [*self._as_user, "--", str(self._binaries / program)]
                if self._as_user
                else [str(self._binaries / program)]
            )
            done = subprocess.run(
                [*command, *arguments], stdout=file, stderr=file, cwd=self._home, check=False
            )
        if done.returncode:
            raise NotFoundError(f"{program} failed: {told.read_text(errors='replace').strip()[-500:]}")


def installed_binaries(places: Iterable[Path] | None = None) -> Path | None:
    """Return the newest installed directory that holds initdb and pg_ctl."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: _number(path.parent.name), reverse=True
    )
    path = [Path(place) for place in os.get_exec_path()]
    for place in [*debian, *path] if places is None else places:
        if all(os.access(place / program, os.X_OK) for program in ("initdb", "pg_ctl", "postgres")):
            return place
    return None


def find(
    environment: Mapping[str, str],
    *,
    port: int = 5432,
    binaries: Callable[[], Path | None] = installed_binaries,
) -> Server:
    """Return the PostgreSQL for a run: the one given, one that answers here, or one of our own, started.

    A TEST_DATABASE_URL that does not answer is an error, not a reason to look further.
    """
    if given := environment.get("TEST_DATABASE_URL"):
        if (problem := _problem(given)) is not None:
            raise NotFoundError(f"TEST_DATABASE_URL: {problem}")
        return GivenServer(given)
    for url in _local(environment, port):
        if _problem(url) is None:
            return GivenServer(url)
    where = binaries()
    if where is None:
        raise NotFoundError(
            f"no TEST_DATABASE_URL, none that lets us in at 127.0.0.1:{port}, no installed initdb and pg_ctl"
        )
    own = OwnServer(where)
    try:
        own.start()
    except BaseException:
        own.close()
        raise
    return own


def create(server: Server, database: str) -> None:
    """Make an empty database."""
    _administer(
        server,
        sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(database)),
    )


def drop(server: Server, database: str) -> None:
    """Remove a database, whoever is still connected to it."""
    _administer(server, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def unique_name() -> str:
    """Return a name for a database that no other run uses."""
    return f"test_chat_{os.getpid()}_{secrets.token_hex(4)}"


def _administer(server: Server, statement: sql.Composed) -> None:
    with closing(psycopg2.connect(server.url(), connect_timeout=5)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def _local(environment: Mapping[str, str], port: int) -> list[str]:
    users = dict.fromkeys(filter(None, (environment.get("PGUSER"), "postgres", environment.get("USER"))))
    secret = f":{quote(environment['PGPASSWORD'], safe='')}" if environment.get("PGPASSWORD") else ""
    return [f"postgresql://{quote(user, safe='')}{secret}@127.0.0.1:{port}/postgres" for user in users]


def _problem(url: str) -> str | None:
    """Return why a server is of no use: it does not answer, or lets this user make no databases."""
    try:
        with closing(psycopg2.connect(url, connect_timeout=5)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user")
            row = cursor.fetchone()
    except psycopg2.Error as error:
        return str(error).strip().partition("\n")[0] or type(error).__name__
    return None if row and row[0] else "its user may not create databases"


def _other_user() -> list[str]:
    """Return the words before a command that run it as somebody who is not root, that user's name last."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    user = next((name for name in UNPRIVILEGED if name in known), None)
    if user is None or shutil.which("runuser") is None:
        raise NotFoundError("PostgreSQL does not run as root, and there is no runuser or no other user")
    return ["runuser", "-u", user]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _number(version: str) -> float:
    try:
        return float(version)
    except ValueError:
        return 0.0
