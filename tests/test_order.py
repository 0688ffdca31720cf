"""Inside a room, ids become visible in increasing order: many writers, many processes, real databases."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import TransactionTestCase

from rooms import appending, history, log
from rooms.messages import Busy, Draft, Lock, Posted, Stored
from rooms.models import ChatRoom
from tests.support_rooms import LOBBY, message, person, room, store

WAIT_S = 30


class OtherThread:
    """A function at work in a thread with a connection of its own; what it raised is raised by `join`."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as failure:  # noqa: BLE001 (raised by join)
            self._failure = failure
        finally:
            connection.close()

    def join(self) -> None:
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
        if self._failure is not None:
            raise self._failure


def await_a_waiter() -> None:
    """Return once another connection waits for a lock in this database, which is on PostgreSQL."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _attempt in range(WAIT_S * 1000):
        with connection.cursor() as cursor:
            # In a transaction it would else tell what it told first.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits for a lock")


class OpenAppend:
    """An append that stops once its rows are inserted, their ids drawn, and goes on at `commit`."""

    def __init__(self, *drafts: Draft) -> None:
        self._drawn, self._go = threading.Event(), threading.Event()
        self._drafts = drafts
        self._thread = OtherThread(self._append)
        assert self._drawn.wait(WAIT_S)

    def _append(self) -> None:
        real, this_thread = appending.Batch._move_heads, threading.get_ident()

        def move_heads(batch: appending.Batch, rows: Any) -> None:
            if threading.get_ident() == this_thread:
                self._drawn.set()
                assert self._go.wait(WAIT_S)
            real(batch, rows)

        try:
            with patch.object(appending.Batch, "_move_heads", move_heads):
                log.append(self._drafts)
        finally:
            self._drawn.set()

    def commit(self) -> None:
        self._go.set()
        self._thread.join()


@contextmanager
def without_the_room_lock() -> Iterator[None]:
    """Take the lock out of the log."""

    def unlocked(slugs: Any, _lock: Lock) -> dict[str, ChatRoom]:
        return {one.slug: one for one in ChatRoom.objects.filter(slug__in=slugs)}

    with patch.object(log, "_locked", unlocked):
        yield


def read_on(cursor: int) -> tuple[Posted, ...]:
    return history.after(LOBBY, cursor, 200).messages


@pytest.mark.postgresql
class InterleavedPair(TransactionTestCase):
    """One transaction draws an id, another draws the next and commits first: what does a reader see then."""

    def setUp(self) -> None:
        self.ana, self.ben = person("ana"), person("ben")

    def test_with_the_lock_the_second_waits_and_the_reader_misses_nothing(self) -> None:
        first = OpenAppend(message(self.ana, "first"))
        second = OtherThread(lambda: log.append([message(self.ben, "second")]))
        await_a_waiter()
        self.assertEqual(read_on(0), ())
        first.commit()
        second.join()
        self.assertEqual([one.body for one in read_on(0)], ["first", "second"])

    def test_without_the_lock_the_reader_skips_the_first_for_good(self) -> None:
        with without_the_room_lock():
            first = OpenAppend(message(self.ana, "first"))
            OtherThread(lambda: log.append([message(self.ben, "second")])).join()
            seen = read_on(0)
            self.assertEqual([one.body for one in seen], ["second"])
            first.commit()
        self.assertEqual(read_on(seen[-1].id), (), "the anomaly is gone: does the test still interleave?")

    def test_a_held_room_is_skipped_or_waited_for_briefly_and_other_rooms_go_on(self) -> None:
        room("den")
        first = OpenAppend(message(self.ana, "first"))
        drafts = [message(self.ben, "held"), message(self.ben, "free", room="den")]
        outcomes = log.append(drafts, lock=Lock.SKIP).outcomes
        self.assertIsInstance(outcomes[0], Busy)
        self.assertEqual([one.body for one in history.after("den", 0, 9).messages], ["free"])
        self.assertEqual(log.append(drafts[:1], lock=Lock.BRIEF).outcomes, (Busy(),))
        first.commit()
        log.append(drafts[:1], lock=Lock.SKIP)
        self.assertEqual([one.body for one in read_on(0)], ["first", "held"])

    def test_who_holds_an_account_holds_up_no_other_room(self) -> None:
        room("den")
        drafts = [message(self.ana, "waits"), message(self.ben, "goes on", room="den")]
        held, go = threading.Event(), threading.Event()

        def rename() -> None:
            with transaction.atomic():
                User.objects.select_for_update().get(pk=self.ana.pk)
                held.set()
                go.wait(WAIT_S)

        renaming = OtherThread(rename)
        held.wait(WAIT_S)
        try:
            outcomes = log.append(drafts, lock=Lock.SKIP).outcomes
        finally:
            go.set()
            renaming.join()
        self.assertEqual([type(one) for one in outcomes], [Busy, Stored])
        self.assertIsInstance(log.append(drafts[:1], lock=Lock.SKIP).outcomes[0], Stored)

    def test_what_a_sequence_that_was_set_back_draws_is_not_stored(self) -> None:
        sequence = "pg_get_serial_sequence('rooms_message', 'id')"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT setval({sequence}, 1000000)")
            newest = store(message(self.ana, "one"))[0].id
            cursor.execute(f"SELECT setval({sequence}, 500)")
        with self.assertLogs("rooms.log", "ERROR") as logs:
            outcomes = log.append(
                [message(self.ana, "two"), message(self.ben, "three")], lock=Lock.SKIP
            ).outcomes
        self.assertEqual([getattr(one, "code", None) for one in outcomes], ["unavailable"] * 2)
        self.assertIn("setval", logs.output[0])
        self.assertEqual(ChatRoom.objects.get(slug=LOBBY).last_message_id, newest)
        self.assertEqual([one.body for one in read_on(0)], ["one"])

    def test_a_ban_waits_for_the_room_and_the_next_append_obeys_it(self) -> None:
        """The permission is asked again under the lock: no post slips in beside the ban."""
        first = OpenAppend(message(self.ana, "first"))
        lobby = ChatRoom.objects.get(slug=LOBBY)
        ban = OtherThread(lambda: lobby.bans.create(user=self.ana))
        await_a_waiter()
        first.commit()
        ban.join()
        self.assertEqual(
            getattr(log.append([message(self.ana, "late")]).outcomes[0], "code", None), "forbidden"
        )


@pytest.mark.databases
class TwentyWriters(TransactionTestCase):
    """Ten threads in each of two processes append to one room; a reader resumes after what it has seen."""

    PROCESSES, THREADS, MESSAGES = 2, 10, 15

    def test_a_resuming_reader_sees_every_message_once_in_order(self) -> None:
        author = person("ana")
        command = [sys.executable, "-m", "tests.writing_process", LOBBY, str(author.pk)]
        writers = [
            subprocess.Popen(
                [*command, f"p{n}", str(self.THREADS), str(self.MESSAGES)], stdout=subprocess.PIPE, text=True
            )
            for n in range(self.PROCESSES)
        ]
        collected: list[tuple[str, int]] = []
        collectors = [OtherThread(partial(_collect, process, collected)) for process in writers]
        rng = random.Random(20)
        seen: list[Posted] = []
        running = True
        while running or len(seen) < len(collected):
            running = any(process.poll() is None for process in writers)
            if not running:
                for collector in collectors:
                    collector.join()
            seen.extend(history.after(LOBBY, seen[-1].id if seen else 0, rng.randint(1, 20)).messages)
        self.assertEqual([process.wait(WAIT_S) for process in writers], [0] * self.PROCESSES)
        self.assertEqual(len(collected), self.PROCESSES * self.THREADS * self.MESSAGES)
        self.assertEqual([(one.nonce, one.id) for one in seen], sorted(collected, key=lambda pair: pair[1]))

    def test_an_append_again_after_it_all_stores_nothing(self) -> None:
        author = person("ana")
        [first] = store(message(author, "p-0 says 0", nonce="p-0-0"))
        arguments = [sys.executable, "-m", "tests.writing_process", LOBBY, str(author.pk), "p", "1", "1"]
        done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True, timeout=WAIT_S)
        self.assertEqual(json.loads(done.stdout), ["p-0-0", first.id])


def _collect(process: subprocess.Popen[str], into: list[tuple[str, int]]) -> None:
    """Take in what a writing process says is stored."""
    assert process.stdout is not None
    with process.stdout:
        into.extend((nonce, key) for nonce, key in map(json.loads, process.stdout))
