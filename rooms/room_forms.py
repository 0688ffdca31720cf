"""The forms by which people make and run rooms. What a field may hold, the performers say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from rooms import accounts
from rooms.actions import (
    Archive,
    OpenToGuests,
    Rename,
    SetKeepDays,
    SetReadOnly,
    SetSlowMode,
    SetTopic,
    SetVisibility,
)
from rooms.models import Membership
from rooms.refusals import in_words
from rooms.sanctions import MINUTES_MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rooms.actions import RoomAction
    from rooms.messages import UserId
    from rooms.visits import Visit

HOUR_S = 3600
DAY_S = 24 * HOUR_S


class RefusableForm(forms.Form):
    """A form whose action may be refused."""

    def refuse(self, detail: str) -> None:
        """Show why, beside the field that the refusal names, if it names one."""
        field, colon, _fault = detail.partition(": ")
        self.add_error(field if colon and field in self.fields else None, in_words(detail))


class PersonField(forms.CharField):
    """Somebody by the name that they log in by; cleaned, the key of their account."""

    default_error_messages = {"nobody": _("There is no such person.")}

    def __init__(self, **more: Any) -> None:
        """Ask for a name, with or without @ before it."""
        super().__init__(max_length=255, label=_("User name"), **more)
        self.widget.attrs |= {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}

    def clean(self, value: Any) -> UserId | None:
        """Return whose name it is.

        Raises:
            ValidationError: nobody's.
        """
        name = super().clean(value).removeprefix("@")
        if not name:
            return None
        user = _named(name)
        if user is None:
            raise forms.ValidationError(self.error_messages["nobody"], code="nobody")
        return accounts.wire_id(user.pk)


def _named(name: str) -> Any:
    """Return whose name it is as it is written, else in letters of any size, where that is one person's."""
    field = get_user_model().USERNAME_FIELD
    active = accounts.users().filter(is_active=True)
    exact = active.filter(**{field: name}).first()
    alike = list(active.filter(**{f"{field}__iexact": name})[:2]) if exact is None else []
    return exact or (alike[0] if len(alike) == 1 else None)


class ReasonField(forms.CharField):
    """Why."""

    def __init__(self, **more: Any) -> None:
        """Ask for a line, or nothing."""
        super().__init__(max_length=250, required=False, label=_("Reason"), **more)
        self.widget.attrs["autocomplete"] = "off"


class MinutesField(forms.IntegerField):
    """For how long."""

    def __init__(self, **more: Any) -> None:
        """Ask for minutes, or nothing: for good."""
        super().__init__(
            min_value=1,
            max_value=MINUTES_MOST,
            required=False,
            label=_("Minutes"),
            help_text=_("Empty: for good."),
            **more,
        )


class NewRoomForm(RefusableForm):
    """What a room begins with."""

    name = forms.CharField(max_length=120, label=_("Name"))
    room = forms.CharField(
        max_length=64,
        required=False,
        label=_("Address"),
        help_text=_("Small letters, digits and hyphens. It never changes. Empty: it is made of the name."),
    )
    topic = forms.CharField(max_length=250, required=False, label=_("Topic"))
    private = forms.BooleanField(
        required=False, label=_("Private"), help_text=_("Only those who belong to it know of it.")
    )


class DirectForm(RefusableForm):
    """Whom to talk to."""

    user = PersonField()


class AddForm(RefusableForm):
    """Who shall belong to a room, and as what."""

    user = PersonField()
    role = forms.ChoiceField(choices=Membership.Role.choices, initial="member", label=_("Role"))


class RoleForm(RefusableForm):
    """What somebody shall be."""

    role = forms.ChoiceField(choices=Membership.Role.choices, label=_("Role"))


class RemoveForm(RefusableForm):
    """Why somebody shall no longer belong to a room."""

    reason = ReasonField()


class SanctionForm(RefusableForm):
    """What shall be withheld from somebody, for how long, and why."""

    MUTE, BAN = "mute", "ban"
    what = forms.ChoiceField(
        choices=[(MUTE, _("mute: may not write")), (BAN, _("ban: may not read"))],
        label=_("What"),
    )
    minutes = MinutesField()
    reason = ReasonField()


class SanctionByNameForm(SanctionForm):
    """The same for somebody who is named: who writes in a public room need not belong to it."""

    user = PersonField()
    field_order = ("user", "what", "minutes", "reason")


class InviteForm(RefusableForm):
    """How long a link is good, and for how many."""

    seconds = forms.TypedChoiceField(
        choices=[
            (HOUR_S, _("an hour")),
            (DAY_S, _("a day")),
            (7 * DAY_S, _("a week")),
            (30 * DAY_S, _("30 days")),
            (90 * DAY_S, _("90 days")),
        ],
        coerce=int,
        initial=7 * DAY_S,
        label=_("Good for"),
    )
    uses = forms.IntegerField(min_value=1, max_value=1000, initial=1, label=_("For how many people"))


class SettleForm(RefusableForm):
    """How a report is taken care of."""

    minutes = MinutesField()
    reason = ReasonField()


class SettingsForm(RefusableForm):
    """What a room is. Those fields alone that the visitor may change.

    Each carries what it held when the page was made, as in the admin, so that only what this person changed
    is done, and what somebody else changed meanwhile stays.
    """

    name = forms.CharField(max_length=120, label=_("Name"))
    topic = forms.CharField(max_length=250, required=False, label=_("Topic"))
    private = forms.BooleanField(
        required=False, label=_("Private"), help_text=_("Only those who belong to it know of it.")
    )
    open_to_guests = forms.BooleanField(
        required=False, label=_("Open to guests"), help_text=_("It may be read without an account.")
    )
    read_only = forms.BooleanField(
        required=False, label=_("Read-only"), help_text=_("Only moderators write.")
    )
    slow_mode = forms.IntegerField(
        min_value=0,
        max_value=86_400,
        label=_("Slow mode"),
        help_text=_("Seconds that a member waits between two messages; 0: none."),
    )
    keep_days = forms.IntegerField(
        min_value=0,
        max_value=36_500,
        required=False,
        label=_("Days to keep"),
        help_text=_("How long text is kept. Empty: as the site's setting says; 0: for good."),
    )
    archived = forms.BooleanField(
        required=False, label=_("Archived"), help_text=_("It can be read, and is closed to messages.")
    )

    ACTIONS: Mapping[str, Callable[[str, Any], RoomAction]] = {
        "archived": Archive,
        "name": Rename,
        "topic": SetTopic,
        "private": SetVisibility,
        "open_to_guests": OpenToGuests,
        "read_only": SetReadOnly,
        "slow_mode": SetSlowMode,
        "keep_days": SetKeepDays,
    }
    """What each field asks for."""

    def __init__(self, visit: Visit, data: Any = None) -> None:
        """Show what the visit's room is now."""
        room = visit.room
        now = {
            "name": room.name,
            "topic": room.topic,
            "private": room.visibility == room.Visibility.PRIVATE,
            "open_to_guests": room.open_to_guests,
            "read_only": room.read_only,
            "slow_mode": room.slow_mode_s,
            "keep_days": room.keep_days,
            "archived": room.archived_at is not None,
        }
        super().__init__(data, initial=now)
        self.slug = room.slug
        for field, action in self.ACTIONS.items():
            self.fields[field].show_hidden_initial = True
            if not visit.may(action.deed):  # type: ignore[attr-defined]
                del self.fields[field]

    def actions(self) -> list[RoomAction]:
        """Return what is asked for by what was changed."""
        return [
            action(self.slug, self.cleaned_data[field])
            for field, action in self.ACTIONS.items()
            if field in self.changed_data
        ]
