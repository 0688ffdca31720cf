"""Who may do what, remembered from one append to the next: only as long as nothing of it changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.test import TestCase, TransactionTestCase, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from twisted.internet.task import Clock

from rooms import log, permissions, remembered, statements
from rooms.messages import Appended, Author, Busy, Code, Draft, Lock, Outcome, Refused, Stored
from rooms.models import Ban, ChatRoom, Membership, Message, Mute, SiteState, Suspension
from tests.support_cast import undone
from tests.support_rooms import LOBBY, message, person, room
from tests.test_order import OtherThread

pytestmark = pytest.mark.databases

READ = 8 if connection.vendor == "postgresql" else 9
"""Statements of an append of plain messages (see test_log_statements)."""
REMEMBERED = READ - 2
"""Without the people, and without what rooms keep about them."""


class Appends(TestCase):
    """One who writes again and again."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.remembered = remembered.Remembered(self.clock.seconds)
        self.ana, self.ben = person("ana"), person("ben")
        self.lobby = ChatRoom.objects.get(slug=LOBBY)

    def append(self, *drafts: Draft, lock: Lock = Lock.SKIP) -> tuple[Outcome, ...]:
        return log.append(drafts, lock=lock, remembered=self.remembered).outcomes

    def taken(self, *drafts: Draft, lock: Lock = Lock.SKIP) -> int:
        with CaptureQueriesContext(connection) as queries:
            self.append(*drafts, lock=lock)
        return len(queries)

    def code(self, draft: Draft) -> Code | None:
        [outcome] = self.append(draft)
        return outcome.code if isinstance(outcome, Refused) else None

    def test_who_was_judged_is_not_read_again(self) -> None:
        self.assertEqual(self.taken(message(self.ana, "1")), READ)
        self.assertEqual(self.taken(message(self.ana, "2")), REMEMBERED)
        self.assertEqual(self.taken(message(self.ana, "3"), message(self.ben, "4")), READ)
        self.assertEqual(self.taken(message(self.ana, "5"), message(self.ben, "6")), REMEMBERED)
        room("den")
        self.assertEqual(self.taken(message(self.ana, "7"), message(self.ana, "8", room="den")), READ)
        self.assertEqual(self.taken(message(self.ana, "9"), message(self.ana, "0", room="den")), REMEMBERED)

    def test_what_is_told_of_the_author_is_the_same(self) -> None:
        for _turn in range(2):
            [outcome] = self.append(message(self.ana, "hello"))
            assert isinstance(outcome, Stored)
            self.assertEqual(outcome.posted.author, Author(self.ana.pk, "ana"))

    def test_whoever_waits_for_a_room_reads(self) -> None:
        for lock in (Lock.SKIP, Lock.WAIT, Lock.SKIP, Lock.WAIT):
            taken = self.taken(message(self.ana, "x"), lock=lock)
        self.assertEqual(taken, READ)

    def test_it_is_kept_for_some_seconds_at_most(self) -> None:
        self.append(message(self.ana, "1"))
        self.clock.advance(remembered.KEPT_S - 0.1)
        # Around the signals: no version tells of it.
        User.objects.filter(pk=self.ana.pk).update(is_active=False)
        self.assertIsNone(self.code(message(self.ana, "2")))
        self.clock.advance(0.1)
        self.assertEqual(self.code(message(self.ana, "3")), Code.NOT_AUTHENTICATED)

    def test_whatever_takes_a_right_is_seen_by_the_next_append(self) -> None:
        def out_of_private() -> None:
            Membership.objects.create(room=self.lobby, user=self.ben)
            self.lobby.visibility = ChatRoom.Visibility.PRIVATE
            self.lobby.save()

        def suspended_for_a_while() -> None:
            Suspension.objects.create(user=self.ana, until=timezone.now() + timedelta(hours=1))

        def disabled() -> None:
            self.ana.is_active = False
            self.ana.save()

        def epoch() -> None:
            User.objects.filter(pk=self.ana.pk).update(is_active=False)
            log.new_epoch()

        takes: dict[Callable[[], Any], Code] = {
            lambda: Ban.objects.create(room=self.lobby, user=self.ana): Code.FORBIDDEN,
            lambda: Mute.objects.create(room=self.lobby, user=self.ana): Code.FORBIDDEN,
            lambda: ChatRoom.objects.filter(pk=self.lobby.pk).update(read_only=True): Code.FORBIDDEN,
            out_of_private: Code.NOT_FOUND,
            suspended_for_a_while: Code.NOT_AUTHENTICATED,
            disabled: Code.NOT_AUTHENTICATED,
            epoch: Code.NOT_AUTHENTICATED,
        }
        for take, code in takes.items():
            with self.subTest(code=code), undone():
                self.remembered = remembered.Remembered(self.clock.seconds)
                self.assertIsNone(self.code(message(self.ana, "before")))
                self.assertIsNone(self.code(message(self.ana, "still before")))
                take()
                self.assertEqual(self.code(message(self.ana, "after")), code)

    def test_a_role_that_is_lost_is_lost(self) -> None:
        self.lobby.read_only = True
        self.lobby.save()
        own = Membership.objects.create(room=self.lobby, user=self.ana, role=Membership.Role.MODERATOR)
        self.assertIsNone(self.code(message(self.ana, "1")))
        own.role = Membership.Role.MEMBER
        own.save()
        self.assertEqual(self.code(message(self.ana, "2")), Code.FORBIDDEN)

    def test_a_sanction_ends_at_its_end(self) -> None:
        until = timezone.now() + timedelta(hours=1)
        Mute.objects.create(room=self.lobby, user=self.ana, until=until)
        self.assertEqual(self.code(message(self.ana, "1")), Code.FORBIDDEN)
        with mock.patch.object(timezone, "now", return_value=until):
            self.assertIsNone(self.code(message(self.ana, "2")))

    def test_who_may_not_see_a_room_is_read_each_time_as_where_there_is_none(self) -> None:
        room("den", visibility=ChatRoom.Visibility.PRIVATE)
        taken = [
            self.taken(message(self.ana, "x", room=slug)) for slug in ("den", "den", "nowhere", "nowhere")
        ]
        self.assertEqual(len(set(taken)), 1, taken)

    def test_a_name_is_told_as_it_is_now(self) -> None:
        self.append(message(self.ana, "1"))
        self.ana.username = "anna"
        self.ana.save(update_fields=["username"])
        [outcome] = self.append(message(self.ana, "2"))
        assert isinstance(outcome, Stored)
        self.assertEqual(outcome.posted.author, Author(self.ana.pk, "anna"))

    @override_settings(CHAT_DISPLAY_NAME="tests.test_remembered.shown")
    def test_where_a_site_makes_the_names_everybody_is_read(self) -> None:
        taken = [self.taken(message(self.ana, "x")) for _turn in range(2)]
        self.assertEqual(taken, [READ, READ])

    def test_a_draft_beside_it_does_not_tell_a_hidden_room_from_none(self) -> None:
        room("den", visibility=ChatRoom.Visibility.PRIVATE)
        Mute.objects.create(room=self.lobby, user=self.ben)
        for who in (self.ana, self.ben):
            for known in (False, True):
                with self.subTest(who=who, known=known):
                    taken = []
                    for slug in ("den", "nowhere"):
                        self.remembered.forget()
                        if known:
                            self.append(message(who, "x"))
                        taken.append(self.taken(message(who, "1"), message(who, "2", room=slug)))
                    self.assertEqual(len(set(taken)), 1, taken)

    def test_a_refusal_waits_for_no_disk(self) -> None:
        room("den", visibility=ChatRoom.Visibility.PRIVATE)

        def waits(draft: Draft, lock: Lock) -> bool:
            with CaptureQueriesContext(connection) as queries:
                self.append(draft, lock=lock)
            return not any("synchronous_commit" in query["sql"] for query in queries)

        on_postgresql = connection.vendor == "postgresql"
        for slug in ("den", "nowhere"):
            self.assertIsNot(waits(message(self.ana, "x", room=slug), Lock.SKIP), on_postgresql)
        self.assertTrue(waits(message(self.ana, "x"), Lock.SKIP))
        # Somebody else's transaction, which may have stored something before.
        self.assertTrue(waits(message(self.ana, "x", room="den"), Lock.WAIT))

    def test_nobody_is_kept_for_longer_than_it_holds(self) -> None:
        self.append(message(self.ana, "1"))
        self.clock.advance(remembered.KEPT_S)
        self.assertIsNone(self.remembered.recall(self.lobby, self.ana.pk))
        self.clock.advance(-remembered.KEPT_S)
        self.assertIsNone(self.remembered.recall(self.lobby, self.ana.pk))

    def test_without_the_row_about_the_site_nothing_is_remembered(self) -> None:
        self.append(message(self.ana, "1"))
        SiteState.objects.all().delete()
        self.assertGreaterEqual(self.taken(message(self.ana, "2")), READ)
        for _turn in range(2):
            self.remembered.as_of(None)
            self.remembered.remember(self.lobby, self.ana.pk, self.ana, permissions.Standing(known=True))
            self.assertIsNone(self.remembered.recall(self.lobby, self.ana.pk))

    def test_no_more_are_remembered_than_are_to_be(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(remembered, "MOST", 1)
            self.append(message(self.ana, "1"))
            self.append(message(self.ben, "2"))
            taken = [self.taken(message(who, "x")) for who in (self.ben, self.ana)]
        self.assertEqual(taken, [REMEMBERED, READ])


class Gone(TransactionTestCase):
    """An account that is deleted by hand, which tells nobody: its key is checked as the append commits."""

    def test_it_is_refused_and_fails_no_neighbour(self) -> None:
        ana, ben = person("ana"), person("ben")
        known = remembered.Remembered()
        log.append([message(ana, "1", nonce="n"), message(ben, "2")], lock=Lock.SKIP, remembered=known)
        lobby = ChatRoom.objects.get(slug=LOBBY)
        self.assertIsNotNone(known.recall(lobby, ana.pk))
        Message.objects.filter(author=ana)._raw_delete(using="default")
        User.objects.filter(pk=ana.pk)._raw_delete(using="default")
        drafts = [message(ana, "3"), message(ben, "4")]
        with mock.patch.object(log, "_append", wraps=log._append) as transactions:
            of_ana, of_ben = log.append(drafts, lock=Lock.SKIP, remembered=known).outcomes
        assert isinstance(of_ana, Refused)
        self.assertEqual(of_ana.code, Code.NOT_AUTHENTICATED)
        self.assertIsInstance(of_ben, Stored)
        self.assertEqual(transactions.call_count, 2)
        self.assertIsNone(known.recall(lobby, ana.pk))

    def test_of_what_is_tried_one_by_one_nothing_overtakes_what_is_held(self) -> None:
        ana = person("ana")
        room("den")
        drafts = [message(ana, "1"), message(ana, "2", room="den"), message(ana, "3")]
        real = log._append
        answers = iter([IntegrityError, Appended((Busy(),), ())])

        def append(*given: Any) -> Appended:
            answer = next(answers, None)
            if answer is IntegrityError:
                raise IntegrityError
            return answer if isinstance(answer, Appended) else real(*given)

        with mock.patch.object(log, "_append", append):
            first, second, third = log.append(drafts, lock=Lock.SKIP).outcomes
        self.assertEqual((first, third), (Busy(), Busy()))
        self.assertIsInstance(second, Stored)


@pytest.mark.postgresql
class OnItsWay(TransactionTestCase):
    """An account loses its rights after the rooms are locked; on SQLite nobody writes meanwhile."""

    def test_it_is_refused(self) -> None:
        ana, ben = person("ana"), person("ben")
        known = remembered.Remembered()
        log.append([message(ana, "1"), message(ben, "2")], lock=Lock.SKIP, remembered=known)
        real = statements.repeated

        def repeated(*given: Any) -> list[int]:
            if not Suspension.objects.exists():
                OtherThread(lambda: Suspension.objects.create(user=ana)).join()
            return real(*given)

        with mock.patch.object(statements, "repeated", repeated):
            drafts = [message(ana, "3"), message(ben, "4")]
            of_ana, of_ben = log.append(drafts, lock=Lock.SKIP, remembered=known).outcomes
        assert isinstance(of_ana, Refused)
        self.assertEqual(of_ana.code, Code.NOT_AUTHENTICATED)
        self.assertIsInstance(of_ben, Stored)


def shown(user: User) -> str:
    """Return a name, as a site may make one."""
    return user.username.title()
