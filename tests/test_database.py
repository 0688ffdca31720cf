"""The database as coroutines, on real threads and both databases."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar
from unittest import mock

import pytest
from django.db import DataError, OperationalError, connection, connections
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from realtime.database import Database, Queue, thd_kept_connection, thd_own_connection
from realtime.errors import Unavailable
from realtime.limits import DatabaseLimits
from rooms import history, log
from rooms.messages import After, Draft, Heads, Kind, Lock, Newest, Page, Posted, Refused, Stored, new_nonce
from tests.support_rooms import LOBBY, person, room

pytestmark = pytest.mark.databases

T = TypeVar("T")
PATIENCE_S = 20.0


class TurnByTurn:
    """As much of a reactor as deferToThreadPool needs: what threads send is done when the test waits."""

    def __init__(self) -> None:
        self._calls: queue.Queue[Callable[[], None]] = queue.Queue()

    def callFromThread(self, function: Callable[..., None], *arguments: Any) -> None:
        self._calls.put(lambda: function(*arguments))

    def callLater(self, delay_s: float, function: Callable[..., None], *arguments: Any) -> IDelayedCall:
        """Never: no test is that long."""
        return Clock().callLater(delay_s, function, *arguments)

    def result(self, deferred: Deferred[T]) -> T:
        """Return what a deferred brings, or raise."""
        results: list[Any] = []
        deferred.addBoth(results.append)
        while not results:
            self._calls.get(timeout=PATIENCE_S)()
        if isinstance(results[0], Failure):
            results[0].raiseException()
        found: T = results[0]
        return found

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns, or raise."""
        return self.result(Deferred.fromCoroutine(work))


class Stage:
    def __init__(self, limits: DatabaseLimits | None = None) -> None:
        self.reactor = TurnByTurn()
        self.pools = [ThreadPool(1, 1, name) for name in ("writing", "reading", "polling")]
        for pool in self.pools:
            pool.start()
        writing, reading, polling = self.pools
        self.database = Database(self.reactor, writing, reading, polling, limits or DatabaseLimits())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.reactor.run(work)

    def close(self) -> None:
        for pool in self.pools:
            if not pool.joined:
                pool.callInThread(connection.close)
                pool.stop()


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


def message(author: int, body: str) -> Draft:
    return Draft(LOBBY, Kind.MESSAGE, author, new_nonce(), body)


def test_what_is_appended_is_read(stage: Stage) -> None:
    ana = person("ana")
    run, database = stage.run, stage.database
    appended = run(database.append([message(ana.pk, "one"), message(ana.pk, "two")], Lock.SKIP))
    first, second = (o.posted for o in appended.outcomes if isinstance(o, Stored))
    assert run(database.after(LOBBY, first.id, 10)).messages == (second,)
    page = run(database.read(ana.pk, LOBBY, Newest(10)))
    assert isinstance(page, Page)
    assert page.messages == (first, second)
    assert isinstance(run(database.read(ana.pk, "nowhere", After(0, 1))), Refused)
    assert run(database.heads([LOBBY])).rooms[LOBBY].last_id == second.id
    versions, rights = run(database.who_may(LOBBY, {ana.pk}))
    assert versions == page.versions
    assert rights[ana.pk].see
    epoch, rooms = run(database.rooms_for(ana.pk))
    assert epoch == versions.epoch
    assert LOBBY in [summary.room for summary in rooms]
    run(database.ping())


def test_joins_of_many_rooms_at_once_are_few_questions(stage: Stage) -> None:
    readers, rooms = [person("ana").pk, person("bob").pk], [LOBBY, room("den").slug]

    async def join_all() -> list[Any]:
        wanted = [(reader, slug) for reader in readers for slug in rooms]
        joins = [Deferred.fromCoroutine(stage.database.read(*one, Newest(0))) for one in wanted]
        return [await join for join in joins]

    with mock.patch.object(history, "ends_for", wraps=history.ends_for) as asked:
        pages = stage.run(join_all())
    assert [page.room for page in pages] == rooms * 2
    assert [len(call.args[0]) for call in asked.call_args_list] == [1, 3]


def test_each_call_runs_in_a_thread_of_its_pool(stage: Stage) -> None:
    def thd_name() -> str:
        return threading.current_thread().name

    for limb, name in (("_writing", "writing"), ("_reading", "reading"), ("_polling", "polling")):
        found = stage.run(getattr(stage.database, limb).call(thd_own_connection, thd_name))
        assert name in found


def test_a_failure_of_the_database_is_unavailable_and_the_next_call_has_a_new_connection(
    stage: Stage,
) -> None:
    seen: list[object] = []

    def thd_fail() -> None:
        connection.ensure_connection()
        seen.append(connection.connection)
        raise OperationalError("gone")

    def thd_look() -> None:
        connection.ensure_connection()
        seen.append(connection.connection)

    with pytest.raises(Unavailable) as raised:
        stage.run(stage.database._read(thd_fail))
    assert isinstance(raised.value.__cause__, OperationalError)
    stage.run(stage.database._read(thd_look))
    assert seen[0] is not seen[1]
    stage.run(stage.database.ping())


def test_a_connection_is_kept_from_one_call_to_the_next(stage: Stage) -> None:
    def thd_look() -> object:
        connection.ensure_connection()
        return connection.connection

    assert stage.run(stage.database._read(thd_look)) is stage.run(stage.database._read(thd_look))


