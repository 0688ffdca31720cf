"""Who may do what is asked again after every change of accounts and of rooms' people, however it was made."""

from __future__ import annotations

import time
from itertools import product
from typing import Any
from unittest import mock

import pytest
from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser, User
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import post_delete, post_save
from django.test import TestCase, TransactionTestCase
from django.test.utils import isolate_apps

from rooms import accounts, history, log
from rooms.acting import perform
from rooms.actions import SetTopic
from rooms.models import ApiToken, AuditEntry, Ban, ChatRoom, Membership, Message, SiteState, Suspension
from tests.support_rooms import LOBBY, person, room
from tests.test_order import WAIT_S, OtherThread

pytestmark = pytest.mark.databases


def await_a_waiter() -> None:
    """Return once another connection waits for what this one's transaction holds."""
    waiting = "SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    until_s = time.monotonic() + WAIT_S
    with connection.cursor() as cursor:
        cursor.execute(waiting)
        while cursor.fetchone() == (0,):
            assert time.monotonic() < until_s
            cursor.execute(waiting)


class Changes(TestCase):
    """Accounts that are changed through a proxy, and rows that come while others are changed."""

    def test_a_proxy_of_the_user_model_is_an_account_too(self) -> None:
        with isolate_apps("django.contrib.staticfiles"):

            class Customer(User):
                class Meta:
                    proxy = True
                    app_label = "staticfiles"

        with mock.patch.object(apps, "get_models", return_value=[User, Customer]):
            apps.get_app_config("rooms").ready()
        for signal, word in ((post_save, "saved"), (post_delete, "deleted")):
            uid = f"rooms.{word}.staticfiles.Customer"
            self.addCleanup(signal.disconnect, sender=Customer, dispatch_uid=uid)
        ana = Customer.objects.get(pk=person("ana").pk)
        versions = [SiteState.current().access_version]
        ana.is_active = False
        ana.save()
        versions.append(SiteState.current().access_version)
        ana.delete()
        versions.append(SiteState.current().access_version)
        self.assertEqual(versions, sorted(set(versions)))

    def test_models_that_the_user_model_derives_from_and_their_proxies_are_heard(self) -> None:
        with isolate_apps("django.contrib.staticfiles"):

            class Contact(AbstractBaseUser):
                class Meta:
                    app_label = "staticfiles"

            class Somebody(Contact):
                class Meta:
                    proxy = True
                    app_label = "staticfiles"

            class Customer(Contact):
                class Meta:
                    app_label = "staticfiles"

        heard, other = (Contact, Somebody, Customer), SiteState
        with (
            mock.patch.object(apps, "get_models", return_value=[*heard, other]),
            mock.patch("rooms.apps.get_user_model", return_value=Customer),
        ):
            apps.get_app_config("rooms").ready()
        for model, (signal, word) in product(heard, ((post_save, "saved"), (post_delete, "deleted"))):
            uid = f"rooms.{word}.{model._meta.label}"
            self.addCleanup(signal.disconnect, sender=model, dispatch_uid=uid)
            self.assertTrue(signal.has_listeners(model))
        self.assertFalse(post_save.has_listeners(other))

    def test_what_comes_while_rows_are_removed_stays(self) -> None:
        ana = person("ana")
        lobby, den = ChatRoom.objects.get(slug=LOBBY), room("den")
        for one in (lobby, den):
            Membership.objects.create(room=one, user=ana)
        theirs = Membership.objects.filter(user=ana)
        with mock.patch.object(type(theirs), "_rooms", return_value=[lobby.pk]):
            self.assertEqual(theirs.update(role=Membership.Role.OWNER), 1)
            theirs.delete()
        [left] = Membership.objects.all()
        self.assertEqual((left.room, left.role), (den, Membership.Role.MEMBER))


