"""Markers, what is unread after them, and what a reader's list of rooms says of it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import TestCase, TransactionTestCase
from django.utils import timezone

from rooms import acting, history, unread
from rooms.actions import AcceptInvitation, CreateRoom, Invite, Join, MarkRead, MuteForOneself
from rooms.answers import Reading
from rooms.messages import Code, Posted, RoomSummary
from rooms.models import ChatRoom, Membership, Mention, Message, ReadMarker
from tests.support_acting import detail, refusal
from tests.support_rooms import LOBBY, edit, message, person, redaction, room, store
from tests.test_order import OtherThread

pytestmark = pytest.mark.databases


class Markers(TestCase):
    """One reader in the lobby, in which somebody else speaks."""

    def setUp(self) -> None:
        self.ana, self.ben = person("ana"), person("ben")
        self.lobby = ChatRoom.objects.get(slug=LOBBY)

    def say(self, count: int, *, by: object = None, where: str = LOBBY) -> list[Posted]:
        author = self.ben if by is None else self.ana
        return store(*[message(author, f"{n}", room=where) for n in range(count)])

    def mark(self, key: int) -> Reading:
        found = acting.perform(self.ana.pk, MarkRead(LOBBY, key))
        assert isinstance(found, Reading)
        return found

    def shown(self, slug: str = LOBBY) -> RoomSummary:
        found = history.room_for(self.ana.pk, slug)
        assert isinstance(found, RoomSummary)
        return found

    def test_a_marker_goes_forward_and_never_back(self) -> None:
        said = self.say(4)
        self.assertEqual(self.mark(said[2].id), Reading(said[2].id, 1, 0))
        self.assertEqual(self.mark(said[0].id), Reading(said[2].id, 1, 0))
        self.assertEqual(self.mark(said[3].id), Reading(said[3].id, 0, 0))

    def test_nobody_has_read_what_is_not_there_yet(self) -> None:
        [last] = self.say(1)
        self.assertEqual(self.mark(2**63 - 1).read, last.id)
        self.say(1)
        self.assertEqual(self.shown().unread, 1)

    def test_what_is_no_id_is_refused(self) -> None:
        for key in (-1, 2**63):
            self.assertEqual(refusal(self.ana.pk, MarkRead(LOBBY, key)), Code.BAD_REQUEST)
        self.assertTrue(detail(self.ana.pk, MarkRead(LOBBY, -1)).startswith("id: "))

    def test_marking_waits_for_no_room_raises_no_version_and_tells_nobody(self) -> None:
        [first] = self.say(1)
        before = ChatRoom.objects.get(slug=LOBBY)
        self.mark(first.id)
        acting.perform(self.ana.pk, MuteForOneself(LOBBY))
        after = ChatRoom.objects.get(slug=LOBBY)
        self.assertEqual(
            (after.access_version, after.last_message_id), (before.access_version, before.last_message_id)
        )

    def test_unread_are_messages_of_others_alone(self) -> None:
        self.mark(0)
        said = self.say(3)
        self.say(5, by=self.ana)
        store(edit(self.ben, said[0], "better"), redaction(self.ben, said[1]))
        acting.perform(self.ben.pk, Join(LOBBY))
        Message.objects.create(room=self.lobby, body="the server speaks")
        self.assertEqual(self.shown().unread, 4)

    def test_more_than_a_hundred_are_a_hundred(self) -> None:
        self.mark(0)
        self.say(99)
        self.assertEqual(self.shown().unread, 99)
        self.say(20)
        self.assertEqual(self.shown().unread, 100)

    def test_mentions_are_counted_apart_and_also_without_a_marker(self) -> None:
        first, second = self.say(2)
        for one in (first, second):
            Mention.objects.create(message_id=one.id, room=self.lobby, user=self.ana)
        shown = self.shown()
        self.assertEqual((shown.read, shown.unread, shown.mentions), (None, 0, 2))
        self.assertEqual(self.mark(first.id), Reading(first.id, 1, 1))

    def test_more_than_a_hundred_mentions_are_a_hundred(self) -> None:
        said = self.say(105)
        Mention.objects.bulk_create(
            [Mention(message_id=one.id, room=self.lobby, user=self.ana) for one in said]
        )
        self.assertEqual(self.shown().mentions, 100)

    def test_whoever_comes_to_belong_to_a_room_begins_with_nothing_unread(self) -> None:
        before = self.say(3)
        acting.perform(self.ana.pk, Join(LOBBY))
        shown = self.shown()
        self.assertEqual((shown.read, shown.unread, shown.role), (before[-1].id, 0, "member"))
        self.say(2)
        self.assertEqual(self.shown().unread, 2)
        made = acting.perform(self.ben.pk, CreateRoom("Den", private=True)).room
        self.say(3, where=made)
        link = acting.perform(self.ben.pk, Invite(made))
        acting.perform(self.ana.pk, AcceptInvitation(link.token))
        self.say(1, where=made)
        self.assertEqual(self.shown(made).unread, 1)

    def test_joining_keeps_the_marker_that_one_has(self) -> None:
        first, _second = self.say(2)
        self.mark(first.id)
        acting.perform(self.ana.pk, Join(LOBBY))
        self.assertEqual((self.shown().read, self.shown().unread), (first.id, 1))

    def test_a_member_without_a_marker_has_not_read_what_was_said_since(self) -> None:
        """Whoever was made a member in some other way than through the actions."""
        self.say(3)
        Membership.objects.create(room=self.lobby, user=self.ana)
        self.say(2)
        self.assertEqual((self.shown().read, self.shown().unread), (None, 2))

    def test_a_public_room_that_one_never_opened_has_nothing_unread(self) -> None:
        self.say(3)
        self.assertEqual((self.shown().read, self.shown().unread), (None, 0))

    def test_muting_a_room_for_oneself_is_ones_own_and_comes_undone(self) -> None:
        [first, _second] = self.say(2)
        self.mark(first.id)
        self.assertIs(acting.perform(self.ana.pk, MuteForOneself(LOBBY)), True)
        self.assertEqual((self.shown().muted, self.shown().read, self.shown().unread), (True, first.id, 1))
        self.mark(self.say(1)[0].id)
        self.assertTrue(self.shown().muted)
        self.assertIs(acting.perform(self.ana.pk, MuteForOneself(LOBBY, muted=False)), False)
        self.assertFalse(self.shown().muted)

    def test_muting_a_room_that_one_never_opened_leaves_nothing_unread_behind(self) -> None:
        self.say(3)
        acting.perform(self.ana.pk, MuteForOneself(LOBBY))
        self.assertEqual((self.shown().muted, self.shown().unread), (True, 0))

    def test_the_server_reads_nothing(self) -> None:
        for action in (MarkRead(LOBBY, 1), MuteForOneself(LOBBY)):
            self.assertEqual(refusal(None, action, trusted=True), Code.NOT_AUTHENTICATED)


class Bounded(TestCase):
    """What counting costs, whatever the rooms hold."""

    def setUp(self) -> None:
        self.ana, self.ben = person("ana"), person("ben")

    def test_a_program_that_posts_and_never_reads_is_looked_at_for_a_thousand_rows(self) -> None:
        lobby = ChatRoom.objects.get(slug=LOBBY)
        ReadMarker.objects.create(room=lobby, user=self.ana)
        [theirs] = store(message(self.ben, "long ago"))
        rows = [
            Message(room=lobby, author=self.ana, body="x", nonce=f"n{n}") for n in range(unread.LOOKED_AT)
        ]
        Message._base_manager.bulk_create(rows[:-1])
        ChatRoom._base_manager.filter(pk=lobby.pk).update(last_message_id=theirs.id + unread.LOOKED_AT)
        self.assertEqual(unread.shares(self.ana.pk, [lobby.pk])[lobby.pk].unread, 1)
        Message._base_manager.bulk_create(rows[-1:])
        self.assertEqual(unread.shares(self.ana.pk, [lobby.pk])[lobby.pk].unread, 0)

    def test_one_query_for_all_rooms_and_none_for_none(self) -> None:
        keys = [room(f"room-{n}").pk for n in range(30)]
        with self.assertNumQueries(1):
            self.assertEqual(unread.shares(self.ana.pk, keys).keys(), set(keys))
        with self.assertNumQueries(0):
            self.assertEqual(unread.shares(self.ana.pk, []), {})

    def test_its_plan_walks_indexes_and_neither_scans_nor_sorts(self) -> None:
        """Also for a quiet room among busy ones."""
        busy, quiet = [room(f"room-{n}") for n in range(3)], room("quiet")
        self.fill(busy)
        said = store(*[message(self.ben, f"{n}", room="quiet") for n in range(200)])
        named = [self.ana, *(person(f"p{n}") for n in range(9))]
        Mention.objects.bulk_create(
            [Mention(message_id=one.id, room=quiet, user=who) for one in said for who in named]
        )
        plan = self.plan([one.pk for one in (*busy, quiet)])
        self.assertIn("rooms_message_spoken", plan)
        self.assertRegex(plan, "rooms_mention_(once|1)")
        self.assertNotRegex(plan, r"Seq Scan on rooms_me(ssage|ntion)|SCAN [mn]\b|Sort\b|TEMP B-TREE")

    def fill(self, rooms: list[ChatRoom]) -> None:
        with connection.cursor() as cursor:
            for one in rooms:
                cursor.execute(
                    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 7000)"
                    " INSERT INTO rooms_message"
                    " (room_id, kind, author_id, body, nonce, redacted, created_at)"
                    " SELECT %s, 'message', %s, 'x', 'n' || i, %s, %s FROM n",
                    [one.pk, self.ben.pk, False, timezone.now()],
                )

    def plan(self, rooms: list[int]) -> str:
        statement, given = unread.query(self.ana.pk, rooms)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("ANALYZE")
                cursor.execute(f"EXPLAIN {statement}", given)
                return "\n".join(line for (line,) in cursor.fetchall())
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", given)
            return "\n".join(row[3] for row in cursor.fetchall())


class AtOnce(TransactionTestCase):
    """Several of one reader's devices read at the same moment."""

    def test_the_furthest_wins_whichever_comes_last(self) -> None:
        ana, ben = person("ana"), person("ben")
        said = store(*[message(ben, f"{n}") for n in range(8)])
        markers = [
            OtherThread(lambda key=one.id: acting.perform(ana.pk, MarkRead(LOBBY, key)))  # type: ignore[misc]
            for one in reversed(said)
        ]
        for marker in markers:
            marker.join()
        self.assertEqual(ReadMarker.objects.get(user=ana).last_read_id, said[-1].id)
