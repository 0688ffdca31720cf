"""Who may do what where, remembered from one append to the next by the thread that writes.

An append locks its rooms, and in the same statement reads the versions of the site's and the rooms'
permissions. Where those are what they were when somebody was judged, that judgement holds: whatever changes
rights raises a version in the commit that changes them. Then neither the account nor what the room keeps of
it is read again.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from rooms import permissions
from rooms.options import options

if TYPE_CHECKING:
    from collections.abc import Callable

    from rooms.messages import UserId
    from rooms.models import ChatRoom

KEPT_S = 5.0
"""How long at most: what is changed around Django's signals raises no version."""

MOST = 5_000
"""An account is some kilobytes at most, unless a site's own model has more."""


class Remembered:
    """Accounts and their standings in rooms, by the versions that they were read by.

    Only who sees the room and is not muted is remembered: the end of a ban or a mute raises no version, and
    a room that is not there must not be told from a hidden one by the time that its refusal takes. Nobody is
    where a site makes names by a function of its own: who knows what that reads, and when it changes?
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """Remember nobody yet. `clock` counts seconds."""
        self._clock = clock
        self.site: tuple[str, int] | None = None
        self._found: dict[tuple[int, UserId], tuple[int, float, Any, permissions.Standing]] = {}

    def as_of(self, site: tuple[str, int] | None) -> None:
        """Go by this epoch and version of the site from now on: forget what is of another."""
        if site is None or site != self.site:
            self.forget()
            self.site = site

    def forget(self) -> None:
        """Remember nobody any more."""
        self._found.clear()

    def recall(self, room: ChatRoom, who: UserId) -> tuple[Any, permissions.Standing] | None:
        """Return somebody's account and standing in a room that is locked, None where they must be read."""
        found = self._found.get((room.pk, who))
        if found is None:
            return None
        version, until_s, user, standing = found
        if version == room.access_version and self._clock() < until_s:
            return user, standing
        del self._found[room.pk, who]
        return None

    def remember(self, room: ChatRoom, who: UserId, user: Any, standing: permissions.Standing) -> None:
        """Take note of an account and its standing, both read after the room was locked."""
        if self.site is None or standing.muted or not standing.known or options.display_name:
            return
        if permissions.access(room, standing).see:
            if len(self._found) >= MOST:
                self.forget()
            self._found[room.pk, who] = (room.access_version, self._clock() + KEPT_S, user, standing)
