"""Who was found to be allowed into a room, and when: for those who leave it and come back. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime.judgement import covers

if TYPE_CHECKING:
    from rooms.messages import Access, UserId, Versions

Standing = tuple["Versions", "Access"]


class Standings:
    """What readers of one room may do, by the versions of the permissions that they were judged by.

    As long as those are the newest, who comes back may read on as one who never left does: neither is asked
    about. Only who may see and post is remembered: what is taken from somebody moves the versions, but the
    end of a ban or a mute comes without. At most `most` are remembered, those judged last.
    """

    def __init__(self, most: int) -> None:
        """Remember nobody yet."""
        self._most = most
        self._found: dict[UserId | None, Standing] = {}

    def remember(self, user: UserId | None, versions: Versions, access: Access) -> None:
        """Take note of what somebody may do, judged by these versions."""
        self._found.pop(user, None)
        if access.see and access.post:
            self._found[user] = (versions, access)
            if len(self._found) > self._most:
                del self._found[next(iter(self._found))]

    def recall(self, user: UserId | None, newest: Versions) -> Standing | None:
        """Return what somebody may do, and by which versions, unless those are older than `newest`."""
        found = self._found.get(user)
        return found if found is not None and covers(found[0], newest) else None

    def forget(self) -> None:
        """Remember nobody any more."""
        self._found.clear()
