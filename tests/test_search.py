"""The search by text: what is found, by whom, in which order, and by which plan."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar
from unittest import mock

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from rooms import log, search, search_postgresql
from rooms.messages import Code, Refused
from rooms.models import Ban, ChatRoom, Membership, Message
from rooms.search import Found
from rooms.search_words import Mark, days, phrases
from tests import support_rooms as some

pytestmark = pytest.mark.databases


class Searches(TestCase):
    """A lobby, and Ana who writes."""

    ana: ClassVar[User]
    lobby: ClassVar[ChatRoom]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.ana = some.person("ana")
        cls.lobby = ChatRoom.objects.get(slug=some.LOBBY)

    def said(self, *bodies: str, room: str = some.LOBBY, author: User | None = None) -> list[int]:
        drafts = [some.message(author or self.ana, body, room=room, trusted=True) for body in bodies]
        return [posted.id for posted in some.store(*drafts)]

    def found(self, text: str, reader: User | None = None, **options: Any) -> list[int]:
        """Return what is found, of what is indexed and of what is not; it is the same after that is."""
        found = [self._found(text, reader or self.ana, options)]
        if connection.vendor == "postgresql":
            search_postgresql.index_some()
            found.append(self._found(text, reader or self.ana, options))
        assert found[0] == found[-1]
        return found[0]

    def _found(self, text: str, reader: User, options: dict[str, Any]) -> list[int]:
        answer = search.find(reader.pk, text, **options)
        assert isinstance(answer, Found), answer
        return [posted.id for posted in answer.messages]

    def refused(self, text: str, reader: User | None = None, **options: Any) -> Refused:
        answer = search.find(reader.pk if reader else None, text, **options)
        assert isinstance(answer, Refused), answer
        return answer


class WhatIsFound(Searches):
    """Texts and what is asked of them."""

    def test_all_the_words_in_any_order_the_newest_first(self) -> None:
        one, _two, three = self.said("red apples and pears", "red plums", "pears are RED")
        self.assertEqual(self.found("red pears"), [three, one])

    def test_a_word_is_whole(self) -> None:
        [one] = self.said("an apple")
        self.assertEqual(self.found("apple"), [one])
        self.assertEqual(self.found("app"), [])
        self.assertEqual(self.found("apples"), [])

    def test_case_is_folded_in_every_script_and_nothing_else_is(self) -> None:
        for body, asked in (
            ("ÄPFEL", "äpfel"),
            ("Straße", "STRAßE"),
            ("ПРИВЕТ", "привет"),
            ("Δέλτα", "ΔΈΛΤΑ"),
        ):
            with self.subTest(body):
                [one] = self.said(body)
                self.assertEqual(self.found(asked), [one])
        self.assertEqual(self.found("apfel"), [])

    def test_what_is_no_letter_or_digit_parts_words(self) -> None:
        ids = self.said(
            "see https://example.com/some_path",
            "mail ana@example.com",
            "well-known: it's 3.14",
            "hello👍world",
        )
        address, mail, known, thumb = ids
        self.assertEqual(self.found("example"), [mail, address])
        self.assertEqual(self.found("path"), [address])
        self.assertEqual(self.found("known"), [known])
        self.assertEqual(self.found("3.14"), [known])
        self.assertEqual(self.found("it's"), [known])
        self.assertEqual(self.found("world"), [thumb])

    def test_quoted_words_come_one_after_the_other(self) -> None:
        one, two = self.said("the red house", "the house is red")
        self.assertEqual(self.found("red house"), [two, one])
        self.assertEqual(self.found('"red house"'), [one])
        self.assertEqual(self.found('the "red house'), [one])
        self.assertEqual(self.found('"house red"'), [])

    def test_a_phrase_is_found_among_more_than_are_looked_at_at_once(self) -> None:
        one, *_others = self.said("red house", *["house red"] * 300)
        two = self.said("house of red house")[0]
        self.assertEqual(self.found('"red house"'), [two, one])
        self.assertEqual(search.ids('"red house"', ascending=True, limit=5), [one, two])

    def test_a_phrase_of_frequent_words_is_looked_for_in_so_many_messages(self) -> None:
        one, *_others = self.said("red house", *["house red"] * 10)
        with mock.patch("rooms.search_postgresql.EXAMINED", 10):
            found = self.found('"red house"')
        self.assertEqual(found, [] if connection.vendor == "postgresql" else [one])

    def test_operators_are_words_or_nothing(self) -> None:
        one, two = self.said("salt and pepper", "salt or NOT near pepper")
        self.assertEqual(self.found("salt & pepper | !x:*"), [])
        self.assertEqual(self.found("salt & pepper | !"), [two, one])
        self.assertEqual(self.found("salt AND pepper"), [one])
        self.assertEqual(self.found("salt NOT"), [two])
        self.assertEqual(self.found("body:salt"), [])
        self.assertEqual(self.found("sal*"), [])
        for text in (
            "NEAR(salt pepper)",
            "'",
            "salt'",
            "salt\\",
            "^salt",
            "{marks}:r1",
            "-salt",
            "a:*&|!()<->",
        ):
            with self.subTest(text):
                search.find(self.ana.pk, text)

    def test_marks_are_no_words(self) -> None:
        self.said("apple")
        for mark in (f"r{self.lobby.pk}", f"r:{self.lobby.pk}", "18:0", "10:0", f"a{self.ana.pk}"):
            self.assertEqual(self.found(mark), [], mark)

    def test_a_text_in_a_script_without_spaces_is_one_word(self) -> None:
        [one] = self.said("東京都、日本")
        self.assertEqual(self.found("東京都"), [one])
        self.assertEqual(self.found("東京"), [])

    def test_what_nothing_can_be_searched_by_is_refused(self) -> None:
        for text in ("", "  ", "?!… 👍", '""', "a\x00b", "a\ud800", "a" * 201):
            with self.subTest(text):
                answer = self.refused(text, self.ana)
                self.assertIs(answer.code, Code.BAD_REQUEST)
                self.assertTrue(answer.detail.startswith("q: "))
                self.assertEqual(search.ids(text, limit=5), [])
        self.assertEqual(self.found("a" * 200), [])

    def test_a_very_long_word_is_stored_and_harms_nothing(self) -> None:
        [one] = self.said("ä" * 3000 + " apple")
        self.assertEqual(self.found("apple"), [one])

    def test_only_messages_are_found_by_their_newest_text(self) -> None:
        [one] = self.said("first")
        log.edit(Message.objects.get(pk=one), self.ana, "second")
        self.assertEqual(self.found("first"), [])
        self.assertEqual(self.found("second"), [one])

    def test_withheld_text_is_never_found(self) -> None:
        [one] = self.said("shameful")
        log.edit(Message.objects.get(pk=one), self.ana, "disgraceful")
        log.redact(Message.objects.get(pk=one), self.ana, "regrettable")
        for word in ("shameful", "disgraceful", "regrettable"):
            self.assertEqual(self.found(word), [], word)
            self.assertEqual(search.ids(word, limit=5), [], word)

    def test_what_is_removed_is_not_found_and_its_neighbours_are(self) -> None:
        one, two = self.said("apple", "apple")
        Message._base_manager.filter(pk=one).delete()
        self.assertEqual(self.found("apple"), [two])
        self.assertEqual(search.ids("apple", limit=5), [two])

    def test_who_wrote_it_goes_with_the_account(self) -> None:
        bob = some.person("bob")
        [one] = self.said("apple", author=bob)
        key = bob.pk
        self.assertEqual(self.found("apple", author=key), [one])
        bob.delete()
        self.assertEqual(self.found("apple", author=key), [])
        self.assertEqual(self.found("apple"), [one])

    def test_pages_meet(self) -> None:
        ids = self.said(*["apple"] * 7)[::-1]
        seen: list[int] = []
        before = None
        for more in (True, True, False):
            answer = search.find(self.ana.pk, "apple", before=before, limit=3)
            assert isinstance(answer, Found)
            self.assertIs(answer.more, more)
            seen += [posted.id for posted in answer.messages]
            before = seen[-1]
        self.assertEqual(seen, ids)
        self.assertEqual(self.found("apple", before=1), [])
        self.assertEqual(self.found("apple", before=2**63 - 1, limit=2), ids[:2])

    def test_room_author_and_days_narrow_it(self) -> None:
        other, bob = some.room("other"), some.person("bob")
        [here], [there], [by_bob] = (
            self.said("apple"), self.said("apple", room="other"), self.said("apple", author=bob),
        )  # fmt: skip
        self.assertEqual(self.found("apple", room="other"), [there])
        self.assertEqual(self.found("apple", author=bob.pk), [by_bob])
        self.assertEqual(self.found("apple", author=bob.pk, room="other"), [])
        self.assertEqual(self.found("apple", author=10**30), [])
        self.assertEqual(self.found("apple", author="nobody"), [])
        self.assertEqual(search.ids("apple", room_key=other.pk, limit=5), [there])
        Message._base_manager.filter(pk=here).update(created_at=datetime(2025, 2, 3, 23, 59, tzinfo=UTC))
        day = date(2025, 2, 3)
        for first, last, there_it_is in (
            (day, day, True), (day + timedelta(1), date(2025, 4, 5), False), (date(2024, 1, 1), day, True),
            (date(2025, 2, 1), date(2025, 2, 28), True), (date(2025, 3, 1), date(2025, 1, 1), False),
        ):  # fmt: skip
            with self.subTest(first=first, last=last):
                found = search.ids("apple", sent=(first, last), limit=5)
                self.assertEqual(found, [here] if there_it_is else [])


class WhoFindsIt(Searches):
    """Rooms, readers and rights."""

    def test_a_private_room_is_searched_by_its_members_and_staff(self) -> None:
        some.room("den", visibility=ChatRoom.Visibility.PRIVATE)
        bob, boss = some.person("bob"), some.person("boss", is_staff=True)
        Membership.objects.create(room=ChatRoom.objects.get(slug="den"), user=bob)
        [open_one], [hidden] = self.said("apple"), self.said("apple", room="den")
        self.assertEqual(self.found("apple"), [open_one])
        self.assertEqual(self.found("apple", bob), [hidden, open_one])
        self.assertEqual(self.found("apple", boss), [hidden, open_one])
        self.assertEqual(self.found("apple", bob, room="den"), [hidden])

    def test_a_room_that_one_may_not_see_does_not_exist(self) -> None:
        some.room("den", visibility=ChatRoom.Visibility.PRIVATE)
        answers = []
        for slug in ("den", "none"):
            with CaptureQueriesContext(connection) as queries:
                answers.append((self.refused("apple", self.ana, room=slug), len(queries)))
        self.assertEqual(answers[0], answers[1])
        self.assertIs(answers[0][0].code, Code.NOT_FOUND)
        self.assertEqual(self.refused("apple", self.ana, room="a\x00b"), answers[0][0])

    def test_guests_search_what_is_open_to_them(self) -> None:
        some.room("open", open_to_guests=True)
        self.said("apple")
        [there] = self.said("apple", room="open")
        answer = search.find(None, "apple")
        assert isinstance(answer, Found)
        self.assertEqual([posted.id for posted in answer.messages], [there])
        self.assertIs(self.refused("apple", room=some.LOBBY).code, Code.NOT_AUTHENTICATED)

    def test_the_banned_find_nothing_there(self) -> None:
        self.said("apple")
        bob = some.person("bob")
        Ban.objects.create(room=self.lobby, user=bob)
        self.assertEqual(self.found("apple", bob), [])
        self.assertIs(self.refused("apple", bob, room=some.LOBBY).code, Code.FORBIDDEN)

    def test_a_ban_during_the_search_withholds_what_was_read(self) -> None:
        [_one] = self.said("apple")
        bob = some.person("bob")
        read = search.ids

        def ban_meanwhile(*args: Any, **options: Any) -> list[int]:
            found = read(*args, **options)
            Ban.objects.create(room=self.lobby, user=bob)
            return found

        with mock.patch("rooms.search.ids", ban_meanwhile):
            self.assertEqual(self._found("apple", bob, {}), [])

    def test_many_rooms_are_no_matter(self) -> None:
        rooms = [some.room(f"r{n}") for n in range(4)]
        some.room("den", visibility=ChatRoom.Visibility.PRIVATE)
        ids = [self.said("apple", room=room.slug)[0] for room in rooms]
        self.said("apple", room="den")
        with mock.patch("rooms.search.MARKED_ROOMS", 2):
            self.assertEqual(self.found("apple"), ids[::-1])
            self.assertEqual(self.found("apple", limit=2), ids[:1:-1])


class Order(Searches):
    """Blocks of ids: whatever lies in whichever, the order is that of ids, and nothing comes twice or not."""

    def test_every_place_and_both_directions(self) -> None:
        spread = [
            1,
            2,
            1023,
            1024,
            1025,
            16383,
            16384,
            20000,
            262143,
            262144,
            262145,
            600000,
            1048575,
            1048576,
        ]
        many = list(range(300000, 302500))
        rows = [
            Message(pk=10**6 * 2 + key, room=self.lobby, author=self.ana, body="apple", nonce=str(key))
            for key in (*spread, *many)
        ]
        Message._base_manager.bulk_create(rows)
        ids = sorted(row.pk for row in rows)
        for before in (None, ids[0], ids[0] + 1, ids[5], ids[9], ids[40], ids[2000], ids[-1] + 1, 2**63 - 1):
            for after in (None, ids[3], ids[2400], 0):
                with self.subTest(before=before, after=after):
                    between = [
                        i for i in ids if (before is None or i < before) and (after is None or i > after)
                    ]
                    for limit in (5, 10**4):
                        asked: Any = {"before": before, "after": after, "limit": limit}
                        self.assertEqual(search.ids("apple", **asked), between[::-1][:limit])
                        self.assertEqual(search.ids("apple", ascending=True, **asked), between[:limit])


class ParsedText(Searches):
    """What is made of what people write."""

    def test_phrases(self) -> None:
        for text, parsed in (
            ("red house", (("red",), ("house",))),
            ('"red house" red', (("red", "house"), ("red",))),
            ('a"b c"d', (("a",), ("b", "c"), ("d",))),
            ("don't", (("don", "t"),)),
            ("red red", (("red",),)),
            ('"', ()),
        ):
            with self.subTest(text):
                self.assertEqual(phrases(text), parsed)

    def test_days_are_told_by_months_where_they_are_whole(self) -> None:
        months = [2025 * 12 + 1, 2025 * 12 + 2]
        self.assertEqual(days(date(2025, 2, 1), date(2025, 3, 31)), tuple(Mark("m", str(m)) for m in months))
        letters = "".join(mark.letter for mark in days(date(2024, 12, 30), date(2025, 2, 2)))
        self.assertEqual(letters, "ddmdd")


class TheIndex(Searches):
    """The index itself: made of what is there, and kept."""

    def test_the_migration_indexes_what_is_there(self) -> None:
        from importlib import import_module

        migration = import_module("rooms.migrations.0004_search")
        one, two = self.said("apple", "apple pie")
        log.redact(Message.objects.get(pk=two), self.ana)
        editor = mock.Mock(connection=connection)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        follows = import_module("rooms.migrations.0006_words_follow")
        follows.go_along(apps, editor)
        migration.remove(apps, editor)
        migration.index(apps, editor)
        follows.follow(apps, editor)
        self.assertEqual(self.found("apple"), [one])
        [three] = self.said("apple")
        self.assertEqual(self.found("apple"), [three, one])

    def test_the_plan_reads_the_index_and_sorts_nothing(self) -> None:
        self.said(*(f"apple {n}" for n in range(30)))
        with CaptureQueriesContext(connection) as queries:
            search.ids("apple", room_key=self.lobby.pk, limit=5)
        # Where the ids happen to pass from one block into the next, the next one is asked for the rest.
        asked = next(
            query["sql"] for query in queries if "generate_series" in query["sql"] or "MATCH" in query["sql"]
        )
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute(f"EXPLAIN {asked}")
                plan = "\n".join(line for (line,) in cursor.fetchall())
                self.assertIn("Bitmap Index Scan on rooms_words_words", plan)
                self.assertNotIn("Seq Scan", plan)
                self.assertNotIn("Sort", plan)
            else:
                cursor.execute(f"EXPLAIN QUERY PLAN {asked}")
                plan = "\n".join(row[3] for row in cursor.fetchall())
                self.assertIn("VIRTUAL TABLE INDEX", plan)
                self.assertNotIn("SCAN m", plan)
                self.assertNotIn("TEMP B-TREE", plan)
