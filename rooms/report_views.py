"""The queue of reports, for those who moderate rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from rooms import history, reports
from rooms.actions import Settlement, SettleReport
from rooms.messages import After, Before, Kind, Page, Posted
from rooms.models import ChatRoom
from rooms.room_forms import SettleForm
from rooms.visits import attempt_told, reader, shell

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from rooms.answers import OpenReport
    from rooms.messages import UserId

SHOWN = 10
AROUND = 12
"""Rows of the log that are read on each side of a message; those that say something are shown."""
CONTEXT = 3


@never_cache
@require_safe
@login_required
def queue(request: HttpRequest) -> HttpResponse:
    """Show the oldest open reports of the rooms that the reader moderates, each message in its context."""
    who = reader(request)
    key = who.id if who else None
    found = reports.open_for(key, SHOWN + 1)
    names = dict(
        ChatRoom.objects.filter(slug__in={report.room for report in found}).values_list("slug", "name")
    )
    shown = [{"room": names[report.room], **_shown(key, report)} for report in found[:SHOWN]]
    context = {"reports": shown, "more": len(found) > SHOWN, **shell(who)}
    return render(request, "rooms/reports.html", context)


@require_POST
@login_required
def settle(request: HttpRequest, key: int) -> HttpResponse:
    """Take care of a report."""
    form = SettleForm(request.POST)
    chosen = request.POST.get("settlement", "")
    if chosen not in Settlement.__members__.values() or not form.is_valid():
        messages.error(request, _("Minutes are a whole number; a reason has at most 250 characters."))
        return redirect("rooms:reports")
    settlement = Settlement(chosen)
    lasts = settlement in reports.SANCTIONS
    minutes = form.cleaned_data["minutes"] if lasts else None
    action = SettleReport(key, settlement, minutes, form.cleaned_data["reason"])
    attempt_told(request, reader(request), action, _("The report is taken care of."))
    return redirect("rooms:reports")


def _shown(who: UserId | None, report: OpenReport) -> dict[str, Any]:
    message = report.message
    return {
        "report": report,
        "message": message,
        "before": _said(history.read(who, report.room, Before(message.id, AROUND)))[-CONTEXT:],
        "after": _said(history.read(who, report.room, After(message.id, AROUND)))[:CONTEXT],
    }


def _said(page: Page | object) -> list[Posted]:
    rows = page.messages if isinstance(page, Page) else ()
    return [row for row in rows if row.kind is Kind.MESSAGE]
