"""The pages of invitations, of reports, and of the search; and where leaving leads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client, TestCase, override_settings
from django.urls import reverse
from django.utils import timezone

from rooms import invitations
from rooms.acting import perform
from rooms.actions import BanPerson, CreateRoom, Invite, ReportMessage, RevokeInvitation, SetRole
from rooms.models import Invitation, Membership, Message, Mute, Report
from tests.support_rooms import message, person, redaction, store
from tests.test_room_pages import TOKEN

pytestmark = pytest.mark.databases

GOOD = "correct horse battery"


class Pages(TestCase):
    """Ana owns a private room that Ben moderates; Dora has an account."""

    def setUp(self) -> None:
        self.ana, self.ben, self.dora = (person(name) for name in ("ana", "ben", "dora"))
        self.slug = perform(self.ana.pk, CreateRoom("Garden", private=True)).room
        perform(self.ana.pk, SetRole(self.slug, self.ben.pk, "moderator"))

    def as_(self, user: User) -> Client:
        """Return somebody's browser."""
        client = Client()
        client.force_login(user)
        return client


class Leaving(Pages):
    """The button by which somebody leaves a room."""

    def leave(self, who: User) -> Any:
        """Press it and return the page that it leads to."""
        return self.as_(who).post(reverse("rooms:members", args=[self.slug]), {"do": "leave"}, follow=True)

    def test_the_last_owner_is_told_why_not_where_somebody_else_is_made_one(self) -> None:
        page = self.leave(self.ana)
        self.assertContains(page, "The last owner stays one")
        self.assertContains(page, "Set the role")

    def test_who_has_left_sees_the_rooms(self) -> None:
        self.assertContains(self.leave(self.ben), "You have left the room.")
        self.assertNotContains(self.leave(self.ben), "Garden", status_code=404)


