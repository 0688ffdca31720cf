"""The search page: one form by GET, so that what is found can be kept as a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from rooms import history, search
from rooms.messages import MAX_ID, Refused
from rooms.room_forms import RefusableForm
from rooms.visits import reader, shell

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from rooms.messages import RoomSummary, UserId

PAGE = 20


class SearchForm(RefusableForm):
    """What is looked for, and where."""

    q = forms.CharField(
        max_length=search.LONGEST,
        label=_("Words"),
        help_text=_("Messages with all of them. “…” around words: one after the other."),
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    room = forms.ChoiceField(required=False, label=_("Room"))
    before = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID, widget=forms.HiddenInput)

    def __init__(self, rooms: list[RoomSummary], data: dict[str, str] | None) -> None:
        """Offer the rooms that the reader may see."""
        super().__init__(data)
        names = [(one.room, one.name) for one in rooms]
        self.fields["room"].choices = [("", _("all rooms")), *names]  # type: ignore[attr-defined]


@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Search the rooms that the reader may see, and show a page of what is found, the newest first."""
    who = reader(request)
    key = who.id if who else None
    _epoch, rooms = history.rooms_for(key)
    form = SearchForm(rooms, request.GET.dict() if "q" in request.GET else None)
    if "q" not in request.GET:
        form.fields["room"].initial = request.GET.get("room", "")
    found = _found(form, key) if form.is_valid() else None
    names = {one.room: one.name for one in rooms}
    context = {
        "form": form,
        "found": [(row, names.get(row.room, row.room)) for row in found.messages] if found else None,
        "next": _next(form, found) if found else "",
        **shell(who),
    }
    return render(request, "rooms/search.html", context)


def _found(form: SearchForm, key: UserId | None) -> search.Found | None:
    asked = form.cleaned_data
    found = search.find(key, asked["q"], room=asked["room"] or None, before=asked["before"], limit=PAGE)
    if isinstance(found, Refused):
        form.refuse(found.detail)
        return None
    return found


def _next(form: SearchForm, found: search.Found) -> str:
    """Return what asks for the page after this, "" where there is none."""
    if not found.more or not found.messages:
        return ""
    asked = form.cleaned_data
    return urlencode({"q": asked["q"], "room": asked["room"], "before": found.messages[-1].id})
