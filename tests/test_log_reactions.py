"""Reactions: rows of the log, and their summary on the message that they are about."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from rooms import history, log, reactions
from rooms.messages import Code, Kind, Posted, Reaction, Stored
from rooms.models import Ban, ChatRoom, Message, Mute
from tests.support_rooms import (
    LOBBY,
    edit,
    message,
    person,
    reaction,
    read_all,
    read_one,
    redaction,
    refused,
    room,
    store,
    stored,
    unreaction,
)

pytestmark = pytest.mark.databases

HEART, GRIN = "\N{HEAVY BLACK HEART}\ufe0f", "\N{GRINNING FACE}"


class Reactions(TestCase):
    """A reaction is stored once, summed up on its target by the same commit, and taken back."""

    def setUp(self) -> None:
        self.ana, self.ben = person("ana"), person("ben")
        [self.first] = store(message(self.ana, "hello"))

    def summary(self, posted: Posted | None = None) -> tuple[Reaction, ...]:
        return read_one(posted or self.first).reactions

    def test_the_target_tells_who_reacted_with_what_in_the_order_of_first_use(self) -> None:
        one, two, three = store(
            reaction(self.ben, self.first, HEART),
            reaction(self.ana, self.first, GRIN),
            reaction(self.ana, self.first, HEART),
        )
        target = read_one(self.first)
        self.assertEqual(
            target.reactions,
            (Reaction(HEART, 2, (self.ben.pk, self.ana.pk)), Reaction(GRIN, 1, (self.ana.pk,))),
        )
        self.assertEqual(target.changed, three.id)
        self.assertEqual(
            [(row.kind, row.target, row.body) for row in (one, two)],
            [(Kind.REACTION, self.first.id, HEART), (Kind.REACTION, self.first.id, GRIN)],
        )

    def test_one_that_stands_answers_with_the_first_across_appends_and_within_one(self) -> None:
        one, two = log.append([reaction(self.ben, self.first, HEART, nonce=n) for n in "ab"]).outcomes
        [three] = log.append([reaction(self.ben, self.first, HEART, nonce="c")]).outcomes
        self.assertEqual([getattr(o, "fresh", None) for o in (one, two, three)], [True, False, False])
        self.assertEqual({stored(o).id for o in (one, two, three)}, {stored(one).id})
        self.assertEqual(self.summary(), (Reaction(HEART, 1, (self.ben.pk,)),))
        self.assertEqual(len(read_all()), 2)

    def test_one_taken_back_leaves_nothing_and_may_be_given_anew(self) -> None:
        store(reaction(self.ben, self.first, HEART), reaction(self.ana, self.first, GRIN))
        [back] = store(unreaction(self.ben, self.first, HEART))
        self.assertEqual(self.summary(), (Reaction(GRIN, 1, (self.ana.pk,)),))
        self.assertEqual(read_one(self.first).changed, back.id)
        [again] = log.append([reaction(self.ben, self.first, HEART)]).outcomes
        assert isinstance(again, Stored)
        self.assertTrue(again.fresh)
        self.assertEqual([one.body for one in self.summary()], [GRIN, HEART])

    def test_without_any_left_the_message_has_no_summary_at_all(self) -> None:
        store(reaction(self.ben, self.first, HEART))
        store(unreaction(self.ben, self.first, HEART))
        self.assertEqual(self.summary(), ())
        self.assertTrue(Message.objects.filter(pk=self.first.id, reactions__isnull=True).exists())

    def test_given_taken_back_and_given_again_within_one_append(self) -> None:
        rows = store(
            reaction(self.ben, self.first, HEART),
            unreaction(self.ben, self.first, HEART),
            reaction(self.ben, self.first, HEART),
        )
        self.assertEqual(len({row.id for row in rows}), 3)
        self.assertEqual(self.summary(), (Reaction(HEART, 1, (self.ben.pk,)),))

    def test_what_does_not_stand_is_not_taken_back(self) -> None:
        store(reaction(self.ana, self.first, HEART), reaction(self.ben, self.first, GRIN))
        for draft in (
            unreaction(self.ben, self.first, HEART),
            unreaction(self.ana, self.first, GRIN),
            unreaction(self.ana, self.first, "+1"),
        ):
            self.assertEqual(refused(log.append([draft])).code, Code.NOT_FOUND)
        store(unreaction(self.ana, self.first, HEART))
        self.assertEqual(refused(log.append([unreaction(self.ana, self.first, HEART)])).code, Code.NOT_FOUND)

    def test_a_lost_answer_is_asked_for_by_the_nonce_whatever_stands_now(self) -> None:
        [given] = store(reaction(self.ben, self.first, HEART, nonce="n1"))
        [taken] = store(unreaction(self.ben, self.first, HEART, nonce="n2"))
        again = store(
            reaction(self.ben, self.first, HEART, nonce="n1"),
            unreaction(self.ben, self.first, HEART, nonce="n2"),
        )
        self.assertEqual([row.id for row in again], [given.id, taken.id])
        self.assertEqual(self.summary(), ())
        for draft in (
            reaction(self.ben, self.first, GRIN, nonce="n1"),
            unreaction(self.ben, self.first, HEART, nonce="n1"),
        ):
            self.assertEqual(refused(log.append([draft])).code, Code.NONCE_CONFLICT)

    def test_it_is_one_to_32_code_points_without_white_space(self) -> None:
        for body in ("", "a b", "a\u3000b", "x" * 33, "a\x00b", "\ud83d"):
            for draft in (reaction(self.ben, self.first, body), unreaction(self.ben, self.first, body)):
                with self.subTest(draft=draft):
                    why = refused(log.append([draft]))
                    self.assertEqual(why.code, Code.BAD_REQUEST)
                    self.assertIn("body", why.detail)
        store(reaction(self.ben, self.first, " " + "x" * 32 + " "))
        self.assertEqual(self.summary()[0].body, "x" * 32)

    def test_a_message_takes_twenty_different_ones_and_any_number_of_each(self) -> None:
        store(*(reaction(self.ben, self.first, f"{n}") for n in range(reactions.MOST_BODIES)))
        why = refused(log.append([reaction(self.ana, self.first, "one more")]))
        self.assertEqual(why.code, Code.BAD_REQUEST)
        why = refused(log.append([reaction(self.ana, self.first, "one-more")]))
        self.assertEqual(why.code, Code.FORBIDDEN)
        self.assertIn("20", why.detail)
        store(reaction(self.ana, self.first, "3"))
        store(unreaction(self.ben, self.first, "4"))
        store(reaction(self.ana, self.first, "one-more"))

    def test_the_twentieth_and_the_next_in_one_append(self) -> None:
        drafts = [reaction(self.ben, self.first, f"{n}") for n in range(reactions.MOST_BODIES + 1)]
        outcomes = log.append(drafts).outcomes
        self.assertEqual(getattr(outcomes[-1], "code", None), Code.FORBIDDEN)
        self.assertEqual(len(self.summary()), reactions.MOST_BODIES)

    def test_only_a_message_of_the_same_room_is_reacted_to(self) -> None:
        room("den")
        [elsewhere] = store(message(self.ana, "there", room="den"))
        [change] = store(edit(self.ana, self.first, "hello!"))
        for key in (elsewhere.id, change.id, change.id + 9):
            for kind in (Kind.REACTION, Kind.UNREACTION):
                draft = reaction(self.ben, self.first, HEART)
                bad = type(draft)(draft.room, kind, draft.author_id, draft.nonce, draft.body, key)
                self.assertEqual(refused(log.append([bad])), history.NO_MESSAGE)

    def test_a_redacted_message_loses_them_and_takes_no_more_while_their_rows_stay(self) -> None:
        store(reaction(self.ben, self.first, HEART))
        [gone] = store(redaction(self.ana, self.first))
        target = read_one(self.first)
        self.assertEqual((target.reactions, target.changed), ((), gone.id))
        self.assertTrue(Message.objects.filter(pk=self.first.id, reactions__isnull=True).exists())
        for draft in (reaction(self.ben, self.first, GRIN), unreaction(self.ben, self.first, HEART)):
            self.assertEqual(refused(log.append([draft])).code, Code.REDACTED)
        row = read_all()[1]
        self.assertEqual((row.kind, row.body, row.redacted), (Kind.REACTION, HEART, False))

    def test_redacted_and_reacted_to_within_one_append(self) -> None:
        outcomes = log.append(
            [
                reaction(self.ben, self.first, HEART),
                redaction(self.ana, self.first),
                reaction(self.ben, self.first, GRIN),
            ]
        ).outcomes
        self.assertEqual([type(o).__name__ for o in outcomes], ["Stored", "Stored", "Refused"])
        self.assertEqual(self.summary(), ())

    def test_it_needs_the_right_to_post(self) -> None:
        lobby = ChatRoom.objects.get(slug=LOBBY)
        store(reaction(self.ben, self.first, HEART))
        Mute.objects.create(room=lobby, user=self.ben)
        for draft in (reaction(self.ben, self.first, GRIN), unreaction(self.ben, self.first, HEART)):
            self.assertEqual(refused(log.append([draft])).code, Code.FORBIDDEN)
        self.assertEqual(
            refused(log.append([reaction(None, self.first, HEART)])).code, Code.NOT_AUTHENTICATED
        )
        Ban.objects.create(room=lobby, user=self.ben)
        self.assertEqual(
            refused(log.append([reaction(self.ben, self.first, GRIN)])), history.WHY_UNSEEN[Code.FORBIDDEN]
        )

    def test_a_reaction_of_nobody_is_none_even_from_trusted_code(self) -> None:
        why = refused(log.append([reaction(None, self.first, HEART, trusted=True)]))
        self.assertEqual(why.code, Code.BAD_REQUEST)

    def test_an_edit_leaves_them(self) -> None:
        store(reaction(self.ben, self.first, HEART))
        store(edit(self.ana, self.first, "hello!"))
        target = read_one(self.first)
        self.assertEqual((target.body, [one.body for one in target.reactions]), ("hello!", [HEART]))

    def test_the_reaction_of_an_account_that_is_gone_still_counts(self) -> None:
        store(reaction(self.ben, self.first, HEART))
        self.ben.delete()
        store(reaction(self.ana, self.first, HEART))
        self.assertEqual(self.summary()[0].count, 2)

    def test_the_calls_for_plain_django_code(self) -> None:
        row = Message.objects.get(pk=self.first.id)
        given = log.react(row, self.ben, HEART, nonce="n")
        self.assertEqual(log.react(row, self.ben, HEART).id, given.id)
        self.assertEqual(log.unreact(row, self.ben, HEART).kind, Kind.UNREACTION)
        with self.assertRaises(log.Refusal):
            log.unreact(row, self.ben, HEART)

    def test_what_others_reacted_with_is_not_read(self) -> None:
        """A popular message has thousands of these rows."""
        people = [person(f"p{n}") for n in range(12)]
        store(*(reaction(one, self.first, HEART) for one in people))
        real = Message.from_db
        for draft in (reaction(self.ben, self.first, HEART), edit(self.ana, self.first, "x")):
            loaded: list[Message] = []

            def from_db(*args: Any, loaded: list[Message] = loaded) -> Message:
                loaded.append(real(*args))
                return loaded[-1]

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Message, "from_db", from_db)
                store(draft)
            self.assertLessEqual(len(loaded), 2)

    def test_reactions_to_many_messages_take_as_many_statements_as_to_one(self) -> None:
        targets = store(*(message(self.ana, f"{n}") for n in range(8)))
        with CaptureQueriesContext(connection) as few:
            store(reaction(self.ben, targets[0], HEART))
        with CaptureQueriesContext(connection) as many:
            store(*(reaction(self.ben, target, HEART) for target in targets[1:]))
        self.assertEqual(len(few), len(many))


def test_the_first_hundred_are_named_and_a_place_that_is_freed_goes_to_the_next() -> None:
    kept = None
    for user in range(reactions.MOST_USERS + 5):
        kept = reactions.added(kept, HEART, user)
    kept = reactions.removed(kept, HEART, 3)
    [told] = reactions.told(kept)
    assert (told.count, len(told.users)) == (reactions.MOST_USERS + 4, reactions.MOST_USERS - 1)
    [told] = reactions.told(reactions.added(kept, HEART, 999))
    assert told.users[-2:] == (reactions.MOST_USERS - 1, 999)
    [told] = reactions.told(reactions.removed(kept, HEART, reactions.MOST_USERS + 1))
    assert (told.count, len(told.users)) == (reactions.MOST_USERS + 3, reactions.MOST_USERS - 1)
