"""The append's own way to the users finds whom Django's way finds, or leaves it to Django."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Manager, QuerySet
from django.test import TestCase
from django.utils import timezone

from rooms import accounts, statements
from rooms.people import Suspension
from tests.support_rooms import person

pytestmark = pytest.mark.databases


class Unhidden(Manager[Any]):
    """A site's own manager, that leaves some out."""

    def get_queryset(self) -> QuerySet[Any]:
        """Return those who are not hidden."""
        return super().get_queryset().exclude(username__startswith="hidden")


class People(TestCase):
    """Whole rows, and who is suspended."""

    def test_they_are_what_django_finds(self) -> None:
        now = timezone.now()
        ends = {"ana": None, "ben": now + timedelta(hours=1), "cleo": now - timedelta(hours=1)}
        for name, until in ends.items():
            Suspension.objects.create(user=person(name, first_name=name.title()), until=until)
        person("dora", is_active=False)
        keys = [*User.objects.values_list("pk", flat=True), 10**9]
        found = statements.people(User._default_manager, keys)
        assert found is not None
        told = [
            {
                one.pk: (vars(one) | {"_state": 0, "chat_is_suspended": bool(one.chat_is_suspended)})
                for one in some
            }
            for some in (found, accounts.users().filter(pk__in=keys))
        ]
        self.assertEqual(*told)
        held = {user.username for user in accounts.users_by_id(keys).values() if accounts.holds(user)}
        self.assertEqual(held, {"cleo"})

    def test_a_manager_of_a_site_that_leaves_some_out_is_asked_itself(self) -> None:
        manager = Unhidden()
        manager.model = User
        self.assertIsNone(statements.people(manager, [1]))
