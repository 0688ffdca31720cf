"""The page of a room's people: who belongs to it, as what, and who is muted or banned there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rooms import membership, sanctions
from rooms.actions import BanPerson, Deed, Join, Leave, MutePerson, Remove, SetRole, Unban, Unmute
from rooms.messages import Refused, user_id
from rooms.room_forms import AddForm, RemoveForm, RoleForm, SanctionByNameForm, SanctionForm
from rooms.visits import Visit, attempt, attempt_told, refused, room_page, shell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import Promise

    from rooms.actions import RoomAction
    from rooms.answers import Members
    from rooms.messages import UserId
    from rooms.room_forms import RefusableForm

PAGE = 50


@dataclass(frozen=True, slots=True)
class Button:
    """What a button asks for of the one it stands beside: its form, if it has one, and what is said then."""

    action: Callable[[str, UserId, dict[str, Any]], RoomAction]
    done: Promise
    form: type[RefusableForm] | None = None


def _sanction(slug: str, user: UserId, asked: dict[str, Any]) -> RoomAction:
    kind = BanPerson if asked["what"] == SanctionForm.BAN else MutePerson
    return kind(slug, user, asked["minutes"], asked["reason"])


BUTTONS: Mapping[str, Button] = {
    "role": Button(
        lambda room, user, asked: SetRole(room, user, asked["role"]), gettext_lazy("Changed."), RoleForm
    ),
    "remove": Button(
        lambda room, user, asked: Remove(room, user, asked["reason"]),
        gettext_lazy("They are removed."),
        RemoveForm,
    ),
    "sanction": Button(_sanction, gettext_lazy("Done."), SanctionForm),
    "unmute": Button(lambda room, user, _asked: Unmute(room, user), gettext_lazy("The mute is lifted.")),
    "unban": Button(lambda room, user, _asked: Unban(room, user), gettext_lazy("The ban is lifted.")),
}


@room_page(Deed.MARK_READ)
def members(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show who belongs to the room, to everybody with an account who sees it; do what is asked there."""
    slug, who = visit.room.slug, visit.reader
    asked = request.POST.get("do", "")
    add = AddForm(request.POST if asked == "add" else None)
    by_name = SanctionByNameForm(request.POST if asked == "sanction_by_name" else None)
    if asked in BUTTONS:
        _press(request, visit, BUTTONS[asked])
        return redirect("rooms:members", slug)
    if asked == "join":
        attempt_told(request, who, Join(slug), _("You belong to this room now."))
        return redirect("rooms:room", slug)
    if asked == "leave":
        left = attempt_told(request, who, Leave(slug), _("You have left the room."))
        return redirect("rooms:index") if left else redirect("rooms:members", slug)
    if add.is_valid() and attempt(add, who, SetRole(slug, **add.cleaned_data)) is not None:
        messages.success(request, _("They belong to the room now."))
        return redirect("rooms:members", slug)
    if by_name.is_valid():
        given = by_name.cleaned_data
        if attempt(by_name, who, _sanction(slug, given["user"], given)) is not None:
            messages.success(request, _("Done."))
            return redirect("rooms:members", slug)
    return _page(request, visit, add, by_name)


def _press(request: HttpRequest, visit: Visit, button: Button) -> None:
    """Do what a button asks for; the next page tells what came of it."""
    user = user_id(request.POST.get("user", ""))
    form = button.form(request.POST) if button.form else None
    if form is not None and not form.is_valid():
        for field, errors in form.errors.items():
            label = form.fields[field].label if field in form.fields else None
            messages.error(request, f"{label}: {errors[0]}" if label else str(errors[0]))
        return
    asked = form.cleaned_data if form else {}
    attempt_told(request, visit.reader, button.action(visit.room.slug, user, asked), str(button.done))


def _page(request: HttpRequest, visit: Visit, add: AddForm, by_name: SanctionByNameForm) -> HttpResponse:
    after = request.GET.get("after")
    who = visit.reader
    found: Members | Refused = membership.members(
        who.id if who else None, visit.room.slug, user_id(after) if after else None, PAGE
    )
    if isinstance(found, Refused):
        if after:
            raise Http404(found.detail)
        return refused(request, found, guest=who is None)
    moderates = visit.may(Deed.MUTE)
    context = {
        "visit": visit,
        "room": visit.room,
        "members": found.members,
        "next": found.members[-1].user.id if found.more else None,
        "is_first": not after,
        "add": add,
        "by_name": by_name,
        "roles": RoleForm.base_fields["role"].choices,  # type: ignore[attr-defined]
        "sanctions": SanctionForm.base_fields["what"].choices,  # type: ignore[attr-defined]
        "manages": visit.may(Deed.SET_ROLE),
        "moderates": moderates,
        "may_leave": visit.standing.role is not None and visit.may(Deed.LEAVE),
        "may_join": visit.standing.role is None and visit.room.visibility == visit.room.Visibility.PUBLIC,
        "mutes": _in_force(visit, sanctions.MUTE) if moderates else (),
        "bans": _in_force(visit, sanctions.BAN) if moderates else (),
        **shell(who),
    }
    return render(request, "rooms/members.html", context)


def _in_force(visit: Visit, sort: sanctions.Sort) -> Any:
    return sanctions.in_force_in(visit.room.slug, sort, visit.reader.id if visit.reader else None)
