"""How many sockets, streams and parked polls are open: in all, and of one user."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from realtime.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rooms.messages import UserId

logger = logging.getLogger(__name__)

COME_BACK_S = 10


class Places:
    """What stays open for long takes a place. Guests are not counted as a user: an address bounds them."""

    def __init__(self, most: int, per_user: int) -> None:
        """Have all of them free."""
        self.taken = 0
        self._most = most
        self._per_user = per_user
        self._of_users: Counter[UserId] = Counter()
        self._full = False

    def take(self, user_id: UserId | None) -> Callable[[], None]:
        """Count one more and return what gives the place back; twice is once.

        Raises:
            Unavailable: there are too many already, which says when to come back.
        """
        if self.taken >= self._most:
            self._tell_full()
            raise Unavailable("Too many are connected just now.", retry_after_s=COME_BACK_S)
        if user_id is not None and self._of_users.get(user_id, 0) >= self._per_user:
            raise Unavailable(
                f"You have {self._per_user} connections open, as many as one user may have.",
                retry_after_s=COME_BACK_S,
            )
        self._full = False
        self._count(user_id, 1)
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self._count(user_id, -1)

        return leave

    def _count(self, user_id: UserId | None, change: int) -> None:
        self.taken += change
        if user_id is not None:
            self._of_users[user_id] += change
            if not self._of_users[user_id]:
                del self._of_users[user_id]

    def _tell_full(self) -> None:
        if not self._full:
            logger.warning("All %d places of sockets, streams and polls are taken", self._most)
        self._full = True
