"""The log by Django's own ways in, who may read and write, the epoch, and a log that is emptied."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import TestCase, TransactionTestCase

from rooms import accounts, history, log, signals
from rooms.actions import Deed
from rooms.messages import After, Code, Page, Posted
from rooms.models import ApiToken, AuditEntry, Ban, ChatRoom, Membership, Message, SiteState, Suspension
from tests.support_rooms import LOBBY, message, owned, person, room, store

pytestmark = pytest.mark.databases


def read_all(slug: str = LOBBY) -> tuple[Posted, ...]:
    return history.after(slug, 0, 200).messages


class PlainDjango(TestCase):
    """Django's own ways to write go through the log, or raise and name the call to use."""

    def setUp(self) -> None:
        self.ana = person("ana")
        self.lobby = ChatRoom.objects.get(slug=LOBBY)

    def test_create_save_and_bulk_create_append(self) -> None:
        one = Message.objects.create(room=self.lobby, author=self.ana, body=" one ")
        two = Message(room=self.lobby, author=self.ana, body="two")
        two.save()
        three, four = Message.objects.bulk_create(
            [Message(room=self.lobby, body="three"), Message(room=self.lobby, body="four")]
        )
        five = self.lobby.messages.create(body="five")
        rows = [one, two, three, four, five]
        self.assertEqual([(row.pk, row.body) for row in rows], [(m.id, m.body) for m in read_all()])
        self.assertEqual(ChatRoom.objects.get(slug=LOBBY).last_message_id, five.pk)
        one.refresh_from_db()
        self.assertEqual(one.body, "one")

    def test_what_would_tear_the_log_raises_and_names_the_call_to_use(self) -> None:
        row = Message.objects.create(room=self.lobby, body="stays")
        for tear in (
            row.save,
            row.delete,
            Message.objects.all().delete,
            lambda: Message.objects.update(body="x"),
            lambda: Message.objects.bulk_update([row], ["body"]),
            lambda: Message.objects.create(pk=99, room=self.lobby, body="x"),
        ):
            with self.subTest(tear=tear), self.assertRaisesRegex(TypeError, "log"):
                tear()
        self.assertEqual([one.body for one in read_all()], ["stays"])

    def test_another_database_is_refused_since_the_log_is_in_the_default_one(self) -> None:
        """Its keys are those of others here: the message would be stored here, and be somebody else's."""
        elsewhere = ChatRoom.objects.get(slug=LOBBY)
        elsewhere._state.db = "other"
        theirs = Message.objects.using("other")
        for write in (
            lambda: theirs.create(room=self.lobby, author=self.ana, body="x"),
            lambda: theirs.bulk_create([Message(room=self.lobby, body="x")]),
            lambda: Message(room=self.lobby, body="x").save(using="other"),
            lambda: Message(room=elsewhere, body="x").save(),
            lambda: Message.objects.bulk_create([Message(room=elsewhere, body="x")]),
            lambda: Ban.objects.using("other").create(room=self.lobby, user=self.ana),
            lambda: Ban(room=elsewhere, user_id=self.ana.pk).save(),
        ):
            with self.subTest(write=write), self.assertRaisesRegex(TypeError, "default database"):
                write()
        self.assertEqual(read_all(), ())
        self.assertEqual(Ban.objects.count(), 0)

    def test_a_bad_row_raises_and_stores_nothing_of_its_room(self) -> None:
        with self.assertRaises(log.Refusal):
            Message.objects.bulk_create(
                [Message(room=self.lobby, body="good"), Message(room=self.lobby, body="")]
            )
        self.assertEqual(read_all(), ())

    def test_deleting_a_user_keeps_the_messages_without_their_author(self) -> None:
        Message.objects.create(room=self.lobby, author=self.ana, body="mine")
        self.ana.delete()
        [left] = read_all()
        self.assertEqual((left.body, left.author), ("mine", None))

    def test_saving_a_room_never_rewinds_what_the_log_keeps(self) -> None:
        stale = ChatRoom.objects.get(slug=LOBBY)
        store(message(self.ana, "meanwhile"))
        Membership.objects.create(room=stale, user=self.ana)
        now = ChatRoom.objects.get(slug=LOBBY)
        stale.topic = "new"
        stale.save()
        stale.name = "Never"
        stale.save(update_fields=[])
        after = ChatRoom.objects.get(slug=LOBBY)
        self.assertNotEqual(after.name, "Never")
        self.assertEqual((after.topic, after.last_message_id), ("new", now.last_message_id))
        self.assertGreater(after.access_version, now.access_version)

    def test_a_room_is_never_deleted_and_keeps_its_address(self) -> None:
        for delete in (self.lobby.delete, ChatRoom.objects.all().delete):
            with self.assertRaisesRegex(Exception, "archived"):
                delete()
        self.lobby.slug = "other"
        self.lobby.save()
        self.assertEqual(ChatRoom.objects.get(pk=self.lobby.pk).slug, LOBBY)
        with self.assertRaisesRegex(TypeError, "slug"):
            ChatRoom.objects.update(slug="other")

    def test_a_row_built_with_the_key_of_another_does_not_take_its_place(self) -> None:
        den = owned("den", self.ana, visibility=ChatRoom.Visibility.PRIVATE)
        log.post(den, self.ana, "hidden")
        entry = AuditEntry.objects.create(deed=Deed.BAN, reason="spam")
        for row in (
            ChatRoom(pk=den.pk, slug="other", name="Other"),
            AuditEntry(pk=entry.pk, deed=Deed.MUTE, reason="forged"),
            SiteState(pk=SiteState.THE_ONE),
        ):
            there = type(row)._base_manager.filter(pk=row.pk).values()
            before = there.get()
            second: Any = row._meta.concrete_fields[1].name
            for options in ({}, {"update_fields": [second]}, {"force_update": True}):
                with self.assertRaises((IntegrityError, ValueError)), transaction.atomic():
                    row.save(**options)
            self.assertEqual(there.get(), before)

    def test_an_upsert_is_refused(self) -> None:
        membership = Membership.objects.create(room=self.lobby, user=self.ana)
        entry = AuditEntry.objects.create(deed=Deed.BAN, reason="spam")
        suspension = Suspension.objects.create(user=self.ana)
        accounts.issue_token(self.ana, "script")
        for row, field in (
            (self.lobby, "visibility"),
            (membership, "role"),
            (entry, "reason"),
            (suspension, "until"),
            (ApiToken.objects.get(), "user"),
        ):
            rows = type(row).objects
            options = {"update_conflicts": True, "unique_fields": ["pk"], "update_fields": [field]}
            with self.assertRaisesMessage(TypeError, "update()"):
                rows.bulk_create([row], **options)
            with self.assertRaisesMessage(TypeError, "update()"):
                rows.bulk_create([row], None, False, True, [field], ["pk"])

    def test_a_stale_state_of_the_site_takes_back_neither_epoch_nor_version(self) -> None:
        stale = SiteState.current()
        log.accounts_changed()
        epoch = log.new_epoch()
        version = SiteState.current().access_version
        stale.first_admin_digest = "a digest"
        stale.save()
        now = SiteState.current()
        self.assertEqual((now.epoch, now.access_version), (epoch, version))
        self.assertEqual(now.first_admin_digest, "a digest")

    def test_the_calls_for_plain_django_code(self) -> None:
        posted = log.post(self.lobby, self.ana, "helo")
        row = Message.objects.get(pk=posted.id)
        self.assertEqual(log.edit(row, self.ana, "hello").body, "hello")
        with self.assertRaises(log.Refusal) as caught:
            log.redact(row, person("ben"))
        self.assertEqual(caught.exception.code, Code.FORBIDDEN)
        self.assertEqual(log.redact(row, None, "by the server", trusted=True).target, row.pk)


