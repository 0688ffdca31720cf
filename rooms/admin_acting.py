"""What the admin's pages share: they act by `rooms.acting`, and what is refused is told in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rooms import accounts, acting, log
from rooms.actions import BanPerson, MutePerson, Remove, SetRole, Unban, Unmute
from rooms.bounds import is_id
from rooms.people import Membership
from rooms.refusals import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from rooms.actions import Action
    from rooms.messages import UserId

    AdminBase = admin.ModelAdmin[Any]
else:
    AdminBase = object

REASON_LENGTH = 250
MUTED_FOR_MINUTES = 60


def key(request: HttpRequest) -> UserId:
    """Return who asks, as `rooms.acting` names them."""
    return accounts.wire_id(request.user.pk)


def attempt(request: HttpRequest, action: Action) -> str:
    """Do what is asked and return "", or return why it is refused; then nothing of it is done."""
    try:
        acting.perform(key(request), action)
    except log.Refusal as refusal:
        return in_words(refusal.detail)
    return ""


def tell_refused(request: HttpRequest, details: Iterable[str]) -> None:
    """Tell why something was refused, each reason once."""
    for detail in sorted({detail for detail in details if detail}):
        messages.error(request, detail)


def may(request: HttpRequest, *codenames: str) -> bool:
    """Tell whether somebody has one of these permissions of this app."""
    return any(request.user.has_perm(f"rooms.{codename}") for codename in codenames)


def person_named(name: str) -> Any:
    """Return who logs in with this name, None where nobody does: a NUL, say, is in none."""
    users = get_user_model()
    if "\x00" in name:
        return None
    return users._default_manager.filter(**{users.USERNAME_FIELD: name}).first()


class PersonField(forms.CharField):
    """Somebody, by what they log in with: no list of all is needed, or sent."""

    def clean(self, value: Any) -> Any:
        """Return the account, None where none is asked for.

        Raises:
            ValidationError: nobody logs in with this.
        """
        name = super().clean(value)
        if not name:
            return None
        person = person_named(name)
        if person is None:
            raise ValidationError(_("Nobody logs in with this name."))
        return person


class ReasonForm(forms.Form):
    """Why something is done."""

    redacts = True

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=REASON_LENGTH,
        required=False,
        help_text=gettext_lazy("Of a redaction, everybody in the room can read it."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.redacts:
            self.fields["reason"].help_text = ""


class SanctionForm(ReasonForm):
    """Why, and for how long."""

    minutes = forms.IntegerField(
        label=gettext_lazy("Minutes"),
        min_value=1,
        required=False,
        help_text=gettext_lazy("For how long somebody is muted or banned. Empty: for good."),
    )

    field_order: tuple[str, ...] = ("minutes", "reason")


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that the admin offers to do to a person in a room, to whom has one of the permissions."""

    label: Any
    permissions: tuple[str, ...]
    action: Callable[[str, UserId, Mapping[str, Any]], Action]


def _role(role: Membership.Role) -> Callable[[str, UserId, Mapping[str, Any]], Action]:
    return lambda room, user, _said: SetRole(room, user, role.value)


SET_ROLE = ("add_membership", "change_membership")
OFFERS: Mapping[str, Offer] = {
    "member": Offer(gettext_lazy("Make a member"), SET_ROLE, _role(Membership.Role.MEMBER)),
    "moderator": Offer(gettext_lazy("Make a moderator"), SET_ROLE, _role(Membership.Role.MODERATOR)),
    "owner": Offer(gettext_lazy("Make an owner"), SET_ROLE, _role(Membership.Role.OWNER)),
    "remove": Offer(
        gettext_lazy("Remove from the room"),
        ("delete_membership",),
        lambda room, user, said: Remove(room, user, said["reason"]),
    ),
    "mute": Offer(
        gettext_lazy("Mute"),
        ("add_mute", "change_mute"),
        lambda room, user, said: MutePerson(room, user, said["minutes"], said["reason"]),
    ),
    "unmute": Offer(
        gettext_lazy("Let post again"), ("delete_mute",), lambda room, user, _said: Unmute(room, user)
    ),
    "ban": Offer(
        gettext_lazy("Ban"),
        ("add_ban", "change_ban"),
        lambda room, user, said: BanPerson(room, user, said["minutes"], said["reason"]),
    ),
    "unban": Offer(
        gettext_lazy("Let in again"), ("delete_ban",), lambda room, user, _said: Unban(room, user)
    ),
}
"""What is done to one person in one room."""


def offered(request: HttpRequest, offers: Mapping[str, Offer]) -> list[tuple[str, Any]]:
    """Return what somebody is offered of these, as choices of a form."""
    return [(name, offer.label) for name, offer in offers.items() if may(request, *offer.permissions)]


class TickedById(AdminBase):
    """A list whose rows have ids. Django asks the database for whatever was sent as what is ticked."""

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *more: Any, **named: Any
    ) -> HttpResponse | None:
        """Do what is asked to those that are ticked; what is no id is none."""
        asked: Any = request
        asked.POST = request.POST.copy()
        ids = [text for text in request.POST.getlist(ACTION_CHECKBOX_NAME) if is_id(text)]
        asked.POST.setlist(ACTION_CHECKBOX_NAME, ids)
        return super().response_action(request, queryset, *more, **named)


class RefusalsTold(AdminBase):
    """A form whose saving `rooms.acting` refuses is shown again with the reason; nothing of it is stored."""

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 (Django's)
        """Return the form; the second time, one that is not valid because it was refused."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        detail = getattr(request, "chat_refused", "")
        if not detail:
            return form

        class RefusedForm(form):  # type: ignore[misc]
            """The form, with why what it asks for was refused."""

            def clean(self) -> Any:
                """Say why."""
                self.add_error(None, detail)
                return super().clean()

        return RefusedForm

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show a form or take it; Django's transaction around it undoes what a refusal interrupts."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except log.Refusal as refusal:
            asked: Any = request
            asked.chat_refused = in_words(refusal.detail)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask, or delete; where that is refused, tell why and come back."""
        try:
            answer: HttpResponse = super().delete_view(request, object_id, extra_context)
        except log.Refusal as refusal:
            tell_refused(request, [in_words(refusal.detail)])
            return HttpResponseRedirect(request.get_full_path())
        return answer
