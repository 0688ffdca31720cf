"""Ends a PostgreSQL call in its own thread, however the server hangs.

A server that is paused, or a network that drops everything, answers nothing and closes nothing: no
time-out of libpq ends a call that waits for it. psycopg2 can wait by a function of ours instead
(https://www.psycopg.org/docs/advanced.html#support-for-coroutine-libraries); one that raises makes
psycopg2 close the connection, so that a later answer is never taken for another question's. A backend that
is not paused but at work looks each second whether it still has a client, and ends what nobody waits for.
"""

from __future__ import annotations

import select
import threading
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

import psycopg2
from django.db import DataError, connection
from django.db.backends.signals import connection_created
from psycopg2 import extensions

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_S = 30.0
"""How long a single wait may take in a thread that was given no deadline, such as one of Django's pages."""

NOTICED_MS = 1000
"""How long a backend works on for a client that has given it up."""

_EVENTS = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}


class _OfThread(threading.local):
    at_s: float | None = None


_of_thread = _OfThread()


def install() -> None:
    """Have all PostgreSQL connections of this process wait so, those already open too. Twice is once."""
    extensions.set_wait_callback(wait)
    connection_created.connect(_have_it_look_for_us)


def can_end_calls() -> bool:
    """Tell whether Django's connections wait so: those of psycopg 3, which it prefers, would not."""
    if connection.vendor != "postgresql":
        return True
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return not is_psycopg3


@contextmanager
def deadline(limit_s: float) -> Iterator[None]:
    """Let every PostgreSQL call of this thread end within `limit_s` from now, all of them together.

    One within another can only bring the end nearer.
    """
    outer = _of_thread.at_s
    at_s = monotonic() + limit_s
    _of_thread.at_s = at_s if outer is None else min(at_s, outer)
    try:
        yield
    finally:
        _of_thread.at_s = outer


def _have_it_look_for_us(connection: Any, **_named: Any) -> None:
    """Have a new connection's backend end what it is at when we are gone (manual, 20.3.2)."""
    if connection.vendor != "postgresql":
        return
    # Not every system that PostgreSQL runs on can tell it.
    with suppress(DataError), connection.cursor() as cursor:
        cursor.execute(f"SET client_connection_check_interval = {NOTICED_MS}")


def wait(connection: Any) -> None:
    """Wait until libpq has done what it is at: connecting, or one question and its answer.

    Raises:
        psycopg2.OperationalError: the deadline is over, or what libpq itself found wrong.
    """
    at_s = _of_thread.at_s if _of_thread.at_s is not None else monotonic() + DEFAULT_S
    while (state := connection.poll()) != extensions.POLL_OK:
        left_s = at_s - monotonic()
        # `poll`, since `select` cannot watch descriptors above 1023. The descriptor may be another one
        # each time while libpq tries a host's addresses. A signal in between only goes on waiting.
        poller = select.poll()
        poller.register(connection.fileno(), _EVENTS[state])
        if left_s <= 0 or not poller.poll(left_s * 1000):
            raise psycopg2.OperationalError("The database did not answer in time.")
