"""Reads of the log: spans by keyset, what a reader gets, and that messages are read before rights."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from rooms import history
from rooms.messages import After, Before, Code, Newest, Page, Posted, Refused
from rooms.models import Ban, ChatRoom, Membership, Message
from tests.support_rooms import LOBBY, message, person, room, store

pytestmark = pytest.mark.databases


class Spans(TestCase):
    """After, before and newest, in a room whose ids have gaps from another room."""

    def setUp(self) -> None:
        self.ana = person("ana")
        room("den")
        drafts = [message(self.ana, f"{i}", room="den" if i % 3 == 0 else LOBBY) for i in range(30)]
        self.ids = [posted.id for posted in store(*drafts) if posted.room == LOBBY]

    def read(self, span: After | Before | Newest) -> Page:
        page = history.read(self.ana.pk, LOBBY, span)
        assert isinstance(page, Page)
        return page

    def ids_of(self, page: Page) -> list[int]:
        return [one.id for one in page.messages]

    def test_after_is_ascending_and_tells_whether_there_is_more(self) -> None:
        page = self.read(After(self.ids[4], 5))
        self.assertEqual((self.ids_of(page), page.more, page.start), (self.ids[5:10], True, self.ids[4]))
        page = self.read(After(self.ids[4], 15))
        self.assertEqual((self.ids_of(page), page.more), (self.ids[5:], False))

    def test_after_the_head_is_nothing(self) -> None:
        page = self.read(After(self.ids[-1], 5))
        self.assertEqual((page.messages, page.more, page.head), ((), False, self.ids[-1]))

    def test_before_is_ascending_too_and_excludes_its_cursor(self) -> None:
        page = self.read(Before(self.ids[7], 5))
        self.assertEqual((self.ids_of(page), page.more, page.start), (self.ids[2:7], True, self.ids[1]))
        page = self.read(Before(self.ids[2], 5))
        self.assertEqual((self.ids_of(page), page.more, page.start), (self.ids[:2], False, 0))

    def test_newest_starts_at_the_id_just_before_its_first(self) -> None:
        page = self.read(Newest(4))
        self.assertEqual((self.ids_of(page), page.start), (self.ids[-4:], self.ids[-5]))
        page = self.read(Newest(len(self.ids)))
        self.assertEqual((self.ids_of(page), page.start, page.more), (self.ids, 0, False))
        page = self.read(Newest(0))
        self.assertEqual((page.messages, page.head), ((), self.ids[-1]))

    def test_a_log_that_is_not_there_is_empty_for_the_servers_own_reads(self) -> None:
        self.assertEqual(history.after("nowhere", 0, 5).head, 0)

    def test_no_read_counts_or_skips_rows(self) -> None:
        with CaptureQueriesContext(connection) as queries:
            for span in (After(0, 5), Before(99, 5), Newest(5)):
                self.read(span)
        for query in queries:
            self.assertNotRegex(query["sql"], r"OFFSET|COUNT\(")

    def test_the_heads_of_rooms_are_one_query(self) -> None:
        with self.assertNumQueries(1):
            heads = history.heads({LOBBY, "den", "nowhere"})
        self.assertEqual(heads.rooms.keys(), {LOBBY, "den"})
        self.assertEqual(heads.rooms[LOBBY].last_id, self.ids[-1])


class Readers(TestCase):
    """Who gets what, and that a private room is not there for others."""

    def setUp(self) -> None:
        self.ana = person("ana")
        self.den = room("den", visibility=ChatRoom.Visibility.PRIVATE)
        store(message(self.ana, "hi", room="den", trusted=True))

    def test_a_private_room_and_none_are_the_same_answer_for_the_same_number_of_queries(self) -> None:
        with CaptureQueriesContext(connection) as hidden:
            first = history.read(self.ana.pk, "den", Newest(5))
        with CaptureQueriesContext(connection) as absent:
            second = history.read(self.ana.pk, "nowhere", Newest(5))
        self.assertEqual(first, history.NO_ROOM)
        self.assertEqual(second, history.NO_ROOM)
        self.assertEqual(len(hidden), len(absent))

    def test_many_who_want_the_end_of_many_rooms_are_answered_in_four_queries(self) -> None:
        bob = person("bob")
        Membership.objects.create(room=self.den, user=bob)
        store(message(self.ana, "hello"))
        wanted = [(who, slug) for who in (self.ana.pk, bob.pk, None) for slug in (LOBBY, "den", "nowhere")]
        with self.assertNumQueries(4):
            ends = history.ends_for(wanted)
        found = {pair: end.code if isinstance(end, Refused) else end.head for pair, end in ends.items()}
        lobby, den = ChatRoom.objects.get(slug=LOBBY), ChatRoom.objects.get(slug="den")
        self.assertEqual(
            found,
            {
                (self.ana.pk, LOBBY): lobby.last_message_id,
                (self.ana.pk, "den"): Code.NOT_FOUND,
                (bob.pk, LOBBY): lobby.last_message_id,
                (bob.pk, "den"): den.last_message_id,
                (None, LOBBY): Code.NOT_AUTHENTICATED,
                (None, "den"): Code.NOT_FOUND,
                **{(who, "nowhere"): Code.NOT_FOUND for who in (self.ana.pk, bob.pk, None)},
            },
        )
        self.assertEqual(ends, {pair: history.read(*pair, Newest(0)) for pair in wanted})

    def test_guests_read_only_what_is_open_to_them(self) -> None:
        def code() -> Code | None:
            answer = history.read(None, LOBBY, Newest(5))
            return answer.code if isinstance(answer, Refused) else None

        self.assertEqual(code(), Code.NOT_AUTHENTICATED)
        ChatRoom.objects.filter(slug=LOBBY).update(open_to_guests=True)
        self.assertIsNone(code())

    def test_messages_are_read_before_the_rights_so_a_ban_is_never_overtaken(self) -> None:
        """Once the first row has been read, ana is banned: she gets no page."""
        Membership.objects.create(room=self.den, user=self.ana)
        real = history.posted
        banned: list[Ban] = []

        def banned_meanwhile(row: Message, slug: str) -> Posted:
            if not banned:
                banned.append(Ban.objects.create(room=self.den, user=self.ana))
            return real(row, slug)

        with patch.object(history, "posted", banned_meanwhile):
            answer = history.read(self.ana.pk, "den", After(0, 50))
        self.assertTrue(banned)
        self.assertEqual(answer, history.NO_ROOM)

    def test_the_list_of_rooms_holds_those_that_one_may_see(self) -> None:
        self.assertEqual([one.room for one in history.rooms_for(self.ana.pk)[1]], [LOBBY])
        Membership.objects.create(room=self.den, user=self.ana, role=Membership.Role.OWNER)
        _epoch, rooms = history.rooms_for(self.ana.pk)
        self.assertEqual({one.room: one.access.moderate for one in rooms}, {LOBBY: False, "den": True})
        self.assertEqual(history.rooms_for(None)[1], [])

    def test_heads_are_told_of_those_that_one_may_see_in_four_queries(self) -> None:
        self.assertEqual(list(history.heads_for(self.ana.pk, ["den", LOBBY, "none"]).rooms), [LOBBY])
        Membership.objects.create(room=self.den, user=self.ana)
        for asked in (["den", LOBBY, "none"], ["none"]):
            with self.assertNumQueries(4):
                heads = history.heads_for(self.ana.pk, asked)
            self.assertEqual(set(heads.rooms), {"den", LOBBY} & {*asked})
        self.assertEqual(history.heads_for(None, ["den", LOBBY]).rooms, {})

    def test_the_list_of_rooms_takes_the_same_number_of_queries_however_many_there_are(self) -> None:
        with CaptureQueriesContext(connection) as few:
            history.rooms_for(self.ana.pk)
        for i in range(10):
            room(f"room-{i}")
        with self.assertNumQueries(len(few)):
            history.rooms_for(self.ana.pk)
