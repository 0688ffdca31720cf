"""The admin's lists are narrowed by their filters alone."""

from __future__ import annotations

import pytest
from django.test import TestCase
from django.urls import reverse

from tests.support_rooms import person

pytestmark = pytest.mark.databases

LISTS = ("apitoken", "auditentry", "chatroom", "message", "suspension")


class Lookups(TestCase):
    """What stands in a list's address."""

    def setUp(self) -> None:
        self.client.force_login(person("root", is_staff=True, is_superuser=True))

    def test_what_is_no_filter_of_a_list_is_refused(self) -> None:
        """Django takes any lookup of a field else; the database has no year 0, and a page that fails."""
        for name in LISTS:
            for lookup in ("created_at__year", "at__year", "id__regex"):
                with self.subTest(list=name, lookup=lookup):
                    answer = self.client.get(reverse(f"admin:rooms_{name}_changelist"), {lookup: "0"})
                    self.assertEqual(answer.status_code, 400)

    def test_the_filters_of_rooms_narrow_them(self) -> None:
        address = reverse("admin:rooms_chatroom_changelist")
        for query in ({"visibility__exact": "private"}, {"archived": "yes"}, {"read_only__exact": "1"}):
            with self.subTest(query=query):
                page = self.client.get(address, query)
                self.assertEqual(page.status_code, 200)
                self.assertNotContains(page, "Lobby")
