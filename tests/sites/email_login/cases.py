"""The rooms on that site. `tests/test_email_login.py` runs these in a process of their own."""

from __future__ import annotations

import uuid
from io import StringIO
from typing import Any

from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from rooms import accounts, firstadmin, history, log, permissions
from rooms.messages import Credential, Draft, Kind, Newest, Page, Reaction, Stored
from rooms.models import AuditEntry, Ban, ChatRoom, Membership, Message, SiteState, Suspension
from tests.sites.email_login.models import Employee, Person

ADDRESS = "ana@example.org"
GOOD = "correct horse battery"


def person(email: str, nickname: str, password: str = GOOD, **more: bool) -> Any:
    """Make somebody."""
    # Any: types are checked by the settings of the product's own site, whose users are others.
    return Person.objects.create_user(email, nickname, password, **more)


class EmailLogin(TestCase):
    """A site whose people log in with an e-mail address and have UUIDs for keys."""

    def setUp(self) -> None:
        """Make a room's worth of people."""
        self.room = ChatRoom.objects.get(slug="lobby")
        self.ana = person(ADDRESS, "Ana", GOOD)
        self.key = str(self.ana.pk)

    def page(self) -> Page:
        """Return the lobby's newest messages as Ana reads them."""
        page = history.read(self.key, "lobby", Newest(10))
        assert isinstance(page, Page)
        return page

    def test_others_see_the_nickname_never_the_address(self) -> None:
        log.post(self.room, self.ana, "hello")
        [message] = self.page().messages
        assert message.author is not None
        self.assertEqual((message.author.id, message.author.name), (self.key, "Ana"))
        for nickname in ("", "ana@example.org"):
            Person.objects.filter(pk=self.key).update(nickname=nickname)
            [message] = self.page().messages
            self.assertEqual(message.author and message.author.name, f"user-{self.key}")

    def test_reactions_are_counted_by_keys_that_are_text(self) -> None:
        log.post(self.room, self.ana, "hello")
        row = Message.objects.get()
        ben = person("ben@example.org", "Ben")
        first = log.react(row, self.ana, "x")
        self.assertEqual(log.react(row, self.ana, "x").id, first.id)
        log.react(row, ben, "x")
        log.unreact(row, self.ana, "x")
        with self.assertRaises(log.Refusal):
            log.unreact(row, self.ana, "x")
        told = self.page().messages[0]
        self.assertEqual(told.reactions, (Reaction("x", 1, (str(ben.pk),)),))

    def test_nobody_is_named_by_an_address_nor_by_what_stands_before_its_at(self) -> None:
        with CaptureQueriesContext(connection) as queries:
            posted = log.post(self.room, self.ana, f"@{ADDRESS} @ana @Ana")
        self.assertEqual(posted.mentions, ())
        self.assertFalse([q for q in queries.captured_queries if '"email" IN' in q["sql"]])

    def test_slow_mode_and_a_redaction_by_another(self) -> None:
        ChatRoom.objects.update(slow_mode_s=60)
        log.post(self.room, self.ana, "one", trusted=False)
        with self.assertRaises(log.Refusal) as caught:
            log.post(self.room, self.ana, "two", trusted=False)
        self.assertEqual(caught.exception.retry_after_s, 60)
        root = person("root@example.org", "Root", is_staff=True)
        log.redact(Message.objects.get(), root, "spam")
        entry = AuditEntry.objects.get()
        self.assertEqual((entry.actor, entry.person), (root, self.ana))

    def test_a_send_repeated_is_stored_once(self) -> None:
        draft = Draft("lobby", Kind.MESSAGE, self.key, "n1", "hello")
        [first] = log.append([draft]).outcomes
        [second] = log.append([draft]).outcomes
        assert isinstance(first, Stored)
        assert isinstance(second, Stored)
        self.assertEqual((first.fresh, second.fresh), (True, False))
        self.assertEqual(first.posted, second.posted)

    def test_authors_edit_and_redact_their_own_alone(self) -> None:
        bob = person("bob@example.org", "Bob")
        message = Message.objects.create(room=self.room, author=self.ana, body="hello")
        with self.assertRaises(log.Refusal):
            log.edit(message, bob, "mine")
        log.edit(message, self.ana, "better")
        log.redact(message, self.ana)
        self.assertEqual([one.kind for one in self.page().messages], ["message", "edit", "redaction"])

    def test_roles_and_bans_hold(self) -> None:
        bob = person("bob@example.org", "Bob")
        Membership.objects.create(room=self.room, user=self.ana, role="moderator")
        Ban.objects.create(room=self.room, user=bob)
        nobody = str(uuid.uuid4())
        _versions, may = permissions.who_may("lobby", [self.key, str(bob.pk), nobody, None])
        self.assertTrue(may[self.key].moderate)
        self.assertEqual([may[key].see for key in (str(bob.pk), nobody, None)], [False, False, False])

    def test_sessions_and_tokens_are_known(self) -> None:
        response = self.client.post(reverse("rooms:login"), {"username": ADDRESS, "password": GOOD})
        self.assertRedirects(response, reverse("rooms:index"))
        session = Credential.of_session(self.client.session.session_key or "")
        out = StringIO()
        call_command("token", ADDRESS, stdout=out)
        token = Credential.of_token(out.getvalue().strip())
        found = accounts.still_valid([session, token])
        for one in found.values():
            self.assertEqual(one and (one.user_id, one.name), (self.key, "Ana"))
        self.ana.set_password("else")
        self.ana.save()
        self.assertIsNone(accounts.identify(session))
        self.ana.is_active = False
        self.ana.save()
        self.assertIsNone(accounts.identify(token))

    def test_a_new_nickname_is_told_of_also_where_it_alone_is_saved(self) -> None:
        before = SiteState.current().access_version
        self.ana.save(update_fields=["last_login"])
        self.assertEqual(SiteState.current().access_version, before)
        self.ana.nickname = "Annie"
        self.ana.save(update_fields=["nickname"])
        self.assertEqual(SiteState.current().access_version, before + 1)

    def test_an_account_of_a_model_that_derives_from_the_user_model_is_one(self) -> None:
        eve: Any = Employee.objects.create_user("eve@example.org", "Eve")
        versions = [SiteState.current().access_version]
        eve.is_active = False
        eve.save()
        versions.append(SiteState.current().access_version)
        eve.delete()
        versions.append(SiteState.current().access_version)
        self.assertEqual(versions, sorted(set(versions)))

    def test_an_old_account_that_becomes_one_of_a_derived_model_is_told_of(self) -> None:
        before = SiteState.current().access_version
        hired: Any = Employee(person_ptr=self.ana)
        hired.__dict__ |= {
            field.attname: getattr(self.ana, field.attname) for field in Person._meta.concrete_fields
        }
        hired._state.adding = False
        hired.is_active = False
        hired.save()
        self.assertGreater(SiteState.current().access_version, before)

    def test_pages_show_the_nickname(self) -> None:
        self.client.force_login(self.ana)
        for name in ("index", "tokens", "password_change", "password_change_done"):
            page = self.client.get(reverse(f"rooms:{name}"))
            self.assertContains(page, "Ana")
            self.assertNotContains(page, ADDRESS)

    def test_signing_up_asks_for_what_an_account_needs(self) -> None:
        filled = {"email": "new@example.org", "nickname": "New", "password1": GOOD, "password2": GOOD}
        for wrong in ({"email": "no address"}, {"email": ADDRESS.upper()}, {"nickname": ""}):
            self.assertContains(self.client.post(reverse("rooms:signup"), {**filled, **wrong}), "errorlist")
        self.assertRedirects(self.client.post(reverse("rooms:signup"), filled), reverse("rooms:index"))
        new = Person.objects.get(email="new@example.org")
        who = accounts.identify(Credential.of_session(self.client.session.session_key or ""))
        self.assertEqual(who and who.user_id, str(new.pk))

    def test_the_first_administrator_is_made(self) -> None:
        path = firstadmin.issue_link()
        assert path is not None
        self.client.post(
            path, {"email": "boss@example.org", "nickname": "Boss", "password1": GOOD, "password2": GOOD}
        )
        self.assertTrue(Person.objects.get(email="boss@example.org").is_superuser)
        self.assertEqual(self.client.get(reverse("admin:index")).status_code, 200)

    def test_the_admin_moderates(self) -> None:
        boss = person("boss@example.org", "Boss", is_staff=True, is_superuser=True)
        self.client.force_login(boss)
        message = Message.objects.create(room=self.room, author=self.ana, body="rude")
        found = self.client.get(reverse("admin:rooms_message_changelist"), {"author": ADDRESS})
        self.assertEqual([one.pk for one in found.context["cl"].result_list], [message.pk])
        self.client.post(reverse("admin:rooms_message_redact", args=[message.pk]), {"reason": "rude"})
        redaction = Message.objects.get(kind=Kind.REDACTION)
        self.assertEqual((redaction.author, LogEntry.objects.get().user), (boss, boss))

    def test_the_admin_acts_on_people_whose_keys_are_text(self) -> None:
        self.client.force_login(person("boss@example.org", "Boss", is_staff=True, is_superuser=True))
        message = Message.objects.create(room=self.room, author=self.ana, body="rude")
        people, talk = (
            reverse(f"admin:rooms_chatroom_{page}", args=[self.room.pk])
            for page in ("people", "conversation")
        )
        self.client.post(people, {"deed": "moderator", "person": ADDRESS, "reason": ""})
        self.assertEqual(Membership.objects.get(user=self.ana).role, "moderator")
        self.assertContains(self.client.get(people, {"after": str(uuid.UUID(int=0))}), ADDRESS)
        self.client.post(people, {"deed": "remove", "people": ["x", self.key], "reason": ""})
        self.assertFalse(Membership.objects.filter(user=self.ana).exists())
        self.client.post(talk, {"deed": "redact_all_of", "messages": [message.pk], "reason": ""})
        self.assertTrue(Message.objects.get(pk=message.pk).redacted)
        self.client.post(talk, {"deed": "ban", "messages": [message.pk], "reason": ""})
        self.assertEqual(Ban.objects.get().user, self.ana)
        # Its people are registered with no admin here: they are named by their keys.
        suspend = reverse("admin:rooms_suspension_add")
        self.assertContains(self.client.get(suspend), 'name="user"')
        self.client.post(suspend, {"user": self.key, "reason": "spam"})
        self.assertEqual(Suspension.objects.get().user, self.ana)
        trail = self.client.get(reverse("admin:rooms_auditentry_changelist"), {"person": ADDRESS})
        self.assertContains(trail, "suspend")

    def test_messages_outlive_their_author(self) -> None:
        log.post(self.room, self.ana, "hello")
        self.ana.delete()
        [message] = history.after("lobby", 0, 10).messages
        self.assertEqual((message.body, message.author), ("hello", None))
