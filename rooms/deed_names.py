"""What the trail calls what was done, for those who read it in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import pgettext_lazy

from rooms.actions import Deed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import Promise

NAMES: Mapping[Deed, Promise] = {
    Deed.SEE: pgettext_lazy("deed", "see"),
    Deed.POST: pgettext_lazy("deed", "post"),
    Deed.REACT: pgettext_lazy("deed", "react"),
    Deed.EDIT_OWN: pgettext_lazy("deed", "edit own"),
    Deed.REDACT_OWN: pgettext_lazy("deed", "redact own"),
    Deed.REDACT: pgettext_lazy("deed", "redact"),
    Deed.MARK_READ: pgettext_lazy("deed", "mark read"),
    Deed.MUTE_FOR_ONESELF: pgettext_lazy("deed", "mute for oneself"),
    Deed.REPORT: pgettext_lazy("deed", "report"),
    Deed.JOIN: pgettext_lazy("deed", "join"),
    Deed.LEAVE: pgettext_lazy("deed", "leave"),
    Deed.REDACT_ALL_OF: pgettext_lazy("deed", "redact all of"),
    Deed.MUTE: pgettext_lazy("deed", "mute"),
    Deed.UNMUTE: pgettext_lazy("deed", "unmute"),
    Deed.BAN: pgettext_lazy("deed", "ban"),
    Deed.UNBAN: pgettext_lazy("deed", "unban"),
    Deed.SET_SLOW_MODE: pgettext_lazy("deed", "set slow mode"),
    Deed.SET_TOPIC: pgettext_lazy("deed", "set topic"),
    Deed.SEE_REPORTS: pgettext_lazy("deed", "see reports"),
    Deed.SETTLE_REPORT: pgettext_lazy("deed", "settle report"),
    Deed.INVITE: pgettext_lazy("deed", "invite"),
    Deed.REVOKE_INVITATION: pgettext_lazy("deed", "revoke invitation"),
    Deed.REMOVE: pgettext_lazy("deed", "remove"),
    Deed.RENAME: pgettext_lazy("deed", "rename"),
    Deed.SET_READ_ONLY: pgettext_lazy("deed", "set read only"),
    Deed.ARCHIVE: pgettext_lazy("deed", "archive"),
    Deed.SET_VISIBILITY: pgettext_lazy("deed", "set visibility"),
    Deed.OPEN_TO_GUESTS: pgettext_lazy("deed", "open to guests"),
    Deed.SET_KEEP_DAYS: pgettext_lazy("deed", "set keep days"),
    Deed.SET_ROLE: pgettext_lazy("deed", "set role"),
    Deed.CREATE_ROOM: pgettext_lazy("deed", "create room"),
    Deed.OPEN_DIRECT: pgettext_lazy("deed", "open direct"),
    Deed.ACCEPT_INVITATION: pgettext_lazy("deed", "accept invitation"),
    Deed.SUSPEND: pgettext_lazy("deed", "suspend"),
    Deed.UNSUSPEND: pgettext_lazy("deed", "unsuspend"),
    Deed.PURGE: pgettext_lazy("deed", "purge"),
}
