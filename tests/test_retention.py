"""What is older than its room keeps goes, redactions stay, and cursors stay good."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import TestCase, TransactionTestCase, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rooms import history, log, retention, search
from rooms.acting import perform
from rooms.actions import ReportMessage
from rooms.messages import After, Before, Kind, Newest, Page, Posted, Stored, new_nonce
from rooms.models import ChatRoom, Mention, Message, Report, WithheldText
from tests.support_rooms import LOBBY, edit, message, person, redaction, room, store

pytestmark = pytest.mark.databases

WAIT_S = 30


def age(*rows: Posted, days: float) -> None:
    """Make rows so many days old, which nothing but a test does."""
    moment = timezone.now() - timedelta(days=days, minutes=1)
    Message._base_manager.filter(pk__in=[row.id for row in rows]).update(created_at=moment)


def kept(slug: str = LOBBY) -> list[int]:
    """Return the ids in a room's log."""
    return [one.id for one in history.after(slug, 0, 999).messages]


def ids(*rows: Posted) -> list[int]:
    return [row.id for row in rows]


def keep(slug: str, days: int | None) -> None:
    ChatRoom.objects.filter(slug=slug).update(keep_days=days)


def prune(slug: str | None = None) -> int:
    return sum(one.rows for one in retention.prune(slug))


def read(user: User, span: Any, slug: str = LOBBY) -> Page:
    page = history.read(user.pk, slug, span)
    assert isinstance(page, Page)
    return page


class WhatGoes(TestCase):
    def setUp(self) -> None:
        self.ana, self.ben = person("ana"), person("ben")

    def test_by_default_all_is_kept_for_good(self) -> None:
        said = store(message(self.ana, "old"))
        age(*said, days=10_000)
        self.assertEqual((retention.old(), prune(), kept()), ([], 0, ids(*said)))

    def test_a_room_is_asked_before_the_setting(self) -> None:
        rooms = {"for-good": 0, "ten": 10, "thirty": None}
        for slug, days in rooms.items():
            room(slug, keep_days=days)
            age(*store(message(self.ana, "x", room=slug)), days=20)
            age(*store(message(self.ana, "x", room=slug)), days=40)
        with override_settings(CHAT_KEEP_DAYS=30):
            self.assertEqual(retention.old(), [retention.Old("ten", 2), retention.Old("thirty", 1)])
            self.assertEqual(prune(), 3)
        self.assertEqual([len(kept(slug)) for slug in rooms], [2, 0, 1])

    def test_what_is_as_old_as_it_is_kept_goes_and_what_is_younger_stays(self) -> None:
        keep(LOBBY, 7)
        old, young = store(message(self.ana, "old"), message(self.ana, "young"))
        age(old, days=7)
        age(young, days=6.9)
        self.assertEqual(prune(), 1)
        self.assertEqual(kept(), ids(young))

    def test_one_room_alone(self) -> None:
        room("den", keep_days=1)
        keep(LOBBY, 1)
        for slug in ("den", LOBBY):
            age(*store(message(self.ana, "x", room=slug)), days=2)
        self.assertEqual(retention.old("den"), [retention.Old("den", 1)])
        self.assertEqual(prune("den"), 1)
        self.assertEqual(len(kept()), 1)

    def test_edits_reactions_and_notices_go_and_redactions_stay(self) -> None:
        keep(LOBBY, 7)
        said, gone = store(message(self.ana, "said"), message(self.ana, "gone"))
        [changed, taken] = store(edit(self.ana, said, "changed"), redaction(self.ana, gone, "why"))
        row = Message.objects.get(pk=said.id)
        liked, unliked = log.react(row, self.ben, "+1"), log.unreact(row, self.ben, "+1")
        [told] = _joined(self.ben)
        age(said, gone, changed, taken, liked, unliked, told, days=8)
        [young] = store(message(self.ana, "young"))
        self.assertEqual(retention.old(), [retention.Old(LOBBY, 6)])
        self.assertEqual(prune(), 6)
        self.assertEqual(kept(), ids(taken, young))
        self.assertEqual(prune(), 0)

    def test_a_message_takes_with_it_what_changed_it_since_but_no_redaction(self) -> None:
        """Nobody could redact an edit whose target is gone."""
        keep(LOBBY, 7)
        said, gone = store(message(self.ana, "said"), message(self.ana, "gone"))
        age(said, gone, days=8)
        [changed] = store(edit(self.ana, said, "changed"))
        log.react(Message.objects.get(pk=said.id), self.ben, "+1")
        [taken] = store(redaction(self.ana, gone))
        self.assertLess(said.id, changed.id)
        self.assertEqual(retention.old(), [retention.Old(LOBBY, 4)])
        self.assertEqual(prune(), 4)
        self.assertEqual(kept(), ids(taken))

    def test_what_hangs_on_a_message_goes_with_it(self) -> None:
        keep(LOBBY, 7)
        said, gone = store(message(self.ana, "hello @ben"), message(self.ana, "gone"))
        store(redaction(self.ana, gone), edit(self.ana, said, "good day @ben"))
        perform(self.ben.pk, ReportMessage(LOBBY, said.id))
        self.assertEqual((WithheldText.objects.count(), Mention.objects.count()), (2, 1))
        age(said, gone, days=8)
        prune()
        for model in (WithheldText, Mention, Report):
            self.assertFalse(model.objects.exists(), model)

    def test_what_is_gone_is_found_no_more(self) -> None:
        keep(LOBBY, 7)
        said, young = store(message(self.ana, "apples"), message(self.ana, "apples again"))
        age(said, days=8)
        prune()
        found = search.find(self.ana.pk, "apples")
        assert isinstance(found, search.Found)
        self.assertEqual([one.id for one in found.messages], [young.id])

    def test_a_clock_that_was_set_back_does_not_stop_it(self) -> None:
        keep(LOBBY, 7)
        said = store(*(message(self.ana, str(n)) for n in range(6)))
        age(*said[1::2], days=8)
        self.assertEqual(prune(), 3)
        self.assertEqual(kept(), ids(*said[::2]))


