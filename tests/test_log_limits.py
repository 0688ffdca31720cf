"""Slow mode, mutes and the edit window: who must wait, who may not, and what they are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rooms import log
from rooms.messages import Code, Outcome, Posted, Refused, Stored
from rooms.models import ChatRoom, Membership, Message, Mute
from tests.support_rooms import (
    LOBBY,
    edit,
    message,
    person,
    reaction,
    read_one,
    redaction,
    refused,
    room,
    store,
)

pytestmark = pytest.mark.databases


def age(posted: Posted, seconds: float) -> None:
    """Let a message have been sent so much earlier."""
    sent_at = posted.created_at - timedelta(seconds=seconds)
    Message._base_manager.filter(pk=posted.id).update(created_at=sent_at)


class SlowMode(TestCase):
    """A member waits between two messages."""

    def setUp(self) -> None:
        self.ana, self.ben = person("ana"), person("ben")
        self.lobby = ChatRoom.objects.get(slug=LOBBY)
        ChatRoom.objects.update(slow_mode_s=30)

    def test_the_second_message_waits_as_long_as_it_is_told(self) -> None:
        [first] = store(message(self.ana, "one"))
        age(first, 9.5)
        why = refused(log.append([message(self.ana, "two")]))
        self.assertEqual((why.code, why.retry_after_s), (Code.RATE_LIMITED, 21))
        self.assertIn("30 seconds", why.detail)
        age(first, 30)
        store(message(self.ana, "two"))

    def test_within_one_append_the_second_waits_too(self) -> None:
        outcomes = log.append([message(self.ana, "one"), message(self.ana, "two"), message(self.ben, "hi")])
        self.assertEqual(self.codes(outcomes.outcomes), ["stored", Code.RATE_LIMITED, "stored"])

    def codes(self, outcomes: tuple[Outcome, ...]) -> list[str]:
        return [o.code if isinstance(o, Refused) else "stored" for o in outcomes]

    def test_what_was_refused_lets_nobody_wait(self) -> None:
        outcomes = log.append([message(self.ana, "one", reply_to=2**40), message(self.ana, "two")]).outcomes
        self.assertEqual(self.codes(outcomes), [Code.NOT_FOUND, "stored"])

    def test_a_repeated_nonce_is_answered(self) -> None:
        [first] = store(message(self.ana, "one", nonce="n"))
        self.assertEqual(
            log.append([message(self.ana, "one", nonce="n")]).outcomes, (Stored(first, fresh=False),)
        )

    def test_edits_redactions_and_reactions_do_not_wait(self) -> None:
        [first] = store(message(self.ana, "one"))
        store(edit(self.ana, first, "two"), reaction(self.ana, first, "x"), redaction(self.ana, first))
        self.assertEqual(refused(log.append([message(self.ana, "no")])).code, Code.RATE_LIMITED)

    def test_an_edit_is_not_a_message_that_was_sent(self) -> None:
        [first] = store(message(self.ana, "one"))
        age(first, 31)
        store(edit(self.ana, first, "two"))
        store(message(self.ana, "three"))

    def test_nor_is_it_one_in_the_same_append(self) -> None:
        [first] = store(message(self.ana, "one"))
        age(first, 31)
        store(edit(self.ana, first, "two"), reaction(self.ana, first, "x"), message(self.ana, "three"))

    def test_moderators_and_the_server_do_not_wait(self) -> None:
        Membership.objects.create(room=self.lobby, user=self.ana, role=Membership.Role.MODERATOR)
        for one in (self.ana, person("root", is_staff=True)):
            store(message(one, "one"), message(one, "two"))
        store(message(self.ben, "x"), *(message(self.ben, "x", trusted=True) for _ in range(2)))

    def test_each_room_has_its_own_wait(self) -> None:
        room("slower", slow_mode_s=3600)
        room("quick")
        [early] = store(message(self.ana, "one", room="slower"))
        age(early, 3000)
        store(*(message(self.ana, "x", room="quick") for _ in range(3)))
        store(message(self.ana, "one"))
        outcomes = log.append(
            [message(self.ana, "two", room=slug) for slug in (LOBBY, "slower", "quick")]
        ).outcomes
        self.assertEqual(self.codes(outcomes), [Code.RATE_LIMITED, Code.RATE_LIMITED, "stored"])
        waits = [o.retry_after_s for o in outcomes if isinstance(o, Refused)]
        self.assertEqual([30 >= (waits[0] or 0) > 20, 600 >= (waits[1] or 0) > 590], [True, True])

    def test_the_last_message_is_looked_up_only_for_those_who_may_have_to_wait(self) -> None:
        room("quick")
        root = person("root", is_staff=True)
        for draft in (
            message(self.ana, "x", room="quick"),
            message(root, "x"),
            message(self.ana, "x", trusted=True),
        ):
            with CaptureQueriesContext(connection) as queries:
                store(draft)
            self.assertFalse([q for q in queries.captured_queries if "MAX(" in q["sql"]])


class Mutes(TestCase):
    """Who is muted reads, changes nothing, and hears why."""

    def setUp(self) -> None:
        self.ana = person("ana")
        self.lobby = ChatRoom.objects.get(slug=LOBBY)
        [self.first] = store(message(self.ana, "hello"))

    def why(self) -> str:
        details = {
            refused(log.append([draft])).detail
            for draft in (
                message(self.ana, "x"),
                edit(self.ana, self.first, "x"),
                reaction(self.ana, self.first, "x"),
            )
        }
        [detail] = details
        return detail

    def test_what_closes_a_room_to_somebody_is_told_apart(self) -> None:
        Mute.objects.create(room=self.lobby, user=self.ana)
        self.assertEqual(self.why(), "You are muted here.")
        self.lobby.read_only = True
        self.lobby.save()
        self.assertEqual(self.why(), "In this room only moderators post.")
        Membership.objects.create(room=self.lobby, user=self.ana, role=Membership.Role.MODERATOR)
        self.assertEqual(self.why(), "You are muted here.")
        self.lobby.archived_at = timezone.now()
        self.lobby.save()
        self.assertEqual(self.why(), "This room is archived.")

    def test_a_mute_ends_by_itself(self) -> None:
        mute = Mute.objects.create(
            room=self.lobby, user=self.ana, until=timezone.now() + timedelta(minutes=1)
        )
        self.assertEqual(self.why(), "You are muted here.")
        mute.until = timezone.now()
        mute.save()
        store(message(self.ana, "again"))

    def test_who_is_muted_takes_back_their_own_text(self) -> None:
        Mute.objects.create(room=self.lobby, user=self.ana)
        store(redaction(self.ana, self.first))


class EditWindow(TestCase):
    """A message is edited for so long after it was sent."""

    def setUp(self) -> None:
        self.ana = person("ana")
        [self.first] = store(message(self.ana, "helo"))

    def test_after_the_window_an_edit_is_forbidden(self) -> None:
        age(self.first, 61)
        with self.settings(CHAT_EDIT_WINDOW_S=60):
            why = refused(log.append([edit(self.ana, self.first, "hello")]))
            self.assertEqual(why.code, Code.FORBIDDEN)
            self.assertIn("60 seconds", why.detail)
            store(redaction(self.ana, self.first))

    def test_within_it_and_without_one_a_message_is_edited(self) -> None:
        age(self.first, 59)
        with self.settings(CHAT_EDIT_WINDOW_S=100):
            store(edit(self.ana, self.first, "hello"))
        age(self.first, 10**8)
        store(edit(self.ana, self.first, "hello!"))

    def test_a_lost_answer_is_had_after_it_and_trusted_code_is_not_bound_by_it(self) -> None:
        [change] = store(edit(self.ana, self.first, "hello", nonce="n"))
        age(self.first, 61)
        with self.settings(CHAT_EDIT_WINDOW_S=60):
            self.assertEqual(store(edit(self.ana, self.first, "hello", nonce="n")), [change])
            store(edit(self.ana, self.first, "by the server", trusted=True))
        self.assertEqual(read_one(self.first).body, "by the server")
