"""What a redaction leaves in the audit trail, and redactions of many messages at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from rooms import log, signals
from rooms.messages import Code, Refused, RoomBatch, Stored
from rooms.models import AuditEntry, ChatRoom, Membership, Message
from tests.support_rooms import LOBBY, message, person, read_all, redaction, refused, room, store

pytestmark = pytest.mark.databases


class Trail(TestCase):
    """Whoever withholds the text of another is on record, whichever door they came by."""

    def setUp(self) -> None:
        self.ana, self.root = person("ana"), person("root", is_staff=True)
        [self.first] = store(message(self.ana, "hello"))

    def test_a_redaction_by_another_is_noted_with_all_that_was_said_of_it(self) -> None:
        store(redaction(self.root, self.first, "slip"))
        [entry] = AuditEntry.objects.all()
        self.assertEqual(
            (entry.deed, entry.actor, entry.actor_name, entry.person, entry.person_name),
            ("redact", self.root, "root", self.ana, "ana"),
        )
        self.assertEqual(
            (entry.room, entry.message_id, entry.reason),
            (ChatRoom.objects.get(slug=LOBBY), self.first.id, "slip"),
        )

    def test_ones_own_is_not(self) -> None:
        store(redaction(self.ana, self.first))
        self.assertFalse(AuditEntry.objects.exists())

    def test_what_was_redacted_before_and_what_is_refused_is_not(self) -> None:
        refused(log.append([redaction(person("ben"), self.first)]))
        store(redaction(self.ana, self.first))
        store(redaction(self.root, self.first))
        self.assertFalse(AuditEntry.objects.exists())

    def test_one_of_the_server_and_one_of_an_account_that_is_gone_are(self) -> None:
        [second] = store(message(self.ana, "second"))
        log.redact(Message.objects.get(pk=self.first.id), None, trusted=True)
        self.ana.delete()
        store(redaction(self.root, second))
        self.assertEqual(
            list(AuditEntry.objects.order_by("id").values_list("actor_name", "person_name")),
            [("", "ana"), ("root", "")],
        )

    def test_it_is_written_by_the_same_commit(self) -> None:
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            store(redaction(self.root, self.first))
            raise ZeroDivisionError
        self.assertFalse(AuditEntry.objects.exists())


class Many(TestCase):
    """Many messages are redacted in one transaction a room."""

    def setUp(self) -> None:
        self.ana, self.root = person("ana"), person("root", is_staff=True)
        room("den")

    def said(self, count: int, slug: str = LOBBY) -> list[Message]:
        posted = store(*(message(self.ana, f"{n}", room=slug) for n in range(count)))
        return list(Message.objects.filter(pk__in=[one.id for one in posted]).order_by("id"))

    def test_every_one_has_an_outcome_of_its_own(self) -> None:
        one, two, three = self.said(3)
        store(redaction(self.ana, read_all()[1]))
        ben = person("ben")
        Membership.objects.create(
            room=ChatRoom.objects.get(slug="den"), user=ben, role=Membership.Role.MODERATOR
        )
        [there] = self.said(1, "den")
        outcomes = log.redact_many([one, there], ben, "spam")
        refusal, done = outcomes[one.pk], outcomes[there.pk]
        assert isinstance(refusal, Refused)
        assert isinstance(done, Stored)
        self.assertEqual((refusal.code, done.posted.body), (Code.FORBIDDEN, "spam"))
        again = log.redact_many([one, two, three], self.root, "spam")
        self.assertEqual([getattr(o, "fresh", None) for o in again.values()], [True, False, True])
        self.assertEqual([row.redacted for row in read_all()[:3]], [True] * 3)
        self.assertEqual(AuditEntry.objects.count(), 3)

    def test_more_than_an_append_takes_go_in_one_commit_and_in_order(self) -> None:
        rows = self.said(log.REDACTED_AT_ONCE + 50)
        heard: list[tuple[RoomBatch, ...]] = []

        def hear(batches: tuple[RoomBatch, ...], **_rest: Any) -> None:
            heard.append(batches)

        signals.committed.connect(hear)
        self.addCleanup(signals.committed.disconnect, hear)
        with self.captureOnCommitCallbacks(execute=True):
            outcomes = log.redact_many(rows, self.root)
        self.assertEqual(list(outcomes), [row.pk for row in rows])
        self.assertEqual([len(batches[0].messages) for batches in heard], [log.REDACTED_AT_ONCE, 50])
        self.assertEqual(heard[1][0].prev, heard[0][0].last_id)
        self.assertFalse(Message.objects.filter(kind="message", redacted=False).exists())

    def test_their_rooms_are_not_asked_for_one_by_one(self) -> None:
        rows = self.said(10)
        with CaptureQueriesContext(connection) as queries:
            log.redact_many(rows, self.root)
        self.assertLess(len(queries), 20)

    def test_what_fails_in_a_room_leaves_nothing_of_that_room(self) -> None:
        rows = self.said(log.REDACTED_AT_ONCE + 1)
        calls = []
        real = log.append

        def fail_second(*args: Any, **more: Any) -> Any:
            calls.append(args)
            if len(calls) > 1:
                raise IntegrityError("planted")
            return real(*args, **more)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(log, "append", fail_second)
            with self.assertRaises(IntegrityError):
                log.redact_many(rows, self.root)
        self.assertFalse(Message.objects.filter(redacted=True).exists())
