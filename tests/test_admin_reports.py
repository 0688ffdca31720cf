"""The queue of reports in the admin: read in order, each taken care of once."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from rooms import log
from rooms.acting import perform
from rooms.actions import ReportMessage
from rooms.models import AuditEntry, Ban, Message, Mute, Report
from tests.support_admin import AdminCase

pytestmark = pytest.mark.databases

QUEUE = "admin:rooms_report_changelist"


class ReportsCase(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        self.bob = User.objects.create_user("bob")

    def reported(self, body: str = "rude", reason: str = "it is rude", by: User | None = None) -> Report:
        [message] = self.said(body)
        made = perform((by or self.bob).pk, ReportMessage("lobby", message.pk, reason))
        return Report.objects.get(pk=made.report)

    def queue(self, **parameters: Any) -> list[int]:
        response = self.client.get(reverse(QUEUE), parameters)
        self.assertEqual(response.status_code, 200)
        return [one.report.pk for one in response.context["reports"]]

    def settle(self, report: Report, settlement: str, **said: Any) -> str:
        url = reverse("admin:rooms_report_settle", args=[report.pk])
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(
                url, {"settlement": settlement, "minutes": "60", "reason": "", **said}
            )
        self.assertEqual(response.status_code, 302)
        return self.told(response)


class TheQueue(ReportsCase):
    def test_those_that_wait_come_oldest_first_page_by_page(self) -> None:
        ids = [self.reported(str(n)).pk for n in range(5)]
        with mock.patch("rooms.admin_reports.ON_A_PAGE", 2):
            url, seen = reverse(QUEUE), []
            while url:
                response = self.client.get(url)
                seen.append([one.report.pk for one in response.context["reports"]])
                on = response.context["next_url"]
                url = on and reverse(QUEUE) + on
        self.assertEqual(seen, [ids[:2], ids[2:4], ids[4:]])

    def test_each_shows_its_message_where_it_was_said_who_reported_it_and_why(self) -> None:
        self.said(*"abcdef")
        report = self.reported("the rude one", "because")
        self.said(*"uvwxyz")
        response = self.client.get(reverse(QUEUE))
        [one] = response.context["reports"]
        said = [line.posted.body for line in one.around]
        self.assertEqual(said, [*"bcdef", "the rude one", *"uvwxy"])
        self.assertContains(response, "because")
        self.assertContains(response, "bob")
        self.assertContains(response, "chat-here", count=1)
        self.assertContains(response, f'action="{reverse("admin:rooms_report_settle", args=[report.pk])}"')
        self.assertContains(response, 'name="minutes" value="60"')

    def test_around_it_is_what_was_said_and_withheld_text_is_for_those_with_the_permission(self) -> None:
        [message] = self.said("before")
        report = self.reported("the rude one")
        log.react(message, self.bob, "👍")
        log.redact(report.message, self.boss)
        response = self.client.get(reverse(QUEUE))
        [one] = response.context["reports"]
        self.assertEqual([line.row.pk for line in one.around], [message.pk, report.message_id])
        self.assertContains(response, "the rude one")
        self.staff("view_report")
        self.assertNotContains(self.client.get(reverse(QUEUE)), "the rude one")

    def test_those_settled_are_shown_apart_with_who_did_it(self) -> None:
        first, second, third = (self.reported(str(n)) for n in range(3))
        self.settle(first, "dismissed")
        self.settle(third, "redacted")
        self.assertEqual(self.queue(), [second.pk])
        self.assertEqual(self.queue(show="settled"), [third.pk, first.pk])
        page = self.client.get(reverse(QUEUE), {"show": "settled"})
        self.assertContains(page, "message redacted, by boss")
        self.assertNotContains(page, "Dismiss</button>")

    def test_the_queries_are_bounded_and_count_nothing(self) -> None:
        for n in range(12):
            self.reported(str(n))
        for parameters in ({}, {"show": "settled"}, {"beyond": 1}, {"beyond": "x"}):
            queries = self.queries(reverse(QUEUE), parameters)
            self.assertLess(len(queries), 45)
            for sql in queries:
                self.assertNotIn("COUNT(", sql)
                self.assertNotIn("OFFSET", sql)

    def test_how_many_wait_is_told_up_to_a_bound(self) -> None:
        index = reverse("admin:index")
        self.assertNotContains(self.client.get(index), "Reports that wait")
        for n in range(3):
            self.reported(str(n))
        self.assertContains(self.client.get(index), "Reports that wait: 3")
        self.assertContains(self.client.get(reverse(QUEUE)), "<title>Reports (3 open)")
        with mock.patch("rooms.admin_reports.COUNTED_MOST", 2):
            self.assertContains(self.client.get(index), "Reports that wait: 1+")

    def test_there_is_no_other_page_of_a_report(self) -> None:
        report = self.reported()
        change = reverse("admin:rooms_report_change", args=[report.pk])
        self.assertRedirects(self.client.get(change), reverse(QUEUE))
        delete = change.replace("/change/", "/delete/")
        self.assertEqual(self.client.post(delete, {"post": "yes"}).status_code, 404)
        ticked = {"action": "delete_selected", "_selected_action": [report.pk], "post": "yes"}
        self.client.post(reverse(QUEUE), ticked)
        self.assertEqual(self.queue(), [report.pk])


class Settling(ReportsCase):
    def test_redacting(self) -> None:
        report = self.reported()
        heard = self.heard()
        self.assertIn("message redacted", self.settle(report, "redacted", reason="indeed"))
        self.assertEqual([message.body for message in heard.messages], ["indeed"])
        self.assertTrue(Message.objects.get(pk=report.message_id).redacted)

    def test_muting_for_some_minutes_and_banning_for_good(self) -> None:
        heard = self.heard()
        self.settle(self.reported("a"), "muted", minutes="30")
        self.settle(self.reported("b"), "banned")
        self.assertEqual(heard.events, ["muted", "banned"])
        mute = Mute.objects.get()
        assert mute.until is not None
        self.assertAlmostEqual((mute.until - timezone.now()).total_seconds(), 1800, delta=30)
        self.assertIsNone(Ban.objects.get().until)

    def test_dismissing_leaves_everything_as_it_is(self) -> None:
        report = self.reported()
        self.settle(report, "dismissed")
        self.assertFalse(Message.objects.get(pk=report.message_id).redacted)
        report.refresh_from_db()
        self.assertEqual((report.outcome, report.settled_by), ("dismissed", self.boss))
        self.assertEqual(AuditEntry.objects.get().deed, "settle_report")

    def test_who_comes_second_is_told_by_whom_it_is_taken_care_of(self) -> None:
        report = self.reported()
        self.settle(report, "dismissed")
        self.client.force_login(User.objects.create_superuser("chief"))
        told = self.settle(report, "banned")
        self.assertIn("boss has taken care of this report: dismissed.", told)
        report.refresh_from_db()
        self.assertEqual((report.outcome, report.settled_by), ("dismissed", self.boss))
        self.assertFalse(Ban.objects.exists())

    def test_what_is_refused_is_told_and_leaves_it_open(self) -> None:
        [own] = self.said("mine", author=self.boss)
        made = perform(self.bob.pk, ReportMessage("lobby", own.pk))
        report = Report.objects.get(pk=made.report)
        self.assertEqual(self.settle(report, "banned"), "Nobody does this to themselves.")
        self.assertEqual(self.queue(), [report.pk])

    def test_nonsense_is_told(self) -> None:
        report = self.reported()
        self.assertIn("minutes", self.settle(report, "muted", minutes="0"))
        self.assertIn("settlement", self.settle(report, "forgiven"))
        self.assertIn("no such report", self.settle(Report(pk=10**6), "dismissed"))
        self.assertEqual(self.queue(), [report.pk])

    def test_it_takes_a_post_with_the_token(self) -> None:
        url = reverse("admin:rooms_report_settle", args=[self.reported().pk])
        self.assertEqual(self.client.get(url).status_code, 405)
        strict = self.client_class(enforce_csrf_checks=True)
        strict.force_login(self.boss)
        self.assertEqual(strict.post(url, {"settlement": "dismissed"}).status_code, 403)
        self.assertTrue(Report.objects.filter(settled_at__isnull=True).exists())

    def test_one_comes_back_to_the_page_that_one_was_on_and_nowhere_else(self) -> None:
        queue = reverse(QUEUE)
        for back, comes_to in (
            (f"{queue}?beyond=3", f"{queue}?beyond=3"),
            ("//evil.example/", queue),
            ("/accounts/", queue),
            ("", queue),
        ):
            url = reverse("admin:rooms_report_settle", args=[self.reported().pk])
            response = self.client.post(url, {"settlement": "dismissed", "back": back})
            self.assertEqual(response["Location"], comes_to)

    def test_one_whose_author_is_gone_can_be_redacted(self) -> None:
        report = self.reported()
        self.ana.delete()
        self.assertIn("no account any more", self.settle(report, "banned"))
        self.settle(report, "redacted")
        self.assertTrue(Message.objects.get(pk=report.message_id).redacted)

    def test_a_message_redacted_meanwhile_is_settled_all_the_same(self) -> None:
        report = self.reported()
        log.redact(report.message, self.boss)
        self.settle(report, "redacted")
        self.assertEqual(self.queue(), [])


class WhoMay(ReportsCase):
    def test_staff_without_the_permission_sees_nothing(self) -> None:
        report = self.reported()
        self.staff("view_message")
        self.assertEqual(self.client.get(reverse(QUEUE)).status_code, 403)
        self.assertNotContains(self.client.get(reverse("admin:index")), "Reports that wait")
        url = reverse("admin:rooms_report_settle", args=[report.pk])
        self.assertEqual(self.client.post(url, {"settlement": "dismissed"}).status_code, 403)

    def test_who_may_only_look_settles_nothing(self) -> None:
        report = self.reported()
        self.staff("view_report")
        self.assertNotContains(self.client.get(reverse(QUEUE)), '<button type="submit" class="button"')
        url = reverse("admin:rooms_report_settle", args=[report.pk])
        self.assertEqual(self.client.post(url, {"settlement": "dismissed"}).status_code, 403)
        self.assertTrue(Report.objects.filter(settled_at__isnull=True).exists())

    def test_a_settlement_takes_the_permission_of_what_it_does(self) -> None:
        report = self.reported()
        moderator = self.staff("change_report")
        page = self.client.get(reverse(QUEUE))
        self.assertEqual([value for value, _label in page.context["buttons"]], ["dismissed"])
        url = reverse("admin:rooms_report_settle", args=[report.pk])
        self.assertEqual(self.client.post(url, {"settlement": "banned"}).status_code, 403)
        moderator.user_permissions.add(Permission.objects.get(codename="add_ban"))
        self.settle(report, "banned")
        self.assertTrue(Ban.objects.exists())
