"""Reports: made once by each member, seen by who moderates, taken care of once."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rooms import accounts, history, log, permissions, reports, retention
from rooms.acting import perform
from rooms.actions import Action, BanPerson, Deed, ReportMessage, Settlement, SettleReport
from rooms.messages import Code, Event, Kind, Posted
from rooms.models import AuditEntry, Ban, ChatRoom, Membership, Message, Mute, Report
from tests.support_rooms import LOBBY, edit, message, person, redaction, room, store
from tests.test_order import OtherThread, await_a_waiter

pytestmark = pytest.mark.databases

WAIT_S = 30


def refusal(by: User | None, action: Action) -> tuple[Code, str]:
    """Return how an action is refused; one that is done fails the test."""
    with pytest.raises(log.Refusal) as caught:
        perform(by.pk if by is not None else None, action)
    return caught.value.code, caught.value.detail


def moderator(slug: str, name: str, role: str = "moderator") -> User:
    user = person(name)
    Membership.objects.create(room=ChatRoom.objects.get(slug=slug), user=user, role=role)
    return user


class Reporting(TestCase):
    def setUp(self) -> None:
        self.ana, self.ben, self.eve = person("ana"), person("ben"), person("eve")
        [self.said] = store(message(self.ana, "rude"))

    def report(self, by: User, target: Posted | None = None, reason: str = "", slug: str = LOBBY) -> Any:
        return perform(by.pk, ReportMessage(slug, (target or self.said).id, reason))

    def test_each_reports_a_message_once_and_hears_of_the_first(self) -> None:
        first = self.report(self.ben, reason=" it is \n rude ")
        again = self.report(self.ben, reason="still")
        other = self.report(self.eve)
        self.assertEqual((first.fresh, again.fresh, other.fresh), (True, False, True))
        self.assertEqual((again.report, Report.objects.count()), (first.report, 2))
        row = Report.objects.get(pk=first.report)
        self.assertEqual((row.message_id, row.reason, row.reporter), (self.said.id, "it is rude", self.ben))

    def test_one_that_was_settled_stays_the_first(self) -> None:
        first = self.report(self.ben)
        staff = person("sam", is_staff=True)
        perform(staff.pk, SettleReport(first.report, Settlement.REDACTED))
        again = self.report(self.ben)
        self.assertEqual((again.report, again.fresh), (first.report, False))

    def test_one_that_was_settled_is_open_again_where_the_text_is_another(self) -> None:
        first = self.report(self.ben)
        other = self.report(self.eve)
        staff = person("sam", is_staff=True)
        store(edit(self.ana, self.said, "ruder"))
        perform(staff.pk, SettleReport(first.report, Settlement.DISMISSED))
        self.assertFalse(self.report(self.ben).fresh)
        store(edit(self.ana, self.said, "awful"))
        again = self.report(self.ben, reason="now awful")
        self.assertEqual((again.report, again.fresh), (first.report, True))
        self.assertEqual(
            [(one.report, one.reason) for one in reports.open_for(staff.pk)], [(first.report, "now awful")]
        )
        self.assertFalse(self.report(self.ben).fresh)
        self.assertIsNotNone(Report.objects.get(pk=other.report).settled_at)

    def test_but_not_once_it_is_withheld(self) -> None:
        first = self.report(self.ben)
        perform(person("sam", is_staff=True).pk, SettleReport(first.report, Settlement.DISMISSED))
        store(edit(self.ana, self.said, "awful"), redaction(self.ana, self.said))
        code, _detail = refusal(self.ben, ReportMessage(LOBBY, self.said.id))
        self.assertEqual(code, Code.REDACTED)

    def test_nobody_is_told_in_the_room(self) -> None:
        self.report(self.ben)
        self.assertEqual([one.id for one in history.after(LOBBY, 0, 9).messages], [self.said.id])

    def test_what_is_not_a_message_of_the_room_is_not_there(self) -> None:
        room("den")
        [elsewhere] = store(message(self.ana, "x", room="den"))
        [amended] = store(edit(self.ana, self.said, "polite"))
        missing = (history.NO_MESSAGE.code, history.NO_MESSAGE.detail)
        for key in (elsewhere.id, amended.id, amended.id + 1, 0, -1, 2**63, 2**70):
            with self.subTest(key):
                self.assertEqual(refusal(self.ben, ReportMessage(LOBBY, key)), missing)

    def test_refused_are_ones_own_a_redacted_one_guests_and_a_long_reason(self) -> None:
        self.assertEqual(refusal(self.ana, ReportMessage(LOBBY, self.said.id))[0], Code.FORBIDDEN)
        self.assertEqual(refusal(None, ReportMessage(LOBBY, self.said.id))[0], Code.NOT_AUTHENTICATED)
        code, detail = refusal(self.ben, ReportMessage(LOBBY, self.said.id, "x" * 251))
        self.assertEqual((code, detail[:8]), (Code.BAD_REQUEST, "reason: "))
        store(redaction(self.ana, self.said))
        self.assertEqual(refusal(self.ben, ReportMessage(LOBBY, self.said.id))[0], Code.REDACTED)
        with pytest.raises(log.Refusal) as caught:
            perform(None, ReportMessage(LOBBY, self.said.id), trusted=True)
        self.assertEqual(caught.value.code, Code.NOT_AUTHENTICATED)
        self.assertFalse(Report.objects.exists())

    def test_of_a_private_room_by_who_is_not_in_it_nothing_is_learnt(self) -> None:
        room("den", visibility=ChatRoom.Visibility.PRIVATE)
        [secret] = store(message(None, "x", room="den", trusted=True))
        nowhere = refusal(self.ben, ReportMessage("nowhere", secret.id))
        self.assertEqual(refusal(self.ben, ReportMessage("den", secret.id)), nowhere)


class Open(TestCase):
    """The lobby and a private room, a report in each; who is shown which."""

    def setUp(self) -> None:
        self.ana, self.ben = person("ana"), person("ben")
        room("den", visibility=ChatRoom.Visibility.PRIVATE)
        self.den = ChatRoom.objects.get(slug="den")
        self.lobby = ChatRoom.objects.get(slug=LOBBY)
        for user in (self.ana, self.ben):
            Membership.objects.create(room=self.den, user=user)
        [self.here] = store(message(self.ana, "one", room=LOBBY))
        [self.there] = store(message(self.ana, "two", room="den"))
        self.first = perform(self.ben.pk, ReportMessage("den", self.there.id, "rude")).report
        self.second = perform(self.ben.pk, ReportMessage(LOBBY, self.here.id)).report

    def shown(self, user: User) -> list[int]:
        return [one.report for one in reports.open_for(user.pk)]

    def test_moderators_see_those_of_their_rooms_and_staff_all_the_oldest_first(self) -> None:
        both = moderator(LOBBY, "bo", "owner")
        Membership.objects.create(room=self.den, user=both, role="moderator")
        self.assertEqual(self.shown(moderator("den", "dan")), [self.first])
        self.assertEqual(self.shown(moderator(LOBBY, "lou")), [self.second])
        self.assertEqual(self.shown(both), [self.first, self.second])
        self.assertEqual(self.shown(person("sam", is_staff=True)), [self.first, self.second])
        self.assertEqual(self.shown(self.ben), [])

    def test_a_report_comes_with_the_whole_message(self) -> None:
        [shown] = reports.open_for(moderator("den", "dan").pk)
        self.assertEqual(
            (shown.room, shown.reason, shown.reporter), ("den", "rude", accounts.author(self.ben))
        )
        self.assertEqual(shown.message, history.after("den", 0, 9).messages[0])

    def test_a_banned_moderator_sees_none_until_the_ban_ends(self) -> None:
        dan = moderator("den", "dan")
        Ban.objects.create(room=self.den, user=dan, until=timezone.now() + timedelta(minutes=1))
        self.assertEqual(self.shown(dan), [])
        Ban.objects.update(until=timezone.now())
        self.assertEqual(self.shown(dan), [self.first])

    def test_guests_and_disabled_accounts_are_refused(self) -> None:
        off = person("off", is_staff=True, is_active=False)
        for key in (None, off.pk, off.pk + 1):
            with pytest.raises(log.Refusal) as caught:
                reports.open_for(key)
            self.assertEqual(caught.value.code, Code.NOT_AUTHENTICATED)

    def test_it_takes_as_many_queries_for_many_as_for_one(self) -> None:
        sam = person("sam", is_staff=True)
        with self.assertNumQueries(2):
            self.shown(sam)
        for said in store(*(message(self.ana, str(n)) for n in range(5))):
            perform(self.ben.pk, ReportMessage(LOBBY, said.id))
        with self.assertNumQueries(2):
            self.assertEqual(len(self.shown(sam)), 7)
        self.assertEqual([one.report for one in reports.open_for(sam.pk, 1)], [self.first])


class Settling(TestCase):
    def setUp(self) -> None:
        self.ana, self.ben, self.eve = person("ana"), person("ben"), person("eve")
        self.mod, self.other = moderator(LOBBY, "mona"), moderator(LOBBY, "max")
        self.lobby = ChatRoom.objects.get(slug=LOBBY)
        [self.said, self.more] = store(message(self.ana, "rude"), message(self.ana, "ruder"))
        self.report, self.second = (
            perform(user.pk, ReportMessage(LOBBY, self.said.id)).report for user in (self.ben, self.eve)
        )
        self.third = perform(self.ben.pk, ReportMessage(LOBBY, self.more.id)).report

    def settle(self, how: Settlement, **fields: Any) -> None:
        perform(self.mod.pk, SettleReport(self.report, how, **fields))

    def left(self) -> list[int]:
        return [one.report for one in reports.open_for(self.mod.pk)]

    def test_all_open_reports_of_the_message_are_settled_and_no_others(self) -> None:
        self.settle(Settlement.DISMISSED, reason="a joke")
        self.assertEqual(self.left(), [self.third])
        for key in (self.report, self.second):
            row = Report.objects.get(pk=key)
            self.assertEqual((row.outcome, row.settled_by), ("dismissed", self.mod))
            self.assertIsNotNone(row.settled_at)
        [entry] = AuditEntry.objects.all()
        self.assertEqual(
            (entry.deed, entry.actor, entry.person, entry.message_id, entry.reason, entry.details),
            (
                Deed.SETTLE_REPORT, self.mod, self.ana, self.said.id, "a joke",
                {"settlement": "dismissed", "reports": 2},
            ),
        )  # fmt: skip

    def test_redacting_withholds_the_message_by_the_moderator(self) -> None:
        self.settle(Settlement.REDACTED, reason="rude")
        row = Message.objects.get(pk=self.said.id)
        self.assertEqual((row.redacted, row.body), (True, ""))
        last = history.after(LOBBY, self.more.id, 9).messages[-1]
        self.assertEqual((last.kind, last.target, last.body), (Kind.REDACTION, self.said.id, "rude"))
        self.assertEqual(last.author, accounts.author(self.mod))

    def test_one_that_is_redacted_meanwhile_is_settled_all_the_same(self) -> None:
        store(redaction(self.ana, self.said))
        self.settle(Settlement.REDACTED)
        self.assertEqual(self.left(), [self.third])

    def test_muting_and_banning_sanction_the_author_and_tell_the_room(self) -> None:
        self.settle(Settlement.MUTED, minutes=5, reason="calm down")
        mute = Mute.objects.get()
        self.assertEqual((mute.user, mute.reason), (self.ana, "calm down"))
        self.assertEqual(mute.until, mute.created_at + timedelta(minutes=5))
        perform(self.mod.pk, SettleReport(self.third, Settlement.BANNED))
        self.assertIsNone(Ban.objects.get(user=self.ana).until)
        told = [one.notice.event for one in history.after(LOBBY, self.more.id, 9).messages if one.notice]
        self.assertEqual(told, [Event.MUTED, Event.BANNED])
        deeds = list(AuditEntry.objects.order_by("id").values_list("deed", flat=True))
        self.assertEqual(deeds, [Deed.SETTLE_REPORT, Deed.MUTE, Deed.SETTLE_REPORT, Deed.BAN])

    def test_the_second_moderator_hears_that_it_is_settled(self) -> None:
        self.settle(Settlement.MUTED, minutes=5)
        for key in (self.report, self.second):
            refused = refusal(self.other, SettleReport(key, Settlement.BANNED))
            self.assertEqual(refused[0], Code.SETTLED)
        self.assertFalse(Ban.objects.exists())

    def test_who_does_not_moderate_there_may_not(self) -> None:
        room("den", visibility=ChatRoom.Visibility.PRIVATE)
        stranger = moderator("den", "dan")
        action = SettleReport(self.report, Settlement.DISMISSED)
        for user, code in (
            (self.ben, Code.FORBIDDEN),
            (stranger, Code.FORBIDDEN),
            (None, Code.NOT_AUTHENTICATED),
        ):
            self.assertEqual(refusal(user, action)[0], code)
        self.assertEqual(len(self.left()), 3)

    def test_nobody_dismisses_a_report_of_their_own_message_but_staff(self) -> None:
        mo, sam = moderator(LOBBY, "mo.self"), person("sam.self", is_staff=True)
        for author in (mo, sam):
            [said] = store(message(author, "rude"))
            made = perform(person(f"by.{author.username}").pk, ReportMessage(LOBBY, said.id))
            dismissed = SettleReport(made.report, Settlement.DISMISSED)
            if author is mo:
                self.assertEqual(refusal(mo, dismissed)[0], Code.FORBIDDEN)
                self.assertIn(made.report, self.left())
                perform(mo.pk, SettleReport(made.report, Settlement.REDACTED))
            else:
                perform(sam.pk, dismissed)
            self.assertNotIn(made.report, self.left())

    def test_a_report_in_a_room_that_one_may_not_see_is_none(self) -> None:
        ChatRoom.objects.filter(pk=self.lobby.pk).update(visibility=ChatRoom.Visibility.PRIVATE)
        missing = refusal(self.ben, SettleReport(self.third + 1, Settlement.DISMISSED))
        self.assertEqual(missing, (Code.NOT_FOUND, reports.NO_REPORT.detail))
        for key in (self.report, 0, -1, 2**70):
            self.assertEqual(refusal(self.ben, SettleReport(key, Settlement.DISMISSED)), missing)
        none, unseen = (SettleReport(key, Settlement.DISMISSED) for key in (self.third + 1, self.report))
        self.assertEqual(self._queries(none), self._queries(unseen))

    def _queries(self, action: Action) -> int:
        with CaptureQueriesContext(connection) as seen:
            refusal(self.ben, action)
        return len(seen)

    def test_what_is_refused_leaves_the_report_open(self) -> None:
        Membership.objects.create(room=self.lobby, user=self.ana, role="moderator")
        for how, fields, code in (
            (Settlement.BANNED, {}, Code.FORBIDDEN),
            (Settlement.MUTED, {"minutes": 0}, Code.BAD_REQUEST),
            (Settlement.DISMISSED, {"minutes": 5}, Code.BAD_REQUEST),
            (Settlement.REDACTED, {"reason": "x" * 251}, Code.BAD_REQUEST),
        ):
            with self.subTest(how):
                got = refusal(self.mod, SettleReport(self.report, how, **fields))
                self.assertEqual(got[0], code)
        self.assertEqual(len(self.left()), 3)
        self.assertFalse(AuditEntry.objects.exists())

    def test_an_author_whose_account_is_gone_cannot_be_banned(self) -> None:
        self.ana.delete()
        self.assertEqual(refusal(self.mod, SettleReport(self.report, Settlement.BANNED))[0], Code.NOT_FOUND)
        self.settle(Settlement.REDACTED)

    def test_in_a_room_of_two_staff_settles_and_bans_nobody(self) -> None:
        two = room("two", visibility=ChatRoom.Visibility.DIRECT)
        for user in (self.ana, self.ben):
            Membership.objects.create(room=two, user=user)
        [said] = store(message(self.ana, "rude", room="two"))
        key = perform(self.ben.pk, ReportMessage("two", said.id)).report
        staff = person("sam", is_staff=True)
        self.assertEqual(refusal(staff, SettleReport(key, Settlement.BANNED))[0], Code.FORBIDDEN)
        perform(staff.pk, SettleReport(key, Settlement.MUTED))
        self.assertFalse(permissions.who_may("two", [self.ana.pk])[1][self.ana.pk].post)


class AtOnce(TransactionTestCase):
    """Two moderators settle the same report, each on a connection of their own."""

    def test_one_wins_the_other_hears_so_and_there_is_one_sanction(self) -> None:
        ana, ben = person("ana"), person("ben")
        mods = [moderator(LOBBY, name) for name in ("mona", "max")]
        for number in range(5):
            [said] = store(message(ana, f"rude {number}"))
            key = perform(ben.pk, ReportMessage(LOBBY, said.id)).report
            before = AuditEntry.objects.count()
            action = SettleReport(key, Settlement.MUTED, minutes=5)
            outcomes = _together(*(partial(perform, mod.pk, action) for mod in mods))
            self.assertEqual(sorted(map(str, outcomes)), ["None", "settled"])
            self.assertEqual(AuditEntry.objects.count(), before + 2)
            self.assertEqual(Mute.objects.count(), 1)
            Mute.objects.all().delete()

    def test_a_sanction_and_a_settlement_at_once_leave_one_row(self) -> None:
        ana, ben = person("ana"), person("ben")
        mods = [moderator(LOBBY, name) for name in ("mona", "max")]
        [said] = store(message(ana, "rude"))
        key = perform(ben.pk, ReportMessage(LOBBY, said.id)).report
        _together(
            partial(perform, mods[0].pk, SettleReport(key, Settlement.BANNED)),
            partial(perform, mods[1].pk, BanPerson(LOBBY, ana.pk, 5)),
        )
        self.assertEqual(Ban.objects.count(), 1)


@pytest.mark.postgresql
class WhilePruned(TransactionTestCase):
    """A moderator settles a report while its message leaves the log; on SQLite nobody reads meanwhile."""

    def test_what_is_gone_by_the_time_that_the_room_is_free_is_no_report(self) -> None:
        mona, [said] = moderator(LOBBY, "mona"), store(message(person("ana"), "old"))
        key = perform(person("ben").pk, ReportMessage(LOBBY, said.id)).report
        Message._base_manager.update(created_at=timezone.now() - timedelta(days=2))
        ChatRoom.objects.filter(slug=LOBBY).update(keep_days=1)
        found: list[Any] = []
        with transaction.atomic():
            self.assertEqual([one.rows for one in retention.prune(LOBBY)], [1])
            settling = OtherThread(
                lambda: found.append(refusal(mona, SettleReport(key, Settlement.DISMISSED)))
            )
            await_a_waiter()
        settling.join()
        self.assertEqual(found, [(Code.NOT_FOUND, reports.NO_REPORT.detail)])


def _together(*works: Any) -> list[Any]:
    """Run functions in threads at once and return what each returned, or the code of its refusal."""
    barrier = threading.Barrier(len(works))
    found: list[Any] = [RuntimeError("it did not end")] * len(works)

    def run(index: int) -> None:
        try:
            barrier.wait(WAIT_S)
            found[index] = works[index]()
        except log.Refusal as refused:
            found[index] = refused.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    return found
