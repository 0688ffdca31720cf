"""One caller on a WebSocket: takes commands in their order, joins, sends, and hears what became of it."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred

from realtime import wire, wire_rooms
from realtime.errors import BadRequest, InternalError, NotAuthenticated, Refusal, refusal
from realtime.joins import Join
from realtime.judgement import covers
from rooms.messages import Author, Code, Draft, Kind, Newest, Page, Refused, Stored, Versions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Sequence

    from realtime.hub import Hub
    from realtime.joins import Presence
    from realtime.limits import SocketLimits
    from realtime.markers import Markers
    from realtime.tail import Batch
    from realtime.writer import Sender
    from rooms.messages import Access, Heads, Identity, Span, UserId

logger = logging.getLogger(__name__)

Sending = wire.Send | wire.Edit | wire.Redact | wire.React | wire.Unreact


class Peer(Protocol):
    """The connection, as its client uses it."""

    def send(self, frame: bytes) -> None:
        """Send one frame of text."""

    def send_batch(self, batch: Batch) -> None:
        """Send what a room keeps after a cursor, as one `messages` frame or more."""

    def close(self, code: int, reason: str) -> None:
        """Close the connection with a status code of RFC 6455, 7.4."""

    def pause_reading(self) -> None:
        """Take nothing more from the client for now."""

    def resume_reading(self) -> None:
        """Go on."""


class Reads(Protocol):
    """What a client asks of the database."""

    def read(self, reader: UserId | None, slug: str, span: Span) -> Awaitable[Page | Refused]:
        """Return a piece of a room's log, or why the reader does not get it."""

    def heads_for(self, reader: UserId | None, slugs: Collection[str]) -> Awaitable[Heads]:
        """Return how far the logs of those rooms go that the reader may see."""


class Drafts(Protocol):
    """What takes drafts."""

    def submit(self, draft: Draft, sender: Sender) -> None:
        """Have a draft written; raise Unavailable where there is no room for it."""


class Allowance(Protocol):
    """What knows how fast somebody may send."""

    def take(self, caller: Identity, origin: str) -> None:
        """Count one send; raise RateLimited where that is too many."""


