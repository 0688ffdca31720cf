"""A site with a page of its own to log in by: the rooms lead there, and leave accounts to it."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.test import TestCase, override_settings
from django.urls import include, path, reverse

from rooms import entrance, firstadmin
from rooms.acting import perform
from rooms.actions import Invite
from rooms.models import ChatRoom
from tests.support_rooms import owned, person

MEMBERS_ONLY = f"{LoginRequiredMiddleware.__module__}.{LoginRequiredMiddleware.__name__}"


def own(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("by a password and a key")


class Urls:
    """A site with a log-in of its own, and the rooms below /chat/."""

    urlpatterns = [
        path("admin/", admin.site.urls),
        path("members/in/", own, name="own"),
        path("chat/", include("rooms.urls")),
    ]


class WithoutAdmin:
    """A site without an admin, whose own log-in stands where the rooms have theirs."""

    urlpatterns = [path("accounts/login/", own, name="own"), path("", include("rooms.urls"))]


def shown(page: str) -> str:
    """Return the site's own page, and where it leads afterwards."""
    return f"/members/in/?next={page}"


@override_settings(ROOT_URLCONF=Urls, LOGIN_URL="own", CHAT_SIGNUP=True, LOGOUT_REDIRECT_URL=None)
class OwnLogIn(TestCase):
    """Its page asks for more than a password, so no other may do."""

    def test_every_way_to_log_in_is_the_sites(self) -> None:
        for page in ("/chat/", "/chat/rooms/lobby/", "/chat/accounts/tokens/"):
            self.assertRedirects(self.client.get(page), shown(page))
        for method in (self.client.get, self.client.post):
            answer = method("/chat/accounts/login/", {"next": "/chat/rooms/lobby/", "username": "a"})
            self.assertRedirects(answer, shown("/chat/rooms/lobby/"))
        self.assertRedirects(self.client.get("/chat/accounts/login/?next=//evil.example/"), shown("/chat/"))

    def test_a_guest_is_led_there_from_every_page(self) -> None:
        ChatRoom.objects.update(open_to_guests=True)
        page = self.client.get("/chat/rooms/lobby/")
        self.assertContains(page, 'href="/members/in/"')
        self.assertContains(page, 'href="/members/in/?next=/chat/rooms/lobby/"')
        self.assertNotContains(page, reverse("rooms:login"))

    def test_nobody_makes_an_account_by_the_rooms(self) -> None:
        ana = person("ana")
        owned("tea", ana)
        link = f"/chat/invite/{perform(ana.pk, Invite('tea')).token}/"
        self.client.force_login(ana)
        self.assertNotContains(self.client.get("/chat/rooms/tea/invitations/"), "make an account")
        self.client.logout()
        page = self.client.get(link)
        self.assertContains(page, shown(link))
        self.assertNotContains(page, f"{link}account/")
        filled = {"username": "eve", "password1": "a long passphrase", "password2": "a long passphrase"}
        self.assertRedirects(self.client.post(f"{link}account/", filled), link)
        self.assertEqual(self.client.post("/chat/accounts/signup/", filled).status_code, 404)
        self.assertFalse(get_user_model().objects.filter(username="eve").exists())

    def test_one_goes_there_after_logging_out(self) -> None:
        self.client.force_login(person("ana"))
        self.assertNotContains(self.client.get("/chat/"), reverse("rooms:password_change"))
        self.assertRedirects(self.client.post("/chat/accounts/logout/"), "/members/in/")


@override_settings(ROOT_URLCONF=WithoutAdmin, LOGIN_URL="own")
class WithoutAnAdmin(TestCase):
    def test_a_page_of_the_sites_in_the_place_of_ours_is_the_sites(self) -> None:
        self.assertFalse(entrance.is_ours())

    def test_staff_has_pages_without_a_link_to_it(self) -> None:
        self.client.force_login(person("root", is_staff=True))
        self.assertNotContains(self.client.get("/"), "/admin/")


class MembersOnly(TestCase):
    """A site all of whose pages want somebody who is logged in, but for those that say otherwise."""

    def test_who_has_a_link_or_no_account_yet_comes_in(self) -> None:
        ana = person("ana")
        owned("tea", ana)
        first = firstadmin.issue_link() or ""
        invite = reverse("rooms:invitation", args=[perform(ana.pk, Invite("tea")).token])
        with self.modify_settings(MIDDLEWARE={"append": MEMBERS_ONLY}), self.settings(CHAT_SIGNUP=True):
            pages = [first, invite, f"{invite}account/", *map(reverse, ("rooms:login", "rooms:signup"))]
            for page in [*pages, reverse("rooms:manifest")]:
                with self.subTest(page):
                    self.assertEqual(self.client.get(page).status_code, 200)
            self.assertEqual(self.client.get(reverse("rooms:tokens")).status_code, 302)
