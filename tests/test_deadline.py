"""Calls that a hanging PostgreSQL would keep for ever."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from time import monotonic
from typing import Any

import psycopg2
import pytest
from django.db import OperationalError, connection
from psycopg2 import extensions

from realtime import deadline

pytestmark = pytest.mark.postgresql

PATIENCE_S = 10.0


@pytest.fixture(autouse=True)
def _installed() -> Iterator[None]:
    before = extensions.get_wait_callback()
    deadline.install()
    yield
    extensions.set_wait_callback(before)


def where() -> dict[str, Any]:
    """Return how to reach the run's own database without Django."""
    settings = connection.settings_dict
    named = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    return {ours: settings[theirs] for ours, theirs in named.items() if settings[theirs]}


class Freezer:
    """A TCP proxy that passes everything on until it is frozen; then it takes all and answers nothing."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thawed = threading.Event()
        self._thawed.set()
        self._sockets: list[socket.socket] = [self._listener]
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def freeze(self) -> None:
        self._thawed.clear()

    def close(self) -> None:
        self._thawed.set()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _start(self, work: Any, *arguments: Any) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets += [client, server]
            self._start(self._pass_on, client, server)
            self._start(self._pass_on, server, client)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._thawed.wait()
                target.sendall(data)
        except OSError:
            return


@pytest.fixture
def freezer() -> Iterator[Freezer]:
    reached = where()
    if str(reached["host"]).startswith("/"):
        pytest.skip("PostgreSQL is reached by a local socket here")
    with closing(Freezer(reached["host"], int(reached.get("port", 5432)))) as proxy:
        yield proxy


def through(proxy: Freezer) -> Any:
    return psycopg2.connect(**{**where(), "host": "127.0.0.1", "port": proxy.port, "sslmode": "disable"})


def test_a_question_that_is_never_answered_ends_at_the_deadline(freezer: Freezer) -> None:
    with closing(through(freezer)) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT 1")
        freezer.freeze()
        began = monotonic()
        with deadline.deadline(0.3), pytest.raises(psycopg2.OperationalError, match="in time"):
            cursor.execute("SELECT 2")
        assert 0.25 < monotonic() - began < PATIENCE_S
        assert conn.closed, "a late answer must not be taken for another question's"


def test_a_server_that_takes_connections_and_says_nothing_ends_at_the_deadline(freezer: Freezer) -> None:
    freezer.freeze()
    began = monotonic()
    with deadline.deadline(0.3), pytest.raises(psycopg2.OperationalError, match="in time"):
        through(freezer)
    assert 0.25 < monotonic() - began < PATIENCE_S


def test_a_commit_that_is_never_answered_ends_at_the_deadline(freezer: Freezer) -> None:
    with closing(through(freezer)) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT 1")
        freezer.freeze()
        with deadline.deadline(0.2), pytest.raises(psycopg2.OperationalError, match="in time"):
            conn.commit()


def test_a_query_that_takes_too_long_ends_at_the_deadline() -> None:
    with closing(psycopg2.connect(**where())) as conn, conn.cursor() as cursor:
        with deadline.deadline(0.2), pytest.raises(psycopg2.OperationalError, match="in time"):
            cursor.execute("SELECT pg_sleep(30)")
        assert conn.closed


def test_what_a_deadline_gave_up_is_ended_by_its_backend_too() -> None:
    ours = connection.copy()
    with closing(ours), ours.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
        with deadline.deadline(0.2), pytest.raises(OperationalError, match="in time"):
            cursor.execute("SELECT pg_sleep(60)")

    with closing(psycopg2.connect(**where())) as conn, conn.cursor() as cursor:
        conn.autocommit = True
        until = monotonic() + PATIENCE_S
        while monotonic() < until:
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,))
            if cursor.fetchone() is None:
                return
            cursor.execute("SELECT pg_sleep(0.1)")
    pytest.fail("the backend still sleeps for nobody")


def test_all_calls_of_one_deadline_end_together() -> None:
    began = monotonic()
    with deadline.deadline(0.3):
        for _ in range(3):
            with closing(psycopg2.connect(**where())) as conn, conn.cursor() as cursor:
                try:
                    cursor.execute("SELECT pg_sleep(0.2)")
                except psycopg2.OperationalError:
                    break
        else:
            pytest.fail("three times 0.2 s are more than 0.3 s")
    assert monotonic() - began < PATIENCE_S


def test_a_deadline_within_another_cannot_put_off_the_end() -> None:
    with (
        closing(psycopg2.connect(**where())) as conn,
        conn.cursor() as cursor,
        deadline.deadline(0.2),
        deadline.deadline(60),
        pytest.raises(psycopg2.OperationalError),
    ):
        cursor.execute("SELECT pg_sleep(30)")


def test_after_a_deadline_the_thread_has_none() -> None:
    with deadline.deadline(0.0):
        pass
    with closing(psycopg2.connect(**where())) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_large_answers_and_errors_come_through() -> None:
    with closing(psycopg2.connect(**where())) as conn, conn.cursor() as cursor, deadline.deadline(PATIENCE_S):
        cursor.execute("SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
        assert sum(len(row[0]) for row in cursor) == 20_000_000
        with pytest.raises(psycopg2.errors.UndefinedTable):
            cursor.execute("SELECT * FROM there_is_no_such_table")
        conn.rollback()
        cursor.execute("SELECT %s", ("y" * 5_000_000,))
        assert len(cursor.fetchone()[0]) == 5_000_000


def test_a_killed_connection_fails_at_once() -> None:
    with (
        closing(psycopg2.connect(**where())) as conn,
        closing(psycopg2.connect(**where())) as other,
        conn.cursor() as cursor,
        other.cursor() as killer,
        deadline.deadline(PATIENCE_S),
    ):
        killer.execute("SELECT pg_terminate_backend(%s)", (conn.info.backend_pid,))
        with pytest.raises(psycopg2.OperationalError) as raised:
            cursor.execute("SELECT 1")
        assert "in time" not in str(raised.value)
