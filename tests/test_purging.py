"""All of one author redacted, in pieces that may be cut off; withheld text removed for good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rooms import history, log, purging, retention
from rooms.acting import perform
from rooms.actions import Action, Deed, Purge, RedactAllOf
from rooms.messages import Code, Kind, Posted
from rooms.models import Attachment, AuditEntry, ChatRoom, LooseFile, Membership, Message, WithheldText
from tests.support_rooms import LOBBY, edit, message, person, redaction, room, store
from tests.test_order import OtherThread, await_a_waiter

pytestmark = pytest.mark.databases


def refusal(by: User | None, action: Action) -> tuple[Code, str]:
    """Return how an action is refused; one that is done fails the test."""
    with pytest.raises(log.Refusal) as caught:
        perform(by.pk if by is not None else None, action)
    return caught.value.code, caught.value.detail


def say(author: User | None, *texts: str, slug: str = LOBBY) -> list[Posted]:
    return store(*(message(author, text, room=slug, trusted=True) for text in texts))


def texts(slug: str = LOBBY) -> list[str | None]:
    """Return the texts of a room's messages, None where withheld."""
    return [one.body for one in history.after(slug, 0, 999).messages if one.kind is Kind.MESSAGE]


def aged(posted: Posted, **ago: Any) -> datetime:
    """Make a row older than it is, which nothing but a test does."""
    moment = timezone.now() - timedelta(**ago)
    Message._base_manager.filter(pk=posted.id).update(created_at=moment)
    return moment


def purged(pieces: Iterator[purging.Piece]) -> int:
    return sum(one.texts for one in pieces)


def moderator(name: str = "mona") -> User:
    user = person(name)
    Membership.objects.create(room=ChatRoom.objects.get(slug=LOBBY), user=user, role="moderator")
    return user


class RedactingAll(TestCase):
    def setUp(self) -> None:
        self.ana, self.ben, self.mod = person("ana"), person("ben"), moderator()
        room("den")

    def test_all_that_one_said_in_the_room_goes_and_nothing_else(self) -> None:
        say(self.ana, "one", "two")
        say(self.ben, "three")
        say(None, "four")
        say(self.ana, "elsewhere", slug="den")
        [gone] = say(self.ana, "five")
        store(redaction(self.ana, gone))
        self.assertEqual(perform(self.mod.pk, RedactAllOf(LOBBY, self.ana.pk, reason="spam")), 2)
        self.assertEqual(texts(), [None, None, "three", "four", None])
        self.assertEqual(texts("den"), ["elsewhere"])
        rows = [one for one in history.after(LOBBY, 0, 99).messages if one.kind is Kind.REDACTION][1:]
        self.assertEqual([(one.body, one.author and one.author.name) for one in rows], [("spam", "mona")] * 2)

    def test_since_a_moment(self) -> None:
        old, edge, new = say(self.ana, "old", "edge", "new")
        aged(old, hours=2)
        since = aged(edge, hours=1)
        self.assertEqual(perform(self.mod.pk, RedactAllOf(LOBBY, self.ana.pk, since)), 2)
        self.assertEqual(texts(), ["old", None, None])
        entry = AuditEntry.objects.order_by("id")[0]
        self.assertEqual((entry.deed, entry.details), (Deed.REDACT_ALL_OF, {"since": since.isoformat()}))
        self.assertTrue(Message.objects.get(pk=new.id).redacted)

    def test_the_newest_go_first_in_pieces(self) -> None:
        said = say(self.ana, *map(str, range(7)))
        with mock.patch.object(purging, "REDACTED_AT_ONCE", 3):
            self.assertEqual(perform(self.mod.pk, RedactAllOf(LOBBY, self.ana.pk)), 7)
        rows = Message.objects.filter(kind="redaction").order_by("id").values_list("target", flat=True)
        self.assertEqual(list(rows), [one.id for one in reversed(said)])

    def test_where_there_is_nothing_nothing_is_redacted_and_the_deed_is_noted(self) -> None:
        self.assertEqual(perform(self.mod.pk, RedactAllOf(LOBBY, self.ana.pk)), 0)
        self.assertEqual(AuditEntry.objects.get().deed, Deed.REDACT_ALL_OF)

    def test_refused_are_members_strangers_bad_fields_and_nobody(self) -> None:
        say(self.ana, "one")
        self.assertEqual(refusal(self.ben, RedactAllOf(LOBBY, self.ana.pk))[0], Code.FORBIDDEN)
        self.assertEqual(refusal(None, RedactAllOf(LOBBY, self.ana.pk))[0], Code.NOT_AUTHENTICATED)
        self.assertEqual(refusal(self.mod, RedactAllOf(LOBBY, "nobody"))[0], Code.NOT_FOUND)
        bad: list[tuple[dict[str, Any], str]] = [
            ({"reason": "x" * 251}, "reason: "),
            ({"since": datetime(2026, 1, 1)}, "since: "),  # noqa: DTZ001 (a naive one is what is refused)
        ]
        for fields, named in bad:
            code, detail = refusal(self.mod, RedactAllOf(LOBBY, self.ana.pk, **fields))
            self.assertEqual((code, detail[: len(named)]), (Code.BAD_REQUEST, named))
        self.assertEqual(texts(), ["one"])

    def test_trusted_code_redacts_as_the_server(self) -> None:
        say(self.ana, "one")
        self.assertEqual(perform(None, RedactAllOf(LOBBY, self.ana.pk), trusted=True), 1)


