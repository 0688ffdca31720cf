"""How many statements an append takes: the writer has one thread, and each is a round trip."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from rooms import rows
from rooms.models import Message
from tests.support_rooms import LOBBY, edit, message, person, reaction, read_all, redaction, room, store

pytestmark = pytest.mark.databases

PLAIN = 8 if connection.vendor == "postgresql" else 9
"""Begin; lock the rooms; people; what the rooms keep about them; nonces; insert; heads; commit.

PostgreSQL answers with the site's row to the change of the heads; SQLite is asked for it.
"""


class Statements(TestCase):
    """What is not asked for is not looked up."""

    def setUp(self) -> None:
        self.people = [person(name) for name in ("ana", "ben", "cleo")]
        self.ana = self.people[0]
        room("den")

    def taken(self, *drafts: object) -> int:
        with CaptureQueriesContext(connection) as queries:
            store(*drafts)  # type: ignore[arg-type]
        return len(queries)

    def test_plain_messages_take_as_many_whoever_sends_them_and_wherever(self) -> None:
        one = self.taken(message(self.ana, "hello, mail ana@example.org"))
        many = self.taken(
            *(
                message(who, f"{n}", room=slug)
                for who in self.people
                for slug in (LOBBY, "den")
                for n in range(5)
            )
        )
        self.assertEqual((one, many), (PLAIN, PLAIN))

    def test_a_possible_name_takes_one_more_and_who_is_named_one_more(self) -> None:
        self.assertEqual(self.taken(message(self.ana, "@nobody @else")), PLAIN + 1)
        self.assertEqual(self.taken(message(self.ana, "@ben @cleo"), message(self.ana, "@ben")), PLAIN + 2)

    def test_columns_that_no_row_fills_are_not_written(self) -> None:
        with CaptureQueriesContext(connection) as queries:
            [first] = store(message(self.ana, "x"))
            store(message(self.ana, "y", reply_to=first.id), message(self.ana, "z"))
        alone, both = [one["sql"] for one in queries if one["sql"].startswith("INSERT")]
        self.assertNotRegex(alone, "reply_to|edited_at|details")
        self.assertIn("reply_to", both)
        self.assertEqual([one.reply_to for one in read_all()], [None, first.id, None])

    def test_rows_that_have_a_key_are_told_from_those_that_have_none(self) -> None:
        fresh, keyed = (rows.make(room(slug), self.ana, body=slug) for slug in ("a", "b"))
        keyed.pk = 7
        told = rows._Lean(Message)._prepare_for_bulk_create([fresh, keyed])
        self.assertEqual(told, ([keyed], [fresh]))

    def test_nonces_are_sought_one_by_one_in_an_index(self) -> None:
        with CaptureQueriesContext(connection) as queries:
            store(message(self.ana, "x"), message(None, "x", trusted=True))
        asked = [query["sql"] for query in queries.captured_queries]
        [sought] = [sql for sql in asked if "UNION ALL" in sql and "nonce" in sql]
        on_postgresql = connection.vendor == "postgresql"
        with connection.cursor() as cursor:
            if on_postgresql:  # which plans by what the table holds
                store(*(message(self.ana, f"{n}") for n in range(200)))
                cursor.execute("ANALYZE rooms_message")
                cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(("EXPLAIN " if on_postgresql else "EXPLAIN QUERY PLAN ") + sought)
            plan = str(cursor.fetchall())
        if on_postgresql:
            people, server = (
                "nonce_once .*author_id = w.author.*nonce",
                "server_nonce .*nonce.* = .*w_1.nonce",
            )
            self.assertRegex(plan, f"{people}.*{server}")
        else:
            self.assertEqual(plan.count("nonce=?"), 2)

    def test_slow_mode_takes_one_more(self) -> None:
        room("slow", slow_mode_s=5)
        drafts = [message(who, "x", room="slow") for who in self.people]
        self.assertEqual(self.taken(*drafts, message(self.ana, "x")), PLAIN + 1)

    def test_slow_mode_looks_through_what_its_people_said_of_late(self) -> None:
        room("slow", slow_mode_s=5)
        with CaptureQueriesContext(connection) as queries:
            store(message(self.ana, "x", room="slow"))
        [asked] = [query["sql"] for query in queries.captured_queries if "MAX(" in query["sql"]]
        if connection.vendor != "sqlite":
            pytest.skip("PostgreSQL plans by what the tables hold: here nothing to speak of")
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + asked)
            plan = str(cursor.fetchall())
        self.assertIn("rooms_message_author (author_id=? AND id>?)", plan)
        self.assertIn("rooms_message_date", plan)

    def test_what_changes_a_message_takes_its_look_ups_and_one_update(self) -> None:
        [one, two] = store(message(self.ana, "one"), message(self.ana, "two"))
        target, state, update, withheld, trail = 1, 1, 1, 1, 1
        self.assertEqual(self.taken(reaction(self.ana, one, "x")), PLAIN + target + state + update)
        self.assertEqual(self.taken(edit(self.ana, one, "1")), PLAIN + target + state + update + withheld)
        root = person("root", is_staff=True)
        self.assertEqual(
            self.taken(redaction(root, one), redaction(root, two)),
            PLAIN + target + state + update + withheld + trail,
        )
