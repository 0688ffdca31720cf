"""Logging in and out, passwords, sign-up, tokens, and the plain pages."""

from __future__ import annotations

import re
import threading
from functools import partial
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.db import IntegrityError
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory, TestCase, TransactionTestCase, override_settings
from django.urls import reverse
from django.views import defaults
from django.views.csrf import csrf_failure

from rooms import account_views, accounts, history, signals
from rooms.forms import NewAccountForm, new_account_form
from rooms.messages import Credential
from rooms.models import ApiToken, SiteState
from tests.test_order import WAIT_S, OtherThread

pytestmark = pytest.mark.databases

GOOD = "correct horse battery"
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE
)


class LoggingIn(TestCase):
    """Django's own log-in, log-out and change of password, in this site's pages."""

    def setUp(self) -> None:
        self.ana = User.objects.create_user("ana", password=GOOD)

    def log_in(self, client: Client | None = None, **more: str) -> str:
        """Log in and return where one is sent; empty where one is not."""
        data = {"username": "ana", "password": GOOD, **more}
        response = (client or self.client).post(reverse("rooms:login"), data)
        return response.headers.get("Location", "")

    def test_leads_to_the_rooms_or_to_where_one_was_to_go(self) -> None:
        self.assertEqual(self.log_in(), reverse("rooms:index"))
        self.assertEqual(self.log_in(next="/rooms/lobby/"), "/rooms/lobby/")

    def test_never_leads_elsewhere(self) -> None:
        for next_url in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
            self.assertEqual(self.log_in(next=next_url), reverse("rooms:index"), next_url)

    def test_a_wrong_password_and_an_unknown_name_are_answered_alike(self) -> None:
        answers = [
            self.client.post(reverse("rooms:login"), {"username": name, "password": "wrong"})
            for name in ("ana", "nob")
        ]
        texts = [re.sub(r'value="[^"]*"', "", answer.content.decode()) for answer in answers]
        self.assertIn("errorlist", texts[0])
        self.assertEqual(texts[0], texts[1])

    def test_makes_a_new_session_key(self) -> None:
        self.client.session["x"] = 1
        session = self.client.session
        session["x"] = 1
        session.save()
        before = session.session_key
        self.log_in()
        self.assertNotEqual(self.client.session.session_key, before)

    def test_a_disabled_account_is_refused(self) -> None:
        User.objects.filter(pk=self.ana.pk).update(is_active=False)
        self.assertEqual(self.log_in(), "")

    def test_forms_need_the_csrf_token(self) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(self.ana)
        for name in ("login", "logout", "password_change", "tokens"):
            response = client.post(reverse(f"rooms:{name}"))
            self.assertContains(response, "This form is too old", status_code=403)

    def test_logging_out_is_a_form_and_ends_the_session(self) -> None:
        self.log_in()
        credential = Credential.of_session(self.client.session.session_key or "")
        self.assertIsNotNone(accounts.identify(credential))
        self.assertEqual(self.client.get(reverse("rooms:logout")).status_code, 405)
        self.assertRedirects(self.client.post(reverse("rooms:logout")), reverse("rooms:login"))
        self.assertIsNone(accounts.identify(credential))

    def test_logging_out_is_told_at_once_and_not_before_the_session_is_gone(self) -> None:
        """Whoever hears of it asks who is who, and must not be told the answer from before."""
        User.objects.update(is_staff=True)
        for log_out in (reverse("rooms:logout"), reverse("admin:logout")):
            self.log_in()
            credential = Credential.of_session(self.client.session.session_key or "")
            found: list[object] = []

            def hear(credential: Credential = credential, found: list[object] = found, **_: object) -> None:
                found.append(accounts.identify(credential))

            signals.access_changed.connect(hear)
            self.addCleanup(signals.access_changed.disconnect, hear)
            with self.captureOnCommitCallbacks(execute=True):
                self.client.post(log_out)
            self.assertEqual(found, [None])
            signals.access_changed.disconnect(hear)

    def test_logging_out_without_a_log_in_changes_nothing(self) -> None:
        before = SiteState.current().access_version
        self.client.post(reverse("rooms:logout"))
        self.assertEqual(SiteState.current().access_version, before)

    def test_changing_the_password_ends_the_other_sessions(self) -> None:
        elsewhere = Client()
        self.log_in(elsewhere)
        self.log_in()
        old = Credential.of_session(elsewhere.session.session_key or "")
        data = {"old_password": GOOD, "new_password1": GOOD + "!", "new_password2": GOOD + "!"}
        response = self.client.post(reverse("rooms:password_change"), data)
        self.assertRedirects(response, reverse("rooms:password_change_done"))
        self.assertIsNone(accounts.identify(old))
        here = accounts.identify(Credential.of_session(self.client.session.session_key or ""))
        self.assertEqual(here and here.user_id, self.ana.pk)

    def test_changing_the_password_needs_the_old_one_and_a_good_new_one(self) -> None:
        self.log_in()
        for old, new in (("wrong", GOOD + "!"), (GOOD, "12345678"), (GOOD, "short")):
            data = {"old_password": old, "new_password1": new, "new_password2": new}
            self.assertContains(self.client.post(reverse("rooms:password_change"), data), "errorlist")
        self.ana.refresh_from_db()
        self.assertTrue(self.ana.check_password(GOOD))

    def test_pages_of_ones_own_ask_guests_to_log_in(self) -> None:
        for name in ("password_change", "password_change_done", "tokens"):
            url = reverse(f"rooms:{name}")
            self.assertRedirects(self.client.get(url), f"{reverse('rooms:login')}?next={url}")

    def test_no_page_has_inline_script_or_style(self) -> None:
        self.log_in()
        for name in ("login", "password_change", "password_change_done", "tokens"):
            page = self.client.get(reverse(f"rooms:{name}")).content.decode()
            self.assertIsNone(INLINE.search(page), name)