class CutOff(TransactionTestCase):
    """What was redacted before the process died, or its rights were taken, stays; asking again goes on."""

    def setUp(self) -> None:
        self.ana, self.mod = person("ana"), moderator()
        self.said = say(self.ana, *map(str, range(6)))
        self.action = RedactAllOf(LOBBY, self.ana.pk)

    def test_in_the_middle(self) -> None:
        real, calls = log.append, []

        def dies(drafts: Any) -> Any:
            calls.append(len(drafts))
            if len(calls) == 2:
                raise ConnectionError
            return real(drafts)

        with (
            mock.patch.object(purging, "REDACTED_AT_ONCE", 2),
            mock.patch.object(log, "append", dies),
            self.assertRaises(ConnectionError),
        ):
            perform(self.mod.pk, self.action)
        self.assertEqual(texts(), ["0", "1", "2", "3", None, None])
        self.assertEqual(AuditEntry.objects.filter(deed=Deed.REDACT_ALL_OF).count(), 1)
        self.assertEqual(perform(self.mod.pk, self.action), 4)
        self.assertEqual(texts(), [None] * 6)

    def test_each_piece_is_a_transaction_of_its_own(self) -> None:
        with mock.patch.object(purging, "REDACTED_AT_ONCE", 2), CaptureQueriesContext(connection) as seen:
            perform(self.mod.pk, self.action)
        begun = [query["sql"] for query in seen if query["sql"].startswith("BEGIN")]
        self.assertEqual(len(begun), 4)

    def test_who_is_no_moderator_any_more_does_not_go_on(self) -> None:
        real = log.append

        def and_demoted(drafts: Any) -> Any:
            appended = real(drafts)
            Membership.objects.all().delete()
            return appended

        with (
            mock.patch.object(purging, "REDACTED_AT_ONCE", 2),
            mock.patch.object(log, "append", and_demoted),
        ):
            self.assertEqual(refusal(self.mod, self.action)[0], Code.FORBIDDEN)
        self.assertEqual(texts(), ["0", "1", "2", "3", None, None])