class Invitations(Pages):
    """Links into a room."""

    def link(self, **how: Any) -> str:
        """Make a link and return its address."""
        return reverse("rooms:invitation", args=[perform(self.ana.pk, Invite(self.slug, **how)).token])

    def page(self) -> str:
        """Return the address of the room's page of invitations."""
        return reverse("rooms:invitations", args=[self.slug])

    def belongs(self, user: User) -> bool:
        """Tell whether somebody belongs to the room."""
        return Membership.objects.filter(room__slug=self.slug, user=user).exists()

    def test_a_link_is_shown_once_and_listed_till_it_is_revoked(self) -> None:
        client = self.as_(self.ben)
        answer = client.post(self.page(), {"seconds": "3600", "uses": "2"})
        link = answer.context["link"]
        self.assertContains(answer, link)
        self.assertNotContains(client.get(self.page()), link)
        self.assertEqual(self.as_(self.dora).get(urlsplit(link).path).status_code, 200)
        [row] = client.get(self.page()).context["invitations"]
        self.assertEqual(row.uses, 2)
        client.post(reverse("rooms:revoke_invitation", args=[self.slug, row.invitation]))
        self.assertEqual(self.as_(self.dora).get(urlsplit(link).path).status_code, 404)

    def test_only_moderators_make_list_and_revoke(self) -> None:
        link = self.link()
        perform(self.ana.pk, SetRole(self.slug, self.dora.pk))
        row = Invitation.objects.get()
        client = self.as_(self.dora)
        self.assertEqual(client.post(self.page(), {"seconds": "3600", "uses": "1"}).status_code, 403)
        revoke = reverse("rooms:revoke_invitation", args=[self.slug, row.pk])
        self.assertEqual(client.post(revoke).status_code, 403)
        self.assertEqual(self.as_(self.ben).get(revoke).status_code, 302)  # looking changes nothing
        self.assertEqual(Client().get(link).status_code, 200)

    def test_somebody_logged_in_comes_in_by_a_form(self) -> None:
        link = self.link()
        client = self.as_(self.dora)
        self.assertContains(client.get(link), "You are invited to Garden")
        self.assertFalse(self.belongs(self.dora))
        self.assertRedirects(client.post(link), reverse("rooms:room", args=[self.slug]))
        self.assertTrue(self.belongs(self.dora))

    def test_who_came_in_by_it_is_led_there_again_though_it_is_used_up(self) -> None:
        link = self.link()
        client = self.as_(self.dora)
        client.post(link)
        for answer in (client.get(link), client.post(link)):
            self.assertRedirects(answer, reverse("rooms:room", args=[self.slug]))
        perform(self.ana.pk, BanPerson(self.slug, self.dora.pk))
        self.assertEqual(client.get(link).status_code, 404)

    def test_the_link_survives_the_log_in(self) -> None:
        link = self.link()
        log_in = Client().get(link).context["log_in"]
        self.assertEqual(parse_qs(urlsplit(log_in).query), {"next": [link]})
        client = Client()
        user = {"username": "dora", "password": "a long passphrase", "next": link}
        self.assertRedirects(client.post(urlsplit(log_in).path, user), link)

    def test_a_stranger_makes_an_account_although_sign_up_is_closed(self) -> None:
        link = self.link()
        account = link + "account/"
        client = Client()
        fields = {"username": "newcomer", "password1": GOOD, "password2": GOOD}
        with override_settings(CHAT_SIGNUP=False):
            self.assertEqual(client.get(reverse("rooms:signup")).status_code, 404)
            self.assertContains(client.get(link), account)
            answer = client.post(account, fields)
            self.assertRedirects(answer, reverse("rooms:room", args=[self.slug]))
            again = Client().post(account, fields | {"username": "second"})
        self.assertTrue(self.belongs(User.objects.get(username="newcomer")))
        self.assertEqual(again.status_code, 404)
        self.assertFalse(User.objects.filter(username="second").exists())

    def test_a_link_that_is_used_up_at_the_last_moment_makes_no_account(self) -> None:
        link = self.link()
        self.as_(self.dora).post(link)
        fields = {"username": "newcomer", "password1": GOOD, "password2": GOOD}
        with mock.patch.object(invitations, "peek", return_value="Garden"):  # as it was a moment ago
            self.assertEqual(Client().post(link + "account/", fields).status_code, 404)
        self.assertFalse(User.objects.filter(username="newcomer").exists())

    def test_a_form_with_faults_uses_nothing_up(self) -> None:
        link = self.link()
        for fields in ({"password2": "other"}, {"username": "ANA"}):
            good = {"username": "newcomer", "password1": GOOD, "password2": GOOD}
            answer = Client().post(link + "account/", good | fields)
            self.assertTrue(answer.context["form"].errors)
        self.assertEqual(Invitation.objects.get().uses_left, 1)

    def test_links_that_are_not_good_are_answered_alike(self) -> None:
        used, old, revoked, banned = self.link(), self.link(), self.link(), self.link()
        self.as_(self.dora).post(used)
        rows = list(Invitation.objects.order_by("pk"))
        Invitation.objects.filter(pk=rows[1].pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        perform(self.ana.pk, RevokeInvitation(self.slug, rows[2].pk))
        outcast = person("outcast")
        perform(self.ana.pk, BanPerson(self.slug, outcast.pk))
        client = self.as_(outcast)
        unknown = reverse("rooms:invitation", args=["x" * 43])
        answers = [client.get(link) for link in (unknown, used, old, revoked)]
        answers += [client.post(link) for link in (unknown, used, old, revoked, banned)]
        self.assertEqual({answer.status_code for answer in answers}, {404})
        # The choice of a language leads back to the page's own address.
        pages = [answer.content.decode().replace(answer.request["PATH_INFO"], "") for answer in answers]
        [_only] = {TOKEN.sub("", page) for page in pages}

    def test_the_address_goes_into_no_referer(self) -> None:
        link = self.link()
        for path in (link, link + "account/", reverse("rooms:invitation", args=["nonsense"])):
            self.assertEqual(Client().get(path)["Referrer-Policy"], "strict-origin", path)
            self.assertIn("no-store", Client().get(path)["Cache-Control"])


class Reports(Pages):
    """The queue of those who moderate and are not of the staff."""

    def setUp(self) -> None:
        super().setUp()
        perform(self.ana.pk, SetRole(self.slug, self.dora.pk))
        drafts = [message(self.dora, f"line {number}", room=self.slug) for number in range(9)]
        self.said = store(*drafts)
        self.report = perform(self.ana.pk, ReportMessage(self.slug, self.said[4].id, "unkind")).report
        self.queue = reverse("rooms:reports")

    def settle(self, user: User, settlement: str, **more: str) -> list[str]:
        """Press a button of the queue and return what the next page tells."""
        url = reverse("rooms:settle_report", args=[self.report])
        answer = self.as_(user).post(url, {"settlement": settlement, **more}, follow=True)
        return [str(one) for one in answer.context["messages"]]

    def test_shows_the_message_in_its_context_to_those_who_moderate(self) -> None:
        [shown] = self.as_(self.ben).get(self.queue).context["reports"]
        self.assertEqual([row.body for row in shown["before"]], ["line 1", "line 2", "line 3"])
        self.assertEqual([row.body for row in shown["after"]], ["line 5", "line 6", "line 7"])
        self.assertEqual((shown["message"].body, shown["room"]), ("line 4", "Garden"))
        self.assertContains(self.as_(self.ben).get(reverse("rooms:index")), "Reports wait")
        self.assertContains(self.as_(self.dora).get(self.queue), "Nothing waits for you.")
        self.assertNotContains(self.as_(self.dora).get(reverse("rooms:index")), "Reports wait")

    def test_each_button_settles_it(self) -> None:
        self.assertEqual(self.settle(self.ben, "redacted", reason="rude"), ["The report is taken care of."])
        self.assertTrue(Message.objects.get(pk=self.said[4].id).redacted)
        self.assertEqual(self.as_(self.ben).get(self.queue).context["reports"], [])
        self.assertIn("Somebody has taken care", self.settle(self.ana, "dismissed")[0])

    def test_a_mute_of_some_minutes(self) -> None:
        self.settle(self.ben, "muted", minutes="10")
        self.assertIsNotNone(Mute.objects.get(user=self.dora).until)

    def test_nonsense_and_strangers_settle_nothing(self) -> None:
        self.assertIn("whole number", self.settle(self.ben, "muted", minutes="soon")[0])
        self.assertIn("whole number", self.settle(self.ben, "praised")[0])
        self.assertIn("no such report", self.settle(person("eve"), "dismissed")[0])
        self.assertIn("may not", self.settle(self.dora, "dismissed")[0])
        self.assertIsNone(Report.objects.get().settled_at)


class Search(Pages):
    """One form over all rooms that one may see, or one of them."""

    def setUp(self) -> None:
        super().setUp()
        self.secret, self.open = store(
            message(self.ana, "tomatoes in the garden", room=self.slug), message(self.ana, "tomatoes for all")
        )

    def found(self, user: User, **asked: str) -> list[str | None]:
        """Return the texts that somebody finds."""
        answer = self.as_(user).get(reverse("rooms:search"), asked)
        return [row.body for row, _room in answer.context["found"]]

    def test_finds_what_the_reader_may_see(self) -> None:
        self.assertEqual(self.found(self.ben, q="tomatoes"), ["tomatoes for all", "tomatoes in the garden"])
        self.assertEqual(self.found(self.ben, q="tomatoes", room=self.slug), ["tomatoes in the garden"])
        self.assertEqual(self.found(self.dora, q="tomatoes"), ["tomatoes for all"])
        store(redaction(self.ana, self.open))
        self.assertEqual(self.found(self.dora, q="tomatoes"), [])

    def test_a_hit_leads_to_the_message_in_its_room(self) -> None:
        page = self.as_(self.ben).get(reverse("rooms:search"), {"q": "garden"})
        self.assertContains(page, f'href="/rooms/{self.slug}/#m{self.secret.id}"')

    def test_what_cannot_be_searched_is_an_error_of_the_field(self) -> None:
        client = self.as_(self.dora)
        for asked, field in (
            ({"q": "..."}, "q"),
            ({"q": "x" * 300}, "q"),
            ({"q": "x", "room": self.slug}, "room"),
        ):
            answer = client.get(reverse("rooms:search"), asked)
            self.assertEqual((answer.status_code, list(answer.context["form"].errors)), (200, [field]))
        self.assertIsNone(client.get(reverse("rooms:search")).context["found"])

    def test_more_than_a_page_goes_on(self) -> None:
        store(*(message(self.ana, f"tomatoes {number}") for number in range(25)))
        client = self.as_(self.dora)
        first = client.get(reverse("rooms:search"), {"q": "tomatoes"})
        rest = client.get(reverse("rooms:search") + "?" + first.context["next"])
        bodies = [row.body for page in (first, rest) for row, _room in page.context["found"]]
        self.assertEqual((len(bodies), len(set(bodies)), rest.context["next"]), (26, 26, ""))
