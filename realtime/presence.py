"""Who is in a room, and who types there: nothing durable, no database, no wire but items for other processes.

Each process tells the others who is in a room by it, and shows its own people everybody. At most once in
a while for a room, whatever happens there. A process that is not heard of any more takes its people along.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from realtime import wire
from rooms.messages import Author

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from realtime.limits import PresenceLimits
    from rooms.hints import Item
    from rooms.messages import UserId

logger = logging.getLogger(__name__)

PORTION = 4
NAME_CHARS = 150
"""So many people with such names fit one notification, even where each character takes twelve bytes."""


class Member(Protocol):
    """One connection in a room."""

    @property
    def user_id(self) -> UserId | None:
        """Who it is; None: a guest, who sees others and is not seen."""

    def hear(self, frame: bytes) -> bool:
        """Take a frame; return False where it cannot be given one now."""


class Nobody:
    """Presence where nobody is shown."""

    def enter(self, room: str, user: Author | None, member: Member) -> Callable[[], None]:
        """Take no note."""
        return _nothing

    def typed(self, room: str, user: Author) -> None:
        """Take no note."""


class _Room:
    """What is known of one room in which somebody is by this process."""

    def __init__(self) -> None:
        self.members: dict[Member, Author | None] = {}
        self.users: dict[UserId, list[Author]] = {}
        """Who of them is who: one entry a connection."""
        self.elsewhere: dict[str, dict[UserId, Author]] = {}
        """Who is there by other processes, by their origins."""
        self.told: list[Author] | None = None
        """Whom the others were told of; None: nobody was told anything."""
        self.shown = b""
        self.unshown: set[Member] = set()
        self.typed_s: dict[UserId, float] = {}
        self.typing: dict[UserId, Author] = {}
        self.typing_elsewhere: dict[UserId, Author] = {}
        self.asks = True
        self.last_s = float("-inf")
        self.next: IDelayedCall | None = None


class Presence:
    """The people in all rooms that somebody here is in. In the reactor's thread alone."""

    def __init__(
        self, clock: IReactorTime, limits: PresenceLimits, say: Callable[[Iterable[Item]], None]
    ) -> None:
        """Tell other processes by `say`."""
        self._clock = clock
        self._limits = limits
        self._say = say
        self._rooms: dict[str, _Room] = {}
        self._heard_s: dict[str, float] = {}
        """When each process was heard of last that has people in our rooms."""
        self._lost: dict[str, None] = {}
        """Those that fell silent: heard again, they are asked anew."""
        self._sweep: IDelayedCall | None = None
        self._stopped = False

    # What connections tell

    def enter(self, room: str, user: Author | None, member: Member) -> Callable[[], None]:
        """Let a connection into a room; what is returned lets it out. `user` is None for a guest."""
        there = self._rooms.get(room)
        if there is None:
            if self._stopped or len(self._rooms) >= self._limits.rooms:
                return _nothing
            there = self._rooms[room] = _Room()
        there.members[member] = user
        there.unshown.add(member)
        if user is not None:
            there.users.setdefault(user.id, []).append(user)
        self._soon(room, there)
        return lambda: self._leave(room, member)

    def typed(self, room: str, user: Author) -> None:
        """Take note that somebody types in a room that they are in."""
        there = self._rooms.get(room)
        if there is None or user.id not in there.users:
            return
        now_s = self._clock.seconds()
        if now_s - there.typed_s.get(user.id, float("-inf")) < self._limits.typing_s:
            return
        if user.id in there.typing or len(there.typing) >= self._limits.typists:
            return
        there.typed_s[user.id] = now_s
        there.typing[user.id] = user
        self._soon(room, there)

    def _leave(self, room: str, member: Member) -> None:
        there = self._rooms.get(room)
        if there is None or member not in there.members:
            return
        user = there.members.pop(member)
        there.unshown.discard(member)
        if user is not None:
            same = there.users[user.id]
            same.remove(user)
            if not same:
                del there.users[user.id]
                there.typing.pop(user.id, None)
        self._soon(room, there)

    # What other processes tell

    def pinged(self, origin: str) -> None:
        """Take note that a process lives."""
        if origin in self._heard_s or origin in self._lost:
            self._know(origin)

    def asked(self, origin: str, room: str) -> None:
        """Take note that a process wants to know who is in a room."""
        there = self._rooms.get(room)
        if there is not None:
            there.told = None
            self._soon(room, there)

    def told(self, origin: str, room: str, users: Sequence[Author], *, first: bool) -> None:
        """Take note of who is in a room by another process: these alone where `first`, else these too."""
        there = self._rooms.get(room)
        if there is None or not self._know(origin):
            return
        known = {} if first else there.elsewhere.get(origin, {})
        for user in users:
            if len(known) < self._limits.listed:
                known[user.id] = user
        if known:
            there.elsewhere[origin] = known
        else:
            there.elsewhere.pop(origin, None)
        self._soon(room, there)

    def heard_typing(self, room: str, user: Author) -> None:
        """Take note that somebody types in a room, by another process."""
        there = self._rooms.get(room)
        if there is not None and len(there.typing_elsewhere) < self._limits.typists:
            there.typing_elsewhere[user.id] = user
            self._soon(room, there)

    def gone(self, origin: str) -> None:
        """Take note that a process goes: its people are nowhere by it."""
        self._heard_s.pop(origin, None)
        self._lost.pop(origin, None)
        for room, there in self._rooms.items():
            if there.elsewhere.pop(origin, None) is not None:
                self._soon(room, there)

    def ask_all(self) -> None:
        """Tell others all, and ask them all: something may have been missed, here or there."""
        for room, there in self._rooms.items():
            there.told = None
            there.asks = True
            self._soon(room, there)

    def stop(self) -> None:
        """Say goodbye to the other processes, and show nothing more."""
        self._stopped = True
        self._say([("bye",)])
        for there in self._rooms.values():
            if there.next is not None:
                there.next.cancel()
        self._rooms.clear()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    def _know(self, origin: str) -> bool:
        """Take note of a process with people; return False where there are too many of them."""
        if origin not in self._heard_s and len(self._heard_s) >= self._limits.processes:
            return False
        self._heard_s[origin] = self._clock.seconds()
        if origin in self._lost:
            del self._lost[origin]
            self.ask_all()
        if self._sweep is None and not self._stopped:
            self._sweep = self._clock.callLater(self._limits.sweep_s, self._look_for_silent)
        return True

    def _look_for_silent(self) -> None:
        self._sweep = None
        now_s = self._clock.seconds()
        for origin, heard_s in tuple(self._heard_s.items()):
            if now_s - heard_s >= self._limits.silent_s:
                self.gone(origin)
                self._lost[origin] = None
        while len(self._lost) > self._limits.processes:
            del self._lost[next(iter(self._lost))]
        if self._heard_s:
            self._sweep = self._clock.callLater(self._limits.sweep_s, self._look_for_silent)

    # What is told and shown

    def _soon(self, room: str, there: _Room) -> None:
        """Tell and show what changed: at once where nothing was for a while, else when that is over."""
        if there.next is None and not self._stopped:
            pause_s = max(self._limits.pause_s, len(there.members) * self._limits.pause_member_s)
            wait_s = max(0.0, there.last_s + pause_s - self._clock.seconds())
            there.next = self._clock.callLater(wait_s, self._flush, room, there)

    def _flush(self, room: str, there: _Room) -> None:
        there.next = None
        there.last_s = self._clock.seconds()
        items = list(self._news(room, there))
        if items:
            self._say(items)
        if not there.members:
            # Whoever comes next asks the others.
            del self._rooms[room]
            return
        self._show(room, there)
        self._show_typing(room, there)
        self._forget_typed(there)
        if there.unshown:
            self._soon(room, there)

    def _news(self, room: str, there: _Room) -> Iterator[Item]:
        """Yield what the other processes do not know."""
        if there.asks and there.members:
            yield ("who", room)
        there.asks = False
        own = self._listed(there, (same[-1] for same in there.users.values()))
        if own != there.told:
            for start in range(0, max(1, len(own)), PORTION):
                some = [(user.id, user.name[:NAME_CHARS]) for user in own[start : start + PORTION]]
                yield ("here", room, start == 0, some)
        there.told = own
        for user in there.typing.values():
            yield ("typing", room, user.id, user.name[:NAME_CHARS])

    def _show(self, room: str, there: _Room) -> None:
        everybody = {user.id: user for others in there.elsewhere.values() for user in others.values()}
        everybody |= {key: same[-1] for key, same in there.users.items()}
        frame = wire.encode_presence(room, self._listed(there, everybody.values()))
        if frame != there.shown:
            there.shown = frame
            there.unshown.update(there.members)
        for member in tuple(there.unshown):
            if _given(member, frame):
                there.unshown.discard(member)

    def _show_typing(self, room: str, there: _Room) -> None:
        typing = {**there.typing_elsewhere, **there.typing}
        there.typing.clear()
        there.typing_elsewhere.clear()
        for user in typing.values():
            frame = wire.encode_typing(room, user)
            for member in tuple(there.members):
                if member.user_id != user.id:
                    _given(member, frame)

    def _forget_typed(self, there: _Room) -> None:
        since_s = self._clock.seconds() - self._limits.typing_s
        there.typed_s = {key: at_s for key, at_s in there.typed_s.items() if at_s > since_s}

    def _listed(self, there: _Room, users: Iterable[Author]) -> list[Author]:
        """Return as many as are listed, in an order that is the same in every process."""
        limits = self._limits
        many = limits.listed if len(there.members) <= limits.crowd else limits.listed_in_crowd
        return sorted(users, key=lambda user: (user.name, str(user.id)))[:many]


def _given(member: Member, frame: bytes) -> bool:
    """Give a frame to a member. One that fails must not keep the others from theirs."""
    try:
        return member.hear(frame)
    except Exception:
        logger.exception("A connection could not be shown who is there")
        return True


def _nothing() -> None:
    """Have nobody to let out."""
