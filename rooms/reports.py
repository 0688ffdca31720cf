"""Reports of members: made once by each, seen by those who moderate, taken care of once by one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from rooms import accounts, bounds, doing, history, log, pace, permissions, sanctions
from rooms.actions import ReportMessage, Settlement, SettleReport
from rooms.answers import OpenReport, Reported
from rooms.messages import MAX_ID, Code, Kind, Refused, UserId
from rooms.models import Ban, Membership, Message, Report
from rooms.people import in_force

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from django.db.models import QuerySet

    from rooms.actions import Action
    from rooms.doing import Doing

SHOWN_MOST = 200

NOT_BY_THE_SERVER = Refused(Code.NOT_AUTHENTICATED, "Only somebody with an account reports a message.")
NO_REPORT = Refused(Code.NOT_FOUND, "There is no such report.")
OWN = Refused(Code.FORBIDDEN, "This message is your own: redact it.")
WITHHELD = Refused(Code.REDACTED, "This message is redacted already.")
SETTLED = Refused(Code.SETTLED, "Somebody has taken care of this report.")
JUDGE_OF_ONESELF = Refused(Code.FORBIDDEN, "This message is your own: somebody else dismisses the report.")
NO_AUTHOR = Refused(Code.NOT_FOUND, "The author of this message has no account any more.")

SANCTIONS: Mapping[Settlement, sanctions.Sort] = {
    Settlement.MUTED: sanctions.MUTE,
    Settlement.BANNED: sanctions.BAN,
}


def message_of(doing: Doing, key: int) -> Message:
    """Return a message of the room that the action names.

    Raises:
        rooms.log.Refusal: there is none, or the row is of another kind.
    """
    fit = 1 <= key <= MAX_ID
    rows = Message.objects.filter(pk=key, room=doing.here, kind=Kind.MESSAGE.value).select_related("author")
    row = rows.first() if fit else None
    if row is None:
        raise log.Refusal(history.NO_MESSAGE)
    return row


def report_message(doing: Doing, action: ReportMessage) -> Reported:
    """Tell the moderators of a message. Who did before is answered with their first report.

    One that was taken care of is open again where the text is another by now: nobody has judged that one.

    Raises:
        rooms.log.Refusal: there is no such message, it is redacted, or one's own, or too many
            of theirs are open.
    """
    if doing.user is None:
        raise log.Refusal(NOT_BY_THE_SERVER)
    reason = bounds.line("reason", action.reason, bounds.REASON_LENGTH)
    message = message_of(doing, action.message)
    before = Report.objects.filter(message=message, reporter_id=doing.user.pk).first()
    if before is not None and not (before.settled_at and _edited_since(message, before.settled_at)):
        return Reported(before.pk, fresh=False)
    if message.redacted:
        raise log.Refusal(WITHHELD)
    if message.author is not None and doing.is_own(message.author):
        raise log.Refusal(OWN)
    pace.check_reports(doing.user)
    report, _is_new = Report.objects.update_or_create(
        message=message,
        reporter_id=doing.user.pk,
        defaults={
            "room": doing.here,
            "reason": reason,
            "created_at": timezone.now(),
            "outcome": "",
            "settled_by": None,
            "settled_at": None,
        },
    )
    return Reported(report.pk, fresh=True)


def _edited_since(message: Message, at: datetime) -> bool:
    edits = Message.objects.filter(target=message.pk, kind=Kind.EDIT.value, created_at__gt=at)
    return edits.exists()


def open_for(user: UserId | None, limit: int = SHOWN_MOST) -> tuple[OpenReport, ...]:
    """Return the open reports of the rooms that somebody moderates, the oldest first; staff: of all rooms.

    Raises:
        rooms.log.Refusal: they have no account that may be used.
    """
    reports = Report.objects.filter(settled_at__isnull=True)
    found = accounts.users_by_id([user])
    known = found.get(user) if user is not None else None
    if known is None or not accounts.holds(known):
        raise log.Refusal(doing.NOT_KNOWN)
    if not known.is_staff:
        reports = reports.filter(room__in=_moderated_by(known))
    rows = reports.select_related("message__author", "room", "reporter").order_by("id")[:limit]
    return tuple(
        OpenReport(
            row.pk,
            row.room.slug,
            history.posted(row.message, row.room.slug),
            accounts.author(row.reporter),
            row.reason,
            row.created_at,
        )
        for row in rows
    )


def _moderated_by(user: Any) -> QuerySet[Membership, int]:
    """Return the keys of the rooms that somebody who is not of the staff moderates."""
    banned = Ban.objects.filter(in_force(), user=user).values("room")
    roles = [role.value for role in permissions.MODERATORS]
    memberships = Membership.objects.filter(user=user, role__in=roles).exclude(room__in=banned)
    return memberships.values_list("room", flat=True)


def settle(doing: Doing, action: SettleReport) -> None:
    """Take care of a report, and of all others of the same message, in one way, once.

    Raises:
        rooms.log.Refusal: there is no such report for them, somebody has taken care of it, or what is
            to be done is refused.
    """
    if action.minutes is not None and action.settlement not in SANCTIONS:
        raise bounds.refusal("minutes", "only a mute or a ban lasts for some.")
    reason = bounds.line("reason", action.reason, bounds.REASON_LENGTH)
    inside = _inside(doing, action)
    report = Report.objects.select_related("message__author").filter(pk=action.report).first()
    if report is None:
        # Its message left by retention meanwhile.
        raise log.Refusal(NO_REPORT)
    if report.settled_at is not None:
        raise log.Refusal(SETTLED)
    _keep_a_judge(inside, report.message.author, action.settlement)
    reports = Report.objects.filter(message=report.message, settled_at__isnull=True)
    settled = reports.update(
        outcome=action.settlement.value, settled_by=doing.user, settled_at=timezone.now()
    )
    author = report.message.author
    inside.note(
        action.deed,
        author,
        message_id=report.message.pk,
        reason=reason,
        details={"settlement": action.settlement.value, "reports": settled},
    )
    if action.settlement is Settlement.REDACTED:
        log.redact(report.message, doing.user, reason, trusted=True)
    elif (sort := SANCTIONS.get(action.settlement)) is not None:
        _sanction(inside, sort, author, action.minutes, reason)
    inside.say()


def _keep_a_judge(inside: Doing, author: Any, settlement: Settlement) -> None:
    """Refuse a moderator who makes a report of themselves go away; the site's staff answers to nobody.

    Raises:
        rooms.log.Refusal: this is one.
    """
    own = author is not None and inside.is_own(author)
    if own and settlement is Settlement.DISMISSED and not (inside.trusted or inside.standing.staff):
        raise log.Refusal(JUDGE_OF_ONESELF)


def _inside(outer: Doing, action: SettleReport) -> Doing:
    """Lock the room of a report and judge there. A report of a room that one may not see is none."""
    known = 1 <= action.report <= MAX_ID
    slugs = Report.objects.filter(pk=action.report if known else 0).values_list("room__slug", flat=True)
    try:
        return doing.begin(action.deed, outer.key, slugs.first() or "", trusted=outer.trusted)
    except log.Refusal as refusal:
        if refusal.code is Code.NOT_FOUND:
            raise log.Refusal(NO_REPORT) from None
        raise


def _sanction(inside: Doing, sort: sanctions.Sort, author: Any, minutes: int | None, reason: str) -> None:
    if author is None:
        raise log.Refusal(NO_AUTHOR)
    if permissions.is_out_of_place(sort.imposing, inside.here):
        raise log.Refusal(doing.NOT_IN_DIRECT)
    sanctions.impose(inside, sort, accounts.wire_id(author.pk), minutes, reason)


PERFORMERS: dict[type[Action], Callable[[Doing, Any], Any]] = {
    ReportMessage: report_message,
    SettleReport: settle,
}