class SigningUp(TestCase):
    """Strangers make themselves an account where the site lets them."""

    def sign_up(self, username: str = "ana", password: str = GOOD) -> str:
        """Sign up and return where one is sent; empty where one is not."""
        data = {"username": username, "password1": password, "password2": password}
        return self.client.post(reverse("rooms:signup"), data).headers.get("Location", "")

    @override_settings(CHAT_SIGNUP=False)
    def test_is_not_there_unless_it_is_switched_on(self) -> None:
        self.assertEqual(self.client.get(reverse("rooms:signup")).status_code, 404)
        self.assertEqual(self.sign_up(), "")
        self.assertFalse(User.objects.exists())
        self.assertNotContains(self.client.get(reverse("rooms:login")), reverse("rooms:signup"))

    @override_settings(CHAT_SIGNUP=True)
    def test_makes_an_account_without_rights_and_logs_it_in(self) -> None:
        self.assertContains(self.client.get(reverse("rooms:login")), reverse("rooms:signup"))
        self.assertContains(self.client.get(reverse("rooms:signup")), 'name="password2"')
        self.assertEqual(self.sign_up(), reverse("rooms:index"))
        user = User.objects.get()
        self.assertFalse(user.is_staff or user.is_superuser)
        here = accounts.identify(Credential.of_session(self.client.session.session_key or ""))
        self.assertEqual(here and here.name, "ana")
        self.assertRedirects(self.client.get(reverse("rooms:signup")), reverse("rooms:index"))

    @override_settings(CHAT_SIGNUP=True)
    def test_names_that_differ_in_case_alone_and_bad_passwords_are_refused(self) -> None:
        User.objects.create_user("ana")
        User.objects.create_user("Öl.+")
        for username, password in (
            ("Ana", GOOD),
            ("öl.+", GOOD),
            ("bob", "12345678"),
            ("bob", "bob"),
            ("b b", GOOD),
            ("", GOOD),
        ):
            self.assertEqual(self.sign_up(username, password), "", username)
        self.assertEqual(User.objects.count(), 2)
        self.assertEqual(self.sign_up("öl.xx"), reverse("rooms:index"))

    @override_settings(CHAT_SIGNUP=True)
    def test_more_than_the_form_asks_for_is_not_taken(self) -> None:
        data = {
            "username": "ana",
            "password1": GOOD,
            "password2": GOOD,
            "is_superuser": "on",
            "is_staff": "on",
        }
        self.client.post(reverse("rooms:signup"), data)
        user = User.objects.get()
        self.assertFalse(user.is_staff or user.is_superuser)

    @override_settings(CHAT_SIGNUP=True)
    def test_a_name_taken_in_the_meantime_is_told_in_the_form(self) -> None:
        def too_late(_form: NewAccountForm) -> None:
            raise IntegrityError

        with mock.patch.object(NewAccountForm, "save", too_late):
            response = self.client.post(
                reverse("rooms:signup"), {"username": "ana", "password1": GOOD, "password2": GOOD}
            )
        self.assertContains(response, "A user with that username already exists.")

    def test_the_form_asks_for_what_the_user_model_requires(self) -> None:
        self.assertEqual(list(new_account_form()().fields), ["username", "password1", "password2"])


class SigningUpAtOnce(TransactionTestCase):
    """Several find a name free at the same moment."""

    @override_settings(CHAT_SIGNUP=True)
    def test_one_of_names_that_differ_in_case_alone_is_made(self) -> None:
        made, all_found_free = account_views._made, threading.Barrier(3)
        answers: list[str] = []

        def made_at_once(*arguments: Any) -> bool:
            all_found_free.wait(WAIT_S)
            return made(*arguments)

        def sign_up(name: str) -> None:
            data = {"username": name, "password1": GOOD, "password2": GOOD}
            answers.append(Client().post(reverse("rooms:signup"), data).content.decode())

        with mock.patch.object(account_views, "_made", made_at_once):
            for one in [OtherThread(partial(sign_up, name)) for name in ("Zed", "zed", "ZED")]:
                one.join()
        self.assertEqual(User.objects.filter(username__iexact="zed").count(), 1)
        refused = [answer for answer in answers if "A user with that username already exists." in answer]
        self.assertEqual(len(refused), 2)


