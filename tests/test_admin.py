"""A message in the admin, what is done to it there, who may; tokens, and users who are deleted."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from rooms import accounts, log, signals
from rooms.messages import Credential, Kind, RoomBatch
from rooms.models import (
    ApiToken,
    Attachment,
    AuditEntry,
    Ban,
    ChatRoom,
    Invitation,
    Membership,
    Mention,
    Message,
    Mute,
    ReadMarker,
    Report,
    Suspension,
    WithheldText,
)
from tests.support_admin import LIST, AdminCase, page_of

pytestmark = pytest.mark.databases

INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE
)


class OneMessage(AdminCase):
    """The page of a message."""

    def test_shows_it_where_it_was_said_with_what_changed_it(self) -> None:
        *before, message = self.said("one", "two", "three")
        after = self.said("four")
        log.edit(message, self.ana, "three, better")
        page = self.client.get(page_of(message))
        self.assertContains(page, "View message")
        self.assertContains(page, "three, better")
        self.assertEqual([row.body for row in page.context["changes"]], ["three, better"])
        around = [row.body for row in page.context["around"]]
        self.assertEqual(around[:4], ["one", "two", "three, better", "four"])
        self.assertEqual(len(before) + len(after) + 2, len(around))

    def test_withheld_text_is_for_those_with_the_permission(self) -> None:
        [message] = self.said("the first text")
        log.edit(message, self.ana, "the second text")
        log.redact(message, self.ana)
        page = self.client.get(page_of(message))
        self.assertContains(page, "the first text")
        self.assertContains(page, "the second text")
        self.staff("view_message", "change_message")
        page = self.client.get(page_of(message))
        self.assertEqual(page.status_code, 200)
        self.assertNotContains(page, "the first text")
        self.assertNotContains(page, "the second text")

    def test_nothing_of_it_can_be_written(self) -> None:
        [message] = self.said("as it is")
        self.assertEqual(self.client.post(page_of(message), {"body": "else"}).status_code, 403)
        self.assertEqual(self.client.get(reverse("admin:rooms_message_add")).status_code, 403)
        self.assertEqual(
            self.client.post(reverse("admin:rooms_message_add"), {"body": "new"}).status_code, 403
        )
        self.assertEqual(Message.objects.get().body, "as it is")
        self.assertNotContains(self.client.get(page_of(message)), "_save")

    def test_one_that_is_not_there_is_told(self) -> None:
        for what in ("change", "redact", "delete"):
            response = self.client.get(reverse(f"admin:rooms_message_{what}", args=[10**6]), follow=True)
            self.assertEqual(response.status_code, 200)
            self.assertEqual(response.request["PATH_INFO"], reverse("admin:index"))
        self.assertEqual(self.client.get(reverse("admin:rooms_message_redact", args=["x"])).status_code, 302)


class Redaction(AdminCase):
    """Redacting in the admin."""

    def setUp(self) -> None:
        super().setUp()
        self.batches: list[RoomBatch] = []
        signals.committed.connect(self._heard)
        self.addCleanup(signals.committed.disconnect, self._heard)

    def _heard(self, batches: tuple[RoomBatch, ...], **_rest: Any) -> None:
        self.batches.extend(batches)

    def assert_redacted(self, message: Message, reason: str) -> None:
        message = Message.objects.get(pk=message.pk)
        self.assertEqual((message.body, message.redacted), ("", True))
        redaction = Message.objects.get(kind=Kind.REDACTION, target=message.pk)
        self.assertEqual((redaction.body, redaction.author), (reason, self.boss))
        self.assertEqual(message.changed, redaction.pk)

    def test_the_button_on_the_page_redacts_with_its_reason_and_the_log_tells_it(self) -> None:
        [message] = self.said("rude")
        url = page_of(message, "redact")
        self.assertContains(self.client.get(page_of(message)), f'action="{url}"')
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(url, {"reason": "rude"})
        self.assertRedirects(response, page_of(message), fetch_redirect_response=False)
        self.assert_redacted(message, "rude")
        self.assertEqual([m.kind for batch in self.batches for m in batch.messages], [Kind.REDACTION])
        entry = LogEntry.objects.get()
        self.assertEqual((entry.user, entry.object_id), (self.boss, str(message.pk)))
        self.assertIn("rude", entry.get_change_message())
        page = self.client.get(page_of(message))
        self.assertNotContains(page, f'action="{url}"')
        self.assertContains(page, "1 message was redacted.")

    def test_asking_changes_nothing(self) -> None:
        [message] = self.said("kept")
        for what in ("redact", "delete"):
            self.assertContains(self.client.get(page_of(message, what)), "kept")
        self.assertFalse(Message.objects.get().redacted)

    def test_deleting_is_redacting(self) -> None:
        [message] = self.said("rude")
        self.client.post(page_of(message, "delete"), {"post": "yes", "reason": "rude"})
        self.assert_redacted(message, "rude")

    def test_whatever_of_django_deletes_redacts(self) -> None:
        one, two = self.said("one", "two")
        of_messages = admin.site.get_model_admin(Message)
        request = self.client.get(page_of(one)).wsgi_request
        of_messages.delete_model(request, one)
        of_messages.delete_queryset(request, Message.objects.filter(pk=two.pk))
        self.assert_redacted(one, "")
        self.assert_redacted(two, "")

    def test_those_ticked_go_after_a_reason_in_one_commit_a_room(self) -> None:
        other = ChatRoom.objects.create(slug="other", name="Other")
        rows = [*self.said("a", "b"), *self.said("c", room=other)]
        [kept] = self.said("kept")
        ticked = {"action": "redact_selected", "_selected_action": [row.pk for row in rows]}
        page = self.client.post(reverse(LIST), ticked)
        self.assertContains(page, 'name="reason"')
        self.assertFalse(Message.objects.filter(redacted=True).exists())
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(reverse(LIST), {**ticked, "reason": "spam"}, follow=True)
        self.assertContains(response, "3 messages were redacted.")
        for row in rows:
            self.assert_redacted(row, "spam")
        self.assertFalse(Message.objects.get(pk=kept.pk).redacted)
        self.assertEqual(
            [(batch.room, len(batch.messages)) for batch in self.batches], [("lobby", 2), ("other", 1)]
        )
        self.assertEqual(LogEntry.objects.count(), 3)

    def test_all_across_pages_means_those_ticked(self) -> None:
        one, two = self.said("one", "two")
        data = {"action": "redact_selected", "_selected_action": [one.pk], "select_across": "1", "reason": ""}
        self.client.post(reverse(LIST), data)
        self.assertTrue(Message.objects.get(pk=one.pk).redacted)
        self.assertFalse(Message.objects.get(pk=two.pk).redacted)

    def test_django_own_deletion_of_what_is_ticked_is_not_offered_and_does_nothing(self) -> None:
        [message] = self.said("kept")
        self.assertNotContains(self.client.get(reverse(LIST)), "delete_selected")
        self.client.post(
            reverse(LIST), {"action": "delete_selected", "_selected_action": [message.pk], "post": "yes"}
        )
        self.assertFalse(Message.objects.get().redacted)

    def test_again_is_told_and_keeps_the_first_reason(self) -> None:
        [message] = self.said("rude")
        self.client.post(page_of(message, "redact"), {"reason": "first"})
        response = self.client.post(page_of(message, "redact"), {"reason": "second"}, follow=True)
        self.assertContains(response, "1 was redacted before.")
        self.assert_redacted(message, "first")
        self.assertEqual(LogEntry.objects.count(), 1)

    def test_redacting_an_edit_takes_what_it_edits(self) -> None:
        [message] = self.said("rude")
        edit = Message.objects.get(pk=log.edit(message, self.ana, "ruder").id)
        self.client.post(page_of(edit, "redact"), {"reason": "rude"})
        self.assert_redacted(message, "rude")
        self.assertEqual(Message.objects.get(pk=edit.pk).body, "")
        withheld = WithheldText.objects.order_by("id").values_list("body", flat=True)
        self.assertCountEqual(withheld, ["rude", "ruder", "ruder"])

    def test_a_redaction_is_not_redacted(self) -> None:
        [message] = self.said("rude")
        redaction = Message.objects.get(pk=log.redact(message, self.ana, "why").id)
        response = self.client.post(page_of(redaction, "redact"), {"reason": "again"}, follow=True)
        self.assertContains(response, "There is no such message.")
        self.assertEqual(Message.objects.get(pk=redaction.pk).body, "why")

    def test_a_reason_has_its_bounds(self) -> None:
        [message] = self.said("kept")
        for reason in ("x" * 251, "a\x00b"):
            response = self.client.post(page_of(message, "redact"), {"reason": reason})
            self.assertContains(response, "errorlist")
        self.assertFalse(Message.objects.get().redacted)


class WhoMay(AdminCase):
    """Permissions."""

    def answers(self, message: Message) -> dict[str, int]:
        data = {"action": "redact_selected", "_selected_action": [message.pk], "reason": ""}
        return {
            "list": self.client.get(reverse(LIST)).status_code,
            "page": self.client.get(page_of(message)).status_code,
            "ask": self.client.get(page_of(message, "redact")).status_code,
            "redact": self.client.post(page_of(message, "redact"), {"reason": ""}).status_code,
            "delete": self.client.post(page_of(message, "delete"), {"post": "yes"}).status_code,
            "tick": self.client.post(reverse(LIST), data).status_code,
        }

    def test_staff_without_permission_sees_nothing(self) -> None:
        [message] = self.said("kept")
        self.staff()
        self.assertEqual(set(self.answers(message).values()), {403})
        self.assertFalse(Message.objects.get().redacted)

    def test_who_may_only_look_redacts_nothing(self) -> None:
        [message] = self.said("kept")
        self.staff("view_message")
        answers = self.answers(message)
        self.assertEqual((answers["list"], answers["page"]), (200, 200))
        self.assertEqual((answers["ask"], answers["redact"], answers["delete"]), (403, 403, 403))
        self.assertFalse(Message.objects.get().redacted)
        self.assertNotContains(self.client.get(page_of(message)), "/redact/")

    def test_the_permission_to_change_or_to_delete_redacts(self) -> None:
        for permission in ("change_message", "delete_message"):
            with self.subTest(permission):
                [message] = self.said("rude")
                moderator = self.staff(permission)
                self.assertEqual(self.client.get(reverse(LIST)).status_code, 200)
                self.client.post(page_of(message, "redact"), {"reason": ""})
                self.assertTrue(Message.objects.get(pk=message.pk).redacted)
                moderator.delete()

    def test_others_are_asked_to_log_in(self) -> None:
        [message] = self.said("kept")
        self.client.force_login(self.ana)
        self.assertEqual(set(self.answers(message).values()), {302})
        self.assertFalse(Message.objects.get().redacted)

    def test_a_redaction_needs_the_csrf_token(self) -> None:
        [message] = self.said("kept")
        strict = self.client_class(enforce_csrf_checks=True)
        strict.force_login(self.boss)
        self.assertEqual(strict.post(page_of(message, "redact"), {"reason": ""}).status_code, 403)
        self.assertFalse(Message.objects.get().redacted)


class Tokens(AdminCase):
    """Tokens in the admin."""

    def test_they_are_seen_without_digest_revoked_and_never_made(self) -> None:
        plain = accounts.issue_token(self.ana, "a script")
        token = ApiToken.objects.get()
        pages = [
            self.client.get(reverse("admin:rooms_apitoken_changelist")),
            self.client.get(reverse("admin:rooms_apitoken_change", args=[token.pk])),
        ]
        for page in pages:
            self.assertContains(page, "a script")
            self.assertNotContains(page, token.digest)
        self.assertEqual(self.client.get(reverse("admin:rooms_apitoken_add")).status_code, 403)
        self.client.post(reverse("admin:rooms_apitoken_delete", args=[token.pk]), {"post": "yes"})
        self.assertIsNone(accounts.identify(Credential.of_token(plain)))


NAMING_ACCOUNTS = [
    field
    for model in apps.get_app_config("rooms").get_models()
    for field in model._meta.concrete_fields
    if field.related_model is User
]


class DeletingUsers(AdminCase):
    """Django's own deletion of users."""

    def row_of_each_kind(self) -> None:
        """Store rows that name ana, in each field of each model that may."""
        of_ana, of_boss = *self.said("kept"), *self.said("rude", author=self.boss)
        in_room, until = {"room": self.room, "user": self.ana}, timezone.now() + timedelta(days=1)
        for model in (Membership, Ban, Mute, ReadMarker):
            model.objects.create(**in_room)
        Mention.objects.create(message=of_boss, **in_room)
        Suspension.objects.create(user=self.ana)
        accounts.issue_token(self.ana, "a script")
        Invitation.objects.create(room=self.room, made_by=self.ana, expires_at=until, uses_left=1)
        Report.objects.create(room=self.room, message=of_boss, reporter=self.ana)
        Report.objects.create(
            room=self.room, message=of_ana, reporter=self.boss, settled_by=self.ana, settled_at=until
        )
        Attachment.objects.create(room=self.room, uploader=self.ana, size=1)
        AuditEntry.objects.create(deed="mute", actor=self.ana, person=self.ana, actor_name="ana")
        for field in NAMING_ACCOUNTS:
            self.assertTrue(field.model._base_manager.filter(**{field.name: self.ana}).exists(), field)

    def delete_by_the_page(self) -> Any:
        return self.client.post(reverse("admin:auth_user_delete", args=[self.ana.pk]), {"post": "yes"})

    def delete_by_the_action(self) -> Any:
        ticked = {"action": "delete_selected", "_selected_action": [self.ana.pk], "post": "yes"}
        return self.client.post(reverse("admin:auth_user_changelist"), ticked)

    def test_whatever_names_them_they_go_by_the_page_and_by_the_action(self) -> None:
        for delete in (self.delete_by_the_page, self.delete_by_the_action):
            with self.subTest(delete.__name__), transaction.atomic():
                self.row_of_each_kind()
                self.assertEqual(delete().status_code, 302)
                self.assertFalse(User.objects.filter(pk=self.ana.pk).exists())
                counts = {field.model: field.model._base_manager.count() for field in NAMING_ACCOUNTS}
                left = {model: number for model, number in counts.items() if number}
                self.assertEqual(left, {Message: 2, Report: 1, Attachment: 1, AuditEntry: 1})
                transaction.set_rollback(True)

    def test_of_the_staff_who_may_delete_no_reports_deletes_nobody_who_made_one(self) -> None:
        [rude] = self.said("rude", author=self.boss)
        Report.objects.create(room=self.room, message=rude, reporter=self.ana)
        clerk = self.staff()
        clerk.user_permissions.set(Permission.objects.filter(codename__in=("delete_user", "view_user")))
        self.assertEqual(self.delete_by_the_page().status_code, 403)
        clerk.user_permissions.add(Permission.objects.get(codename="delete_report"))
        self.assertEqual(self.delete_by_the_page().status_code, 302)
        self.assertFalse(User.objects.filter(pk=self.ana.pk).exists())

    def test_their_messages_stay_without_author(self) -> None:
        [message] = self.said("kept")
        url = reverse("admin:auth_user_delete", args=[self.ana.pk])
        self.assertNotContains(self.client.get(url), "kept")
        self.client.post(url, {"post": "yes"})
        self.assertFalse(User.objects.filter(pk=self.ana.pk).exists())
        message.refresh_from_db()
        self.assertEqual((message.body, message.author_id), ("kept", None))
        self.assertContains(self.client.get(page_of(message)), "(no account)")

    def test_ten_thousand_messages_are_neither_read_nor_listed(self) -> None:
        Message._base_manager.bulk_create(
            [Message(room=self.room, author=self.ana, body="x", nonce=str(n)) for n in range(10_000)]
        )
        url = reverse("admin:auth_user_delete", args=[self.ana.pk])
        for ask in (self.client.get, self.client.post):
            with CaptureQueriesContext(connection) as queries:
                response: Any = ask(url, {"post": "yes"})
            self.assertIn(response.status_code, {200, 302})
            self.assertLess(len(response.content), 50_000)
            read = [
                q["sql"] for q in queries if q["sql"].startswith("SELECT") and '"rooms_message"' in q["sql"]
            ]
            self.assertEqual(read, [])
            self.assertLess(len(queries), 45)
        self.assertEqual(Message.objects.filter(author=None).count(), 10_000)

    def test_a_member_with_a_ban_and_a_token_goes_too(self) -> None:
        Membership.objects.create(room=self.room, user=self.ana)
        Ban.objects.create(room=self.room, user=self.ana, until=timezone.now() + timedelta(days=1))
        accounts.issue_token(self.ana, "a script")
        self.delete_by_the_action()
        self.assertFalse(User.objects.filter(pk=self.ana.pk).exists())
