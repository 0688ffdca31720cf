"""A room's log in the admin as a conversation: page by page by keyset, with what is withheld, to act on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from rooms import accounts, bounds, history
from rooms.admin_acting import OFFERS, SanctionForm, attempt, offered, tell_refused
from rooms.admin_files import files_of
from rooms.admin_moments import first_since
from rooms.admin_redaction import AllOfForm, may_read, may_redact, redact, redact_all_of
from rooms.messages import MAX_ID, Kind, Posted
from rooms.models import Attachment, ChatRoom, Message, WithheldText

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.db.models import QuerySet

ON_A_PAGE = 100
WITHHELD_SHOWN = 500
SANCTIONS = {name: OFFERS[name] for name in ("mute", "ban")}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the log as the page shows it: as readers see it, with what is withheld of it."""

    row: Message
    posted: Posted
    name: str
    withheld: Sequence[WithheldText]
    files: Sequence[Attachment]

    @property
    def is_said(self) -> bool:
        """Tell whether it is a message, which something can be done about."""
        return self.posted.kind is Kind.MESSAGE


def lines(rows: Sequence[Message], slug: str, *, withheld: bool) -> list[Line]:
    """Return rows as lines; with texts and files withheld of them, a query each, where that is asked for."""
    texts: dict[int, list[WithheldText]] = {}
    changed = [row.pk for row in rows if row.redacted or row.edited_at is not None]
    if withheld and changed:
        found = WithheldText.objects.filter(message__in=changed).order_by("message", "id")
        for text in found[:WITHHELD_SHOWN]:
            texts.setdefault(text.message_id, []).append(text)
    files = files_of(rows, withheld=withheld)
    return [
        Line(
            row,
            history.posted(row, slug),
            row.author.get_username() if row.author is not None else "",
            texts.get(row.pk, ()),
            files.get(row.pk, ()),
        )
        for row in rows
    ]