def _joined(user: User) -> list[Posted]:
    from rooms.actions import Join

    before = ChatRoom.objects.get(slug=LOBBY).last_message_id
    perform(user.pk, Join(LOBBY))
    return list(history.after(LOBBY, before, 9).messages)


class Cursors(TestCase):
    """A log with gaps is read like any other."""

    def setUp(self) -> None:
        keep(LOBBY, 7)
        self.ana = person("ana")
        self.said = store(*(message(self.ana, str(n)) for n in range(10)))

    def test_a_pruned_cursor_reads_on_and_pages_join_on(self) -> None:
        age(*self.said[:5], days=8)
        prune()
        left = ids(*self.said[5:])
        for cursor in (0, self.said[0].id, self.said[3].id):
            page = read(self.ana, After(cursor, 3))
            self.assertEqual((ids(*page.messages), page.start, page.more), (left[:3], cursor, True))
        page = read(self.ana, Before(self.said[4].id, 3))
        self.assertEqual((page.messages, page.start, page.more), ((), 0, False))
        page = read(self.ana, Newest(9))
        self.assertEqual((ids(*page.messages), page.start, page.more), (left, 0, False))

    def test_where_all_is_gone_the_head_stays_and_what_comes_next_joins_on_to_it(self) -> None:
        age(*self.said, days=8)
        prune()
        head = self.said[-1].id
        for span in (Newest(9), After(0, 9), After(head, 9), Before(head, 9)):
            page = read(self.ana, span)
            self.assertEqual((page.messages, page.more, page.head), ((), False, head))
        self.assertEqual(ChatRoom.objects.get(slug=LOBBY).last_message_id, head)
        appended = log.append([message(self.ana, "next")])
        self.assertEqual((appended.batches[0].prev, appended.batches[0].room), (head, LOBBY))
        self.assertGreater(appended.batches[0].last_id, head)

    def test_no_id_is_given_again_when_the_newest_of_all_is_gone(self) -> None:
        age(*self.said, days=8)
        prune()
        self.assertFalse(Message.objects.exists())
        [next_one] = store(message(self.ana, "next"))
        self.assertEqual(next_one.id, self.said[-1].id + 1)
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'rooms_message'")
                self.assertIn("AUTOINCREMENT", cursor.fetchone()[0])

    def test_a_redaction_of_what_is_gone_and_a_nonce_that_is_gone_are_new(self) -> None:
        age(*self.said, days=8)
        prune()
        [again] = store(message(self.ana, "again", nonce=self.said[0].nonce))
        self.assertGreater(again.id, self.said[-1].id)
        self.assertEqual(log.append([redaction(self.ana, self.said[0])]).outcomes[0], history.NO_MESSAGE)


