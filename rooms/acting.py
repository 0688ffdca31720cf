"""Performs what people ask of a room beyond messages: one way in, for pages, the API, the admin and a shell.

A performer changes rows; what it does to a room is told there by notices, and to the trail, by the same
commit. Rights are asked under the room's lock, so nothing that is withdrawn is used meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from rooms import doing
from rooms.actions import Action, MarkRead, MuteForOneself

if TYPE_CHECKING:
    from collections.abc import Callable

    from rooms.messages import UserId

UNLOCKED = (MarkRead, MuteForOneself)
"""What concerns nobody else, and waits for no room."""

PERFORMERS: dict[type[Action], Callable[[doing.Doing, Any], Any]] = {}
"""What performs each action. A performer gets the room locked, and whoever does it judged."""


def perform(by: UserId | None, action: Action, *, trusted: bool = False) -> Any:
    """Do what is asked and return what its performer returns, a frozen value or None.

    `by` is the key of an account, None for a guest, or, where `trusted`, for the server itself. `trusted`
    is for the server's own code: whether somebody may is then not asked.

    Raises:
        rooms.log.Refusal: it is not done, and nothing of it.
    """
    slug: str | None = getattr(action, "room", None)
    with transaction.atomic():
        under_way = doing.begin(action.deed, by, slug, trusted=trusted, lock=not isinstance(action, UNLOCKED))
        result = PERFORMERS[type(action)](under_way, action)
        under_way.say()
    return result
