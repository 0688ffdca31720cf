"""Log-ins that fail: who must wait, for how long, who must not, and what of it others can find out."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, TestCase, TransactionTestCase, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from rooms import lockouts
from rooms.backends import AccountBackend
from rooms.moderation import LoginFailures
from rooms.people import Suspension

pytestmark = pytest.mark.databases

GOOD, WRONG = "correct horse battery", "wrong"
HERE, THERE = "203.0.113.9", "198.51.100.1"
NOW = timezone.now()


def request(address: str = "127.0.0.1", **cookies: str) -> HttpRequest:
    made: HttpRequest = RequestFactory().post("/", REMOTE_ADDR=address)
    made.COOKIES.update(cookies)
    return made


def fail(times: int, name: str = "ana", at: Any = NOW, **where: str) -> None:
    for _ in range(times):
        lockouts.failed(name, request(**where), at)


def wait_s(name: str = "ana", at: Any = NOW, **where: str) -> int:
    return lockouts.wait_s(name, request(**where), at)


def age(by: timedelta) -> None:
    """Let time pass."""
    for row in LoginFailures.objects.all():
        LoginFailures.objects.filter(pk=row.pk).update(last_at=row.last_at - by)


class Waiting(TestCase):
    """How long somebody waits."""

    def test_the_first_five_are_free_then_the_wait_doubles_up_to_a_quarter_of_an_hour(self) -> None:
        waits = []
        for _ in range(18):
            waits.append(wait_s())
            fail(1)
        self.assertEqual(waits[:5], [0] * 5)
        self.assertEqual(waits[5:], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900])

    def test_it_is_counted_from_the_last_failure(self) -> None:
        fail(8)
        self.assertEqual(wait_s(at=NOW + timedelta(seconds=1)), 7)
        self.assertEqual(wait_s(at=NOW + timedelta(seconds=7.5)), 1)
        self.assertEqual(wait_s(at=NOW + timedelta(seconds=8)), 0)

    def test_a_name_is_counted_however_it_is_written_and_no_other_with_it(self) -> None:
        fail(3, "Ana")
        fail(4, "\uff21NA")
        self.assertGreater(wait_s("ana"), 0)
        self.assertEqual(wait_s("ben"), 0)

    def test_an_address_has_more_that_are_free_and_counts_all_names(self) -> None:
        for number in range(20):
            self.assertEqual(wait_s("eve", address=HERE), 0)
            fail(1, f"name{number}", address=HERE)
        self.assertEqual(wait_s("eve", address=HERE), 1)
        self.assertEqual(wait_s("eve", address=THERE), 0)

    def test_an_address_that_is_this_machines_or_a_silent_proxys_is_not_counted(self) -> None:
        for number in range(30):
            fail(1, f"name{number}", address="127.0.0.1")
        self.assertEqual(wait_s("eve", address="127.0.0.1"), 0)
        with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
            for number in range(30):
                fail(1, f"name{number}", address=HERE)
            self.assertEqual(wait_s("eve", address=HERE), 0)

    def test_behind_proxies_it_is_the_address_that_they_tell(self) -> None:
        def by_proxy(client: str) -> HttpRequest:
            made: HttpRequest = RequestFactory().post(
                "/", REMOTE_ADDR="10.0.0.7", HTTP_X_FORWARDED_FOR=client
            )
            return made

        with override_settings(CHAT_TRUSTED_PROXIES=1):
            for number in range(21):
                lockouts.failed(f"name{number}", by_proxy(f"{number}.1.1.1, {HERE}"))
            self.assertGreater(lockouts.wait_s("eve", by_proxy(HERE)), 0)
            self.assertEqual(lockouts.wait_s("eve", by_proxy(THERE)), 0)

    def test_success_forgets_the_name_and_not_the_address(self) -> None:
        fail(21, address=HERE)
        lockouts.succeeded("ana", request(HERE))
        self.assertEqual(wait_s(), 0)
        self.assertGreater(wait_s("ben", address=HERE), 0)

    def test_a_day_later_it_is_forgotten_and_counted_anew(self) -> None:
        fail(9)
        later = NOW + timedelta(days=1, seconds=1)
        self.assertEqual(wait_s(at=later), 0)
        fail(1, at=later)
        self.assertEqual([row.failures for row in LoginFailures.objects.all()], [1])

    def test_rows_that_are_old_go_some_at_a_time(self) -> None:
        old = [LoginFailures(digest=str(number), failures=1, last_at=NOW) for number in range(150)]
        LoginFailures.objects.bulk_create(old)
        later = NOW + timedelta(days=2)
        fail(1, at=later)
        self.assertEqual(LoginFailures.objects.count(), 51)
        fail(1, at=later)
        self.assertEqual(LoginFailures.objects.count(), 1)

    def test_neither_names_nor_addresses_are_kept(self) -> None:
        fail(1, address=HERE)
        kept = str(list(LoginFailures.objects.values()))
        self.assertNotIn("ana", kept)
        self.assertNotIn(HERE, kept)

    def test_a_browser_that_logged_in_before_is_counted_apart(self) -> None:
        response = HttpResponse()
        lockouts.remember_browser(response, request(), "Ana")
        known = {lockouts.COOKIE: response.cookies[lockouts.COOKIE].value}
        fail(12)
        self.assertEqual(wait_s(**known), 0, "a stranger shuts out whose name it is")
        self.assertGreater(wait_s(), 0)
        for _ in range(6):
            lockouts.failed("ana", request(**known), NOW)
        self.assertEqual(wait_s(**known), 2, "a known browser guesses without end")
        lockouts.failed("ben", request(**known), NOW)
        self.assertEqual(LoginFailures.objects.count(), 3, "it is known under another name")

    def test_a_cookie_that_is_not_ours_makes_nobody_known(self) -> None:
        fail(6)
        for value in ("", "x", "a:b:c", "\x00"):
            self.assertGreater(wait_s(**{lockouts.COOKIE: value}), 0)

    def test_a_browser_is_remembered_under_a_few_names(self) -> None:
        cookies: dict[str, str] = {}
        for number in range(8):
            response = HttpResponse()
            lockouts.remember_browser(response, request(**cookies), f"name{number}")
            cookies = {lockouts.COOKIE: response.cookies[lockouts.COOKIE].value}
        for number in range(8):
            fail(6, f"name{number}")
        self.assertEqual(
            [number for number in range(8) if not wait_s(f"name{number}", **cookies)], [3, 4, 5, 6, 7]
        )


class Forms(TestCase):
    """What those hear who wait, by whatever form."""

    def setUp(self) -> None:
        self.ana = User.objects.create_user("ana", password=GOOD, is_staff=True)
        # Time stands still but for what `age` lets pass, however slow the machine is.
        stopped = mock.patch("rooms.lockouts.timezone", mock.Mock(now=lambda: NOW))
        stopped.start()
        self.addCleanup(stopped.stop)

    def try_(self, name: str = "ana", password: str = WRONG, page: str = "rooms:login", **where: Any) -> Any:
        data = {"username": name, "password": password}
        return self.client.post(reverse(page), data, **where)

    def test_who_waits_hears_429_and_for_how_long_even_with_the_right_password(self) -> None:
        for _ in range(5):
            self.assertEqual(self.try_().status_code, 200)
        response = self.try_(password=GOOD)
        self.assertContains(response, "Try again in 1 second.", status_code=429)
        self.assertEqual(response.headers["Retry-After"], "1")
        age(timedelta(seconds=2))
        self.assertEqual(self.try_(password=GOOD).status_code, 302)
        self.assertEqual(LoginFailures.objects.count(), 0, "success leaves the name's failures")

    def test_trying_while_one_waits_makes_the_wait_no_longer(self) -> None:
        for _ in range(20):
            self.try_()
        self.assertEqual([row.failures for row in LoginFailures.objects.all()], [5])
        age(timedelta(seconds=2))
        self.assertEqual(self.try_().status_code, 200)
        self.assertEqual([row.failures for row in LoginFailures.objects.all()], [6])

    def test_the_admins_form_waits_as_well(self) -> None:
        for _ in range(5):
            self.try_(page="admin:login")
        self.assertEqual(self.try_(password=GOOD, page="admin:login").status_code, 200)
        self.assertNotIn("_auth_user_id", self.client.session)
        age(timedelta(seconds=2))
        self.assertEqual(self.try_(password=GOOD, page="admin:login").status_code, 302)

    def test_so_does_code_that_asks_django_without_a_request(self) -> None:
        for _ in range(5):
            self.assertIsNone(authenticate(None, username="ana", password=WRONG))
        self.assertIsNone(authenticate(None, username="ana", password=GOOD))
        age(timedelta(seconds=2))
        self.assertEqual(authenticate(None, username="ana", password=GOOD), self.ana)

    def test_names_that_nobody_has_are_answered_alike_at_each_step(self) -> None:
        told: dict[str, list[Any]] = {}
        for name in ("ana", "nob"):
            for _ in range(7):
                with CaptureQueriesContext(connection) as queries:
                    response = self.try_(name)
                text = re.sub(r'value="[^"]*"', "", response.content.decode())
                statements = [re.sub(r"'[^']*'|\d+", "?", q["sql"]) for q in queries]
                told.setdefault(name, []).append((response.status_code, text, statements))
        self.assertEqual(told["ana"], told["nob"])
        self.assertEqual([status for status, _text, _statements in told["ana"]], [200] * 5 + [429] * 2)

    def test_the_hasher_runs_for_both(self) -> None:
        for name in ("ana", "nob"):
            with (
                mock.patch.object(User, "set_password") as unknown,
                mock.patch.object(User, "check_password", return_value=False) as known,
            ):
                self.try_(name)
            self.assertEqual(unknown.call_count + known.call_count, 1, name)

    def test_a_session_that_is_open_is_not_touched(self) -> None:
        self.client.force_login(self.ana)
        fail(20)
        self.assertEqual(self.client.get(reverse("rooms:index")).status_code, 200)

    def test_a_stranger_who_keeps_failing_does_not_shut_out_a_known_browser(self) -> None:
        self.assertEqual(self.try_(password=GOOD).status_code, 302)
        self.client.post(reverse("rooms:logout"))
        stranger = Client()
        for _ in range(6):
            stranger.post(reverse("rooms:login"), {"username": "ana", "password": WRONG})
        refused = stranger.post(reverse("rooms:login"), {"username": "ana", "password": GOOD})
        self.assertEqual(refused.status_code, 429)
        self.assertEqual(self.try_(password=GOOD).status_code, 302)

    def test_many_names_from_one_address_wait_too(self) -> None:
        for number in range(20):
            self.assertEqual(self.try_(f"name{number}", REMOTE_ADDR=HERE).status_code, 200)
        self.assertEqual(self.try_(password=GOOD, REMOTE_ADDR=HERE).status_code, 429)
        self.assertEqual(self.try_(password=GOOD, REMOTE_ADDR=THERE).status_code, 302)


class Suspended(TestCase):
    """Somebody suspended is a stranger to Django's pages, and to nobody's surprise comes back."""

    def setUp(self) -> None:
        self.ana = User.objects.create_user("ana", password=GOOD)
        self.client.force_login(self.ana)

    def suspend(self, ends_in: timedelta | None = None) -> Suspension:
        until = timezone.now() + ends_in if ends_in else None
        return Suspension.objects.create(user=self.ana, until=until)

    def is_in(self) -> bool:
        return self.client.get(reverse("rooms:tokens")).status_code == 200

    def log_in(self) -> Any:
        return Client().post(reverse("rooms:login"), {"username": "ana", "password": GOOD})

    def test_their_sessions_open_no_page_until_they_are_let_in_again(self) -> None:
        self.assertTrue(self.is_in())
        row = self.suspend()
        self.assertFalse(self.is_in())
        row.delete()
        self.assertTrue(self.is_in())

    def test_nor_can_they_log_in_and_hear_what_a_wrong_password_hears(self) -> None:
        wrong = Client().post(reverse("rooms:login"), {"username": "ana", "password": WRONG})
        row = self.suspend()
        suspended = self.log_in()
        texts = [re.sub(r'value="[^"]*"', "", one.content.decode()) for one in (wrong, suspended)]
        self.assertEqual(texts[0], texts[1])
        row.delete()
        self.assertEqual(self.log_in().status_code, 302)

    def test_it_ends_by_itself(self) -> None:
        self.suspend(timedelta(minutes=5))
        self.assertFalse(self.is_in())
        self.assertEqual(self.log_in().status_code, 200)
        Suspension.objects.update(until=timezone.now() - timedelta(seconds=1))
        self.assertTrue(self.is_in())
        self.assertEqual(self.log_in().status_code, 302)

    def test_a_disabled_account_is_out_as_ever(self) -> None:
        User.objects.filter(pk=self.ana.pk).update(is_active=False)
        self.assertFalse(self.is_in())
        self.assertEqual(self.log_in().status_code, 200)

    def test_a_page_asks_who_somebody_is_in_one_query(self) -> None:
        with self.assertNumQueries(1):
            self.assertEqual(AccountBackend().get_user(self.ana.pk), self.ana)
        with self.assertNumQueries(1):
            self.assertIsNone(AccountBackend().get_user(self.ana.pk + 1000))


class Together(TransactionTestCase):
    """Processes that count at the same time."""

    def test_no_failure_is_lost(self) -> None:
        start = threading.Barrier(4)

        def thd_fail() -> None:
            try:
                start.wait()
                fail(10, address=HERE)
            finally:
                connections.close_all()

        self.in_threads(thd_fail, 4)
        self.assertEqual([row.failures for row in LoginFailures.objects.all()], [40, 40])

    def in_threads(self, work: Callable[[], None], count: int) -> None:
        threads = [threading.Thread(target=work) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
