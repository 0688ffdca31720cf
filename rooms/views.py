"""The list of rooms and the page of a room. What happens in a room, its script gets by the API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from rooms import accounts, history
from rooms.messages import Access, Author, Code, Newest, Refused
from rooms.models import ChatRoom

if TYPE_CHECKING:
    from collections.abc import Mapping

STATIC = Path(__file__).parent / "static"
MODULES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.glob("rooms/js/**/*.js"))
"""The client's modules: told to the browser at once, so that it need not find one through the other."""

API = "/api/"
SOCKET = "/ws"


@never_cache
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the rooms that the reader may see; a guest who may see none is asked to log in."""
    reader = _reader(request)
    _epoch, rooms = history.rooms_for(reader.id if reader else None)
    if reader is None and not rooms:
        return redirect_to_login(request.get_full_path())
    return render(request, "rooms/room_list.html", {"rooms": rooms, **_shell(reader)})


@never_cache
@require_safe
def room(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a room to those who may see it. To others one that they may not know of is not there.

    Raises:
        Http404: there is no such room for this reader.
    """
    reader = _reader(request)
    page = history.read(reader.id if reader else None, slug, Newest(0))
    if isinstance(page, Refused):
        return _refused(request, page, guest=reader is None)
    shown = ChatRoom.objects.get(slug=slug)
    context = {
        "room": shown,
        "access": page.access,
        "page": _page(request, shown, page.access, reader),
        "modules": MODULES,
        **_shell(reader),
    }
    return render(request, "rooms/room.html", context)


def _reader(request: HttpRequest) -> Author | None:
    """Return who reads, as the wire names them; None for a guest."""
    return accounts.author(request.user) if request.user.is_authenticated else None


def _shell(reader: Author | None) -> Mapping[str, str]:
    """Return what the frame around every page shows."""
    return {"display_name": reader.name} if reader else {}


def _refused(request: HttpRequest, refused: Refused, *, guest: bool) -> HttpResponse:
    """Answer a reader who may not see a room.

    Raises:
        Http404: the reader may not know of it.
    """
    if guest:
        # Also for a private room, and for none at all: the answer tells a guest nothing of either.
        return redirect_to_login(request.get_full_path())
    if refused.code is Code.FORBIDDEN:
        return render(request, "rooms/banned.html", {"detail": refused.detail}, status=403)
    raise Http404(refused.detail)


def _page(request: HttpRequest, shown: ChatRoom, access: Access, reader: Author | None) -> dict[str, Any]:
    """Return what the page's script needs to know, as `page.js` reads it."""
    here = urlencode({"next": request.get_full_path()})
    return {
        "room": shown.slug,
        "user": {"id": reader.id, "name": reader.name} if reader else None,
        "post": access.post,
        "moderate": access.moderate,
        "maxBody": settings.CHAT_MAX_BODY,
        "api": API,
        "socket": SOCKET,
        "csrfCookie": settings.CSRF_COOKIE_NAME,
        "csrfToken": get_token(request),
        "links": {"logIn": f"{reverse('rooms:login')}?{here}", "rooms": reverse("rooms:index")},
    }
