"""Who comes to a page of a room, and what they may do there. One judgement, and one way to be turned away."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from rooms import accounts, history, log, permissions
from rooms.acting import perform, perform_all
from rooms.messages import Access, Author, Code, Refused
from rooms.models import ChatRoom
from rooms.refusals import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rooms.actions import Action, Deed, RoomAction
    from rooms.room_forms import RefusableForm

form_page = require_http_methods(["GET", "HEAD", "POST"])


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody at a room's page. `reader` is None for a guest."""

    room: ChatRoom
    reader: Author | None
    standing: permissions.Standing
    access: Access

    def may(self, deed: Deed) -> bool:
        """Tell whether they may do this here."""
        return permissions.may(deed, self.room, self.standing)


def reader(request: HttpRequest) -> Author | None:
    """Return who reads, as the wire names them; None for a guest."""
    return accounts.author(request.user) if request.user.is_authenticated else None


def shell(who: Author | None) -> Mapping[str, str]:
    """Return what the frame around every page shows."""
    return {"display_name": who.name} if who else {}


def visit(request: HttpRequest, slug: str) -> Visit | HttpResponse:
    """Return who visits a room that they may see, or the answer to one who may not.

    A room that they may not know of costs the same queries as none.

    Raises:
        Http404: there is no such room for this reader.
    """
    who = reader(request)
    room = ChatRoom.objects.filter(slug=slug).first()
    key = (room.pk if room is not None else 0, who.id if who is not None else None)
    standing = permissions.standings([key])[key]
    access = permissions.access(room, standing) if room is not None else permissions.NOBODY
    if room is None or not access.see:
        return refused(request, history.WHY_UNSEEN[access.refusal or Code.NOT_FOUND], guest=who is None)
    return Visit(room, who, standing, access)


def refused(request: HttpRequest, why: Refused, *, guest: bool) -> HttpResponse:
    """Answer a reader who may not see a page.

    Raises:
        Http404: the reader may not know of it.
    """
    if guest:
        # Also for a private room, and for none at all: the answer tells a guest nothing of either.
        return redirect_to_login(request.get_full_path())
    if why.code is Code.FORBIDDEN:
        return render(request, "rooms/banned.html", {"detail": why.detail}, status=HTTPStatus.FORBIDDEN)
    raise Http404(why.detail)


def room_page(deed: Deed) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Make a view of `(request, visit, …)` a page of a room for those who may do this there."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def visited(request: HttpRequest, slug: str, **more: Any) -> HttpResponse:
            came = visit(request, slug)
            if isinstance(came, HttpResponse):
                return came
            if not came.may(deed):
                return not_allowed(request, came)
            return view(request, came, **more)

        return never_cache(form_page(visited))

    return decorate


def not_allowed(request: HttpRequest, came: Visit) -> HttpResponse:
    """Answer somebody who sees the room and may not do this there."""
    if came.reader is None:
        return redirect_to_login(request.get_full_path())
    context = {"room": came.room, **shell(came.reader)}
    return render(request, "rooms/not_allowed.html", context, status=HTTPStatus.FORBIDDEN)


def attempt(form: RefusableForm, by: Author | None, action: Action) -> Any:
    """Do what a valid form asks for and return what doing it returns; refused, the form has the errors."""
    try:
        return perform(by.id if by else None, action)
    except log.Refusal as refusal:
        form.refuse(refusal.detail)
        return None


def attempt_all(form: RefusableForm, by: Author | None, actions: Sequence[RoomAction]) -> bool:
    """Do all that a valid form asks for, or nothing of it, and tell which."""
    try:
        perform_all(by.id if by else None, actions)
    except log.Refusal as refusal:
        form.refuse(refusal.detail)
        return False
    return True


def attempt_told(request: HttpRequest, by: Author | None, action: Action, done: str) -> bool:
    """Do what a button asks for and return whether it is done; the next page tells that, or why not."""
    try:
        perform(by.id if by else None, action)
    except log.Refusal as refusal:
        messages.error(request, in_words(refusal.detail))
        return False
    messages.success(request, done)
    return True
