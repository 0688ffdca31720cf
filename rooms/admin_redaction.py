"""Redaction as the admin asks for it: of what is ticked, of all of one author, and for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from rooms import accounts, acting, log
from rooms.actions import Purge, RedactAllOf
from rooms.admin_acting import ReasonForm, attempt, key, may, tell_refused
from rooms.messages import Kind, Refused, Stored
from rooms.models import Message
from rooms.refusals import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.http import HttpRequest

    from rooms.messages import Outcome

TO_REDACT = ("change_message", "delete_message")
TO_PURGE = ("delete_withheldtext",)
MOMENT = "%Y-%m-%dT%H:%M"


class AllOfForm(ReasonForm):
    """Since when everything that somebody said in a room is redacted, and why."""

    since = forms.DateTimeField(
        label=gettext_lazy("Since"),
        required=False,
        widget=forms.DateTimeInput(format=MOMENT, attrs={"type": "datetime-local"}),
        help_text=gettext_lazy("Empty: all that they ever said here."),
    )

    field_order = ("since", "reason")


class PurgeForm(forms.Form):
    """That somebody means it."""

    sure = forms.BooleanField(label=gettext_lazy("Nobody will read it again, and nothing brings it back."))


def may_redact(request: HttpRequest) -> bool:
    """Tell whether somebody may redact: the permission to change or to delete messages."""
    return may(request, *TO_REDACT)


def may_read(request: HttpRequest) -> bool:
    """Tell whether somebody may read all rooms: whoever may redact may."""
    return may(request, "view_message") or may_redact(request)


def target_of(row: Message) -> int:
    """Return the message that goes when this row is redacted: of an edit, the one that shows its text."""
    return row.target if row.kind == Kind.EDIT and row.target is not None else row.pk


def redact(request: HttpRequest, rows: Iterable[Message], reason: str) -> None:
    """Redact these, for an edit what it edits, one transaction a room, and tell what came of it."""
    keys = dict.fromkeys(target_of(row) for row in sorted(rows, key=lambda row: row.pk))
    targets = list(Message.objects.filter(pk__in=keys).select_related("room").order_by("pk"))
    outcomes = log.redact_many(targets, _user(request), reason)
    fresh = [one for one in targets if _is_fresh(outcomes[one.pk])]
    _log(request, fresh, f"Redacted: {reason}" if reason else "Redacted.")
    _tell(request, list(outcomes.values()), len(fresh))


def _user(request: HttpRequest) -> Any:
    return request.user


def _is_fresh(outcome: Outcome) -> bool:
    return isinstance(outcome, Stored) and outcome.fresh


def _log(request: HttpRequest, rows: Sequence[Message], told: str) -> None:
    """Write it into the history that Django's admin keeps of each row."""
    if rows:
        LogEntry.objects.log_actions(_user(request).pk, rows, CHANGE, told)


def _tell(request: HttpRequest, outcomes: Sequence[Outcome], fresh: int) -> None:
    stored = sum(isinstance(outcome, Stored) for outcome in outcomes)
    if fresh:
        told = ngettext("%(count)d message was redacted.", "%(count)d messages were redacted.", fresh) % {
            "count": fresh
        }
        messages.success(request, told)
    if stored > fresh:
        before = stored - fresh
        told = ngettext("%(count)d was redacted before.", "%(count)d were redacted before.", before) % {
            "count": before
        }
        messages.info(request, told)
    tell_refused(request, [in_words(outcome.detail) for outcome in outcomes if isinstance(outcome, Refused)])


def redact_all_of(request: HttpRequest, author: Any, room: str, said: dict[str, Any]) -> None:
    """Redact all that somebody said in a room since a moment, and tell how many messages that were."""
    action = RedactAllOf(room, accounts.wire_id(author), said["since"], said["reason"])
    try:
        redacted: int = acting.perform(key(request), action)
    except log.Refusal as refusal:
        tell_refused(request, [in_words(refusal.detail)])
        return
    told = ngettext("%(count)d message was redacted.", "%(count)d messages were redacted.", redacted) % {
        "count": redacted
    }
    messages.success(request, told)


def purge(request: HttpRequest, message: Message) -> None:
    """Remove for good what is withheld of a message, and tell it."""
    refused = attempt(request, Purge(message.room.slug, message.pk))
    if not refused:
        messages.success(request, _("The withheld text is removed for good."))
    tell_refused(request, [refused])
