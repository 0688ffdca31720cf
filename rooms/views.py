"""The list of rooms and the page of a room. What happens in a room, its script gets by the API."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from rooms import history, permissions, reports
from rooms.actions import Deed
from rooms.messages import Refused
from rooms.visits import reader, refused, shell

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from rooms.messages import Author, RoomSummary

STATIC = Path(__file__).parent / "static"
MODULES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.glob("rooms/js/**/*.js"))
"""The client's modules: told to the browser at once, so that it need not find one through the other."""

API = "/api/"
SOCKET = "/ws"


@never_cache
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the rooms that the reader may see; a guest who may see none is asked to log in."""
    who = reader(request)
    _epoch, rooms = history.rooms_for(who.id if who else None)
    if who is None and not rooms:
        return redirect_to_login(request.get_full_path())
    lists = {
        "people": [room for room in rooms if room.visibility == "direct" and not room.archived],
        "rooms": [room for room in rooms if room.visibility != "direct" and not room.archived],
        "archived": [room for room in rooms if room.archived],
    }
    context = {
        **lists,
        "any": bool(rooms),
        "may_make": _may_make(request),
        "is_reported": _is_reported(who, rooms),
        **shell(who),
    }
    return render(request, "rooms/room_list.html", context)


def _may_make(request: HttpRequest) -> bool:
    """Tell whether the reader may make a room."""
    user = request.user
    standing = permissions.Standing(known=user.is_authenticated, staff=getattr(user, "is_staff", False))
    return permissions.may_on_site(Deed.CREATE_ROOM, standing)


def _is_reported(who: Author | None, rooms: list[RoomSummary]) -> bool:
    """Tell whether a report waits for somebody who moderates one of these rooms."""
    moderates = who is not None and any(room.access.moderate for room in rooms)
    return moderates and bool(reports.open_for(who.id if who else None, 1))


@never_cache
@require_safe
def room(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a room to those who may see it. To others one that they may not know of is not there.

    Raises:
        Http404: there is no such room for this reader.
    """
    who = reader(request)
    shown = history.room_for(who.id if who else None, slug)
    if isinstance(shown, Refused):
        return refused(request, shown, guest=who is None)
    context = {
        "room": shown,
        "access": shown.access,
        "page": _page(request, shown, who),
        "modules": MODULES,
        **shell(who),
    }
    return render(request, "rooms/room.html", context)


def _page(request: HttpRequest, shown: RoomSummary, who: Author | None) -> dict[str, Any]:
    """Return what the page's script needs to know, as `page.js` reads it."""
    here = urlencode({"next": request.get_full_path()})
    return {
        "room": shown.room,
        "user": {"id": who.id, "name": who.name} if who else None,
        "state": _state(shown),
        "lastId": shown.last_id,
        "maxBody": settings.CHAT_MAX_BODY,
        "api": API,
        "socket": SOCKET,
        "csrfCookie": settings.CSRF_COOKIE_NAME,
        "csrfToken": get_token(request),
        "links": {"logIn": f"{reverse('rooms:login')}?{here}", "rooms": reverse("rooms:index")},
    }


def _state(shown: RoomSummary) -> dict[str, Any]:
    """Return a room as `GET /api/rooms/{room}` would tell its reader, as far as the page shows it."""
    until = shown.muted_until
    return {
        "room": shown.room,
        "name": shown.name,
        "topic": shown.topic,
        "archived": shown.archived,
        "read_only": shown.read_only,
        "slow_mode": shown.slow_mode,
        "post": shown.access.post,
        "moderate": shown.access.moderate,
        "manage": shown.access.manage,
        **({"read": shown.read} if shown.read is not None else {}),
        **({"muted_until": until and until.astimezone(UTC).isoformat()} if until is not None else {}),
    }