class Access(TestCase):
    """What changes access raises the room's version, or the site's, in its own commit, and tells."""

    def setUp(self) -> None:
        self.ana = person("ana")
        self.lobby = ChatRoom.objects.get(slug=LOBBY)
        self.heard: list[frozenset[str] | None] = []
        signals.access_changed.connect(self.hear)
        self.addCleanup(signals.access_changed.disconnect, self.hear)

    def hear(self, rooms: frozenset[str] | None, **_rest: Any) -> None:
        self.heard.append(rooms)

    def version(self) -> int:
        return ChatRoom.objects.get(pk=self.lobby.pk).access_version

    def test_every_way_to_change_a_membership_or_a_ban_raises_the_rooms_version(self) -> None:
        ways = (
            lambda: Membership.objects.create(room=self.lobby, user=self.ana),
            lambda: Membership.objects.update(role=Membership.Role.OWNER),
            lambda: Membership.objects.get().delete(),
            lambda: Ban.objects.bulk_create([Ban(room=self.lobby, user=self.ana)]),
            lambda: Ban.objects.get().save(),
            lambda: Ban.objects.all().delete(),
            lambda: ChatRoom.objects.update(open_to_guests=True),
            self.lobby.save,
        )
        for way in ways:
            before = self.version()
            with self.captureOnCommitCallbacks(execute=True):
                way()
            self.assertGreater(self.version(), before)
            self.assertEqual(self.heard.pop(), frozenset({LOBBY}))

    def test_a_row_that_goes_to_another_room_raises_the_versions_of_both(self) -> None:
        """Else who belonged to the first would go on reading it, and who is banned from the second too."""
        den = room("den", visibility=ChatRoom.Visibility.PRIVATE)
        for row in (
            Membership.objects.create(room=den, user=self.ana),
            Ban.objects.create(room=den, user=self.ana),
        ):
            before = den.access_version, self.version()
            row.room = self.lobby
            with self.captureOnCommitCallbacks(execute=True):
                row.save()
            den.refresh_from_db()
            self.assertGreater(den.access_version, before[0])
            self.assertGreater(self.version(), before[1])
            self.assertEqual(self.heard.pop(), frozenset({LOBBY, "den"}))
            with self.assertRaisesMessage(TypeError, "one by one"):
                type(row).objects.update(room=den)

    def test_changed_accounts_raise_the_sites_version_and_a_log_in_does_not(self) -> None:
        def version() -> int:
            return SiteState.current().access_version

        before = version()
        self.ana.save(update_fields=["last_login", "date_joined"])
        self.assertEqual(version(), before)
        with self.captureOnCommitCallbacks(execute=True):
            self.ana.set_password("another passphrase")
            self.ana.save()
        self.assertEqual((version(), self.heard), (before + 1, [None]))
        accounts.issue_token(self.ana, "script")
        ApiToken.objects.all().delete()
        self.assertEqual(version(), before + 2)
        self.ana.delete()
        self.assertEqual(version(), before + 3)


