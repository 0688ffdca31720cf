"""Mentions: whom a text names, kept beside it and apart, resolved when it is sent."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from rooms import log, mentions
from rooms.messages import Author, Posted
from rooms.models import Ban, ChatRoom, Membership, Mention, Message, Suspension
from tests.support_rooms import (
    LOBBY,
    edit,
    message,
    person,
    read_all,
    read_one,
    redaction,
    room,
    store,
)

pytestmark = pytest.mark.databases


class Mentions(TestCase):
    """`@name` in a text names somebody who may see the room."""

    def setUp(self) -> None:
        self.ana, self.ben, self.cleo = person("ana"), person("ben"), person("cleo.p")

    def names(self, text: str, slug: str = LOBBY) -> list[str]:
        [posted] = store(message(self.ana, text, room=slug, trusted=True))
        self.assertEqual(read_one(posted).mentions, posted.mentions)
        return [one.name for one in posted.mentions]

    def rows(self, posted: Posted) -> set[int]:
        return set(Mention.objects.filter(message=posted.id).values_list("user", flat=True))

    def test_a_message_tells_whom_it_names_by_the_name_in_it(self) -> None:
        [posted] = store(message(self.ana, "@ben, look: @Cleo.P. And @BEN again, @nobody"))
        self.assertEqual(posted.mentions, (Author(self.ben.pk, "ben"), Author(self.cleo.pk, "Cleo.P")))
        self.assertEqual(read_all(), (posted,))
        self.assertEqual(self.rows(posted), {self.ben.pk, self.cleo.pk})
        self.assertEqual(Mention.objects.filter(room__slug=LOBBY).count(), 2)

    def test_what_looks_like_an_address_or_stands_in_a_word_names_nobody(self) -> None:
        for text in ("ana@ben", "x.@ben", "@ben@example.org", "@@ben", "@", "@ ben", "ben", "@bend", "@be"):
            with self.subTest(text=text):
                self.assertEqual(self.names(text), [])

    def test_what_stands_around_a_name_does_not_matter(self) -> None:
        for text in ("(@ben)", "@ben's", "¡@ben!", "«@ben»", "@ben...", "a\n@ben\n", "@ben-", "/@ben/"):
            with self.subTest(text=text):
                self.assertEqual(self.names(text), ["ben"])

    def test_an_exact_name_goes_before_the_one_in_small_letters(self) -> None:
        upper = person("Ben")
        [posted] = store(message(self.ana, "@Ben"))
        self.assertEqual([one.id for one in posted.mentions], [upper.pk])

    def test_a_user_name_that_is_an_address_is_never_named(self) -> None:
        person("dora@example.org")
        self.assertEqual(self.names("@dora@example.org @dora"), [])

    def test_only_who_may_see_the_room_is_named(self) -> None:
        den = room("den", visibility=ChatRoom.Visibility.PRIVATE)
        Membership.objects.create(room=den, user=self.ben)
        self.assertEqual(self.names("@ben @cleo.p", "den"), ["ben"])
        Ban.objects.create(room=den, user=self.ben)
        self.assertEqual(self.names("@ben @cleo.p", "den"), [])
        self.assertEqual(self.names("@ben @cleo.p"), ["ben", "cleo.p"])

    def test_an_account_that_does_not_hold_is_not_named_even_where_guests_read(self) -> None:
        ChatRoom.objects.filter(slug=LOBBY).update(open_to_guests=True)
        person("gone", is_active=False)
        Suspension.objects.create(user=self.cleo)
        self.assertEqual(self.names("@gone @cleo.p @ben"), ["ben"])

    def test_who_names_themself_is_told_of_but_not_counted(self) -> None:
        [posted] = store(message(self.ana, "@ana and @ben"))
        self.assertEqual([one.name for one in posted.mentions], ["ana", "ben"])
        self.assertEqual(self.rows(posted), {self.ben.pk})

    def test_at_most_twenty_are_named(self) -> None:
        people = [person(f"p{n}") for n in range(mentions.MOST + 1)]
        [posted] = store(message(self.ana, " ".join(f"@{one.username}" for one in people)))
        self.assertEqual([one.id for one in posted.mentions], [one.pk for one in people[: mentions.MOST]])

    def test_an_edit_takes_the_place_of_what_its_target_named(self) -> None:
        [posted] = store(message(self.ana, "@ben"))
        [change] = store(edit(self.ana, posted, "@cleo.p @ana"))
        self.assertEqual([one.name for one in change.mentions], ["cleo.p", "ana"])
        self.assertEqual(read_one(posted).mentions, change.mentions)
        self.assertEqual(self.rows(posted), {self.cleo.pk})
        self.assertEqual(self.rows(change), set())
        store(edit(self.ana, posted, "nobody"))
        self.assertEqual(read_one(posted).mentions, ())
        self.assertEqual(self.rows(posted), set())
        self.assertTrue(Message.objects.filter(pk=posted.id, details__isnull=True).exists())

    def test_two_edits_in_one_append_leave_those_of_the_second(self) -> None:
        [posted] = store(message(self.ana, "@ben"))
        store(edit(self.ana, posted, "@ben @ana"), edit(self.ana, posted, "@cleo.p"))
        self.assertEqual([one.name for one in read_one(posted).mentions], ["cleo.p"])
        self.assertEqual(self.rows(posted), {self.cleo.pk})

    def test_a_redaction_takes_them_from_the_message_and_its_edits(self) -> None:
        [posted] = store(message(self.ana, "@ben"))
        [change] = store(edit(self.ana, posted, "@cleo.p"))
        store(redaction(self.ana, posted))
        self.assertEqual([one.mentions for one in (read_one(posted), read_one(change))], [(), ()])
        self.assertFalse(Mention.objects.exists())

    def test_named_by_an_edit_and_redacted_in_the_same_append(self) -> None:
        [posted] = store(message(self.ana, "hello"))
        store(edit(self.ana, posted, "@ben"), redaction(self.ana, posted))
        self.assertEqual([one.mentions for one in read_all()], [(), (), ()])
        self.assertFalse(Mention.objects.exists())

    def test_what_is_answered_again_is_as_it_was_resolved_first(self) -> None:
        [posted] = store(message(self.ana, "@dora", nonce="n"))
        person("dora")
        self.assertEqual(store(message(self.ana, "@dora", nonce="n")), [posted])

    def test_only_messages_and_edits_name_people(self) -> None:
        [posted] = store(message(self.ana, "hello"))
        [gone] = store(redaction(self.ana, posted, "asked by @ben"))
        self.assertEqual(gone.mentions, ())

    def test_texts_full_of_names_are_asked_for_in_statements_of_bounded_size(self) -> None:
        texts = [" ".join(f"@x{n}y{k}" for k in range(30)) for n in range(60)]
        with CaptureQueriesContext(connection) as queries:
            log.append([message(self.ana, text) for text in texts])
        asked = [
            q["sql"] for q in queries.captured_queries if "x1y1" in q["sql"] and "INSERT" not in q["sql"]
        ]
        self.assertTrue(asked)
        self.assertLessEqual(max(sql.count("y") for sql in asked), 900)


def test_every_possible_name_stands_once_in_the_order_of_the_text() -> None:
    assert mentions.possible("@b @a @b (@c) x@d @e@f @g.") == ["b", "a", "c", "g."]
    assert mentions.possible("@" + "n" * 151) == []
