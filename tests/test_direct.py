"""LISTEN and NOTIFY on a real PostgreSQL, and how a dead connection shows."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.test import override_settings
from twisted.python.threadpool import ThreadPool

from realtime import direct
from realtime.direct import Direct, Line
from realtime.errors import Unavailable
from realtime.limits import DatabaseLimits
from rooms import hints, log, notify, signals
from rooms.models import ChatRoom
from tests.support_rooms import LOBBY
from tests.test_database import TurnByTurn

pytestmark = pytest.mark.postgresql

WAIT_S = 10
# 127.0.0.1 has no server at this port: nothing may bind it.
NOWHERE = {"ENGINE": "django.db.backends.postgresql", "NAME": "x", "HOST": "127.0.0.1", "PORT": "1"}


class Stage:
    """A direct connection, its thread, and a line on it."""

    def __init__(self, reactor: TurnByTurn, found: Direct) -> None:
        self.reactor = reactor
        self.direct = found
        self.line: Line = reactor.run(found.listen())

    def say(self, *payloads: str) -> None:
        self.reactor.run(self.direct.notify(payloads))


@pytest.fixture
def stage() -> Iterator[Stage]:
    reactor, pool = TurnByTurn(), ThreadPool(1, 1, "telling")
    pool.start()
    found = Stage(reactor, Direct(reactor, pool, DatabaseLimits()))
    yield found
    found.line.close()
    reactor.run(found.direct.close())
    pool.stop()


def came(line: Line, count: int = 1) -> list[str]:
    """Return what comes in, once there is so much."""
    found: list[str] = []
    while len(found) < count:
        assert readable(line), found
        found += line.take()
    return found


def readable(line: Line, within_s: float = WAIT_S) -> bool:
    return bool(select.select([line.fileno()], [], [], within_s)[0])


def terminate(name: str) -> None:
    """End the backends with this name and wait until they have gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            [name],
        )
        assert cursor.fetchall() == [(True,)]


def test_what_is_said_is_heard_in_its_order_by_the_process_itself_too(stage: Stage) -> None:
    stage.say("one", "two")
    stage.say("three, ünd mehr")

    assert came(stage.line, 3) == ["one", "two", "three, ünd mehr"]
    assert stage.line.take() == []


def test_a_payload_of_the_longest_sort_is_taken(stage: Stage) -> None:
    longest = "x" * hints.PAYLOAD_BYTES
    stage.say(*(f"{number}{longest[1:]}" for number in range(10)))

    assert sum(map(len, came(stage.line, 10))) == 10 * hints.PAYLOAD_BYTES


def test_other_channels_are_not_ours(stage: Stage) -> None:
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY another, 'not for us'")
    stage.say("for us")

    assert came(stage.line) == ["for us"]


def test_a_terminated_backend_shows_by_the_second_look(stage: Stage) -> None:
    terminate("chat: hears others")
    descriptor = stage.line.fileno()
    assert readable(stage.line)
    stage.line.take()
    with pytest.raises(Unavailable):
        stage.line.take()

    os.fstat(descriptor)
    assert stage.line.fileno() == descriptor, "the reactor has not let go of it yet"
    stage.line.close()
    stage.line.close()
    assert stage.line.fileno() == -1


def test_a_connection_that_died_is_made_anew_and_nothing_is_lost(stage: Stage) -> None:
    stage.say("before")
    terminate("chat: tells others")
    stage.say("after")

    assert came(stage.line, 2) == ["before", "after"]


def test_where_the_database_is_not_there_it_is_unavailable_and_later_works(stage: Stage) -> None:
    with override_settings(LISTEN_DATABASE=NOWHERE):
        with pytest.raises(Unavailable):
            stage.reactor.run(stage.direct.listen())
        with pytest.raises(Unavailable):
            stage.say("nobody hears")
    stage.say("heard")

    assert came(stage.line) == ["heard"]


def test_it_goes_where_the_setting_says(stage: Stage) -> None:
    entry = {**settings.DATABASES["default"], "OPTIONS": {"options": "-c work_mem=777kB"}}
    with override_settings(LISTEN_DATABASE=entry):
        [line] = [stage.reactor.run(stage.direct.listen())]
    cursor: Any = line._connection.cursor()
    cursor.execute("SHOW work_mem")
    assert cursor.fetchone() == ("777kB",)
    line.close()


def test_this_database_carries_notifications() -> None:
    assert direct.is_possible()


def heard_by(stage: Stage) -> list[Any]:
    """Return the sorts and first values of what was said until now."""
    stage.say("that is all")
    found: list[str] = []
    while "that is all" not in found:
        found += came(stage.line)
    return found[:-1]


def post() -> None:
    log.post(ChatRoom.objects.get(slug=LOBBY), None, "by a command")


def test_plain_django_code_tells_after_its_commit(stage: Stage) -> None:
    post()
    [told] = heard_by(stage)
    room = ChatRoom.objects.get(slug=LOBBY)
    assert f'["at","lobby",{room.last_message_id},' in told

    room.save()
    [told] = heard_by(stage)
    assert told.endswith('"said":[["access","lobby"]]}')

    log.new_epoch()
    [told] = heard_by(stage)
    assert told.endswith('"said":[["accounts"]]}')


def test_where_a_receiver_tells_the_others_the_log_does_not(stage: Stage) -> None:
    def told(**_sent: Any) -> bool:
        return True

    signals.committed.connect(told)
    try:
        post()
    finally:
        signals.committed.disconnect(told)
    assert heard_by(stage) == []


def test_a_receiver_that_only_listens_does_not_keep_it_from_telling(stage: Stage) -> None:
    def listens(**_sent: Any) -> None:
        """Return nothing."""

    signals.committed.connect(listens)
    try:
        post()
    finally:
        signals.committed.disconnect(listens)
    assert len(heard_by(stage)) == 1


def test_inside_a_transaction_nothing_is_said(stage: Stage) -> None:
    with transaction.atomic():
        notify.tell([("ping",)])
    assert heard_by(stage) == []


def test_switched_off_it_tells_nobody(stage: Stage) -> None:
    with override_settings(CHAT_LISTEN=0):
        post()
    assert heard_by(stage) == []


def test_a_notification_that_fails_takes_nothing_from_what_is_committed(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        if "pg_notify" in sql:
            raise OperationalError("out of queue")
        return execute(sql, *arguments)

    with connection.execute_wrapper(fail):
        post()
    assert ChatRoom.objects.get(slug=LOBBY).last_message_id
    assert "were not told" in caplog.text
    post()
    assert len(heard_by(stage)) == 1
