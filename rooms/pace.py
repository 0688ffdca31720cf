"""How much one person may make of what others see, whatever the door: told changes, rooms, open reports.

Sends have buckets in each process (`realtime.buckets`); these bounds are asked of the database, by pages, the
API and a shell alike. The site's staff and the server have none.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from rooms import log
from rooms.actions import Deed
from rooms.messages import Code, Kind, Refused
from rooms.models import AuditEntry, ChatRoom, Message, Report
from rooms.onebyone import one_by_one

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from rooms.doing import Doing

NOTICES_PER_MINUTE = 120
"""Enough to let a class into a room by a script; a flood of coming and going it is not."""
ROWS_LOOKED_AT = 400
"""Of the newest that somebody wrote: more than the sends of a minute and these together."""
ROOMS_PER_DAY = 20
OPEN_REPORTS = 50

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
TOO_MANY_REPORTS = Refused.of(
    Code.FORBIDDEN,
    "%(most)s reports of yours are open: wait until somebody has taken care of them.",
    most=OPEN_REPORTS,
)


def check_notices(doing: Doing) -> None:
    """See that somebody may have one more thing told to a room.

    Raises:
        rooms.log.Refusal: they had too much told in the last minute.
    """
    if _is_free(doing):
        return
    now = timezone.now()
    rows = Message.objects.filter(author=doing.somebody()).order_by("-id").values_list("kind", "created_at")
    told = [at for kind, at in rows[:ROWS_LOOKED_AT] if kind == Kind.NOTICE and at > now - MINUTE]
    if len(told) >= NOTICES_PER_MINUTE:
        raise log.Refusal(
            Refused.of(
                Code.RATE_LIMITED,
                "You change more than %(most)s things in a minute. Wait a while.",
                retry_after_s=_whole_s(told[NOTICES_PER_MINUTE - 1] + MINUTE - now),
                most=NOTICES_PER_MINUTE,
            )
        )


def check_rooms(doing: Doing) -> None:
    """See that somebody may make one more room, also one of two people.

    Raises:
        rooms.log.Refusal: they made too many in a day.
    """
    if _is_free(doing):
        return
    user = doing.somebody()
    one_by_one(f"rooms of {user.pk}")
    now = timezone.now()
    newest = sorted([*_rooms_made(user, now - DAY), *_directs_made(user, now - DAY)], reverse=True)
    if len(newest) >= ROOMS_PER_DAY:
        raise log.Refusal(
            Refused.of(
                Code.RATE_LIMITED,
                "You have made %(most)s rooms in a day. Wait a while.",
                retry_after_s=_whole_s(newest[ROOMS_PER_DAY - 1] + DAY - now),
                most=ROOMS_PER_DAY,
            )
        )


def _rooms_made(user: Any, since: datetime) -> QuerySet[AuditEntry, datetime]:
    """Return when somebody made their newest rooms: by the trail, which a room handed over stays in."""
    made = AuditEntry.objects.filter(actor=user, deed=Deed.CREATE_ROOM.value, at__gt=since)
    return made.order_by("-at").values_list("at", flat=True)[:ROOMS_PER_DAY]


def _directs_made(user: Any, since: datetime) -> QuerySet[ChatRoom, datetime]:
    """Return when somebody made their newest rooms of two, of which the trail keeps nothing.

    Nobody leaves one, and it begins with the notice of who made it.
    """
    first = Message.objects.filter(room=OuterRef("pk")).order_by("id").values("author")[:1]
    directs = ChatRoom.objects.filter(visibility=ChatRoom.Visibility.DIRECT, created_at__gt=since)
    made = directs.annotate(maker=Subquery(first)).filter(memberships__user=user, maker=user.pk)
    newest: QuerySet[ChatRoom, datetime] = made.order_by("-created_at").values_list("created_at", flat=True)
    return newest[:ROOMS_PER_DAY]


def check_reports(reporter: Any) -> None:
    """See that somebody may report one more message.

    Raises:
        rooms.log.Refusal: so many of theirs are open.
    """
    theirs = Report.objects.filter(reporter=reporter, settled_at__isnull=True)
    if not reporter.is_staff and theirs.count() >= OPEN_REPORTS:
        raise log.Refusal(TOO_MANY_REPORTS)


def _is_free(doing: Doing) -> bool:
    return doing.trusted or doing.user is None or doing.standing.staff


def _whole_s(left: timedelta) -> int:
    return max(1, math.ceil(left.total_seconds()))