@pytest.mark.postgresql
def test_an_append_soon_after_another_does_not_ask_whether_the_connection_works(stage: Stage) -> None:
    ana, asked = person("ana"), []

    def is_usable(_self: object) -> bool:
        asked.append(True)
        return True

    def append() -> None:
        stage.run(stage.database.append([message(ana.pk, "one more")], Lock.SKIP))

    with mock.patch.object(type(connections["default"]), "is_usable", is_usable):
        append()
        asked.clear()
        append()
        assert asked == []
        stage.database._trust._until_s = 0
        append()
        assert asked == [True]


def test_a_statement_that_the_database_refuses_is_logged(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def thd_fail() -> None:
        raise DataError("nonsense")

    with pytest.raises(Unavailable):
        stage.run(stage.database._read(thd_fail))
    assert "nonsense" in caplog.text


def test_what_is_no_failure_of_the_database_is_not_hidden(stage: Stage) -> None:
    def thd_fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stage.run(stage.database._read(thd_fail))


def test_too_many_calls_are_refused_at_once(stage: Stage) -> None:
    narrow = Queue(stage.reactor, stage.pools[1], 5.0, 2)
    release = threading.Event()

    def thd_wait() -> None:
        release.wait(PATIENCE_S)

    running = [Deferred.fromCoroutine(narrow.call(thd_own_connection, thd_wait)) for _ in range(2)]
    with pytest.raises(Unavailable):
        stage.run(narrow.call(thd_own_connection, thd_wait))
    release.set()
    for one in running:
        stage.reactor.result(one)
    stage.run(narrow.call(thd_own_connection, thd_wait))


def test_after_the_pools_were_stopped_calls_are_refused(stage: Stage) -> None:
    stage.close()
    with pytest.raises(Unavailable):
        stage.run(stage.database.ping())


def test_the_poll_sees_what_others_wrote(stage: Stage) -> None:
    ana = person("ana")
    first = stage.run(stage.database.poll([LOBBY]))
    assert first is not None
    log.append([message(ana.pk, "from elsewhere")])
    second = stage.run(stage.database.poll([LOBBY]))
    assert second is not None
    assert second.rooms[LOBBY].last_id > first.rooms[LOBBY].last_id


def test_on_sqlite_the_poll_reads_only_what_has_moved(stage: Stage) -> None:
    unmoved: type = type(None) if connection.vendor == "sqlite" else Heads
    ana = person("ana")
    assert isinstance(stage.run(stage.database.poll([LOBBY])), Heads)
    assert isinstance(stage.run(stage.database.poll([LOBBY])), unmoved)
    stage.run(stage.database.append([message(ana.pk, "from here")], Lock.SKIP))
    assert isinstance(stage.run(stage.database.poll([LOBBY])), Heads)
    assert isinstance(stage.run(stage.database.poll([LOBBY])), unmoved)


def test_a_poll_that_failed_has_seen_nothing(stage: Stage) -> None:
    class Broken:
        def __iter__(self) -> Iterator[str]:
            raise OperationalError("gone")

        def __len__(self) -> int:
            return 1

        def __contains__(self, _slug: object) -> bool:
            return False

    with pytest.raises(Unavailable):
        stage.run(stage.database.poll(Broken()))
    assert isinstance(stage.run(stage.database.poll([LOBBY])), Heads)


@pytest.mark.postgresql
def test_a_killed_connection_is_replaced(stage: Stage) -> None:

    def thd_pid() -> int:
        connection.ensure_connection()
        pid: int = connection.connection.info.backend_pid
        return pid

    pid = stage.run(stage.database._read(thd_pid))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    stage.run(stage.database.ping())
    assert stage.run(stage.database._read(thd_pid)) != pid


@pytest.mark.postgresql
def test_a_session_that_began_read_only_is_replaced(stage: Stage) -> None:
    ana = person("ana")

    def thd_begin_read_only() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")

    def say() -> Any:
        return stage.run(stage.database.append([message(ana.pk, "text")], Lock.SKIP)).outcomes[0]

    assert isinstance(say(), Stored)
    stage.run(stage.database._writing.call(thd_kept_connection, thd_begin_read_only))
    with pytest.raises(Unavailable):
        say()
    assert isinstance(say(), Stored)


@pytest.mark.postgresql
def test_a_role_without_rights_is_an_outage_told_without_a_traceback(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """What is tried again and again is told of once, by who tries it again."""

    def thd_be_nobody() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE pg_signal_backend")

    stage.run(stage.database._reading.call(thd_kept_connection, thd_be_nobody))
    with pytest.raises(Unavailable) as caught:
        stage.run(stage.database.heads([LOBBY]))
    assert str(caught.value.__cause__).startswith("The database's role has not the rights that it needs: ")
    assert caplog.text == ""
    assert isinstance(stage.run(stage.database.heads([LOBBY])), Heads)


@pytest.mark.postgresql
def test_a_call_that_takes_too_long_frees_its_thread() -> None:

    def thd_sleep() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(30)")

    stage = Stage(DatabaseLimits(read_s=0.3))
    try:
        with pytest.raises(Unavailable):
            stage.run(stage.database._read(thd_sleep))
        stage.run(stage.database.ping())
    finally:
        stage.close()


def test_posted_values_cross_threads_as_plain_values(stage: Stage) -> None:
    ana = person("ana")
    [outcome] = stage.run(stage.database.append([message(ana.pk, "text")], Lock.SKIP)).outcomes
    assert isinstance(outcome, Stored)
    assert type(outcome.posted) is Posted
    assert hash(outcome.posted) == hash(outcome.posted)
