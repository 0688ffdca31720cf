"""`manage.py token`, `firstadmin` and `newepoch`."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import TestCase

from rooms import accounts
from rooms.messages import Credential
from rooms.models import ApiToken, SiteState

pytestmark = pytest.mark.databases


def printed(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


class Token(TestCase):
    def setUp(self) -> None:
        self.ana = User.objects.create_user("ana")

    def test_prints_a_token_that_opens_the_api_and_nothing_else(self) -> None:
        line = printed("token", "ana")
        self.assertEqual(line.count("\n"), 1)
        who = accounts.identify(Credential.of_token(line.strip()))
        self.assertEqual(who and who.user_id, self.ana.pk)
        self.assertEqual(ApiToken.objects.get().name, "manage.py token")

    def test_takes_a_name(self) -> None:
        printed("token", "ana", "--name", "a phone")
        self.assertEqual(ApiToken.objects.get().name, "a phone")

    def test_says_what_is_wrong(self) -> None:
        User.objects.create_user("off", is_active=False)
        for arguments, told in (
            (["nobody"], "There is no user 'nobody'"),
            (["off"], "disabled"),
            (["ana", "--name", ""], "cannot be blank"),
            (["ana", "--name", "x" * 61], "at most 60"),
        ):
            with self.subTest(arguments), self.assertRaisesRegex(CommandError, told):
                printed("token", *arguments)
        self.assertFalse(ApiToken.objects.exists())


class FirstAdmin(TestCase):
    def test_prints_a_link_that_works(self) -> None:
        line = printed("firstadmin").strip()
        self.assertTrue(line.startswith("http://127.0.0.1:8000/first-admin/"), line)
        self.assertEqual(self.client.get(line.removeprefix("http://127.0.0.1:8000")).status_code, 200)

    def test_takes_where_the_site_is_reached(self) -> None:
        for base in ("https://chat.example.org", "https://chat.example.org/"):
            self.assertRegex(
                printed("firstadmin", "--base-url", base), r"^https://chat\.example\.org/first-admin/\S+/\n$"
            )
        for wrong in ("chat.example.org", "ftp://chat.example.org", "https://"):
            with self.assertRaisesRegex(CommandError, "base-url"):
                printed("firstadmin", "--base-url", wrong)

    def test_fails_where_a_superuser_exists(self) -> None:
        User.objects.create_superuser("boss")
        with self.assertRaisesRegex(CommandError, "A superuser exists") as caught:
            printed("firstadmin")
        self.assertEqual(caught.exception.returncode, 1)


class NewEpoch(TestCase):
    def test_prints_the_old_one_and_the_new_one(self) -> None:
        old = SiteState.current().epoch
        line = printed("newepoch")
        new = SiteState.current().epoch
        self.assertNotEqual(old, new)
        self.assertEqual(line, f"{old} -> {new}\n")