class Client:
    """One connection's caller (None: a guest). Commands are carried out one after another, in their order.

    Sends go to the writer at once; a join or leave is waited for, and whatever came after it waits too.
    """

    def __init__(  # noqa: PLR0913 (what a client lives by)
        self,
        peer: Peer,
        caller: Identity | None,
        *,
        reads: Reads,
        drafts: Drafts,
        hub: Hub,
        presence: Presence,
        allowance: Allowance,
        origin: str,
        markers: Markers,
        limits: SocketLimits,
        max_body: int,
    ) -> None:
        """Act for `caller`, who asks from `origin`, and answer to `peer`."""
        self.peer = peer
        self.caller = caller
        self._reads = reads
        self._drafts = drafts
        self._hub = hub
        self._presence = presence
        self._allowance = allowance
        self._origin = origin
        self._marking = markers.connect(caller.user_id, self) if caller else None
        self._limits = limits
        self._max_body = max_body
        self._joins: dict[str, Join] = {}
        self._waiting: deque[wire.Command] = deque()
        self._busy = False
        self._going_on = False
        self._unsettled = 0
        self._bad_in_a_row = 0
        self._reading_paused = False
        self._paused = False
        self._closed = False

    @property
    def user_id(self) -> UserId | None:
        """Who reads and writes."""
        return self.caller.user_id if self.caller else None

    # What the connection tells

    def received(self, frame: bytes, *, is_text: bool = True) -> None:
        """Take a frame of the client."""
        try:
            if not is_text:
                raise BadRequest("Frames are text.")
            command = wire.decode_command(frame, max_body=self._max_body)
        except Refusal as refused:
            self._bad_in_a_row += 1
            self.refuse(refused)
            if self._bad_in_a_row >= self._limits.bad_frames:
                self.peer.close(1008, "too many bad frames")
            return
        self._bad_in_a_row = 0
        self._waiting.append(command)
        self._go_on()

    def pause(self) -> None:
        """Send no messages of rooms, and read nothing that asks for answers: the connection takes no more."""
        self._paused = True
        for join in self._joins.values():
            join.subscription.pause()
        self._pace()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._paused = False
        for join in tuple(self._joins.values()):
            join.subscription.resume()
        self._pace()

    def closed(self) -> None:
        """Free everything: the connection is gone or going."""
        self._closed = True
        self._waiting.clear()
        if self._marking is not None:
            self._marking.end()
            self._marking = None
        for join in self._joins.values():
            join.end()
        self._joins.clear()

    # Commands

    def _go_on(self) -> None:
        """Carry out what waits, up to the first command that must be waited for.

        What ends at once and calls this again leaves the rest to the call that it is within.
        """
        if self._going_on:
            return
        self._going_on = True
        try:
            self._carry_out()
        finally:
            self._going_on = False
        self._pace()

    def _carry_out(self) -> None:
        while self._waiting and not self._busy and not self._closed:
            command = self._waiting.popleft()
            if isinstance(command, wire.Join | wire.Leave | wire.Overhear):
                self._busy = True
                Deferred.fromCoroutine(self._serially(command))
            elif isinstance(command, wire.Typing):
                self._typing(command)
            elif isinstance(command, wire.Read):
                self._read(command)
            else:
                self._submit(command)

    async def _serially(self, command: wire.Join | wire.Leave | wire.Overhear) -> None:
        room = None if isinstance(command, wire.Overhear) else command.room
        try:
            if isinstance(command, wire.Overhear):
                await self._overhear(command.rooms)
            else:
                await self._join_or_leave(command)
        except Refusal as refused:
            self.refuse(refused.of(room=room))
        except Exception:
            logger.exception("A %s failed", type(command).__name__.lower())
            self.refuse(InternalError(room=room))
            self.peer.close(1011, "internal error")
        self._busy = False
        self._go_on()

    def _submit(self, command: Sending) -> None:
        try:
            if self.caller is None:
                raise NotAuthenticated
            self._allowance.take(self.caller, self._origin)
            self._drafts.submit(draft(command, self.caller.user_id), self)
        except Refusal as refused:
            self.refuse(refused.of(nonce=command.nonce, room=command.room))
        else:
            self._unsettled += 1

    def _pace(self) -> None:
        """Read no further while too much of this client waits, or of what is for it."""
        much = (
            self._paused
            or len(self._waiting) >= self._limits.waiting_commands
            or self._unsettled >= self._limits.unsettled
        )
        if much == self._reading_paused or self._closed:
            return
        self._reading_paused = much
        if much:
            self.peer.pause_reading()
        else:
            self.peer.resume_reading()

    def settled(self, outcomes: Sequence[tuple[Draft, Stored | Refused]]) -> None:
        """Tell what became of sends, those of one commit in one frame (the writer's `Sender`)."""
        self._unsettled -= len(outcomes)
        if self._closed:
            return
        sent = [(d.nonce, d.room, o.posted.id) for d, o in outcomes if isinstance(o, Stored)]
        if sent:
            self.peer.send(wire.encode_sent(sent))
        for unsent, outcome in outcomes:
            if isinstance(outcome, Refused):
                self.refuse(refusal(outcome, nonce=unsent.nonce, room=unsent.room))
        self._go_on()

    def refuse(self, refused: Refusal) -> None:
        """Tell that something was not done."""
        if not self._closed:
            self.peer.send(wire.encode(refused.frame()))

    # What was read

    def _read(self, command: wire.Read) -> None:
        try:
            if self._marking is None:
                raise NotAuthenticated(room=command.room)
            self._marking.read(command.room, command.id)
        except Refusal as refused:
            self.refuse(refused)

    def read_elsewhere(self, room: str, up_to: int) -> None:
        """Tell how far the caller has read by another connection, unless this one takes no more."""
        if not self._paused and not self._closed:
            self.peer.send(wire_rooms.encode_read(room, up_to))

    def concerned(self, room: str) -> None:
        """Tell that something in a room that this connection does not hear concerns the caller."""
        if room not in self._joins and not self._paused and not self._closed:
            self.peer.send(wire_rooms.ROOMS)

    # Joins

    async def _join_or_leave(self, command: wire.Join | wire.Leave) -> None:
        if isinstance(command, wire.Leave):
            join = self._joins.pop(command.room, None)
            if join is not None:
                join.end()
            return
        held = self._joins.get(command.room)
        if held is None and len(self._joins) >= self._limits.joins:
            raise _too_many(self._limits, "room")
        page: Page | Refused | None = None
        if command.last is None:
            after, epoch = command.after, command.epoch
            page = self._hub.page_at_hand(command.room, self.user_id, cursor=after, epoch=epoch)
        if page is None:
            page = await self._reads.read(self.user_id, command.room, Newest(command.last or 0))
        if isinstance(page, Refused):
            raise refusal(page)
        if not self._closed:
            self._joined(command, page)

    def _joined(self, command: wire.Join, page: Page) -> None:
        """Stand where the join says, tell so, and go live; a stale cursor is told by a reset in its place."""
        held = self._joins.get(command.room)
        if held is not None and command.after is None and (held.present or command.last is None):
            if covers(page.versions, held.subscription.judged):
                held.subscription.may_post = page.access.post
            held.enter(self._presence, self._author)
            # Nothing else changes: the answer says where the client stands already.
            at = held.subscription.cursor
            self._tell_joined(page, at, max(page.head, at))
            return
        stale = (command.after or 0) > page.head or command.epoch not in (None, page.versions.epoch)
        cursor = page.head if stale or command.after is None else command.after
        if command.last is not None and not stale:
            cursor = page.start
        join = self._attach(page.room, cursor, page.versions, page.access)
        join.enter(self._presence, self._author)
        if stale:
            self.peer.send(wire.encode_reset(page.room, after=cursor, epoch=page.versions.epoch))
        else:
            self._tell_joined(page, cursor, page.head)
        join.subscription.wake()

    def _tell_joined(self, page: Page, after: int, last_id: int) -> None:
        epoch = page.versions.epoch
        self.peer.send(wire.encode_joined(page.room, after=after, last_id=last_id, epoch=epoch))

    def _attach(self, room: str, cursor: int, versions: Versions, access: Access | None = None) -> Join:
        join = Join(self, room)
        join.subscription = self._hub.attach(
            room, join, user_id=self.user_id, cursor=cursor, versions=versions, access=access
        )
        if self._paused:
            join.subscription.pause()
        before = self._joins.pop(room, None)
        if before is not None:
            before.end()
        self._joins[room] = join
        return join

    async def _overhear(self, rooms: frozenset[str]) -> None:
        """Hear these rooms from their heads on, and no others but those that the caller is in."""
        kept = {room for room, join in self._joins.items() if join.present or room in rooms}
        fresh = rooms - kept
        if len(kept) + len(fresh) > self._limits.joins:
            raise _too_many(self._limits, "rooms")
        for room in self._joins.keys() - kept:
            self._joins.pop(room).end()
        new = []
        if fresh:
            heads = await self._reads.heads_for(self.user_id, fresh)
            if self._closed:
                return
            for room, head in heads.rooms.items():
                versions = Versions(heads.epoch, heads.site, head.access_version)
                new.append(self._attach(room, head.last_id, versions))
        heard = [(room, join.subscription.cursor) for room, join in self._joins.items() if room in rooms]
        self.peer.send(wire.encode_overhearing(heard))
        for join in new:
            join.subscription.wake()

    def left(self, join: Join, code: Code) -> None:
        """Tell that a room may not be read any more."""
        if self._joins.get(join.room) is not join:
            return
        del self._joins[join.room]
        join.leave()
        if code is Code.UNAVAILABLE:
            self.peer.close(1011, "internal error")
        else:
            self.peer.send(wire.encode_left(join.room, code))

    # Who else is there

    @property
    def _author(self) -> Author | None:
        return Author(self.caller.user_id, self.caller.name) if self.caller else None

    def _typing(self, command: wire.Typing) -> None:
        author, join = self._author, self._joins.get(command.room)
        if author is None:
            self.refuse(NotAuthenticated(room=command.room))
        elif join is None or not join.present:
            self.refuse(BadRequest("room: it is not joined", room=command.room))
        elif join.subscription.may_post and join.subscription.readable:
            self._presence.typed(command.room, author)

    def shown(self, join: Join, frame: bytes) -> bool:
        """Give what is not durable, unless the connection takes no more or rights are being asked."""
        if self._paused or not join.subscription.readable:
            return False
        self.peer.send(frame)
        return True


def _too_many(limits: SocketLimits, field: str) -> BadRequest:
    return BadRequest(f"{field}: a connection joins at most {limits.joins} rooms")


def draft(command: Sending, author_id: UserId) -> Draft:
    """Return what is to be appended to the log."""
    match command:
        case wire.Send(room, body, nonce, reply_to, files):
            message = Draft(room, Kind.MESSAGE, author_id, nonce, body, reply_to=reply_to)
            return replace(message, files=tuple(files)) if files else message
        case wire.Edit(room, target, body, nonce):
            return Draft(room, Kind.EDIT, author_id, nonce, body, target)
        case wire.Redact(room, target, nonce, reason):
            return Draft(room, Kind.REDACTION, author_id, nonce, reason or "", target)
        case wire.React(room, target, body, nonce):
            return Draft(room, Kind.REACTION, author_id, nonce, body, target)
        case wire.Unreact(room, target, body, nonce):
            return Draft(room, Kind.UNREACTION, author_id, nonce, body, target)
