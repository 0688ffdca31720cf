"""The pages of invitations: those who moderate a room make and revoke them; who got one accepts it.

An invitation makes an account too, also where sign-up is closed. One that is not good, for whatever reason,
is answered by one plain page.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError, transaction
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from rooms import accounts, entrance, invitations, log
from rooms.account_views import logged_in, unreferred
from rooms.acting import perform
from rooms.actions import AcceptInvitation, Deed, Invite, RevokeInvitation
from rooms.forms import NewAccountForm, new_account_form
from rooms.messages import Code, Refused
from rooms.refusals import in_words
from rooms.room_forms import InviteForm
from rooms.visits import Visit, attempt, attempt_told, form_page, reader, refused, room_page, shell

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@room_page(Deed.INVITE)
def listed(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List the links that are good; make one, which this answer alone shows."""
    who, slug = visit.reader, visit.room.slug
    form = InviteForm(request.POST if request.method == "POST" else None)
    made = attempt(form, who, Invite(slug, **form.cleaned_data)) if form.is_valid() else None
    good = invitations.good(who.id if who else None, slug)
    if isinstance(good, Refused):
        return refused(request, good, guest=who is None)
    context = {
        "visit": visit,
        "room": visit.room,
        "form": InviteForm() if made else form,
        "made": made,
        "link": request.build_absolute_uri(reverse("rooms:invitation", args=[made.token])) if made else "",
        "invitations": good,
        **shell(who),
    }
    return render(request, "rooms/invitations.html", context)


@room_page(Deed.REVOKE_INVITATION)
def revoke(request: HttpRequest, visit: Visit, key: int) -> HttpResponse:
    """Have a link lead nowhere."""
    if request.method == "POST":
        done = _("The link leads nowhere from now on.")
        attempt_told(request, visit.reader, RevokeInvitation(visit.room.slug, key), done)
    return redirect("rooms:invitations", visit.room.slug)


@login_not_required
@never_cache
@form_page
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show where a link leads, and let who is logged in accept it."""
    who = reader(request)
    if who is not None and (slug := invitations.room_of_member(token, who.id)) is not None:
        return redirect("rooms:room", slug)
    name = invitations.peek(token)
    if name is None:
        return _not_good(request)
    if request.method == "POST" and who is not None:
        return _accepted(request, token)
    context = {
        "name": name,
        "token": token,
        "log_in": entrance.address(request.get_full_path()),
        "makes_accounts": entrance.is_ours(),
        **shell(who),
    }
    return unreferred(render(request, "rooms/invitation.html", context))


@login_not_required
@sensitive_post_parameters()
@never_cache
@form_page
def new_account(request: HttpRequest, token: str) -> HttpResponse:
    """Make an account for whoever has a link that is good, and let them into its room."""
    if request.user.is_authenticated or not entrance.is_ours():
        return redirect("rooms:invitation", token)
    name = invitations.peek(token)
    if name is None:
        return _not_good(request)
    form = new_account_form()(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            room = _made(form, token)
        except log.Refusal:
            return _not_good(request)
        if room is not None:
            return unreferred(logged_in(request, form, reverse("rooms:room", args=[room])))
    context = {"form": form, "name": name, "token": token}
    return unreferred(render(request, "rooms/invitation_account.html", context))


def _made(form: NewAccountForm, token: str) -> str | None:
    """Make the account and use the link, both or neither; return the room, None where the name was taken.

    Raises:
        rooms.log.Refusal: the link is not good any more.
    """
    try:
        with transaction.atomic():
            user = form.save()
            room: str = perform(accounts.wire_id(user.pk), AcceptInvitation(token)).room
    except IntegrityError:
        form.refuse_taken_name()
        return None
    return room


def _accepted(request: HttpRequest, token: str) -> HttpResponse:
    who = reader(request)
    try:
        opened = perform(who.id if who else None, AcceptInvitation(token))
    except log.Refusal as refusal:
        if refusal.code is not Code.FORBIDDEN:
            return _not_good(request)
        messages.error(request, in_words(refusal.detail))
        return unreferred(redirect("rooms:index"))
    return unreferred(redirect("rooms:room", opened.room))


def _not_good(request: HttpRequest) -> HttpResponse:
    """Answer alike whether a link never was, was used up, was revoked, or is too old."""
    page = render(request, "rooms/invitation_gone.html", shell(reader(request)), status=HTTPStatus.NOT_FOUND)
    return unreferred(page)
