"""Who may do what is asked again after every change of accounts and of rooms' people, however it was made."""

from __future__ import annotations

from unittest import mock

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db.models.signals import post_delete, post_save
from django.test import TestCase
from django.test.utils import isolate_apps

from rooms.models import ChatRoom, Membership, SiteState
from tests.support_rooms import LOBBY, person, room

pytestmark = pytest.mark.databases


class Changes(TestCase):
    """Accounts that are changed through a proxy, and rows that come while others are changed."""

    def test_a_proxy_of_the_user_model_is_an_account_too(self) -> None:
        with isolate_apps("django.contrib.staticfiles"):

            class Customer(User):
                class Meta:
                    proxy = True
                    app_label = "staticfiles"

        with mock.patch.object(apps, "get_models", return_value=[User, Customer]):
            apps.get_app_config("rooms").ready()
        for signal, word in ((post_save, "saved"), (post_delete, "deleted")):
            uid = f"rooms.{word}.staticfiles.Customer"
            self.addCleanup(signal.disconnect, sender=Customer, dispatch_uid=uid)
        ana = Customer.objects.get(pk=person("ana").pk)
        versions = [SiteState.current().access_version]
        ana.is_active = False
        ana.save()
        versions.append(SiteState.current().access_version)
        ana.delete()
        versions.append(SiteState.current().access_version)
        self.assertEqual(versions, sorted(set(versions)))

    def test_what_comes_while_rows_are_removed_stays(self) -> None:
        ana = person("ana")
        lobby, den = ChatRoom.objects.get(slug=LOBBY), room("den")
        for one in (lobby, den):
            Membership.objects.create(room=one, user=ana)
        theirs = Membership.objects.filter(user=ana)
        with mock.patch.object(type(theirs), "_rooms", return_value=[lobby.pk]):
            self.assertEqual(theirs.update(role=Membership.Role.OWNER), 1)
            theirs.delete()
        [left] = Membership.objects.all()
        self.assertEqual((left.room, left.role), (den, Membership.Role.MEMBER))