class PlaceForm(forms.Form):
    """Where in the log to look: just before or after an id, around one, or where a day begins."""

    before = forms.IntegerField(min_value=1, max_value=MAX_ID, required=False)
    after = forms.IntegerField(min_value=0, max_value=MAX_ID, required=False)
    message = forms.IntegerField(
        label=gettext_lazy("Id of a message"), min_value=1, max_value=MAX_ID, required=False
    )
    day = forms.DateField(
        label=gettext_lazy("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def clean_day(self) -> datetime | None:
        """Return when the day begins here. The first and last years have moments that no calendar tells."""
        day = self.cleaned_data["day"]
        if day is None:
            return None
        if not date.min.year < day.year < date.max.year:
            raise forms.ValidationError(_("No such day."))
        return timezone.make_aware(datetime.combine(day, time.min))


class ActForm(SanctionForm):
    """What to do about the messages that are ticked, or about their authors."""

    deed = forms.ChoiceField(label=gettext_lazy("What to do"))
    since = AllOfForm.base_fields["since"]

    field_order = ("deed", "reason", "minutes", "since")

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        """Offer what whoever asks has the permission for."""
        super().__init__(data)
        deed: Any = self.fields["deed"]
        deed.choices = deeds(request)


def deeds(request: HttpRequest) -> list[tuple[str, Any]]:
    """Return what somebody is offered."""
    found = [(name, _("%s the author") % label) for name, label in offered(request, SANCTIONS)]
    if not may_redact(request):
        return found
    all_of = ("redact_all_of", _("Redact all that the author said here since a moment"))
    return [("redact", _("Redact the message")), *found, all_of]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a room's log, ascending, and whether there are rows on either side."""

    rows: Sequence[Message]
    older: bool
    newer: bool


def piece(room: ChatRoom, place: Mapping[str, Any]) -> Piece:
    """Return the rows at a place, by the index of (room, id) alone: a statement reads one page at most."""
    log = Message.objects.filter(room=room.pk).select_related("author")
    if place.get("after") is not None:
        return _from(log, place["after"] + 1)
    if place.get("day") is not None:
        return _from(log, first_since(Message.objects.filter(room=room.pk), place["day"], "created_at"))
    if place.get("message") is not None:
        rows = _before(log, place["message"], ON_A_PAGE // 2)
        rest = _from(log, place["message"])
        kept = rest.rows[: ON_A_PAGE // 2]
        return Piece(
            (*rows[-(ON_A_PAGE // 2) :], *kept),
            older=len(rows) > ON_A_PAGE // 2,
            newer=rest.newer or len(kept) < len(rest.rows),
        )
    before = place.get("before")
    rows = _before(log, before if before is not None else MAX_ID, ON_A_PAGE)
    newer = before is not None and log.filter(id__gte=before).order_by("id")[:1]
    return Piece(rows[-ON_A_PAGE:], older=len(rows) > ON_A_PAGE, newer=bool(newer))


def _before(log: QuerySet[Message], key: int, number: int) -> list[Message]:
    """Return the rows before a key, ascending: so many, and the one before them."""
    return list(log.filter(id__lt=key).order_by("-id")[: number + 1])[::-1]


def _from(log: QuerySet[Message], key: int) -> Piece:
    rows = list(log.filter(id__gte=key).order_by("id")[: ON_A_PAGE + 1])
    older = log.filter(id__lt=key).order_by("-id")[:1]
    return Piece(rows[:ON_A_PAGE], older=bool(older), newer=len(rows) > ON_A_PAGE)


def view(model_admin: admin.ModelAdmin[ChatRoom], request: HttpRequest, object_id: str) -> HttpResponse:
    """Show a piece of a room's log, or do what is asked about the messages ticked there."""
    if not may_read(request):
        raise PermissionDenied
    room = model_admin.get_object(request, object_id)
    if room is None:
        messages.warning(request, _("There is no such room."))
        return HttpResponseRedirect(reverse("admin:index"))
    form = ActForm(request, request.POST if request.method == "POST" else None)
    if form.is_valid() and _done(request, room, form):
        return HttpResponseRedirect(request.get_full_path())
    place = PlaceForm(request.GET or None)
    asked = place.cleaned_data if place.is_bound and place.is_valid() else {}
    shown = piece(room, asked)
    return TemplateResponse(
        request,
        "admin/rooms/chatroom/conversation.html",
        {
            **model_admin.admin_site.each_context(request),
            "title": _("Conversation"),
            "subtitle": str(room),
            "opts": model_admin.opts,
            "original": room,
            "may_read": True,
            "lines": lines(shown.rows, room.slug, withheld=request.user.has_perm("rooms.view_withheldtext")),
            "here": asked.get("message"),
            "older_url": f"?before={shown.rows[0].pk}" if shown.rows and shown.older else "",
            "newer_url": f"?after={shown.rows[-1].pk}" if shown.rows and shown.newer else "",
            "newest_url": "?" if shown.newer or not shown.rows else "",
            "place": place,
            "form": form if deeds(request) else None,
            "media": model_admin.media,
        },
    )


def _done(request: HttpRequest, room: ChatRoom, form: ActForm) -> bool:
    """Do it and tell what came of it. Tell False where nothing is ticked that it could be done to."""
    ticked = [int(text) for text in request.POST.getlist("messages")[:ON_A_PAGE] if bounds.is_id(text)]
    rows = list(Message.objects.filter(pk__in=ticked, room=room).select_related("author")[:ON_A_PAGE])
    deed, said = form.cleaned_data["deed"], form.cleaned_data
    authors = dict.fromkeys(row.author_id for row in rows if row.author_id is not None)
    if not rows or (deed != "redact" and not authors):
        form.add_error(None, _("Tick a message; to act on its author, one whose author has an account."))
        return False
    if deed == "redact":
        redact(request, rows, said["reason"])
    elif deed == "redact_all_of":
        for author in authors:
            redact_all_of(request, author, room.slug, said)
    else:
        _sanction(request, room, authors, said)
    return True


def _sanction(request: HttpRequest, room: ChatRoom, authors: Iterable[Any], said: Mapping[str, Any]) -> None:
    offer = SANCTIONS[said["deed"]]
    refused = [attempt(request, offer.action(room.slug, accounts.wire_id(one), said)) for one in authors]
    if done := refused.count(""):
        told = ngettext("%(what)s: %(number)d person.", "%(what)s: %(number)d people.", done)
        messages.success(request, told % {"what": offer.label, "number": done})
    tell_refused(request, refused)