class Tokens(TestCase):
    """The page of one's own tokens."""

    URL = "rooms:tokens"

    def setUp(self) -> None:
        self.ana = User.objects.create_user("ana")
        self.client.force_login(self.ana)

    def test_a_token_is_shown_by_one_answer_alone_and_opens_the_api(self) -> None:
        response = self.client.post(reverse(self.URL), {"name": "a script"})
        plain = response.context["token"]
        self.assertContains(response, plain)
        self.assertIn("no-store", response["Cache-Control"])
        who = accounts.identify(Credential.of_token(plain))
        self.assertEqual(who and who.user_id, self.ana.pk)
        page = self.client.get(reverse(self.URL))
        self.assertContains(page, "a script")
        self.assertNotContains(page, plain)
        self.assertNotContains(page, ApiToken.objects.get().digest)
        self.assertNotIn(plain, str(dict(self.client.session)))

    def test_a_token_has_a_name_of_fair_length(self) -> None:
        for name in ("", "  ", "x" * 61, "a\x00b"):
            self.assertContains(self.client.post(reverse(self.URL), {"name": name}), "errorlist")
        self.assertFalse(ApiToken.objects.exists())

    def test_there_is_an_end_to_them(self) -> None:
        ApiToken.objects.bulk_create(ApiToken(user=self.ana, name="x", digest=f"{n:064}") for n in range(50))
        self.assertContains(self.client.post(reverse(self.URL), {"name": "one more"}), "revoke one first")
        self.assertEqual(ApiToken.objects.count(), 50)

    def test_revoking_one_closes_what_it_opened(self) -> None:
        plain = accounts.issue_token(self.ana, "a script")
        response = self.client.post(reverse("rooms:revoke_token", args=[ApiToken.objects.get().pk]))
        self.assertRedirects(response, reverse(self.URL), fetch_redirect_response=False)
        self.assertIn("a script", str(next(iter(get_messages(response.wsgi_request)))))
        self.assertIsNone(accounts.identify(Credential.of_token(plain)))

    def test_others_are_neither_seen_nor_revoked(self) -> None:
        accounts.issue_token(User.objects.create_user("bob"), "of bob")
        self.assertNotContains(self.client.get(reverse(self.URL)), "of bob")
        key = ApiToken.objects.get().pk
        self.assertEqual(self.client.post(reverse("rooms:revoke_token", args=[key])).status_code, 404)
        self.assertEqual(self.client.get(reverse("rooms:revoke_token", args=[key])).status_code, 405)
        self.assertTrue(ApiToken.objects.exists())

    def test_a_name_is_shown_as_text(self) -> None:
        response = self.client.post(reverse(self.URL), {"name": "<script>alert(1)</script>"})
        self.assertNotContains(response, "<script>alert")
        self.assertContains(response, "&lt;script&gt;alert")


class PlainPages(TestCase):
    """What stands where a page does not."""

    def asked(self, path: str = "/none") -> HttpRequest:
        return RequestFactory().get(path)

    def test_each_is_whole_tells_nothing_of_the_inside_and_has_no_inline_script_or_style(self) -> None:
        pages = {
            400: defaults.bad_request(self.asked(), Exception("inside")),
            403: defaults.permission_denied(self.asked(), Exception("inside")),
            404: defaults.page_not_found(self.asked(), Exception("inside")),
            500: defaults.server_error(self.asked()),
        }
        for status, page in pages.items():
            text = page.content.decode()
            self.assertEqual(page.status_code, status)
            self.assertIn("<h1>", text)
            self.assertIn("rooms/css/plain.css", text)
            self.assertNotIn("inside", text)
            self.assertIsNone(INLINE.search(text))

    def test_the_path_that_is_not_there_is_not_repeated(self) -> None:
        response = self.client.get("/%3Cscript%3Ealert(1)%3C/script%3E")
        self.assertEqual(response.status_code, 404)
        self.assertNotContains(response, "alert", status_code=404)

    def test_a_refused_form_says_what_to_do(self) -> None:
        response = csrf_failure(self.asked(), reason="inside")
        self.assertContains(response, "load the page again", status_code=403)
        self.assertNotContains(response, "inside", status_code=403)

    def test_the_page_of_a_failure_needs_nothing_to_be_working(self) -> None:
        with mock.patch.object(history, "rooms_for", side_effect=RuntimeError("a fault")):
            self.client.raise_request_exception = False
            with self.assertLogs("django.request", "ERROR"):
                response = self.client.get(reverse("rooms:index"))
        self.assertContains(response, "Something went wrong", status_code=500)
        self.assertNotContains(response, "a fault", status_code=500)
        with self.assertNumQueries(0):
            render_to_string("500.html")
