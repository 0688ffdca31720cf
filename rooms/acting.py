"""Performs what people ask of a room beyond messages: one way in, for pages, the API, the admin and a shell.

A performer changes rows; what it does to a room is told there by notices, and to the trail, by the same
commit. Rights are asked under the room's lock, so nothing that is withdrawn is used meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction

from rooms import doing, invitations, keeping, log, membership, pace, purging, reading, reports, sanctions
from rooms.actions import Action, MarkRead, MuteForOneself, RoomAction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rooms.messages import UserId

FOREIGN_KEY_VIOLATION = "23503"
PATIENCE_MS = 1_000
"""How long an action waits for a room that somebody holds: few threads serve these, and all that is read."""

UNLOCKED = (MarkRead, MuteForOneself)
"""What concerns nobody else, and waits for no room."""

PERFORMERS: Mapping[type[Action], Callable[[doing.Doing, Any], Any]] = {
    **keeping.PERFORMERS,
    **membership.PERFORMERS,
    **invitations.PERFORMERS,
    **reading.PERFORMERS,
    **sanctions.PERFORMERS,
    **reports.PERFORMERS,
    **purging.PERFORMERS,
}
"""What performs each action, from the modules that do. A performer gets the room locked, and whoever does it
judged."""


def perform(by: UserId | None, action: Action, *, trusted: bool = False) -> Any:
    """Do what is asked and return what its performer returns, a frozen value or None.

    `by` is the key of an account, None for a guest, or, where `trusted`, for the server itself. `trusted`
    is for the server's own code: whether somebody may is then not asked.

    Raises:
        rooms.log.Refusal: it is not done, and nothing of it.
    """
    return _perform_all(by, [action], trusted=trusted)[0]


def perform_all(by: UserId | None, actions: Sequence[RoomAction], *, trusted: bool = False) -> list[Any]:
    """Do several things in one room, in the order given, all of them or none, as `perform` does one.

    Raises:
        rooms.log.Refusal: one of them is not done, and so is none.
        ValueError: they name more rooms than one, whose locks would be taken in any order.
    """
    if len({action.room for action in actions}) > 1:
        raise ValueError("Actions that are done together are of one room.")
    return _perform_all(by, actions, trusted=trusted)


def _perform_all(by: UserId | None, actions: Sequence[Action], *, trusted: bool) -> list[Any]:
    """Do things in one transaction; once more where an account went meanwhile, which is seen only now."""
    try:
        try:
            results = _attempt(by, actions, trusted=trusted)
        except IntegrityError as error:
            if _state(error) != FOREIGN_KEY_VIOLATION:
                raise
            results = _attempt(by, actions, trusted=trusted)
    except OperationalError as error:
        if _state(error) != log.LOCK_NOT_AVAILABLE:
            raise
        raise log.Refusal(log.NOT_STORED) from error
    return [_done(result) for result in results]


def _attempt(by: UserId | None, actions: Sequence[Action], *, trusted: bool) -> list[Any]:
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = {PATIENCE_MS}")
        return [_perform(by, action, trusted=trusted) for action in actions]


def _state(error: DatabaseError) -> str | None:
    """Return PostgreSQL's SQLSTATE, None on SQLite, where nobody changes anything meanwhile."""
    return getattr(error.__cause__, "pgcode", None)


def _perform(by: UserId | None, action: Action, *, trusted: bool) -> Any:
    slug: str | None = getattr(action, "room", None)
    under_way = doing.begin(action.deed, by, slug, trusted=trusted, lock=not isinstance(action, UNLOCKED))
    result = PERFORMERS[type(action)](under_way, action)
    if under_way.tells:
        pace.check_notices(under_way)
    under_way.say()
    return result


def _done(result: Any) -> Any:
    """Return what was performed, once what is to follow the commit is done as well."""
    return result.work() if isinstance(result, doing.Afterwards) else result