class Purging(TestCase):
    def setUp(self) -> None:
        self.ana, self.staff = person("ana"), person("sam", is_staff=True)
        self.said, self.other = say(self.ana, "first", "other")

    def withheld(self) -> set[str]:
        return set(WithheldText.objects.values_list("body", flat=True))

    def test_what_is_withheld_of_a_message_and_its_edits_is_removed(self) -> None:
        store(edit(self.ana, self.said, "second"), edit(self.ana, self.said, "third"))
        store(redaction(self.staff, self.said), redaction(self.staff, self.other))
        self.assertEqual(self.withheld(), {"first", "second", "third", "other"})
        self.assertEqual(perform(self.staff.pk, Purge(LOBBY, self.said.id)), 4)
        self.assertEqual(self.withheld(), {"other"})
        entry = AuditEntry.objects.get(deed=Deed.PURGE)
        self.assertEqual(
            (entry.actor, entry.person, entry.message_id, entry.details),
            (self.staff, self.ana, self.said.id, {"texts": 4}),
        )

    def test_where_nothing_is_withheld_it_is_refused(self) -> None:
        told = (Code.NOT_FOUND, purging.NOTHING.detail)
        self.assertEqual(refusal(self.staff, Purge(LOBBY, self.said.id)), told)
        store(redaction(self.staff, self.said))
        perform(self.staff.pk, Purge(LOBBY, self.said.id))
        self.assertEqual(refusal(self.staff, Purge(LOBBY, self.said.id)), told)
        self.assertEqual(refusal(self.staff, Purge(LOBBY, self.said.id + 99)), _tuple(history.NO_MESSAGE))

    def test_only_staff_purges(self) -> None:
        store(redaction(self.staff, self.said))
        for user, code in ((moderator(), Code.FORBIDDEN), (None, Code.NOT_AUTHENTICATED)):
            self.assertEqual(refusal(user, Purge(LOBBY, self.said.id))[0], code)
        self.assertEqual(self.withheld(), {"first"})

    def test_by_age_what_was_withheld_long_ago_goes(self) -> None:
        [early] = store(redaction(self.staff, self.said))
        store(redaction(self.staff, self.other))
        aged(early, days=30, minutes=1)
        aged(self.other, days=90)
        self.assertEqual(purged(purging.purge_older_than(30)), 1)
        self.assertEqual(self.withheld(), {"other"})
        entry = AuditEntry.objects.get(deed=Deed.PURGE)
        self.assertEqual((entry.actor, entry.details), (None, {"older_than_days": 30, "texts": 1}))
        self.assertEqual(purged(purging.purge_older_than(30)), 0)
        self.assertEqual(AuditEntry.objects.filter(deed=Deed.PURGE).count(), 1)

    def test_by_author_in_pieces(self) -> None:
        ben = person("ben")
        [his] = say(ben, "his")
        more = say(self.ana, *map(str, range(5)))
        store(*(redaction(self.staff, one) for one in (his, self.said, *more)))
        with mock.patch.object(purging, "PURGED_AT_ONCE", 2):
            self.assertEqual([one.texts for one in purging.purge_of(self.ana)], [2, 2, 2])
        self.assertEqual(self.withheld(), {"his"})
        entries = AuditEntry.objects.filter(deed=Deed.PURGE)
        self.assertEqual({(one.person, one.details["texts"]) for one in entries}, {(self.ana, 2)})


@pytest.mark.postgresql
class BesideAnother(TransactionTestCase):
    """Files are removed once, however many come for them; on SQLite nobody writes meanwhile."""

    def test_whoever_comes_second_waits_and_finds_them_gone(self) -> None:
        staff = person("sam", is_staff=True)
        ChatRoom.objects.filter(slug=LOBBY).update(keep_days=1)
        for second in (
            lambda _said: list(retention.prune(LOBBY)),
            lambda _said: list(purging.purge_older_than(0)),
            lambda said: refusal(staff, Purge(LOBBY, said.id)),
        ):
            said = self.withheld(staff)
            aged(said, days=2)
            with transaction.atomic():
                [piece] = purging.purge_older_than(0)
                other = OtherThread(partial(second, said))
                await_a_waiter()
            other.join()
            self.assertEqual((piece.texts, piece.files), (1, 1))
            self.assertEqual((Attachment.objects.count(), LooseFile.objects.count()), (0, 0))

    def withheld(self, author: User) -> Posted:
        lobby = ChatRoom.objects.get(slug=LOBBY)
        file = Attachment.objects.create(room=lobby, uploader=author, size=1, path="aa/aa")
        said = log.post(lobby, author, "look", files=[file.key])
        store(redaction(author, said))
        return said


def _tuple(refused: Any) -> tuple[Code, str]:
    return refused.code, refused.detail
