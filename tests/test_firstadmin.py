"""The link that makes the first administrator."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from django.test import Client, TestCase, TransactionTestCase
from django.urls import reverse
from django.utils import timezone

from realtime.management.commands import runchat
from rooms import firstadmin
from rooms.models import SiteState
from tests.test_order import WAIT_S, OtherThread

pytestmark = pytest.mark.databases

GOOD = "correct horse battery"
FILLED = {"username": "boss", "password1": GOOD, "password2": GOOD}


def link() -> str:
    path = firstadmin.issue_link()
    assert path is not None
    return path


class FirstAdmin(TestCase):
    def test_the_link_makes_a_superuser_who_is_logged_in(self) -> None:
        path = link()
        self.assertContains(self.client.get(path), 'name="password2"')
        self.assertRedirects(self.client.post(path, FILLED), reverse("rooms:index"))
        boss = User.objects.get()
        self.assertTrue(boss.is_superuser and boss.is_staff and boss.check_password(GOOD))
        self.assertEqual(self.client.get(reverse("admin:index")).status_code, 200)

    def test_it_works_once(self) -> None:
        path = link()
        self.client.post(path, FILLED)
        again = Client()
        self.assertEqual(again.get(path).status_code, 404)
        self.assertEqual(again.post(path, {**FILLED, "username": "second"}).status_code, 404)
        User.objects.all().delete()
        self.assertEqual(again.post(path, {**FILLED, "username": "second"}).status_code, 404)
        self.assertFalse(User.objects.exists())

    def test_nowhere_where_a_superuser_exists(self) -> None:
        path = link()
        User.objects.create_superuser("other", password=GOOD)
        self.assertEqual(self.client.get(path).status_code, 404)
        self.assertEqual(self.client.post(path, FILLED).status_code, 404)
        self.assertIsNone(firstadmin.issue_link())
        self.assertFalse(User.objects.filter(username="boss").exists())

    def test_an_ordinary_account_does_not_stop_it(self) -> None:
        User.objects.create_user("ana", is_staff=True)
        self.assertEqual(self.client.post(link(), FILLED).status_code, 302)

    def test_after_24_hours_it_says_how_to_get_another(self) -> None:
        path = link()
        SiteState.objects.update(first_admin_expires_at=timezone.now() + timedelta(minutes=1))
        self.assertEqual(self.client.get(path).status_code, 200)
        SiteState.objects.update(first_admin_expires_at=timezone.now())
        for response in (self.client.get(path), self.client.post(path, FILLED)):
            self.assertContains(response, "manage.py firstadmin", status_code=410)
        self.assertFalse(User.objects.exists())

    def test_it_lives_for_24_hours(self) -> None:
        before = timezone.now()
        link()
        ends = SiteState.current().first_admin_expires_at
        assert ends is not None
        self.assertLess(abs(ends - before - timedelta(hours=24)), timedelta(minutes=1))

    def test_another_link_voids_the_one_before(self) -> None:
        first, second = link(), link()
        self.assertEqual(self.client.get(first).status_code, 404)
        self.assertEqual(self.client.get(second).status_code, 200)

    def test_only_a_digest_is_kept(self) -> None:
        token = link().rstrip("/").rpartition("/")[2]
        state = SiteState.current()
        self.assertEqual(len(state.first_admin_digest), 64)
        self.assertNotIn(token, str(vars(state)))
        self.assertEqual(self.client.get(f"/first-admin/{state.first_admin_digest}/").status_code, 404)

    def test_none_given_means_none_works(self) -> None:
        for token in ("x", "%20", "None", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"):
            self.assertEqual(self.client.get(f"/first-admin/{token}/").status_code, 404)

    def test_the_address_is_kept_by_no_cache_and_told_to_nobody(self) -> None:
        path = link()
        for response in (self.client.get(path), self.client.post(path, {})):
            self.assertIn("no-store", response["Cache-Control"])
            self.assertEqual(response["Referrer-Policy"], "strict-origin")

    def test_what_is_filled_in_is_checked_and_the_link_stays(self) -> None:
        path = link()
        User.objects.create_user("ana")
        for wrong in (
            {"password2": "else"},
            {"password1": "12345678", "password2": "12345678"},
            {"username": "ANA"},
        ):
            self.assertContains(self.client.post(path, {**FILLED, **wrong}), "errorlist")
        self.assertFalse(User.objects.filter(is_superuser=True).exists())
        self.assertEqual(self.client.post(path, FILLED).status_code, 302)

    def test_a_failure_leaves_the_link_good(self) -> None:
        path = link()
        self.client.raise_request_exception = False
        with (
            mock.patch.object(User.objects, "create_superuser", side_effect=RuntimeError),
            self.assertLogs("django.request", "ERROR"),
        ):
            self.assertEqual(self.client.post(path, FILLED).status_code, 500)
        self.assertEqual(self.client.post(path, FILLED).status_code, 302)

    def test_the_form_needs_the_csrf_token(self) -> None:
        self.assertEqual(Client(enforce_csrf_checks=True).post(link(), FILLED).status_code, 403)


class AtOnce(TransactionTestCase):
    """Two who use the link at once, each on a connection of its own."""

    @pytest.mark.postgresql
    def test_nobody_waits_for_who_holds_the_site(self) -> None:
        held, go = threading.Event(), threading.Event()

        def hold() -> None:
            with transaction.atomic():
                SiteState.objects.select_for_update().get()
                held.set()
                go.wait(WAIT_S)

        holding = OtherThread(hold)
        held.wait(WAIT_S)
        try:
            with self.assertRaises(OperationalError):
                firstadmin.issue_link()
            with self.assertLogs("realtime.management", "WARNING") as logs:
                self.assertIsNone(runchat.first_admin_link())
            self.assertIn("manage.py firstadmin", logs.output[0])
            User.objects.create_superuser("boss")
            self.assertIsNone(firstadmin.issue_link())
        finally:
            go.set()
            holding.join()

    def test_one_administrator_is_made(self) -> None:
        path = link()
        both_checked = threading.Barrier(2, timeout=10)
        check = firstadmin.check
        answers: list[int] = []

        def checked(token: str) -> None:
            check(token)
            both_checked.wait()

        def post(name: str) -> None:
            try:
                answers.append(Client().post(path, {**FILLED, "username": name}).status_code)
            finally:
                connection.close()

        threads = [threading.Thread(target=post, args=[name]) for name in ("one", "two")]
        with mock.patch.object(firstadmin, "check", checked):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(Counter(answers), Counter([302, 404]))
        self.assertEqual(User.objects.count(), 1)
