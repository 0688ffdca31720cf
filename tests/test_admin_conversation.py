"""A room in the admin as a conversation, and what is done there about messages and their authors."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from rooms import log
from rooms.admin_moments import first_since
from rooms.messages import Kind
from rooms.models import AuditEntry, Ban, ChatRoom, Message, Mute, WithheldText
from tests.support_admin import AdminCase, page_of

pytestmark = pytest.mark.databases


class ConversationCase(AdminCase):
    @property
    def url(self) -> str:
        return reverse("admin:rooms_chatroom_conversation", args=[self.room.pk])

    def shown(self, **place: Any) -> list[int]:
        """Return the ids that the page shows."""
        response = self.client.get(self.url, place)
        self.assertEqual(response.status_code, 200)
        return [line.row.pk for line in response.context["lines"]]

    def do(self, deed: str, *ticked: Message, **said: Any) -> Any:
        data = {"deed": deed, "messages": [message.pk for message in ticked], "reason": "", **said}
        with self.captureOnCommitCallbacks(execute=True):
            return self.client.post(self.url, data)


class Reading(ConversationCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(mock.patch("rooms.admin_conversation.ON_A_PAGE", 4))

    def test_the_newest_page_comes_first_and_pages_meet_in_both_directions(self) -> None:
        ids = [message.pk for message in self.said(*"abcdefghij")]
        self.said("elsewhere", room=ChatRoom.objects.create(slug="other", name="Other"))
        pages, url = [], self.url
        while url:
            response = self.client.get(url)
            pages.append([line.row.pk for line in response.context["lines"]])
            url = response.context["older_url"] and self.url + response.context["older_url"]
        self.assertEqual(pages, [ids[6:], ids[2:6], ids[:2]])
        back, url = [], f"{self.url}?after=0"
        while url:
            response = self.client.get(url)
            back += [line.row.pk for line in response.context["lines"]]
            url = response.context["newer_url"] and self.url + response.context["newer_url"]
        self.assertEqual(back, ids)

    def test_ways_lead_on_only_where_something_is(self) -> None:
        ids = [message.pk for message in self.said(*"abcdef")]

        def ways(**place: Any) -> tuple[bool, bool]:
            context = self.client.get(self.url, place).context
            return bool(context["older_url"]), bool(context["newer_url"])

        self.assertEqual(ways(), (True, False))
        self.assertEqual(ways(before=ids[2]), (False, True))
        self.assertEqual(ways(after=ids[1]), (True, False))
        self.assertEqual(ways(message=ids[0]), (False, True))
        self.assertEqual(ways(message=ids[3]), (True, True))
        self.assertEqual(ways(before=10**9), (True, False))

    def test_one_jumps_to_a_message_and_to_a_day(self) -> None:
        ids = [message.pk for message in self.said(*"abcdefgh")]
        for n, key in enumerate(ids):
            Message._base_manager.filter(pk=key).update(created_at=datetime(2026, 5, 1 + n, 9, tzinfo=UTC))
        self.assertEqual(self.shown(message=ids[4]), ids[2:6])
        self.assertContains(self.client.get(self.url, {"message": ids[4]}), "chat-here", count=1)
        self.assertEqual(self.shown(day="2026-05-03"), ids[2:6])
        self.assertEqual(self.shown(day="2026-05-08"), ids[7:])
        self.assertEqual(self.shown(day="2020-01-01"), ids[:4])
        self.assertEqual(self.shown(day="2030-01-01"), [])

    def test_nonsense_is_told_and_shows_the_newest(self) -> None:
        ids = [message.pk for message in self.said(*"abc")]
        for place in ({"message": "x"}, {"message": 2**63}, {"day": "yesterday"}, {"day": "0001-01-01"}):
            response = self.client.get(self.url, place)
            self.assertContains(response, "errorlist")
            self.assertEqual([line.row.pk for line in response.context["lines"]], ids)

    def test_the_queries_do_not_grow_and_go_by_room_and_id_with_a_limit(self) -> None:
        first, *_rest = self.said(*"abcdef")
        for place in ({}, {"before": first.pk + 3}, {"after": first.pk}, {"message": first.pk}):
            few = self.queries(self.url, place)
            self.said(*"ghi")
            many = self.queries(self.url, place)
            self.assertEqual(len(few), len(many))
            of_messages = [sql for sql in many if 'FROM "rooms_message"' in sql and "newest_at" not in sql]
            self.assertTrue(of_messages)
            for sql in of_messages:
                self.assertNotIn("COUNT(", sql)
                self.assertNotIn("OFFSET", sql)
                self.assertIn("LIMIT", sql)
                self.assertRegex(sql, r'ORDER BY "rooms_message"."id" (ASC|DESC)')
                self.assertIn('"rooms_message"."room_id" = ', sql)


class TheLines(ConversationCase):
    def test_they_read_as_what_happened(self) -> None:
        edited, rude = self.said("one", "rude words")
        log.edit(edited, self.ana, "one, better")
        log.redact(rude, self.boss, "be nice")
        log.react(edited, self.boss, "👍")
        self.client.post(
            reverse("admin:rooms_chatroom_people", args=[self.room.pk]),
            {"deed": "mute", "people": [self.ana.pk], "reason": ""},
        )
        page = self.client.get(self.url)
        text = re.sub(r"\s+", " ", page.content.decode())
        for shown in ("one, better", "edited", "redacted", "be nice", "👍</bdi> 1", "rude words"):
            self.assertIn(shown, text)
        kinds = {line.posted.kind for line in page.context["lines"]}
        self.assertEqual(kinds, {Kind.MESSAGE, Kind.EDIT, Kind.REDACTION, Kind.REACTION, Kind.NOTICE})
        notice = next(line for line in page.context["lines"] if line.posted.kind is Kind.NOTICE)
        self.assertContains(page, notice.posted.body)

    def test_withheld_text_is_for_those_with_the_permission(self) -> None:
        [message] = self.said("the first text")
        log.edit(message, self.ana, "the second text")
        log.redact(message, self.boss)
        page = self.client.get(self.url)
        self.assertContains(page, "the first text")
        self.assertContains(page, "the second text")
        self.staff("view_message", "change_message")
        page = self.client.get(self.url)
        self.assertNotContains(page, "the first text")
        self.assertNotContains(page, "the second text")

    def test_text_is_shown_as_text(self) -> None:
        evil = "<script>alert(1)</script>"
        other = ChatRoom.objects.create(slug="evil", name=evil, topic=evil)
        self.said(evil, room=other)
        for name in ("conversation", "people"):
            url = reverse(f"admin:rooms_chatroom_{name}", args=[other.pk])
            self.assertNotContains(self.client.get(url), "<script>alert")

    def test_no_page_holds_inline_script_or_style(self) -> None:
        self.said("a")
        inline = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE)
        for url in (
            self.url, reverse("admin:rooms_chatroom_people", args=[self.room.pk]),
            reverse("admin:rooms_report_changelist"), reverse("admin:rooms_auditentry_changelist"),
        ):  # fmt: skip
            self.assertIsNone(inline.search(self.client.get(url).content.decode()), url)


class Acting(ConversationCase):
    def test_those_ticked_are_redacted_with_a_reason_in_one_commit(self) -> None:
        one, two, kept = self.said("one", "two", "kept")
        heard = self.heard()
        response = self.do("redact", one, two, reason="spam")
        self.assertIn("2 messages were redacted.", self.told(response))
        self.assertEqual([message.kind for message in heard.messages], [Kind.REDACTION] * 2)
        self.assertEqual({message.body for message in heard.messages}, {"spam"})
        self.assertFalse(Message.objects.get(pk=kept.pk).redacted)
        self.assertEqual(AuditEntry.objects.filter(deed="redact", person=self.ana).count(), 2)

    def test_a_hundred_go_with_one_reason_in_a_number_of_queries_that_does_not_grow(self) -> None:
        rows = self.said(*map(str, range(100)))
        self.assertIn("100 messages were redacted.", self.told(self.do("redact", *rows, reason="spam")))
        self.assertEqual(Message.objects.filter(redacted=True).count(), 100)

    def test_one_comes_back_to_where_one_was(self) -> None:
        [message] = self.said("rude")
        at = f"{self.url}?message={message.pk}"
        data = {"deed": "redact", "messages": [message.pk], "reason": ""}
        self.assertRedirects(self.client.post(at, data), at)

    def test_the_authors_of_those_ticked_are_muted_or_banned_once_each(self) -> None:
        bob = User.objects.create_user("bob")
        rows = [*self.said("a", "b"), *self.said("c", author=bob)]
        heard = self.heard()
        self.assertIn("Mute: 2 people.", self.told(self.do("mute", *rows, minutes="5", reason="why")))
        self.do("ban", rows[0])
        self.assertEqual(heard.events, ["muted", "muted", "banned"])
        self.assertEqual(set(Mute.objects.values_list("reason", flat=True)), {"why"})
        self.assertEqual(Ban.objects.get().user, self.ana)

    def test_what_is_refused_is_told_and_nothing_is_half_done(self) -> None:
        own, hers = self.said("mine", author=self.boss)[0], self.said("hers")[0]
        told = self.told(self.do("ban", own, hers))
        self.assertIn("Ban: 1 person.", told)
        self.assertIn("Nobody does this to themselves.", told)
        self.assertEqual(Ban.objects.get().user, self.ana)

    def test_all_of_an_author_since_a_moment_goes(self) -> None:
        old, rude, ruder = self.said("old", "rude", "ruder")
        [other] = self.said("other", author=self.boss)
        hour = timedelta(hours=1)
        Message._base_manager.filter(pk=old.pk).update(created_at=timezone.now() - 3 * hour)
        since = (timezone.now() - hour).strftime("%Y-%m-%dT%H:%M")
        response = self.do("redact_all_of", rude, since=since, reason="spam")
        self.assertIn("2 messages were redacted.", self.told(response))
        redacted = set(Message.objects.filter(redacted=True).values_list("pk", flat=True))
        self.assertEqual(redacted, {rude.pk, ruder.pk})
        self.do("redact_all_of", rude)
        self.assertTrue(Message.objects.get(pk=old.pk).redacted)
        self.assertFalse(Message.objects.get(pk=other.pk).redacted)

    def test_nonsense_is_told_and_does_nothing(self) -> None:
        [message] = self.said("kept")
        ticked = {"messages": [message.pk], "reason": ""}
        for data in (
            {"deed": "redact"}, {"deed": "redact", "messages": ["x", 2**63, message.pk + 99]}, {**ticked},
            {"deed": "dance", **ticked}, {"deed": "redact", **ticked, "reason": "a\x00b"},
            {"deed": "redact_all_of", **ticked, "since": "then"}, {"deed": "mute", **ticked, "minutes": "-1"},
        ):  # fmt: skip
            with self.subTest(data):
                self.assertContains(self.client.post(self.url, data), "errorlist")
        self.assertFalse(Message.objects.get().redacted or Mute.objects.exists())

    def test_messages_of_another_room_are_left_alone(self) -> None:
        [other] = self.said("other", room=ChatRoom.objects.create(slug="other", name="Other"))
        self.do("redact", other)
        self.assertFalse(Message.objects.get(pk=other.pk).redacted)

    def test_a_permission_gives_its_own_deeds_alone(self) -> None:
        [message] = self.said("kept")
        moderator = self.staff("view_message")
        self.assertNotContains(self.client.get(self.url), "Do it")
        self.do("redact", message)
        self.do("ban", message)
        self.assertFalse(Message.objects.get().redacted or Ban.objects.exists())
        moderator.delete()
        self.staff("change_message")
        self.do("ban", message)
        self.assertFalse(Ban.objects.exists())
        self.do("redact", message)
        self.assertTrue(Message.objects.get(pk=message.pk).redacted)

    def test_others_see_nothing(self) -> None:
        self.staff("view_chatroom")
        self.assertEqual(self.client.get(self.url).status_code, 403)
        self.client.force_login(self.ana)
        self.assertEqual(self.client.get(self.url).status_code, 302)
        strict = self.client_class(enforce_csrf_checks=True)
        strict.force_login(self.boss)
        self.assertEqual(strict.post(self.url, {"deed": "redact"}).status_code, 403)

    def test_a_room_that_is_not_there_is_told(self) -> None:
        for key in (10**6, "x"):
            url = reverse("admin:rooms_chatroom_conversation", args=[key])
            self.assertRedirects(self.client.get(url), reverse("admin:index"))


class FromTheMessage(ConversationCase):
    """What its own page offers beside redacting it."""

    def test_all_of_its_author_goes_since_it_was_said_unless_told_otherwise(self) -> None:
        old, rude = self.said("old", "rude")
        Message._base_manager.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=3))
        page = self.client.get(page_of(rude))
        since = page.context["all_of_form"]["since"].value()
        self.assertContains(page, since.strftime('value="%Y-%m-%dT%H:%M"'))
        url = page_of(rude, "redact_all_of")
        data = {"all-since": since.strftime("%Y-%m-%dT%H:%M"), "all-reason": "spam"}
        heard = self.heard()
        with self.captureOnCommitCallbacks(execute=True):
            self.assertRedirects(self.client.post(url, data), page_of(rude))
        self.assertEqual([message.target for message in heard.messages], [rude.pk])
        self.client.post(url, {"all-since": "", "all-reason": ""})
        self.assertTrue(Message.objects.get(pk=old.pk).redacted)

    @override_settings(TIME_ZONE="Europe/Berlin")
    def test_of_an_hour_that_comes_twice_it_goes_since_the_minute_before(self) -> None:
        """A form takes no moment that two have the name of."""
        for hour, minute, since in (
            (23, 59, "01:59"), (0, 0, "01:59"), (0, 30, "01:59"), (1, 30, "01:59"), (2, 0, "03:00"),
        ):  # fmt: skip
            with self.subTest(hour=hour, minute=minute):
                [rude] = self.said("rude")
                at = datetime(2026, 10, 24 if hour == 23 else 25, hour, minute, 30, tzinfo=UTC)
                Message._base_manager.filter(pk=rude.pk).update(created_at=at)
                self.assertContains(self.client.get(page_of(rude)), f'value="2026-10-25T{since}"')
                data = {"all-since": f"2026-10-25T{since}", "all-reason": ""}
                with self.captureOnCommitCallbacks(execute=True):
                    answer = self.client.post(page_of(rude, "redact_all_of"), data)
                self.assertRedirects(answer, page_of(rude))
                self.assertTrue(Message.objects.get(pk=rude.pk).redacted)

    def test_what_it_said_is_told_in_order(self) -> None:
        [message] = self.said("first")
        log.edit(message, self.ana, "second")
        log.edit(message, self.ana, "third")

        def said() -> list[str | None]:
            return [one.text for one in self.client.get(page_of(message)).context["versions"]]

        self.assertEqual(said(), ["first", "second", "third"])
        log.react(message, self.boss, "👍")
        changes = self.client.get(page_of(message)).context["changes"]
        self.assertEqual({row.kind for row in changes}, {Kind.EDIT.value})
        log.redact(message, self.boss)
        self.assertEqual(said(), ["first", "second", "third"])
        self.staff("view_message")
        self.assertEqual(said(), [])

    def test_what_is_withheld_is_removed_for_good_by_those_who_mean_it(self) -> None:
        [message] = self.said("secret")
        log.edit(message, self.ana, "less so")
        url = page_of(message, "purge")
        self.assertNotContains(self.client.get(page_of(message)), url)
        log.redact(message, self.boss)
        self.assertContains(self.client.get(page_of(message)), url)
        self.assertEqual(self.client.post(url, {}).status_code, 200)
        self.assertTrue(WithheldText.objects.exists())
        self.assertRedirects(self.client.post(url, {"sure": "on"}), page_of(message))
        self.assertFalse(WithheldText.objects.exists())
        self.assertEqual(AuditEntry.objects.order_by("-id")[0].deed, "purge")
        self.assertIn("Nothing is withheld", self.told(self.client.post(url, {"sure": "on"})))

    def test_each_needs_its_permission(self) -> None:
        [message] = self.said("kept")
        log.redact(message, self.boss)
        self.staff("view_message", "view_withheldtext")
        page = self.client.get(page_of(message))
        for name in ("purge", "redact_all_of"):
            url = page_of(message, name)
            self.assertNotContains(page, url)
            self.assertEqual(self.client.post(url, {"sure": "on"}).status_code, 403)
        self.assertTrue(WithheldText.objects.exists())

    def test_it_leads_to_where_it_was_said(self) -> None:
        [message] = self.said("there")
        self.assertContains(self.client.get(page_of(message)), f"{self.url}?message={message.pk}")

    def test_asking_changes_nothing(self) -> None:
        [message] = self.said("kept")
        for name in ("purge", "redact_all_of"):
            self.assertEqual(self.client.get(page_of(message, name)).status_code, 200)
        self.assertFalse(Message.objects.get().redacted)


class Moments(AdminCase):
    def test_a_moment_is_found_by_keys_alone_in_few_steps(self) -> None:
        ids = [message.pk for message in self.said(*map(str, range(40)))]
        begin = datetime(2026, 5, 1, tzinfo=UTC)
        for n, key in enumerate(ids):
            moment = begin + timedelta(hours=n // 2)
            Message._base_manager.filter(pk=key).update(created_at=moment)
        rows = Message.objects.filter(room=self.room)
        for n in range(20):
            found = first_since(rows, begin + timedelta(hours=n), "created_at")
            self.assertEqual(rows.filter(pk__gte=found).order_by("pk")[0].pk, ids[2 * n])
        self.assertGreater(first_since(rows, begin + timedelta(days=9), "created_at"), ids[-1])
        self.assertEqual(first_since(rows.none(), begin, "created_at"), 1)
        with self.assertNumQueries(1 + ids[-1].bit_length()):
            first_since(rows, begin, "created_at")
