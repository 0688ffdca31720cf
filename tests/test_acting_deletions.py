"""What is done by, or to, somebody whose account is deleted at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import TransactionTestCase

from rooms import acting
from rooms.actions import (
    Action,
    BanPerson,
    Deed,
    Join,
    MarkRead,
    MuteForOneself,
    ReportMessage,
    SetRole,
    Settlement,
    SettleReport,
)
from rooms.messages import Code
from rooms.models import AuditEntry, ChatRoom, Report
from tests.support_acting import refusal
from tests.support_rooms import LOBBY, message, person, store
from tests.test_order import OtherThread, await_a_waiter


def while_deleting(user: User, work: Callable[[], Any]) -> Any:
    """Return what some work returned that waited for the deletion of an account."""
    found: list[Any] = []
    with transaction.atomic():
        user.delete()
        working = OtherThread(lambda: found.append(work()))
        await_a_waiter()
    working.join()
    return found[0]


@pytest.mark.postgresql
class BesideADeletion(TransactionTestCase):
    """Only as it commits does an action learn of it; on SQLite nobody acts meanwhile."""

    def test_who_is_gone_is_refused_as_nobody(self) -> None:
        [said] = store(message(person("ana"), "rude"))
        for action in (
            MarkRead(LOBBY, said.id), MuteForOneself(LOBBY, muted=True), ReportMessage(LOBBY, said.id),
            Join(LOBBY),
        ):  # fmt: skip
            with self.subTest(action.deed):
                user = person(f"of {action.deed}")
                code = while_deleting(user, partial(refusal, user.pk, action))
                self.assertEqual(code, Code.NOT_AUTHENTICATED)

    def test_to_whom_is_gone_nothing_is_done(self) -> None:
        boss = person("boss", is_staff=True)
        actions: tuple[Callable[[int], Action], ...] = (
            lambda key: BanPerson(LOBBY, key),
            lambda key: SetRole(LOBBY, key, "moderator"),
        )
        for make in actions:
            for is_member in (False, True):
                user = person("ana")
                if is_member:
                    acting.perform(user.pk, Join(LOBBY))
                code = while_deleting(user, partial(refusal, boss.pk, make(user.pk)))
                self.assertEqual(code, Code.NOT_FOUND)
        self.assertFalse(AuditEntry.objects.exclude(deed=Deed.JOIN.value).exists())

    def test_a_room_that_somebody_holds_is_not_waited_for(self) -> None:
        boss, held, go = person("boss", is_staff=True), threading.Event(), threading.Event()

        def hold() -> None:
            with transaction.atomic():
                ChatRoom.objects.select_for_update().get(slug=LOBBY)
                held.set()
                go.wait(30)

        holding = OtherThread(hold)
        held.wait(30)
        try:
            self.assertEqual(refusal(boss.pk, Join(LOBBY)), Code.UNAVAILABLE)
        finally:
            go.set()
            holding.join()

    def test_what_does_without_them_is_done(self) -> None:
        ana, boss = person("ana"), person("boss", is_staff=True)
        [said] = store(message(ana, "rude"))
        key = acting.perform(boss.pk, ReportMessage(LOBBY, said.id)).report
        settle = partial(acting.perform, boss.pk, SettleReport(key, Settlement.DISMISSED))
        self.assertIsNone(while_deleting(ana, settle))
        self.assertEqual(Report.objects.get().outcome, "dismissed")
        self.assertEqual(AuditEntry.objects.get().person, None)


@pytest.mark.databases
class OtherErrors(TransactionTestCase):
    """What the database refuses for any other reason is an error, and is not tried again."""

    def test_they_are_raised(self) -> None:
        ana, performer = person("ana"), mock.Mock(side_effect=IntegrityError("CHECK constraint failed"))
        with (
            mock.patch.dict(acting.PERFORMERS, {Join: performer}),
            self.assertRaises(IntegrityError),
        ):
            acting.perform(ana.pk, Join(LOBBY))
        performer.assert_called_once()
