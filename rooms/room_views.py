"""The pages by which people make rooms and say what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from rooms.actions import CreateRoom, Deed, OpenDirect
from rooms.room_forms import DirectForm, NewRoomForm, SettingsForm
from rooms.visits import Visit, attempt, attempt_all, form_page, reader, room_page, shell

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@never_cache
@form_page
@login_required
def new_room(request: HttpRequest) -> HttpResponse:
    """Make a room, and go there."""
    who = reader(request)
    form = NewRoomForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        asked = form.cleaned_data
        action = CreateRoom(asked["name"], asked["room"] or None, asked["topic"], asked["private"])
        opened = attempt(form, who, action)
        if opened is not None:
            return redirect("rooms:room", opened.room)
    return render(request, "rooms/new_room.html", {"form": form, **shell(who)})


@never_cache
@form_page
@login_required
def direct(request: HttpRequest) -> HttpResponse:
    """Open the room of oneself and another."""
    who = reader(request)
    form = DirectForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        opened = attempt(form, who, OpenDirect(form.cleaned_data["user"]))
        if opened is not None:
            return redirect("rooms:room", opened.room)
    return render(request, "rooms/direct.html", {"form": form, **shell(who)})


@room_page(Deed.SET_TOPIC)
def settings(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Let those who moderate a room, or own it, change what each of them may."""
    form = SettingsForm(visit, request.POST if request.method == "POST" else None)
    if form.is_valid() and attempt_all(form, visit.reader, form.actions()):
        messages.success(request, _("Saved."))
        return redirect("rooms:settings", visit.room.slug)
    context = {"form": form, "room": visit.room, "visit": visit, **shell(visit.reader)}
    return render(request, "rooms/settings.html", context)
