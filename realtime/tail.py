"""What a room holds in memory: its newest messages, encoded once, none of them since redacted or edited."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A message as it goes over the wire. `concerns` is the target of an edit or redaction."""

    id: int
    data: bytes
    concerns: int | None = None


class Batch:
    """All that a room keeps after `prev`, up to the last message here, ascending. At least one message."""

    __slots__ = ("_rendered", "messages", "prev", "room")

    def __init__(self, room: str, prev: int, messages: Sequence[Encoded]) -> None:
        """Take the messages that follow `prev`."""
        self.room = room
        self.prev = prev
        self.messages = tuple(messages)
        self._rendered: dict[Callable[[Batch], Any], Any] = {}

    @property
    def last_id(self) -> int:
        """The cursor of whoever has got this batch."""
        return self.messages[-1].id

    def once(self, render: Callable[[Batch], T]) -> T:
        """Return `render(self)`, which is called once for all who are given this batch."""
        if render not in self._rendered:
            self._rendered[render] = render(self)
        return cast("T", self._rendered[render])

    def first(self, count: int) -> Batch:
        """Return the batch cut to its first `count` messages."""
        if count >= len(self.messages):
            return self
        return self.once(_First(count))

    def within(self, most_bytes: int) -> Batch:
        """Return the batch cut to its first messages that have so many bytes together; one in any case."""
        sizes = accumulate(len(message.data) for message in self.messages)
        return self.first(max(1, sum(size <= most_bytes for size in sizes)))


@dataclass(frozen=True, slots=True)
class _First:
    """Cuts a batch. Equal for equal counts, so that a cut is made once for all who need it."""

    count: int

    def __call__(self, batch: Batch) -> Batch:
        return Batch(batch.room, batch.prev, batch.messages[: self.count])


class Tail:
    """The messages of a room above `floor`, up to its head, bounded in number and bytes."""

    def __init__(self, floor: int, most_messages: int, most_bytes: int) -> None:
        """Hold nothing yet: what lies above `floor` will be appended."""
        self.floor = floor
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._held: deque[Encoded] = deque()
        self._bytes = 0
        self._cut: tuple[tuple[int, int, int], Batch] | None = None

    def __len__(self) -> int:
        """Return how many messages are held."""
        return len(self._held)

    def append(self, message: Encoded) -> None:
        """Hold the room's next message. What an edit or redaction is about goes first, and all before it."""
        if message.concerns is not None:
            self._withhold(message.concerns)
        self._cut = None
        self._held.append(message)
        self._bytes += len(message.data)
        while self._bytes > self._most_bytes or len(self._held) > self._most_messages:
            self._drop_oldest()

    def after(self, cursor: int, count: int) -> list[Encoded]:
        """Return the first `count` messages after a cursor, which must not lie below the floor."""
        found = []
        for message in reversed(self._held):
            if message.id <= cursor:
                break
            found.append(message)
        found.reverse()
        return found[:count]

    def batch(self, room: str, cursor: int, place: int, count: int) -> Batch | None:
        """Return the first `count` messages after a place, for whoever stands at a cursor, None for none.

        All who ask in turn for the same get the same object, so that it is rendered once.
        """
        key = (cursor, place, count)
        if self._cut is None or self._cut[0] != key:
            messages = self.after(place, count)
            if not messages:
                return None
            self._cut = (key, Batch(room, cursor, messages))
        return self._cut[1]

    def _withhold(self, target: int) -> None:
        newest = max(
            (held.id for held in self._held if target in (held.id, held.concerns)), default=self.floor
        )
        while self.floor < newest:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = self._held.popleft()
        self._bytes -= len(oldest.data)
        self.floor = oldest.id
