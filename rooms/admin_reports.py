"""The queue of reports in the admin: each message where it was said, and one click to take care of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rooms import accounts
from rooms.actions import Settlement, SettleReport
from rooms.admin_acting import MUTED_FOR_MINUTES, OFFERS, SanctionForm, attempt, may, tell_refused
from rooms.admin_conversation import Line, lines
from rooms.admin_redaction import TO_REDACT
from rooms.messages import MAX_ID, Kind
from rooms.models import Message, Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    ReportAdminBase = admin.ModelAdmin[Report]
else:
    ReportAdminBase = admin.ModelAdmin

AROUND = 5
ON_A_PAGE = 10
COUNTED_MOST = 100

SETTLEMENTS: dict[Settlement, tuple[Any, tuple[str, ...]]] = {
    Settlement.REDACTED: (gettext_lazy("Redact"), TO_REDACT),
    Settlement.MUTED: (gettext_lazy("Mute the author"), OFFERS["mute"].permissions),
    Settlement.BANNED: (gettext_lazy("Ban the author"), OFFERS["ban"].permissions),
    Settlement.DISMISSED: (gettext_lazy("Dismiss"), ("change_report",)),
}
"""How each is called, and the permission that it takes beside that to settle reports."""


class SettleForm(SanctionForm):
    """How a report is taken care of: one of the buttons, with a reason, a mute for so many minutes."""

    settlement = forms.ChoiceField(choices=[(one.value, label) for one, (label, _p) in SETTLEMENTS.items()])
    minutes = forms.IntegerField(
        label=gettext_lazy("Minutes of a mute"), min_value=1, required=False, initial=MUTED_FOR_MINUTES
    )
    field_order = ("reason", "minutes")


class PlaceForm(forms.Form):
    """Beyond which report the page begins."""

    beyond = forms.IntegerField(min_value=1, max_value=MAX_ID, required=False)


@dataclass(frozen=True, slots=True)
class Reported:
    """A report, with its message where it was said."""

    report: Report
    reporter: str
    settled_by: str
    around: Sequence[Line]


def waiting() -> QuerySet[Report]:
    """Return the reports that nobody has taken care of, the oldest first: by an index of those alone."""
    return Report.objects.filter(settled_at__isnull=True).order_by("id")


def number_waiting() -> str:
    """Return how many reports wait, up to a bound."""
    number = len(waiting().values_list("pk", flat=True)[:COUNTED_MOST])
    return str(number) if number < COUNTED_MOST else f"{COUNTED_MOST - 1}+"


@admin.register(Report)
class ReportAdmin(ReportAdminBase):
    """What members say is not as it should be. It is made by them, and settled once."""

    class Media:
        """What its pages need beside the admin's own."""

        css = {"all": ("rooms/css/admin.css",)}

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that members make them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        """Tell that they stay: no page deletes one. But each goes with the account of its reporter."""
        return obj is not None and super().has_delete_permission(request, obj)

    def get_urls(self) -> list[URLPattern]:
        """Return the queue, and what settles: there is no other page of a report."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="rooms_report_changelist"),
            path("<int:report>/settle/", view(self.settle_view), name="rooms_report_settle"),
            path("<path:object_id>/change/", view(self.change_view), name="rooms_report_change"),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Lead to the queue."""
        return HttpResponseRedirect(reverse("admin:rooms_report_changelist"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show those that wait, the oldest first; or those settled, the newest first."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        settled = request.GET.get("show") == "settled"
        rows, more = _page(request, settled=settled)
        show = "show=settled&" if settled else ""
        number = number_waiting()
        return TemplateResponse(
            request,
            "admin/rooms/report/queue.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Reports settled") if settled else _("Reports (%s open)") % number,
                "opts": self.opts,
                "reports": _with_context(rows, withheld=request.user.has_perm("rooms.view_withheldtext")),
                "settled": settled,
                "form": SettleForm(auto_id=False),
                "buttons": [(one.value, label) for one, label in _buttons(request)],
                "next_url": f"?{show}beyond={rows[-1].pk}" if more else "",
                "first_url": f"?{show}" if "beyond" in request.GET else "",
                "here": request.get_full_path(),
                "media": self.media,
            },
        )

    def settle_view(self, request: HttpRequest, report: int) -> HttpResponse:
        """Take care of a report and go back to the queue; say by whom it was, if it was before."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = SettleForm(request.POST)
        if form.is_valid():
            self._settle(request, report, form.cleaned_data)
        else:
            tell_refused(
                request, [f"{name}: {error}" for name, errors in form.errors.items() for error in errors]
            )
        return HttpResponseRedirect(_back(request))

    def _settle(self, request: HttpRequest, report: int, said: dict[str, Any]) -> None:
        settlement = Settlement(said["settlement"])
        if settlement not in dict(_buttons(request)):
            raise PermissionDenied
        minutes = said["minutes"] if settlement is Settlement.MUTED else None
        before = _settled(report)
        refused = attempt(request, SettleReport(report, settlement, minutes, said["reason"]))
        if not refused:
            messages.success(request, _("Taken care of: %s.") % dict(Report.OUTCOMES)[settlement.value])
        elif first := before or _settled(report):
            messages.warning(request, first)
        else:
            tell_refused(request, [refused])


def _buttons(request: HttpRequest) -> list[tuple[Settlement, Any]]:
    """Return what somebody may take care of a report by: none without the permission to change reports."""
    if not may(request, "change_report"):
        return []
    return [(one, label) for one, (label, needed) in SETTLEMENTS.items() if may(request, *needed)]


def _settled(key: int) -> str:
    """Return by whom a report is taken care of, and how; "" where it is not."""
    report = Report.objects.select_related("settled_by").filter(pk=key, settled_at__isnull=False).first()
    if report is None:
        return ""
    who = accounts.display_name(report.settled_by) if report.settled_by else _("somebody")
    return _("%(who)s has taken care of this report: %(how)s.") % {
        "who": who,
        "how": report.get_outcome_display(),
    }


def _back(request: HttpRequest) -> str:
    """Return the page that somebody came from, where it is one of ours."""
    queue = reverse("admin:rooms_report_changelist")
    back = request.POST.get("back", "")
    ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith(queue)
    return back if ours else queue


def _page(request: HttpRequest, *, settled: bool) -> tuple[list[Report], bool]:
    """Return one page of reports, and whether there are more, by keyset."""
    place = PlaceForm(request.GET)
    beyond = place.cleaned_data["beyond"] if place.is_valid() else None
    rows = waiting()
    if settled:
        rows = Report.objects.filter(settled_at__isnull=False).order_by("-id")
    if beyond is not None:
        rows = rows.filter(**{f"id__{'lt' if settled else 'gt'}": beyond})
    rows = rows.select_related("reporter", "settled_by", "room", "message__author")
    page = list(rows[: ON_A_PAGE + 1])
    return page[:ON_A_PAGE], len(page) > ON_A_PAGE


def _with_context(reports: Sequence[Report], *, withheld: bool) -> list[Reported]:
    """Return reports with what was said around each message: two reads a report, by (room, id)."""
    found = []
    for report in reports:
        said = Message.objects.filter(room=report.room_id, kind=Kind.MESSAGE.value).select_related("author")
        before = said.filter(id__lt=report.message_id).order_by("-id")[:AROUND]
        after = said.filter(id__gt=report.message_id).order_by("id")[:AROUND]
        rows = [*reversed(before), report.message, *after]
        found.append(
            Reported(
                report,
                accounts.display_name(report.reporter),
                accounts.display_name(report.settled_by) if report.settled_by else "",
                lines(rows, report.room.slug, withheld=withheld),
            )
        )
    return found
