"""Notices: what the server tells of a room and its people, as rows of its log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import TestCase
from django.utils import timezone

from rooms import log, notices
from rooms.messages import Author, Code, Draft, Event, Kind, Notice, Stored
from rooms.models import ChatRoom, Message
from tests.support_rooms import LOBBY, edit, message, notice, person, reaction, read_all, refused, store

pytestmark = pytest.mark.databases

UNTIL = datetime(2026, 11, 21, 13, 5, 0, 123456, tzinfo=UTC)


class Notices(TestCase):
    """A notice says by whom, about whom, what is the case now, till when; and in English."""

    def setUp(self) -> None:
        self.ana, self.ben = person("ana"), person("ben")

    def test_it_reads_as_it_was_told(self) -> None:
        told = Notice(Event.MUTED, Author(self.ben.pk, "ben"), None, UNTIL)
        [posted] = store(notice(told, self.ana))
        self.assertEqual(read_all(), (posted,))
        self.assertEqual((posted.kind, posted.notice), (Kind.NOTICE, told))
        self.assertEqual(posted.author, Author(self.ana.pk, "ana"))
        self.assertEqual(posted.body, "ben was muted until 2026-11-21 13:05 UTC.")

    def test_values_keep_their_types(self) -> None:
        told = [
            Notice(Event.GUESTS, value=True),
            Notice(Event.READ_ONLY, value=False),
            Notice(Event.SLOW_MODE, value=0),
            Notice(Event.TOPIC, value=""),
            Notice(Event.ROLE, Author("3f2c", "cleo"), "moderator"),
        ]
        store(*(notice(one) for one in told))
        self.assertEqual([repr(one.notice) for one in read_all()], [repr(one) for one in told])

    def test_without_an_author_the_server_did_it(self) -> None:
        [posted] = store(notice(Notice(Event.ARCHIVED)))
        self.assertIsNone(posted.author)

    def test_only_the_server_gives_notice(self) -> None:
        told = Notice(Event.JOINED, Author(self.ben.pk, "ben"))
        for draft in (
            Draft(LOBBY, Kind.NOTICE, self.ben.pk, "n", notice=told),
            Draft(LOBBY, Kind.NOTICE, self.ben.pk, "n", "ben joined"),
            Draft(LOBBY, Kind.NOTICE, self.ben.pk, "n", "ben joined", trusted=True),
            Draft(LOBBY, Kind.MESSAGE, self.ben.pk, "n", "hi", trusted=True, notice=told),
            Draft(LOBBY, Kind.NOTICE, None, "n", target=1, trusted=True, notice=told),
        ):
            with self.subTest(draft=draft):
                self.assertEqual(refused(log.append([draft])).code, Code.BAD_REQUEST)
        with self.assertRaisesRegex(TypeError, r"log\.notice"):
            Message.objects.create(room=ChatRoom.objects.get(slug=LOBBY), kind="notice", body="x")

    def test_an_archived_room_gets_it_too(self) -> None:
        lobby = ChatRoom.objects.get(slug=LOBBY)
        lobby.archived_at = timezone.now()
        lobby.save()
        self.assertEqual(log.notice(lobby, self.ana, Notice(Event.ARCHIVED)).body, "The room was archived.")

    def test_it_is_stored_once(self) -> None:
        told = Notice(Event.RENAMED, value="Den")
        first, again = log.append([notice(told, nonce="n"), notice(told, nonce="n")]).outcomes
        assert isinstance(first, Stored)
        self.assertEqual(again, Stored(first.posted, fresh=False))
        other = notice(Notice(Event.RENAMED, value="Hut"), nonce="n")
        self.assertEqual(refused(log.append([other])).code, Code.NONCE_CONFLICT)

    def test_nothing_is_about_a_notice(self) -> None:
        [posted] = store(notice(Notice(Event.CREATED), self.ana))
        for draft in (
            edit(self.ana, posted, "x"),
            reaction(self.ana, posted, "x"),
            message(self.ana, "x", reply_to=posted.id),
        ):
            self.assertEqual(refused(log.append([draft])).code, Code.NOT_FOUND)

    def test_a_long_topic_is_told_whole_however_short_messages_must_be(self) -> None:
        with self.settings(CHAT_MAX_BODY=10):
            [posted] = store(notice(Notice(Event.TOPIC, value="x" * 250)))
        self.assertIn("x" * 250, posted.body or "")

    def test_a_name_with_a_nul_is_refused_on_every_database(self) -> None:
        told = notice(Notice(Event.RENAMED, value="a\x00b"))
        self.assertEqual(refused(log.append([told])).code, Code.BAD_REQUEST)


@pytest.mark.parametrize("event", Event)
def test_every_event_has_a_sentence_with_and_without_what_it_tells(event: Event) -> None:
    for told in (
        Notice(event),
        Notice(event, Author(1, "ben"), 30, UNTIL + timedelta(days=1)),
        Notice(event, Author(1, "ben"), "moderator"),
    ):
        text = notices.sentence(told)
        assert text
        assert text == text.strip()
        assert notices.told(notices.kept(told)) == told