class Epochs(TestCase):
    """A database has a name, and a new one after a restore."""

    def test_a_new_epoch_replaces_the_old_one(self) -> None:
        before = SiteState.current().epoch
        self.assertNotEqual(log.new_epoch(), before)
        self.assertNotEqual(SiteState.current().epoch, before)


class Loaded(TransactionTestCase):
    """Django's dumps are loaded into an empty database, and over nothing that is there."""

    def setUp(self) -> None:
        self.migrated = self.dump()
        self.ana = person("ana")
        log.post(ChatRoom.objects.get(slug=LOBBY), self.ana, "secret")
        AuditEntry.objects.create(deed=Deed.BAN, reason="spam")
        self.dumped = self.dump()

    def dump(self, *models: str) -> str:
        out = StringIO()
        call_command("dumpdata", *(models or ("auth.user", "rooms")), stdout=out)
        return out.getvalue()

    def load(self, dumped: str) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "dump.json"
            path.write_text(dumped, encoding="utf-8")
            call_command("loaddata", path, verbosity=0)

    def test_into_an_empty_database(self) -> None:
        call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)
        self.load(self.migrated)
        self.load(self.dumped)
        self.assertEqual(self.dump(), self.dumped)
        log.post(ChatRoom.objects.get(slug=LOBBY), User.objects.get(), "and on")
        self.assertEqual([one.body for one in read_all()], ["secret", "and on"])

    def test_no_redacted_text_comes_back_no_head_goes_back_and_the_trail_stays(self) -> None:
        log.redact(Message.objects.get(), self.ana)
        dumps = [self.dumped] + [self.dump(f"rooms.{name}") for name in ("chatroom", "message", "auditentry")]
        before = self.dump()
        for dumped in dumps:
            with self.assertRaisesRegex(IntegrityError, r"rooms\.\w+ \d+ is there already: "):
                self.load(dumped)
        self.assertEqual(self.dump(), before)


class Emptied(TransactionTestCase):
    """A database without its first row (flushed, say) gets it when it is asked for."""

    def test_the_state_of_the_site_is_made_anew(self) -> None:
        SiteState.objects.all().delete()
        self.assertTrue(history.heads([LOBBY]).epoch)
        self.assertIsInstance(history.read(person("ana").pk, LOBBY, After(0, 1)), Page)
