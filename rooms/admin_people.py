"""The people of a room in the admin, page by page: who belongs to it, who is muted, who is shut out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from rooms import accounts
from rooms.admin_acting import (
    OFFERS,
    PersonField,
    SanctionForm,
    attempt,
    may,
    offered,
    person_named,
    tell_refused,
)
from rooms.admin_redaction import may_read
from rooms.models import Ban, Membership, Mute
from rooms.people import in_force

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rooms.models import ChatRoom

ON_A_PAGE = 50
KINDS: dict[str, tuple[type[Membership | Ban | Mute], Any]] = {
    "members": (Membership, gettext_lazy("Members")),
    "muted": (Mute, gettext_lazy("Muted")),
    "banned": (Ban, gettext_lazy("Banned")),
}


class PeopleForm(SanctionForm):
    """What to do to those who are ticked, and to somebody who is named."""

    person = PersonField(
        label=gettext_lazy("Login name"),
        max_length=254,
        required=False,
        help_text=gettext_lazy("Of somebody who is not ticked above."),
    )
    deed = forms.ChoiceField(label=gettext_lazy("What to do"))

    redacts = False
    field_order = ("person", "deed", "minutes", "reason")

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        """Offer what whoever asks has the permission for."""
        super().__init__(data)
        self.ticked: list[str] = data.getlist("people") if data is not None else []
        deed: Any = self.fields["deed"]
        deed.choices = offered(request, OFFERS)

    def people(self) -> dict[Any, Any]:
        """Return those meant, by their keys."""
        ticked = [accounts.key_of(text) for text in self.ticked[:ON_A_PAGE]]
        keys = [one for one in ticked if one is not None]
        found = {user.pk: user for user in get_user_model()._default_manager.filter(pk__in=keys)}
        named = self.cleaned_data["person"]
        return found if named is None else {**found, named.pk: named}


def view(model_admin: admin.ModelAdmin[ChatRoom], request: HttpRequest, object_id: str) -> HttpResponse:
    """Show a page of a room's people, or do what is asked to some of them."""
    if not may(request, "view_chatroom", "change_chatroom"):
        raise PermissionDenied
    room = model_admin.get_object(request, object_id)
    if room is None:
        messages.warning(request, _("There is no such room."))
        return HttpResponseRedirect(reverse("admin:index"))
    form = PeopleForm(request, request.POST if request.method == "POST" else None)
    if form.is_valid() and _done(request, room, form):
        return HttpResponseRedirect(request.get_full_path())
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else "members"
    return TemplateResponse(
        request,
        "admin/rooms/chatroom/people.html",
        {
            **model_admin.admin_site.each_context(request),
            **_page(request, room, kind),
            "title": _("People"),
            "subtitle": str(room),
            "opts": model_admin.opts,
            "original": room,
            "kinds": [
                {"name": name, "label": label, "chosen": name == kind} for name, (_m, label) in KINDS.items()
            ],
            "form": form if offered(request, OFFERS) else None,
            "may_read": may_read(request),
            "media": model_admin.media,
        },
    )


def _done(request: HttpRequest, room: ChatRoom, form: PeopleForm) -> bool:
    """Do it, each person by themselves, and tell what came of it. Tell False where nobody is meant."""
    people = form.people()
    if not people:
        form.add_error(None, _("Tick somebody, or write a login name."))
        return False
    offer = OFFERS[form.cleaned_data["deed"]]
    refused = [
        attempt(request, offer.action(room.slug, accounts.wire_id(pk), form.cleaned_data)) for pk in people
    ]
    if done := refused.count(""):
        told = ngettext("%(what)s: %(number)d person.", "%(what)s: %(number)d people.", done)
        messages.success(request, told % {"what": offer.label, "number": done})
    tell_refused(request, refused)
    return True


def _page(request: HttpRequest, room: ChatRoom, kind: str) -> dict[str, Any]:
    """Return one page of those who are in a room what `kind` says, in the order of their keys."""
    rows: Any = KINDS[kind][0]._default_manager.filter(room=room).select_related("user").order_by("user_id")
    name = request.GET.get("find", "").strip()
    if name:
        person = person_named(name)
        rows = rows.filter(user=person.pk) if person is not None else rows.none()
    after = accounts.key_of(request.GET.get("after"))
    if after is not None:
        rows = rows.filter(user_id__gt=after)
    page = list(rows[: ON_A_PAGE + 1])
    more, page = len(page) > ON_A_PAGE, page[:ON_A_PAGE]
    here = {"kind": kind, **({"find": name} if name else {})}
    return {
        "kind": kind,
        "find": name,
        "people": _lines(room, page),
        "first_url": "?" + urlencode(here) if after is not None else "",
        "next_url": "?" + urlencode({**here, "after": page[-1].user_id}) if more else "",
    }


def _lines(room: ChatRoom, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return what the page shows of each: their row, and what else they are in the room."""
    keys = [row.user_id for row in rows]
    roles, mutes, bans = (
        {found.user_id: found for found in of.filter(room=room, user__in=keys)}
        for of in (
            Membership.objects.all(),
            Mute.objects.filter(in_force()),
            Ban.objects.filter(in_force()),
        )
    )
    return [
        {
            "row": row,
            "user": row.user,
            "name": accounts.display_name(row.user),
            "role": roles.get(row.user_id),
            "mute": mutes.get(row.user_id),
            "ban": bans.get(row.user_id),
        }
        for row in rows
    ]
