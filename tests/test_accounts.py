"""Sessions, tokens and the names that others see."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.test import TestCase, override_settings
from django.utils import timezone

from rooms import accounts
from rooms.messages import Credential
from rooms.models import ApiToken
from tests.support_rooms import person

pytestmark = pytest.mark.databases


def shouted(user: User) -> str:
    """Name somebody as the test's site wants it."""
    return user.username.upper()


class Sessions(TestCase):
    """A session's key says who somebody is for as long as Django itself would say so."""

    def setUp(self) -> None:
        self.ana = person("ana")
        self.client.force_login(self.ana)
        self.credential = Credential.of_session(self.client.session.session_key or "")

    def who(self) -> str | None:
        identity = accounts.identify(self.credential)
        return identity.name if identity else None

    def test_a_live_session_is_its_user(self) -> None:
        self.assertEqual(self.who(), "ana")

    def test_an_unknown_key_an_expired_session_and_an_anonymous_one_are_nobody(self) -> None:
        self.assertIsNone(accounts.identify(Credential.of_session("x" * 32)))
        Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
        self.assertIsNone(self.who())

    def test_logging_out_a_new_password_and_a_disabled_account_end_it(self) -> None:
        self.ana.is_active = False
        self.ana.save()
        self.assertIsNone(self.who())
        self.ana.is_active = True
        self.ana.set_password("another passphrase")
        self.ana.save()
        self.assertIsNone(self.who())
        self.client.force_login(self.ana)
        self.credential = Credential.of_session(self.client.session.session_key or "")
        self.assertEqual(self.who(), "ana")
        self.client.logout()
        self.assertIsNone(self.who())

    def test_a_session_survives_a_new_secret_key_that_keeps_the_old_one_as_a_fallback(self) -> None:
        with override_settings(SECRET_KEY="new" * 20, SECRET_KEY_FALLBACKS=["only-of-a-test-run-" * 3]):
            self.assertEqual(self.who(), "ana")
        with override_settings(SECRET_KEY="new" * 20):
            self.assertIsNone(self.who())


class Tokens(TestCase):
    """A Bearer token is shown once and kept as a digest."""

    def test_a_token_is_its_user_until_it_is_revoked(self) -> None:
        token = accounts.issue_token(person("ana"), "script")
        identity = accounts.identify(Credential.of_token(token))
        self.assertEqual(identity.name if identity else None, "ana")
        self.assertNotIn(token, str(ApiToken.objects.values()))
        ApiToken.objects.all().delete()
        self.assertIsNone(accounts.identify(Credential.of_token(token)))

    def test_a_token_needs_a_name(self) -> None:
        with self.assertRaisesRegex(ValidationError, "name"):
            accounts.issue_token(person("ana"), " ")

    def test_any_text_is_a_wrong_token_not_an_error(self) -> None:
        for text in ("", "x", "\udc80", "\x00"):
            self.assertIsNone(accounts.identify(Credential.of_token(text)))


class InBulk(TestCase):
    """Open connections are asked about together."""

    def test_however_many_in_three_queries(self) -> None:
        credentials: list[Credential] = []
        for i in range(5):
            user = person(f"user{i}")
            self.client.force_login(user)
            credentials.append(Credential.of_session(self.client.session.session_key or ""))
            credentials.append(Credential.of_token(accounts.issue_token(user, "t")))
            self.client = self.client_class()
        User.objects.filter(username="user3").update(is_active=False)
        with self.assertNumQueries(3):
            answer = accounts.still_valid([*credentials, Credential.of_session("gone")])
        names = [identity and identity.name for identity in answer.values()]
        expected = [name for i in range(5) for name in [None if i == 3 else f"user{i}"] * 2]
        self.assertEqual(names, [*expected, None])

    def test_it_is_told_since_when_somebody_is_there_but_not_of_staff(self) -> None:
        ana, boss = person("ana"), person("boss", is_staff=True)
        told = [accounts.identify(Credential.of_token(accounts.issue_token(one, "t"))) for one in (ana, boss)]
        self.assertEqual([identity and identity.since for identity in told], [ana.date_joined, None])

    def test_a_credential_never_shows_itself(self) -> None:
        self.assertNotIn("hush", repr([Credential.of_session("hush"), Credential.of_token("hush")]))


class Names(TestCase):
    """A public name, never an e-mail address."""

    def test_the_user_name_or_where_that_is_an_address_something_else(self) -> None:
        for user, name in (
            (User(pk=1, username="ana", email="ana@example.org"), "ana"),
            (User(pk=2, username="ana@example.org", first_name="Ana"), "Ana"),
            (User(pk=3, username="ana@example.org", first_name="a@b"), "user-3"),
            (User(pk=4, username="ana@example.org"), "user-4"),
        ):
            self.assertEqual(accounts.display_name(user), name)

    @override_settings(CHAT_DISPLAY_NAME="tests.test_accounts.shouted")
    def test_a_site_may_name_its_people_itself(self) -> None:
        self.assertEqual(accounts.display_name(User(username="ana")), "ANA")