class Stale(TransactionTestCase):
    """Rows that somebody read before another removed them, or moved them."""

    def setUp(self) -> None:
        self.ana = person("ana")
        self.den, self.tea = room("den", visibility=ChatRoom.Visibility.PRIVATE), room("tea")

    def test_what_was_removed_does_not_come_back(self) -> None:
        for row in (
            Membership.objects.create(room=self.den, user=self.ana),
            Ban.objects.create(room=self.tea, user=self.ana),
            Suspension.objects.create(user=self.ana),
        ):
            rows: Any = type(row).objects
            stale = rows.get()
            row.delete()
            with self.assertRaisesMessage(DatabaseError, "did not affect any rows"):
                stale.save()
            self.assertFalse(rows.exists())

    @pytest.mark.postgresql
    def test_nor_where_it_is_removed_while_somebody_waits_to_change_it(self) -> None:
        row = Membership.objects.create(room=self.den, user=self.ana)
        stale = Membership.objects.get()
        stale.role = Membership.Role.OWNER
        with transaction.atomic():
            row.delete()
            changing = OtherThread(stale.save)
            await_a_waiter()
        with self.assertRaisesMessage(DatabaseError, "did not affect any rows"):
            changing.join()
        self.assertFalse(Membership.objects.exists())

    def test_what_is_removed_is_asked_again_about_where_it_is(self) -> None:
        row = Ban.objects.create(room=self.den, user=self.ana)
        stale = Ban.objects.get()
        row.room = self.tea
        row.save()
        before = ChatRoom.objects.get(slug="tea").access_version
        stale.delete()
        self.assertGreater(ChatRoom.objects.get(slug="tea").access_version, before)


class RelatedManagers(TestCase):
    """Django's `add` to what is related to a row writes by an UPDATE that goes around the model's manager."""

    def setUp(self) -> None:
        self.ana, self.ben = person("ana"), person("ben")
        self.staff = person("staff", is_staff=True)
        self.den, self.tea = room("den"), room("tea")

    def versions(self) -> list[int]:
        rooms = ChatRoom.objects.filter(pk__in=[self.den.pk, self.tea.pk]).order_by("slug")
        return list(rooms.values_list("access_version", flat=True))

    def test_a_message_goes_neither_to_another_room_nor_to_another_author(self) -> None:
        said = log.post(self.den, self.ana, "said")
        row = Message.objects.get(pk=said.id)
        for related in (self.tea.messages, self.ben.room_messages):
            for way in (related.add, lambda row, related=related: related.set([row])):
                with self.assertRaisesMessage(TypeError, "rooms.log.edit"), transaction.atomic():
                    way(row)
        kept = Message.objects.get(pk=said.id)
        self.assertEqual((kept.room, kept.author), (self.den, self.ana))

    def test_what_is_added_to_a_room_is_appended(self) -> None:
        self.tea.messages.add(Message(author=self.ana, body="one"), Message(author=self.ben, body="two"))
        self.assertEqual([one.body for one in history.after("tea", 0, 9).messages], ["one", "two"])
        self.assertEqual(ChatRoom.objects.get(slug="tea").last_message_id, Message.objects.latest("id").pk)

    def test_who_may_do_what_is_asked_again_where_it_was_and_where_it_is(self) -> None:
        ban = Ban.objects.create(room=self.den, user=self.ana)
        before = self.versions()
        self.tea.bans.add(ban)
        moved = self.versions()
        self.ben.room_bans.add(ban)
        self.assertEqual(moved, [version + 1 for version in before])
        self.assertEqual(self.versions(), [moved[0], moved[1] + 1])
        self.assertEqual((ban.room, ban.user), (self.tea, self.ben))

    def test_the_trail_stays(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            perform(self.staff.pk, SetTopic("den", "Bears"))
        with self.assertRaisesMessage(TypeError, "never changed"):
            self.tea.deeds.add(AuditEntry.objects.latest("id"))

    def test_tokens_that_change_hands_are_looked_at_again(self) -> None:
        accounts.issue_token(self.ana, "a script")
        before = SiteState.current().access_version
        self.ben.chat_tokens.add(ApiToken.objects.get())
        moved = SiteState.current().access_version
        ApiToken.objects.update(user=self.ana)
        self.assertGreater(moved, before)
        self.assertGreater(SiteState.current().access_version, moved)
