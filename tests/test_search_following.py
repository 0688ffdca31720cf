"""On PostgreSQL the index of words follows the log: nothing is found late, nor found that is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

from rooms import log, search, search_postgresql
from rooms.models import Message
from tests import support_rooms as some
from tests.test_order import OtherThread

pytestmark = pytest.mark.postgresql

WAIT_S = 30


def asked(statement: str, *given: str) -> list[Any]:
    """Return the one column of what the database answers."""
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return [row[0] for row in cursor.fetchall()]


class Following(TransactionTestCase):
    """A lobby and Ana who writes; each test commits."""

    def setUp(self) -> None:
        self.ana = some.person("ana")

    def said(self, *bodies: str) -> list[int]:
        return [one.id for one in some.store(*(some.message(self.ana, body) for body in bodies))]

    def unindexed(self) -> list[int]:
        return asked("SELECT message FROM rooms_unindexed ORDER BY message")

    def indexed(self, word: str) -> list[int]:
        return asked("SELECT message FROM rooms_words WHERE words @@ %s::tsquery ORDER BY message", word)

    def row(self, key: int) -> Message:
        return Message.objects.get(pk=key)

    def test_what_is_said_waits_to_be_indexed_once(self) -> None:
        keys = self.said("apple", "pear")
        self.assertEqual(self.unindexed(), keys)
        self.assertFalse(search.index_some())
        self.assertEqual((self.unindexed(), self.indexed("apple")), ([], keys[:1]))
        self.assertFalse(search.index_some())

    def test_it_follows_whatever_the_search_path_is(self) -> None:
        [first] = self.said("apple")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SHOW search_path")
            [path] = cursor.fetchone()
            cursor.execute("SELECT set_config('search_path', '', true)")
            cursor.execute(
                "INSERT INTO public.rooms_message (room_id, kind, body, nonce, redacted, created_at)"
                " SELECT room_id, kind, 'pear', 'loaded', false, created_at FROM public.rooms_message"
            )
            cursor.execute("SELECT set_config('search_path', %s, true)", [path])
        self.assertEqual(len(self.unindexed()), 2)
        self.assertEqual(self.unindexed()[0], first)

    def test_what_has_no_text_to_be_found_does_not_wait(self) -> None:
        [key] = self.said("apple")
        search.index_some()
        log.react(self.row(key), self.ana, "🎉")
        self.assertEqual(self.unindexed(), [])

    def test_an_edit_is_found_by_what_it_says_now(self) -> None:
        [key] = self.said("apple")
        search.index_some()
        log.edit(self.row(key), self.ana, "pear")
        self.assertEqual(self.unindexed(), [key])
        for _time in range(2):
            self.assertEqual((search.ids("apple", limit=5), search.ids("pear", limit=5)), ([], [key]))
            search.index_some()
        self.assertEqual((self.indexed("apple"), self.indexed("pear")), ([], [key]))

    def test_of_what_is_withheld_or_gone_no_word_stays(self) -> None:
        withheld, gone = self.said("apple one", "apple two")
        search.index_some()
        [waits] = self.said("apple three")
        log.redact(self.row(withheld), self.ana)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM rooms_message WHERE id = ANY(%s)", [[gone, waits]])
        self.assertEqual(asked("SELECT message FROM rooms_words"), [])
        search.index_some()
        self.assertEqual((asked("SELECT message FROM rooms_words"), self.unindexed()), ([], []))

    def test_messages_are_read_by_their_keys_before_anything_is_known_of_the_tables(self) -> None:
        """Nothing is, of a log that grows fast: not how many rows they have, nor of what kinds."""
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE rooms_message SET (autovacuum_enabled = off)")
            keys = self.said(*map(str, range(300)))
            for statement, given in (
                (search_postgresql.INDEX, [keys, keys]),
                (search_postgresql.READ.format(all="", among=""), [keys[0], keys[-1]]),
            ):
                cursor.execute(f"EXPLAIN {statement}", given)
                plan = str(cursor.fetchall())
                self.assertIn("rooms_message_pkey", plan)
                self.assertNotRegex(plan, "rooms_message_(?!pkey|words)|Scan on rooms_message")
            cursor.execute("ALTER TABLE rooms_message RESET (autovacuum_enabled)")

    def test_where_many_wait_a_search_indexes_them(self) -> None:
        keys = self.said(*(f"apple {number}" for number in range(7)))
        with mock.patch.multiple(search_postgresql, FEW=3, INDEXED_AT_ONCE=2):
            self.assertEqual(search.ids("apple", limit=9), keys[::-1])
        self.assertEqual(self.unindexed(), [])

    def test_where_they_cannot_be_indexed_they_are_read(self) -> None:
        keys = self.said("apple", "apple")
        with (
            mock.patch.multiple(search_postgresql, FEW=1, TAKE="SELECT 1 / 0, %s"),
            self.assertLogs("rooms", "WARNING"),
        ):
            self.assertEqual(search.ids("apple", limit=9), keys[::-1])

    def test_an_edit_while_its_text_of_before_is_indexed_is_indexed_after_it(self) -> None:
        [key] = self.said("apple")
        with self.indexing():
            editing = OtherThread(lambda: log.edit(self.row(key), self.ana, "pear"))
            self.wait_for_a_lock()
        editing.join()
        self.assertEqual((search.ids("apple", limit=5), search.ids("pear", limit=5)), ([], [key]))
        search.index_some()
        self.assertEqual((self.indexed("apple"), self.indexed("pear")), ([], [key]))

    def test_a_text_that_is_withheld_while_it_is_indexed_leaves_no_word(self) -> None:
        [key] = self.said("apple")
        with self.indexing():
            redacting = OtherThread(lambda: log.redact(self.row(key), self.ana))
            self.wait_for_a_lock()
        redacting.join()
        self.assertEqual(self.indexed("apple"), [])

    @contextmanager
    def indexing(self) -> Iterator[None]:
        """Index in another thread, and commit at the end."""
        indexed, go = threading.Event(), threading.Event()

        def index() -> None:
            with transaction.atomic():
                search.index_some()
                indexed.set()
                assert go.wait(WAIT_S)

        thread = OtherThread(index)
        assert indexed.wait(WAIT_S)
        try:
            yield
        finally:
            go.set()
            thread.join()

    def wait_for_a_lock(self) -> None:
        waiting = (
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        until_s = time.monotonic() + WAIT_S
        while not asked(waiting):
            assert time.monotonic() < until_s

    def test_a_message_that_is_being_changed_is_not_indexed_as_it_was(self) -> None:
        [key] = self.said("apple")
        with transaction.atomic():
            log.edit(self.row(key), self.ana, "pear")
            indexing = OtherThread(search.index_some)
            indexing.join()
        self.assertEqual((self.unindexed(), self.indexed("apple")), ([key], []))
        search.index_some()
        self.assertEqual(self.indexed("pear"), [key])
