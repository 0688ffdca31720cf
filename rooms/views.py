"""The list of rooms and the page of a room. What happens in a room, its script gets by the API."""

from __future__ import annotations

import unicodedata
from datetime import UTC
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from rooms import entrance, history, reports, uploading, wireform
from rooms.messages import Newest, Refused
from rooms.options import options
from rooms.scripts import PAGES, preloads
from rooms.visits import reader, refused, shell

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from rooms.messages import Author, RoomSummary

ROOM_SCRIPT, LIST_SCRIPT = PAGES
API = "/api/"
SOCKET = "/ws"
FIRST_MESSAGES = 50
"""How much of the newest a room's page carries, so that it shows them without another question."""


@never_cache
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the rooms that the reader may see; a guest who may see none is asked to log in."""
    who = reader(request)
    _epoch, rooms = history.rooms_for(who.id if who else None)
    if who is None and not rooms:
        return redirect_to_login(request.get_full_path())
    context = {
        **_grouped(rooms),
        "any": bool(rooms),
        "page": _live_page(request, who),
        "modules": preloads(LIST_SCRIPT),
        "is_reported": _is_reported(who, rooms),
        **shell(who),
    }
    return render(request, "rooms/room_list.html", context)


def _grouped(rooms: list[RoomSummary]) -> dict[str, list[RoomSummary]]:
    """Return the lists of the page, each in its order: what is for the reader in person, unread, by name.

    `roomlist.js` orders in the same way.
    """
    rooms = sorted(rooms, key=lambda one: (_rank(one), _folded(one.name)))
    return {
        "people": [room for room in rooms if room.visibility == "direct" and not room.archived],
        "rooms": [room for room in rooms if room.visibility != "direct" and not room.archived],
        "archived": [room for room in rooms if room.archived],
    }


def _rank(room: RoomSummary) -> int:
    if room.muted:
        return 2
    if room.mentions or (room.unread and room.visibility == "direct"):
        return 0
    return 1 if room.unread else 2


def _folded(text: str) -> str:
    """Return a text as it is compared: without case and diacritics."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


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
    key = who.id if who else None
    # The log first: what is told of the room is then not older than what is told in it.
    first = history.read(key, slug, Newest(FIRST_MESSAGES))
    shown = history.room_for(key, slug)
    if isinstance(first, Refused):
        return refused(request, first, guest=who is None)
    if isinstance(shown, Refused):
        return refused(request, shown, guest=who is None)
    context = {
        "room": shown,
        "access": shown.access,
        "page": _page(request, shown, who),
        "first": wireform.newest(first),
        "modules": preloads(ROOM_SCRIPT),
        **shell(who),
    }
    return render(request, "rooms/room.html", context)


def _page(request: HttpRequest, shown: RoomSummary, who: Author | None) -> dict[str, Any]:
    """Return what the page's script needs to know, as `page.js` reads it."""
    return {
        **_live_page(request, who),
        "room": shown.room,
        "state": _state(shown),
        "lastId": shown.last_id,
        "maxBody": options.max_body,
        **({"uploads": uploading.bounds()} if options.uploads else {}),
    }


def _live_page(request: HttpRequest, who: Author | None) -> dict[str, Any]:
    """Return what the script of any page needs to know that has something live."""
    return {
        "user": {"id": who.id, "name": who.name} if who else None,
        "api": API,
        "socket": SOCKET,
        "csrfCookie": settings.CSRF_COOKIE_NAME,
        "csrfToken": get_token(request),
        "links": {
            "logIn": entrance.address(request.get_full_path()),
            "rooms": reverse("rooms:index"),
            "room": reverse("rooms:room", args=["ROOM"]),
        },
    }


def _state(shown: RoomSummary) -> dict[str, Any]:
    """Return a room as `GET /api/rooms/{room}` would tell its reader, as far as the page shows it."""
    until = shown.muted_until
    return {
        "room": shown.room,
        "name": shown.name,
        "topic": shown.topic,
        "visibility": shown.visibility,
        "archived": shown.archived,
        "read_only": shown.read_only,
        "slow_mode": shown.slow_mode,
        "post": shown.access.post,
        "moderate": shown.access.moderate,
        "manage": shown.access.manage,
        "muted": shown.muted,
        **({"read": shown.read} if shown.read is not None else {}),
        **({"muted_until": until and until.astimezone(UTC).isoformat()} if until is not None else {}),
    }
