"""The summary of a message's reactions: how it is kept, and what a reaction and its end make of it.

It is kept as JSON beside the message, so that a page needs no rows beyond its own. Whoever applies the
rows of the log to a summary in order, by these rules, ends with the one that is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rooms.messages import Reaction

if TYPE_CHECKING:
    from rooms.messages import UserId

MOST_BODIES = 20
MOST_USERS = 100

Kept = list[dict[str, Any]]
"""As the database has it: {"body", "count", "users"} in the order in which each body was first used."""


def told(kept: Kept | None) -> tuple[Reaction, ...]:
    """Return a summary as readers see it."""
    return tuple(Reaction(one["body"], one["count"], tuple(one["users"])) for one in kept or ())


def is_full(kept: Kept | None, body: str) -> bool:
    """Tell whether the message takes no further body like this one."""
    found = kept or []
    return len(found) >= MOST_BODIES and all(one["body"] != body for one in found)


def added(kept: Kept | None, body: str, user: UserId) -> Kept:
    """Return the summary with one more reaction."""
    found = list(kept or ())
    for place, one in enumerate(found):
        if one["body"] == body:
            users = [*one["users"], user] if len(one["users"]) < MOST_USERS else one["users"]
            found[place] = {"body": body, "count": one["count"] + 1, "users": users}
            return found
    return [*found, {"body": body, "count": 1, "users": [user]}]


def removed(kept: Kept | None, body: str, user: UserId) -> Kept | None:
    """Return the summary with one reaction less, None where none is left."""
    left = []
    for one in kept or ():
        if one["body"] != body:
            left.append(one)
        elif one["count"] > 1:
            users = [key for key in one["users"] if key != user]
            left.append({"body": body, "count": one["count"] - 1, "users": users})
    return left or None
