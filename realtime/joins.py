"""One room that a connection has joined, or overhears: gives it what the room's subscription reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from realtime import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtime.client import Client
    from realtime.presence import Member
    from realtime.subscription import Subscription
    from realtime.tail import Batch
    from rooms.messages import Author, Code, UserId


class Presence(Protocol):
    """What knows who is in which room."""

    def enter(self, room: str, user: Author | None, member: Member) -> Callable[[], None]:
        """Let a connection into a room; what is returned lets it out."""

    def typed(self, room: str, user: Author) -> None:
        """Take note that somebody types."""


class Join:
    """One joined room. Who overhears it is not `present` there."""

    subscription: Subscription
    present = False

    def __init__(self, client: Client, room: str) -> None:
        """Be of a client, whose subscription comes next."""
        self._client = client
        self.room = room
        self.leave: Callable[[], None] = _nobody

    def enter(self, presence: Presence, author: Author | None) -> None:
        """Be in the room, and not only overhear it. Twice is once."""
        if not self.present:
            self.present = True
            self.leave = presence.enter(self.room, author, self)

    def end(self) -> None:
        """Read no more, and be there no more."""
        self.subscription.end()
        self.leave()

    # For presence

    @property
    def user_id(self) -> UserId | None:
        """Who is there."""
        return self._client.user_id

    def hear(self, frame: bytes) -> bool:
        """Take what is not durable; False where it was not taken."""
        return self._client.shown(self, frame)

    # For the subscription

    def messages(self, batch: Batch) -> None:
        """Send what follows the cursor."""
        self._client.peer.send_batch(batch)

    def reset(self, after: int, epoch: str) -> None:
        """Tell that the cursor is another one."""
        self._client.peer.send(wire.encode_reset(self.room, after=after, epoch=epoch))

    def left(self, code: Code) -> None:
        """Tell that nothing more is to be read."""
        self._client.left(self, code)


def _nobody() -> None:
    """Have nobody to let out."""