class InPieces(TransactionTestCase):
    def setUp(self) -> None:
        keep(LOBBY, 7)
        self.ana = person("ana")
        self.said = store(*(message(self.ana, str(n)) for n in range(7)))
        age(*self.said, days=8)

    def test_each_piece_is_a_transaction_under_the_rooms_lock(self) -> None:
        with mock.patch.object(retention, "AT_ONCE", 3), CaptureQueriesContext(connection) as seen:
            self.assertEqual([one.rows for one in retention.prune()], [3, 3, 1])
        statements = [query["sql"] for query in seen]
        self.assertEqual(sum(sql.startswith("BEGIN") for sql in statements), 3)
        if connection.vendor == "postgresql":
            locks = [sql for sql in statements if "FOR NO KEY UPDATE" in sql]
            self.assertEqual(len(locks), 3)

    def test_cut_off_anywhere_the_next_run_goes_on(self) -> None:
        with mock.patch.object(retention, "AT_ONCE", 2):
            going = retention.prune()
            next(going)
            next(going)
            going.close()
        self.assertEqual(kept(), ids(*self.said[4:]))
        self.assertEqual(prune(), 3)

    def test_more_changes_than_fit_one_piece_go_first_while_the_message_stands(self) -> None:
        [said] = store(message(self.ana, "said"))
        age(said, days=8)
        for number in range(5):
            store(edit(self.ana, said, str(number), nonce=new_nonce()))
        with mock.patch.object(retention, "AT_ONCE", 2):
            left = [kept() for _one in retention.prune()]
        stood = [said.id in keys for keys in left]
        self.assertEqual(stood, sorted(stood, reverse=True))
        self.assertEqual(kept(), [])

    def test_a_room_that_is_to_be_kept_for_good_meanwhile_is_left_alone(self) -> None:
        with mock.patch.object(retention, "AT_ONCE", 2):
            going = retention.prune()
            next(going)
            keep(LOBBY, 0)
            self.assertEqual(list(going), [])
        self.assertEqual(kept(), ids(*self.said[2:]))

    def test_a_room_that_is_to_be_kept_for_longer_meanwhile_keeps_what_is_not_so_old(self) -> None:
        with mock.patch.object(retention, "AT_ONCE", 2):
            going = retention.prune()
            next(going)
            keep(LOBBY, 30)
            self.assertEqual(list(going), [])
        self.assertEqual(kept(), ids(*self.said[2:]))

    def test_an_edit_meanwhile_is_stored_or_finds_its_target_gone(self) -> None:
        """Both hold the room; else an edit would write a text for a row that is no more, and fail."""
        said = store(*(message(self.ana, str(n)) for n in range(40)))
        age(*said, days=8)
        outcomes: list[Any] = []

        def edit_all() -> None:
            for one in reversed(said):
                outcomes.extend(log.append([edit(self.ana, one, "late")]).outcomes)
            connection.close()

        editing = threading.Thread(target=edit_all)
        with mock.patch.object(retention, "AT_ONCE", 2):
            editing.start()
            for _one in retention.prune():
                pass
        editing.join(WAIT_S)
        self.assertEqual(len(outcomes), len(said))
        self.assertEqual(
            {one for one in outcomes if not isinstance(one, Stored)} - {history.NO_MESSAGE}, set()
        )
        prune()
        self.assertEqual(kept(), [])


def test_kinds_that_stay_are_redactions_alone() -> None:
    stays = [kind for kind in Kind if retention.STAYS.children == [("kind", kind.value)]]
    assert stays == [Kind.REDACTION]
