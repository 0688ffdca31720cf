"""LISTEN and NOTIFY on connections of our own to PostgreSQL, straight to it where a pooler stands before it.

A pooler that lends a connection for one transaction loses what it listens to, so `LISTEN_DATABASE_URL` may
name the database itself. Both connections are in autocommit: a NOTIFY is never part of a transaction.
"""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg2
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.utils import ConnectionHandler

from realtime.database import NO_ANSWER, Queue
from realtime.errors import Unavailable
from rooms import hints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.python.threadpool import ThreadPool

    from realtime.limits import DatabaseLimits


def is_possible() -> bool:
    """Tell whether this site's database carries notifications."""
    return bool(connection.vendor == "postgresql")


class Line:
    """A connection that listens. Made in a thread, then the reactor's alone."""

    def __init__(self, connected: Any) -> None:
        """Take a connection that has said LISTEN."""
        self._connection = connected
        # libpq closes its own descriptor when it finds the connection dead, and the number may be given to
        # another file before the reactor has let go of it.
        self._descriptor = os.dup(connected.fileno())

    def fileno(self) -> int:
        """Return the descriptor to wait on, -1 once closed."""
        return self._descriptor

    def take(self) -> list[str]:
        """Return what has come in, without waiting. It may be nothing.

        Raises:
            Unavailable: the connection is dead. Where its backend was terminated, the second call shows it.
        """
        try:
            self._connection.poll()
        except psycopg2.Error as error:
            raise Unavailable(NO_ANSWER) from error
        notified, self._connection.notifies[:] = list(self._connection.notifies), []
        return [one.payload for one in notified]

    def close(self) -> None:
        """Hang up. Twice is once."""
        if self._descriptor != -1:
            os.close(self._descriptor)
            self._descriptor = -1
            with suppress(psycopg2.Error):
                self._connection.close()


class Direct:
    """Connections for notifications, made and written to in the one thread of a pool."""

    def __init__(self, reactor: Any, pool: ThreadPool, limits: DatabaseLimits) -> None:
        """Work in `pool`, which has one thread; whoever made it starts and stops it."""
        self._queue = Queue(reactor, pool, limits.notify_s, limits.waiting_calls)
        self._sending: Any = None

    async def listen(self) -> Line:
        """Return a line that hears what is said from now on; whoever takes it closes it.

        Raises:
            Unavailable: the database does not answer.
        """
        return await self._queue.call(nullcontext, _thd_listen)

    async def notify(self, payloads: Sequence[str]) -> None:
        """Say this to all who listen, this process too.

        Raises:
            Unavailable: the database does not answer; it may have been said or not.
        """
        await self._queue.call(nullcontext, partial(self._thd_notify, tuple(payloads)))

    async def close(self) -> None:
        """Hang up the connection that speaks."""
        await self._queue.call(nullcontext, self._thd_close)

    def _thd_notify(self, payloads: tuple[str, ...]) -> None:
        kept = self._sending is not None
        try:
            self._thd_say(payloads)
        except Unavailable:
            # A connection that was kept may have died long ago; saying it twice does no harm.
            if not kept:
                raise
            self._thd_say(payloads)

    def _thd_say(self, payloads: tuple[str, ...]) -> None:
        try:
            if self._sending is None:
                self._sending = _thd_connect("chat: tells others")
            with self._sending.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_notify(%s, one) FROM unnest(%s) one", (hints.CHANNEL, list(payloads))
                )
        except psycopg2.Error as error:
            self._thd_close()
            raise Unavailable(NO_ANSWER) from error

    def _thd_close(self) -> None:
        sending, self._sending = self._sending, None
        if sending is not None:
            with suppress(psycopg2.Error):
                sending.close()


def _thd_listen() -> Line:
    try:
        connected = _thd_connect("chat: hears others")
        with connected.cursor() as cursor:
            cursor.execute(f"LISTEN {hints.CHANNEL}")
    except psycopg2.Error as error:
        raise Unavailable(NO_ANSWER) from error
    return Line(connected)


def _thd_connect(name: str) -> Any:
    entry = getattr(settings, "LISTEN_DATABASE", None)
    found = ConnectionHandler({DEFAULT_DB_ALIAS: entry}) if entry else connections
    given = {**found[DEFAULT_DB_ALIAS].get_connection_params(), "application_name": name}
    connected = psycopg2.connect(**given)
    connected.autocommit = True
    return connected
