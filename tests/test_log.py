"""The log: what is appended, deduplicated, changed and refused, and what it tells after the commit."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.db import IntegrityError, transaction
from django.test import TestCase

from rooms import history, log, rows, signals
from rooms.messages import MAX_ID, Code, Posted, Refused, RoomBatch, Stored
from rooms.models import Ban, ChatRoom, Membership, Message, WithheldText
from tests.support_rooms import LOBBY, edit, message, person, redaction, refused, room, store, stored

pytestmark = pytest.mark.databases


def read_all(slug: str = LOBBY) -> tuple[Posted, ...]:
    return history.after(slug, 0, 200).messages


class Appending(TestCase):
    """A draft becomes a message, after all that were there before."""

    def setUp(self) -> None:
        self.ana = person("ana")

    def test_messages_of_one_append_follow_each_other_in_the_order_of_the_drafts(self) -> None:
        posted = store(*(message(self.ana, f"line {i}") for i in range(30)))
        self.assertEqual([one.body for one in read_all()], [f"line {i}" for i in range(30)])
        self.assertEqual([one.id for one in posted], sorted(one.id for one in posted))

    def test_the_head_of_the_room_is_its_newest_message(self) -> None:
        posted = store(message(self.ana, "one"), message(self.ana, "two"))
        self.assertEqual(ChatRoom.objects.get(slug=LOBBY).last_message_id, posted[-1].id)

    def test_the_text_is_trimmed(self) -> None:
        [posted] = store(message(self.ana, " \u3000two words \n"))
        self.assertEqual(posted.body, "two words")

    def test_a_message_keeps_its_author_nonce_and_what_it_answers(self) -> None:
        [first] = store(message(self.ana, "question"))
        [answer] = store(message(self.ana, "answer", nonce="n-1", reply_to=first.id))
        self.assertEqual(read_all()[1], answer)
        self.assertEqual((answer.nonce, answer.reply_to), ("n-1", first.id))
        assert answer.author is not None
        self.assertEqual((answer.author.id, answer.author.name), (self.ana.pk, "ana"))

    def test_rooms_of_one_append_keep_their_own_logs(self) -> None:
        room("den")
        store(message(self.ana, "a"), message(self.ana, "b", room="den"), message(self.ana, "c"))
        self.assertEqual([one.body for one in read_all()], ["a", "c"])
        self.assertEqual([one.body for one in read_all("den")], ["b"])

    def test_every_commit_tells_what_it_brought_to_each_room_and_what_was_before_it(self) -> None:
        room("den")
        [before] = store(message(self.ana, "before"))
        heard: list[tuple[RoomBatch, ...]] = []

        def hear(batches: tuple[RoomBatch, ...], **_rest: Any) -> None:
            heard.append(batches)

        signals.committed.connect(hear)
        self.addCleanup(signals.committed.disconnect, hear)
        with self.captureOnCommitCallbacks(execute=True):
            appended = log.append(
                [message(self.ana, "a"), message(self.ana, "b", room="den"), message(self.ana, "c")]
            )
            self.assertEqual(heard, [], "told before the commit")
        self.assertEqual(heard, [appended.batches])
        by_room = {batch.room: batch for batch in appended.batches}
        self.assertEqual([one.body for one in by_room[LOBBY].messages], ["a", "c"])
        self.assertEqual((by_room[LOBBY].prev, by_room["den"].prev), (before.id, 0))

    def test_nothing_is_told_of_what_is_rolled_back(self) -> None:
        with (
            self.captureOnCommitCallbacks() as callbacks,
            self.assertRaises(ZeroDivisionError),
            transaction.atomic(),
        ):
            log.append([message(self.ana, "never")])
            raise ZeroDivisionError
        self.assertEqual(callbacks, [])
        self.assertEqual(read_all(), ())

    def test_the_server_itself_speaks_without_an_author(self) -> None:
        [posted] = store(message(None, "welcome", trusted=True))
        self.assertIsNone(posted.author)

    def test_a_message_by_an_account_that_is_gone_is_refused_even_from_trusted_code(self) -> None:
        draft = message(self.ana, "late", trusted=True)
        self.ana.delete()
        self.assertEqual(refused(log.append([draft])).code, Code.NOT_AUTHENTICATED)

    def test_one_draft_that_the_database_refuses_does_not_fail_its_neighbours(self) -> None:
        real = rows.store

        def refuse_bad(new: list[Message]) -> None:
            if any(row.body == "bad" for row in new):
                raise IntegrityError("planted")
            real(new)

        with (
            patch.object(rows, "store", side_effect=refuse_bad),
            self.assertLogs("rooms"),
        ):
            outcomes = log.append([message(self.ana, text) for text in ("good", "bad", "fine")]).outcomes
        self.assertEqual([one.body for one in read_all()], ["good", "fine"])
        self.assertEqual([type(outcome) for outcome in outcomes], [Stored, Refused, Stored])


class Nonces(TestCase):
    """A send is stored exactly once."""

    def setUp(self) -> None:
        self.ana, self.ben = person("ana"), person("ben")

    def test_a_repeated_nonce_stores_nothing_and_answers_with_the_first_message(self) -> None:
        [first] = store(message(self.ana, "once", nonce="n"))
        [again] = log.append([message(self.ana, "once", nonce="n")]).outcomes
        self.assertEqual(again, Stored(first, fresh=False))
        self.assertEqual(len(read_all()), 1)

    def test_a_nonce_repeated_inside_one_append_is_answered_like_a_known_one(self) -> None:
        one, two = log.append(
            [message(self.ana, "once", nonce="n"), message(self.ana, "once", nonce="n")]
        ).outcomes
        self.assertEqual(stored(one), stored(two))
        self.assertEqual([getattr(o, "fresh", None) for o in (one, two)], [True, False])
        self.assertEqual(len(read_all()), 1)

    def test_the_nonces_of_others_and_of_other_rooms_are_not_ours(self) -> None:
        room("den")
        store(
            message(self.ana, "a", nonce="n"),
            message(self.ben, "b", nonce="n"),
            message(self.ana, "c", nonce="n", room="den"),
        )
        self.assertEqual(len(read_all()), 2)

    def test_a_message_of_the_server_itself_is_stored_once_too(self) -> None:
        first, again = store(
            message(None, "tick", nonce="n", trusted=True), message(None, "tick", nonce="n", trusted=True)
        )
        self.assertEqual(first.id, again.id)
        self.assertEqual(store(message(None, "tick", nonce="n", trusted=True))[0].id, first.id)

    def test_a_nonce_used_for_something_else_is_a_conflict(self) -> None:
        [first, other] = store(message(self.ana, "once", nonce="n"), message(self.ana, "other"))
        for draft in (
            message(self.ana, "twice", nonce="n"),
            message(self.ana, "once", nonce="n", reply_to=other.id),
            edit(self.ana, first, "once", nonce="n"),
            redaction(self.ana, first, "once", nonce="n"),
        ):
            with self.subTest(draft=draft):
                self.assertEqual(refused(log.append([draft])).code, Code.NONCE_CONFLICT)

    def test_once_the_first_text_has_changed_the_nonce_answers_with_what_stands_now(self) -> None:
        [first] = store(message(self.ana, "once", nonce="n"))
        store(edit(self.ana, first, "newer"))
        [again] = store(message(self.ana, "once", nonce="n"))
        self.assertEqual((again.id, again.body), (first.id, "newer"))
        store(redaction(self.ana, first))
        [again] = store(message(self.ana, "once", nonce="n"))
        self.assertEqual((again.id, again.body, again.redacted), (first.id, None, True))

    def test_a_nonce_repeated_beside_a_change_of_its_message_answers_with_what_stands_then(self) -> None:
        [first] = store(message(self.ana, "once", nonce="n"))
        change, again = store(edit(self.ana, first, "newer"), message(self.ana, "once", nonce="n"))
        self.assertEqual((again.id, again.body, again.changed), (first.id, "newer", change.id))
        gone, again = store(redaction(self.ana, first), message(self.ana, "once", nonce="n"))
        self.assertEqual((again.body, again.redacted, again.changed), (None, True, gone.id))

    def test_an_edit_repeated_beside_the_redaction_of_its_message_has_no_text(self) -> None:
        [first] = store(message(self.ana, "once"))
        store(edit(self.ana, first, "the secret", nonce="n"))
        gone, again = store(redaction(self.ana, first), edit(self.ana, first, "the secret", nonce="n"))
        self.assertEqual((again.body, again.redacted, again.changed), (None, True, gone.id))

    def test_a_lost_answer_can_be_asked_for_after_the_room_was_closed(self) -> None:
        [first] = store(message(self.ana, "just in time", nonce="n"))
        lobby = ChatRoom.objects.get(slug=LOBBY)
        lobby.read_only = True
        lobby.save()
        self.assertEqual(store(message(self.ana, "just in time", nonce="n"))[0].id, first.id)
        self.assertEqual(refused(log.append([message(self.ana, "too late")])).code, Code.FORBIDDEN)


class Edits(TestCase):
    """An edit is a message of its own, and changes its target in the same commit."""

    def setUp(self) -> None:
        self.ana, self.ben = person("ana"), person("ben")
        [self.first] = store(message(self.ana, "helo"))

    def test_the_target_has_the_newest_text_and_names_the_edit_that_it_contains(self) -> None:
        store(edit(self.ana, self.first, "hello"), edit(self.ana, self.first, "hello!"))
        target, one, two = read_all()
        self.assertEqual((target.body, target.changed, target.edited_at), ("hello!", two.id, two.created_at))
        self.assertEqual((one.body, two.body, one.target), ("hello", "hello!", target.id))

    def test_moderation_keeps_the_first_text_once(self) -> None:
        store(edit(self.ana, self.first, "hello"))
        store(edit(self.ana, self.first, "hello!"))
        self.assertEqual(list(WithheldText.objects.values_list("message", "body")), [(self.first.id, "helo")])

    def test_only_the_author_edits_not_even_staff(self) -> None:
        for other in (self.ben, person("root", is_staff=True)):
            self.assertEqual(refused(log.append([edit(other, self.first, "x")])).code, Code.FORBIDDEN)

    def test_only_a_message_of_the_same_room_is_a_target(self) -> None:
        room("den")
        [elsewhere] = store(message(self.ana, "there", room="den"))
        [change] = store(edit(self.ana, self.first, "hello"))
        for target in (
            Posted(elsewhere.id, LOBBY, *_rest(elsewhere)),
            change,
            Posted(change.id + 9, LOBBY, *_rest(change)),
        ):
            self.assertEqual(refused(log.append([edit(self.ana, target, "x")])), history.NO_MESSAGE)

    def test_a_redacted_message_is_not_edited(self) -> None:
        store(redaction(self.ana, self.first))
        self.assertEqual(refused(log.append([edit(self.ana, self.first, "again")])).code, Code.REDACTED)


def _rest(posted: Posted) -> tuple[Any, ...]:
    return (posted.kind, posted.author, posted.body, posted.created_at, posted.nonce)


class Redactions(TestCase):
    """A redaction withholds the text of its target and of the edits of that."""

    def setUp(self) -> None:
        self.ana, self.ben = person("ana"), person("ben")
        [self.first] = store(message(self.ana, "a secret"))

    def test_no_read_has_the_text_and_moderation_has_all_of_it(self) -> None:
        store(edit(self.ana, self.first, "the secret"))
        [redacted] = store(redaction(self.ana, self.first, "slip"))
        target, change, last = read_all()
        self.assertEqual([one.body for one in (target, change, last)], [None, None, "slip"])
        self.assertEqual([one.redacted for one in (target, change, last)], [True, True, False])
        self.assertEqual([one.changed for one in (target, change)], [redacted.id, redacted.id])
        self.assertFalse(Message.objects.filter(body__contains="secret").exists())
        self.assertEqual(
            list(WithheldText.objects.order_by("id").values_list("body", flat=True)),
            ["a secret", "the secret", "the secret"],
        )

    def test_an_edit_and_its_redaction_in_one_append_leave_no_text(self) -> None:
        appended = log.append([edit(self.ana, self.first, "the secret"), redaction(self.ana, self.first)])
        self.assertNotIn("secret", repr(appended))
        self.assertEqual([one.body for one in read_all()], [None, None, None])

    def test_redacting_again_answers_with_the_first_redaction(self) -> None:
        [first] = store(redaction(self.ana, self.first, "slip"))
        root = person("root", is_staff=True)
        one, two = log.append([redaction(root, self.first, "x"), redaction(self.ana, self.first)]).outcomes
        self.assertEqual([one, two], [Stored(first, fresh=False)] * 2)

    def test_two_redactions_in_one_append_are_one(self) -> None:
        one, two = log.append([redaction(self.ana, self.first), redaction(self.ana, self.first)]).outcomes
        self.assertEqual(stored(one), stored(two))
        self.assertEqual(len(read_all()), 2)

    def test_its_author_moderators_and_staff_redact_nobody_else(self) -> None:
        self.assertEqual(refused(log.append([redaction(self.ben, self.first)])).code, Code.FORBIDDEN)
        Membership.objects.create(
            room=ChatRoom.objects.get(slug=LOBBY), user=self.ben, role=Membership.Role.MODERATOR
        )
        self.assertEqual(store(redaction(self.ben, self.first))[0].target, self.first.id)
        [second] = store(message(self.ana, "another"))
        self.assertEqual(store(redaction(person("root", is_staff=True), second))[0].target, second.id)


class Refusals(TestCase):
    """What the log does not take, and why."""

    def setUp(self) -> None:
        self.ana = person("ana")

    def test_a_text_that_cannot_be_kept_is_refused_and_its_neighbours_are_stored(self) -> None:
        for text in ("", " \n", "a\x00b", "\ud83d", "x" * 4001):
            with self.subTest(text=text[:5]):
                bad, good = log.append([message(self.ana, text), message(self.ana, "fine")]).outcomes
                assert isinstance(bad, Refused)
                self.assertEqual(bad.code, Code.BAD_REQUEST)
                self.assertIn("body", bad.detail)
                stored(good)

    def test_the_longest_text_is_counted_in_code_points_after_trimming(self) -> None:
        [posted] = store(message(self.ana, " " + "\N{GRINNING FACE}" * 4000 + " "))
        self.assertEqual(len(posted.body or ""), 4000)

    def test_a_bad_nonce_is_refused(self) -> None:
        for nonce in ("a b", "ä", "x" * 65, "x\n"):
            self.assertEqual(
                refused(log.append([message(self.ana, "hi", nonce=nonce)])).code, Code.BAD_REQUEST
            )

    def test_a_room_that_is_not_there(self) -> None:
        for trusted in (False, True):
            draft = message(self.ana, "hi", room="nowhere", trusted=trusted)
            self.assertEqual(refused(log.append([draft])), history.NO_ROOM)

    def test_a_private_room_is_not_there_for_others(self) -> None:
        den = room("den", visibility=ChatRoom.Visibility.PRIVATE)
        self.assertEqual(refused(log.append([message(self.ana, "hi", room="den")])), history.NO_ROOM)
        Membership.objects.create(room=den, user=self.ana)
        store(message(self.ana, "hi", room="den"))

    def test_an_archived_room_takes_no_posts_and_a_read_only_one_those_of_moderators(self) -> None:
        lobby, root = ChatRoom.objects.get(slug=LOBBY), person("root", is_staff=True)
        lobby.read_only = True
        lobby.save()
        self.assertEqual(refused(log.append([message(self.ana, "hi")])).code, Code.FORBIDDEN)
        store(message(root, "hear, hear"))
        lobby.archived_at = lobby.created_at
        lobby.save()
        self.assertEqual(refused(log.append([message(root, "hi")])).code, Code.FORBIDDEN)

    def test_the_banned_guests_and_disabled_accounts_do_not_post(self) -> None:
        Ban.objects.create(room=ChatRoom.objects.get(slug=LOBBY), user=self.ana)
        self.assertEqual(refused(log.append([message(self.ana, "hi")])).code, Code.FORBIDDEN)
        self.assertEqual(refused(log.append([message(None, "hi")])).code, Code.NOT_AUTHENTICATED)
        gone = person("gone", is_active=False)
        self.assertEqual(refused(log.append([message(gone, "hi")])).code, Code.NOT_AUTHENTICATED)

    def test_an_answer_to_a_message_of_another_room(self) -> None:
        room("den")
        [elsewhere] = store(message(self.ana, "there", room="den"))
        draft = message(self.ana, "hi", reply_to=elsewhere.id)
        self.assertEqual(refused(log.append([draft])).code, Code.NOT_FOUND)

    def test_ids_that_the_database_cannot_hold(self) -> None:
        for reply_to in (0, -1, MAX_ID + 1):
            draft = message(self.ana, "hi", reply_to=reply_to)
            self.assertEqual(refused(log.append([draft])).code, Code.BAD_REQUEST)
