"""The headers of every page, and Django's admin under them."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.testing import StaticLiveServerTestCase
from django.http import HttpRequest, HttpResponse
from django.test import SimpleTestCase, TestCase, override_settings

from project.headers import content_security_policy
from rooms import policy
from tests import chromium

POLICY = "Content-Security-Policy"


def answered(response: HttpResponse) -> str | None:
    """Return the policy of a response once it has gone through."""
    found: str | None = content_security_policy(lambda _request: response)(HttpRequest()).headers.get(POLICY)
    return found


class Pages(TestCase):
    """What a page of the site carries."""

    def test_the_log_in_of_the_admin_has_all_of_them(self) -> None:
        headers = self.client.get("/admin/login/").headers
        self.assertEqual(headers[POLICY], settings.CONTENT_SECURITY_POLICY)
        self.assertEqual(headers["X-Frame-Options"], "DENY")
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(headers["Referrer-Policy"], "same-origin")
        self.assertEqual(headers["Cross-Origin-Opener-Policy"], "same-origin")

    def test_a_page_that_is_not_there_has_the_policy_too(self) -> None:
        response = self.client.get("/no/such/page")
        self.assertEqual(response.status_code, HTTPStatus.NOT_FOUND)
        self.assertEqual(response.headers[POLICY], settings.CONTENT_SECURITY_POLICY)

    def test_nothing_inline_and_nothing_from_elsewhere(self) -> None:
        self.assertNotIn("unsafe", settings.CONTENT_SECURITY_POLICY)
        self.assertNotIn("http", settings.CONTENT_SECURITY_POLICY)
        self.assertTrue(settings.CONTENT_SECURITY_POLICY.startswith("default-src 'none';"))


class Policy(SimpleTestCase):
    """Which responses get the site's policy."""

    def test_a_response_keeps_its_own(self) -> None:
        self.assertEqual(answered(HttpResponse(headers={POLICY: "sandbox"})), "sandbox")

    def test_django_s_own_pages_about_an_error_in_development_are_left_readable(self) -> None:
        with override_settings(DEBUG=True):
            self.assertIsNone(answered(HttpResponse(status=500)))
            self.assertIsNotNone(answered(HttpResponse()))
        self.assertIsNotNone(answered(HttpResponse(status=500)))


@override_settings(MIDDLEWARE=[one for one in settings.MIDDLEWARE if not one.startswith("project.")])
class OnASiteWithoutAPolicy(TestCase):
    """The rooms' pages have theirs; the others are the site's business."""

    def policies(self) -> list[str | None]:
        pages = ("/accounts/login/", "/manifest.webmanifest", "/", "/admin/login/")
        return [self.client.get(page).headers.get(POLICY) for page in pages]

    def test_the_pages_of_the_rooms_have_one_all_the_same(self) -> None:
        with self.settings():
            del settings.CONTENT_SECURITY_POLICY
            self.assertEqual(self.policies(), [policy.POLICY] * 3 + [None])

    def test_what_another_package_keeps_by_that_name_is_not_taken_for_one(self) -> None:
        with self.settings(CONTENT_SECURITY_POLICY={"DIRECTIVES": {}}):
            self.assertEqual(self.policies(), [policy.POLICY] * 3 + [None])

    def test_the_sites_own_goes_before_ours(self) -> None:
        with self.settings(CONTENT_SECURITY_POLICY="default-src 'self'"):
            self.assertEqual(self.policies(), ["default-src 'self'"] * 3 + [None])

    def test_static_files_may_have_a_host_of_their_own(self) -> None:
        with self.settings(STATIC_URL="https://files.example.org/s/"):
            del settings.CONTENT_SECURITY_POLICY
            told = policy.policy()
        for part in ("script-src", "style-src", "img-src", "font-src"):
            [one] = [one for one in told.split("; ") if one.startswith(part)]
            self.assertTrue(one.endswith(" https://files.example.org"), one)
        self.assertIn("connect-src 'self';", told)


@pytest.mark.browser
class Admin(StaticLiveServerTestCase):
    """Django's admin works under the policy."""

    def test_it_draws_and_runs_without_breaking_the_policy(self) -> None:
        get_user_model().objects.create_superuser("root", password="secret")
        with chromium.running() as browser:
            page = browser.new_page()
            broken: list[str] = []
            page.on("console", lambda said: broken.append(said.text) if "Policy" in said.text else None)
            page.on("pageerror", lambda error: broken.append(str(error)))
            page.goto(f"{self.live_server_url}/admin/")
            page.fill("#id_username", "root")
            page.fill("#id_password", "secret")
            page.click("[type=submit]")
            for path in ("", "auth/user/", "auth/user/add/", "auth/group/add/"):
                page.goto(f"{self.live_server_url}/admin/{path}")
                assert page.title().endswith("| Chat administration")
            # The two boxes of permissions are made by script: it was let in.
            page.wait_for_selector("#id_permissions_from option", state="attached")
            style = page.evaluate("getComputedStyle(document.querySelector('#header')).display")
        self.assertEqual(style, "flex")
        self.assertEqual(broken, [])
