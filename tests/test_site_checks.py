"""The system checks tell a site what the rooms lack in it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core import checks
from django.http import HttpRequest, HttpResponse
from django.test import SimpleTestCase, override_settings
from django.urls import include, path

from rooms import site_checks


class OwnSessions(SessionMiddleware):
    """A site's own, which does a little more."""


def home(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class Nothing:
    """URLs without the rooms'."""

    urlpatterns = [path("", home)]


class Before:
    """URLs with a home page where the rooms have their list."""

    urlpatterns = [path("", home), path("", include("rooms.urls"))]


class Beside:
    """URLs with the rooms under a prefix, and a log-in of the site's own."""

    urlpatterns = [path("", home), path("accounts/login/", home), path("chat/", include("rooms.urls"))]


class Shared:
    """URLs with the rooms at the root, and a log-in of the site's own before theirs."""

    urlpatterns = [path("accounts/login/", home, name="login"), path("", include("rooms.urls"))]


class Hiding:
    """URLs with the rooms at the root, and a log-in of the site's own after theirs."""

    urlpatterns = [path("", include("rooms.urls")), path("accounts/login/", home, name="login")]


def told(found: list[checks.CheckMessage], number: str) -> list[str]:
    """Return what is said under a number."""
    return [one.msg for one in found if one.id == number]


class Site(SimpleTestCase):
    def test_this_site_has_all_of_it(self) -> None:
        assert site_checks.site_has_what_pages_ask() == []
        assert site_checks.pages_are_reached() == []
        assert site_checks.files_have_a_place() == []

    def test_each_app_that_pages_ask_is_named(self) -> None:
        for name in ("messages", "sessions"):
            rest = [one for one in settings.INSTALLED_APPS if one != f"django.contrib.{name}"]
            with self.subTest(name), override_settings(INSTALLED_APPS=rest):
                [one] = told(site_checks.site_has_what_pages_ask(), "rooms.E022")
                self.assertIn(name, one)

    def test_each_middleware_that_pages_ask_is_named(self) -> None:
        for name in site_checks.MIDDLEWARE:
            rest = [one for one in settings.MIDDLEWARE if one != name]
            with self.subTest(name), override_settings(MIDDLEWARE=rest):
                [one] = told(site_checks.site_has_what_pages_ask(), "rooms.E006")
                self.assertIn(name, one)

    def test_a_middleware_of_the_sites_own_may_stand_for_one_that_it_derives_from(self) -> None:
        own = [
            one.replace(site_checks.MIDDLEWARE[0], f"{__name__}.OwnSessions") for one in settings.MIDDLEWARE
        ]
        with override_settings(MIDDLEWARE=[*own, "nowhere.Middleware", f"{__name__}.home"]):
            self.assertEqual(told(site_checks.site_has_what_pages_ask(), "rooms.E006"), [])

    def test_templates_and_what_they_are_told_are_asked_for(self) -> None:
        [engine] = settings.TEMPLATES
        with override_settings(TEMPLATES=[{**engine, "APP_DIRS": False}]):
            [one] = told(site_checks.site_has_what_pages_ask(), "rooms.E025")
        self.assertIn("APP_DIRS", one)
        for name in site_checks.PROCESSORS:
            rest = [one for one in engine["OPTIONS"]["context_processors"] if one != name]
            changed = {**engine, "OPTIONS": {"context_processors": rest}}
            with self.subTest(name), override_settings(TEMPLATES=[changed]):
                [one] = told(site_checks.site_has_what_pages_ask(), "rooms.E025")
                self.assertIn(name, one)

    def test_what_must_be_as_django_has_it_is_named(self) -> None:
        changed: dict[str, Any] = {
            "USE_TZ": False,
            "FORCE_SCRIPT_NAME": "/app",
            "SESSION_COOKIE_PATH": "/chat/",
            "CSRF_COOKIE_PATH": "/chat/",
            "CSRF_HEADER_NAME": "HTTP_X_XSRF",
        }
        self.assertEqual(changed.keys(), site_checks.FIXED.keys())
        for name, value in changed.items():
            with self.subTest(name), override_settings(**{name: value}):
                [one] = told(site_checks.site_has_what_pages_ask(), "rooms.E023")
                self.assertTrue(one.startswith(name))

    def test_a_site_without_the_pages_is_told_what_to_write(self) -> None:
        with override_settings(ROOT_URLCONF=Nothing):
            [one] = site_checks.pages_are_reached()
        self.assertEqual(one.id, "rooms.E024")
        self.assertIn('include("rooms.urls")', str(one.hint))

    def test_a_page_of_the_sites_in_the_place_of_one_of_the_rooms_is_named(self) -> None:
        with override_settings(ROOT_URLCONF=Before):
            [one] = told(site_checks.pages_are_reached(), "rooms.W007")
        self.assertTrue(one.endswith(": /."), one)

    def test_a_prefix_and_a_log_in_of_the_sites_own_are_fine(self) -> None:
        for urls in (Beside, Shared):
            with self.subTest(urls), override_settings(ROOT_URLCONF=urls):
                self.assertEqual(site_checks.pages_are_reached(), [])

    def test_a_log_in_that_is_nowhere_is_warned_of(self) -> None:
        for url in ("/no/such/page/", "no_such_name"):
            with self.subTest(url), override_settings(LOGIN_URL=url):
                self.assertEqual(len(told(site_checks.pages_are_reached(), "rooms.W009")), 1)
        for url in ("https://sso.example.org/", "/accounts/login/", "rooms:login"):
            with self.subTest(url), override_settings(LOGIN_URL=url):
                self.assertEqual(site_checks.pages_are_reached(), [])

    def test_a_log_in_of_the_sites_that_ours_hides_is_warned_of(self) -> None:
        for url in ("login", "/accounts/login/"):
            with self.subTest(url), override_settings(LOGIN_URL=url):
                with override_settings(ROOT_URLCONF=Hiding):
                    self.assertEqual(len(told(site_checks.pages_are_reached(), "rooms.W010")), 1)
                with override_settings(ROOT_URLCONF=Shared):
                    self.assertEqual(site_checks.pages_are_reached(), [])
        with override_settings(LOGIN_URL="/accounts/login/"):
            self.assertEqual(site_checks.pages_are_reached(), [])

    def test_files_among_what_everybody_is_shown_are_warned_of(self) -> None:
        others = {name: one for name, one in settings.STORAGES.items() if name != "chat"}
        with override_settings(STORAGES=others):
            self.assertEqual(len(told(site_checks.files_have_a_place(), "rooms.W008")), 1)
        with override_settings(STORAGES=others, CHAT_UPLOADS=0):
            self.assertEqual(site_checks.files_have_a_place(), [])

    def test_they_are_all_asked_at_each_start(self) -> None:
        with override_settings(ROOT_URLCONF=Nothing, USE_TZ=False):
            found = {one.id for one in checks.run_checks()}
        self.assertLessEqual({"rooms.E023", "rooms.E024"}, found)
