"""What other processes say, taken apart and passed on. The sorts of items are told in `rooms.hints` and here.

["ping"]                                this process is alive, and speaks
["who", ROOM]                           say who is in this room with you
["here", ROOM, FIRST, [[ID, NAME], …]]  these are in it with me; not FIRST: these too
["typing", ROOM, ID, NAME]              somebody types there
["bye"]                                 this process goes, and its people with it
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec

from rooms.messages import Author, Versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rooms.messages import UserId

logger = logging.getLogger(__name__)

Slug = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class _Payload(msgspec.Struct, frozen=True, rename={"origin": "from"}):
    origin: str
    said: list[msgspec.Raw]


class At(msgspec.Struct, frozen=True, array_like=True, tag="at"):
    """A room is committed up to this id."""

    room: Slug
    last_id: int
    epoch: str
    site: int
    access: int


class Access(msgspec.Struct, frozen=True, array_like=True, tag="access"):
    """Rights changed in a room."""

    room: Slug


class Accounts(msgspec.Struct, frozen=True, array_like=True, tag="accounts"):
    """Rights changed everywhere."""


class Ping(msgspec.Struct, frozen=True, array_like=True, tag="ping"):
    """A process lives."""


class Who(msgspec.Struct, frozen=True, array_like=True, tag="who"):
    """A process wants to know who is in a room."""

    room: Slug


class Here(msgspec.Struct, frozen=True, array_like=True, tag="here"):
    """These are in a room."""

    room: Slug
    first: bool
    users: list[tuple[int | str, str]]


class Typing(msgspec.Struct, frozen=True, array_like=True, tag="typing"):
    """Somebody types."""

    room: Slug
    user_id: int | str
    name: str


class Bye(msgspec.Struct, frozen=True, array_like=True, tag="bye"):
    """A process goes."""


Said = At | Access | Accounts | Ping | Who | Here | Typing | Bye

_payload = msgspec.json.Decoder(_Payload)
_said = msgspec.json.Decoder(Said)


class Feeds(Protocol):
    """Who is told of rooms."""

    def hinted(self, room: str, last_id: int, versions: Versions) -> None:
        """Hear that something up to this id is committed, by these versions."""


class People(Protocol):
    """Who is told of people in rooms."""

    def pinged(self, origin: str) -> None:
        """Hear that a process lives."""

    def asked(self, origin: str, room: str) -> None:
        """Hear that it wants to know who is in a room."""

    def told(self, origin: str, room: str, users: Sequence[Author], *, first: bool) -> None:
        """Hear that these are in a room with it."""

    def heard_typing(self, room: str, user: Author) -> None:
        """Hear that somebody types there."""

    def gone(self, origin: str) -> None:
        """Hear that a process goes."""


class Hearsay:
    """Passes on what is heard, but for what this process said itself."""

    def __init__(
        self,
        origin: str,
        feeds: Feeds,
        people: People,
        access_changed: Callable[[frozenset[str] | None], None],
    ) -> None:
        """Be `origin`."""
        self._origin = origin
        self._feeds = feeds
        self._people = people
        self._access_changed = access_changed

    def take(self, payload: str) -> bool:
        """Take one payload and return whether it was this process's own. Nonsense is passed over."""
        try:
            found = _payload.decode(payload)
        except (msgspec.DecodeError, UnicodeEncodeError):
            logger.warning("A notification was not understood")
            return False
        if found.origin == self._origin:
            return True
        for raw in found.said:
            self._take_one(found.origin, raw)
        return False

    def _take_one(self, origin: str, raw: Any) -> None:
        try:
            said: Said = _said.decode(raw)
        except msgspec.DecodeError:
            logger.debug("Something that another process said was not understood")
            return
        match said:
            case At(room, last_id, epoch, site, access):
                self._feeds.hinted(room, last_id, Versions(epoch, site, access))
            case Access(room):
                self._access_changed(frozenset({room}))
            case Accounts():
                self._access_changed(None)
            case Ping():
                self._people.pinged(origin)
            case Who(room):
                self._people.asked(origin, room)
            case Here(room, first, users):
                self._people.told(origin, room, [_author(i, name) for i, name in users], first=first)
            case Typing(room, user_id, name):
                self._people.heard_typing(room, _author(user_id, name))
            case Bye():
                self._people.gone(origin)


def _author(user_id: UserId, name: str) -> Author:
    return Author(user_id, name)
