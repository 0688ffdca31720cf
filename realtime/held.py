"""Rooms that somebody else holds, and when to try them again. Pure: the time is passed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TWICE = 2


class HeldRooms:
    """Which rooms somebody else was found to hold, and when each may be tried again.

    A room found held once goes into a common batch again after a moment; found held twice, it is
    tried alone. All in all, one that is tried alone in vain costs the writer's thread its short wait at most
    once in `alone_s`.
    """

    def __init__(self, busy_s: float, alone_s: float) -> None:
        """Know of none."""
        self._busy_s = busy_s
        self._alone_s = alone_s
        self._times: dict[str, int] = {}
        self._not_before_s: dict[str, float] = {}
        self._nobody_alone_before_s = 0.0

    def common(self, room: str, now_s: float) -> bool:
        """Tell whether a room may go into a batch with others now."""
        return self._times.get(room, 0) < TWICE and self._not_before_s.get(room, 0.0) <= now_s

    def alone(self, room: str, now_s: float) -> bool:
        """Tell whether a room is to be tried alone now."""
        return self._times.get(room, 0) >= TWICE and self._due_s(room) <= now_s

    def next_s(self, rooms: Iterable[str]) -> float:
        """Return when the first of these rooms may be tried again."""
        return min(self._due_s(room) for room in rooms) if self._times else 0.0

    def found_held(self, room: str, now_s: float) -> None:
        """Take note that a room was held."""
        self._times[room] = times = self._times.get(room, 0) + 1
        alone = times > TWICE
        self._not_before_s[room] = now_s + (self._alone_s if alone else self._busy_s)
        if alone:
            self._nobody_alone_before_s = now_s + self._alone_s

    def found_free(self, room: str) -> None:
        """Take note that a room was not held."""
        self._times.pop(room, None)
        self._not_before_s.pop(room, None)

    def keep(self, rooms: set[str]) -> None:
        """Forget all but these rooms."""
        for room in self._times.keys() - rooms:
            self.found_free(room)

    def _due_s(self, room: str) -> float:
        due = self._not_before_s.get(room, 0.0)
        return due if self._times.get(room, 0) < TWICE else max(due, self._nobody_alone_before_s)
