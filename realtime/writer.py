"""Group commit: whatever was sent while the last commit ran goes into the next one. One commit at a time."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred

from realtime.errand import Outage
from realtime.errors import Unavailable
from realtime.held import HeldRooms
from rooms.messages import Busy, Code, Lock, Refused, Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from realtime.limits import WriterLimits
    from rooms.messages import Appended, Draft, Outcome

logger = logging.getLogger(__name__)

DRAFT_OVERHEAD_BYTES = 512
"""About what a draft takes in memory beside its body."""

SHORTEST_WAIT_S = 0.001

NO_ANSWER = Refused(Code.UNAVAILABLE, "The database does not answer. Send again with the same nonce.")
ROOM_HELD = Refused(
    Code.UNAVAILABLE, "The room could not be written to in time. Send again with the same nonce."
)
STOPPING = Refused(Code.UNAVAILABLE, "The server is stopping. Send again with the same nonce.")
FAILED = Refused(Code.UNAVAILABLE, "Writing failed. Send again with the same nonce.")
FULL = "Too much waits to be written."


class Sender(Protocol):
    """Who hears what became of the drafts that it submitted."""

    def settled(self, outcomes: Sequence[tuple[Draft, Stored | Refused]]) -> None:
        """Take the outcomes of all its drafts that one commit settled, in the order submitted."""


@dataclass(eq=False, slots=True)
class Waiting:
    """A draft that waits for its commit.

    `number` counts up, and so does `until_s`, when its sender hears the `refusal` at the latest.
    `alone` is for one of a batch that broke: it is written in a commit of its own.
    """

    draft: Draft
    sender: Sender
    number: int
    until_s: float
    size_bytes: int
    refusal: Refused = field(default=NO_ANSWER)
    alone: bool = False
    answered: bool = False


class _OneShot:
    """The sender of one draft, who waits for it."""

    def __init__(self) -> None:
        self.outcome: Deferred[Stored | Refused] = Deferred()

    def settled(self, outcomes: Sequence[tuple[Draft, Stored | Refused]]) -> None:
        if not self.outcome.called:
            self.outcome.callback(outcomes[0][1])


class Writer:
    """Has drafts appended in batches, in the order submitted within each room.

    A draft of a room that somebody else holds stays before those submitted later to that room. After
    a commit of unknown outcome the same drafts are appended again: their nonces settle it. Each is
    answered within `limits.patience_s`, if only by a refusal.
    """

    def __init__(
        self,
        append: Callable[[Sequence[Draft], Lock], Coroutine[Any, Any, Appended]],
        clock: IReactorTime,
        *,
        told: Callable[[str, int], None],
        limits: WriterLimits,
    ) -> None:
        """Take what appends (`Unavailable`: the database failed), and who is told of known nonces."""
        self._append = append
        self._clock = clock
        self._told = told
        self._limits = limits
        self._numbers = itertools.count()
        self._queue: deque[Waiting] = deque()
        self._queue_bytes = 0
        self._in_hand: list[Waiting] = []
        self._held = HeldRooms(limits.busy_s, limits.alone_s)
        self._was_alone = False
        self._not_before_s = 0.0
        self._pause_s = limits.backoff.first_s
        self._outage = Outage("Writing messages")
        self._turn: IDelayedCall | None = None
        self._expiry: IDelayedCall | None = None
        self._stopping = False
        self._when_idle: list[Deferred[None]] = []

    def submit(self, draft: Draft, sender: Sender) -> None:
        """Have a draft written. Its sender's `settled` is called once for it, later.

        Raises:
            Unavailable: too much is waiting, or the writer is stopping.
        """
        if self._stopping:
            raise Unavailable(STOPPING.detail, nonce=draft.nonce)
        size_bytes = DRAFT_OVERHEAD_BYTES + 4 * len(draft.body)
        limits = self._limits
        if (
            len(self._queue) + len(self._in_hand) >= limits.queue_drafts
            or self._queue_bytes + size_bytes > limits.queue_bytes
        ):
            raise Unavailable(FULL, nonce=draft.nonce)
        until_s = self._clock.seconds() + limits.patience_s
        self._queue_bytes += size_bytes
        self._queue.append(Waiting(draft, sender, next(self._numbers), until_s, size_bytes))
        if self._turn is None or self._turn.getTime() > self._clock.seconds():
            self._plan()

    async def post(self, draft: Draft) -> Stored | Refused:
        """Have one draft written and return its outcome. Giving up the wait does not take the draft back.

        Raises:
            Unavailable: as `submit`.
        """
        sender = _OneShot()
        self.submit(draft, sender)
        return await sender.outcome

    async def stop(self) -> None:
        """Take nothing more, refuse what waits, and return when the commit in hand is done."""
        self._stopping = True
        self._plan()
        waiting, self._queue = list(self._queue), deque()
        self._settle([(one, STOPPING) for one in waiting])
        if self._in_hand:
            idle: Deferred[None] = Deferred()
            self._when_idle.append(idle)
            await idle

    # When

    def _plan(self) -> None:
        """See to it that the next batch is written when it may be, and that nobody waits too long."""
        _cancel(self._turn)
        self._turn = None
        first = next((one for one in itertools.chain(self._in_hand, self._queue) if not one.answered), None)
        if first is None or self._stopping:
            _cancel(self._expiry)
            self._expiry = None
            return
        now_s = self._clock.seconds()
        if self._expiry is None:
            self._expiry = self._clock.callLater(_delay_s(first.until_s - now_s), self._expire)
        if not self._in_hand:
            due_s = max(self._not_before_s, self._held.next_s(one.draft.room for one in self._queue))
            self._turn = self._clock.callLater(_delay_s(due_s - now_s), self._write_next)

    def _expire(self) -> None:
        """Refuse what has waited too long. What is in hand may yet be stored: its nonce settles it."""
        self._expiry = None
        now_s = self._clock.seconds()
        late = [one for one in (*self._in_hand, *self._queue) if one.until_s <= now_s]
        self._queue = deque(one for one in self._queue if one.until_s > now_s)
        self._settle([(one, one.refusal) for one in late])
        self._plan()

    # What

    def _write_next(self) -> None:
        self._turn = None
        batch, lock = self._next_batch()
        if batch:
            taken = set(batch)
            self._queue = deque(one for one in self._queue if one not in taken)
            self._in_hand = batch
            Deferred.fromCoroutine(self._write(batch, lock))
        else:
            self._plan()

    def _next_batch(self) -> tuple[list[Waiting], Lock]:
        """Return what to write next, and how. Rooms tried alone take turns with all the others."""
        now_s = self._clock.seconds()
        common = self._fitting(lambda room: self._held.common(room, now_s))
        rooms = (one.draft.room for one in self._queue)
        held = next((room for room in rooms if self._held.alone(room, now_s)), None)
        self._was_alone = held is not None and not (common and self._was_alone)
        if self._was_alone:
            return self._fitting(lambda room: room == held), Lock.BRIEF
        return common, Lock.SKIP

    def _fitting(self, chosen: Callable[[str], bool]) -> list[Waiting]:
        """Return the first drafts of the chosen rooms that fit into one commit: at least one, if any."""
        batch: list[Waiting] = []
        size_bytes = 0
        for one in self._queue:
            if not chosen(one.draft.room):
                continue
            size_bytes += one.size_bytes
            full = len(batch) >= self._limits.batch_drafts or size_bytes > self._limits.batch_bytes
            if batch and (full or one.alone or batch[0].alone):
                break
            batch.append(one)
        return batch

    async def _write(self, batch: list[Waiting], lock: Lock) -> None:
        try:
            appended = await self._append([one.draft for one in batch], lock)
            outcomes = list(zip(batch, appended.outcomes, strict=True))
        except Unavailable as error:
            self._database_failed(batch, error)
        except Exception:
            logger.exception("Writing %d drafts failed", len(batch))
            self._broke(batch)
        else:
            self._outage.over()
            self._pause_s = self._limits.backoff.first_s
            self._written(outcomes)
        self._in_hand = []
        self._held.keep({one.draft.room for one in self._queue})
        self._plan()
        idle, self._when_idle = self._when_idle, []
        for deferred in idle:
            deferred.callback(None)

    # What became of it

    def _database_failed(self, batch: list[Waiting], error: Exception) -> None:
        """All of the batch may be stored, or nothing. Append it again after a pause."""
        self._outage.failed(error)
        self._not_before_s = self._clock.seconds() + self._pause_s
        self._pause_s = min(2 * self._pause_s, self._limits.backoff.longest_s)
        self._again(batch, NO_ANSWER)

    def _broke(self, batch: list[Waiting]) -> None:
        """Something of ours broke. Each is tried alone: one bad draft is not to fail the others."""
        if len(batch) == 1:
            self._settle([(batch[0], FAILED)])
            return
        for one in batch:
            one.alone = True
        self._again(batch, FAILED)

    def _written(self, outcomes: list[tuple[Waiting, Outcome]]) -> None:
        now_s = self._clock.seconds()
        busy = [one for one, outcome in outcomes if isinstance(outcome, Busy)]
        held = {one.draft.room for one in busy}
        for room in {one.draft.room for one, _outcome in outcomes} - held:
            self._held.found_free(room)
        for room in held:
            self._held.found_held(room, now_s)
        self._again(busy, ROOM_HELD)
        self._settle([(one, outcome) for one, outcome in outcomes if not isinstance(outcome, Busy)])

    def _again(self, batch: Iterable[Waiting], refusal: Refused) -> None:
        """Put drafts back where they were, before all that came after them."""
        back = [one for one in batch if not one.answered]
        for one in back:
            one.refusal = refusal
        if self._stopping:
            self._settle([(one, STOPPING) for one in back])
        else:
            self._queue = deque(sorted((*back, *self._queue), key=lambda one: one.number))

    def _settle(self, outcomes: Iterable[tuple[Waiting, Stored | Refused]]) -> None:
        """Tell each sender once what became of all that it hears of now."""
        by_sender: dict[int, tuple[Sender, list[tuple[Draft, Stored | Refused]]]] = {}
        for one, outcome in outcomes:
            if isinstance(outcome, Stored) and not outcome.fresh:
                # A commit whose outcome was unknown told nobody.
                self._told(one.draft.room, outcome.posted.id)
            if one.answered:
                continue
            one.answered = True
            self._queue_bytes -= one.size_bytes
            by_sender.setdefault(id(one.sender), (one.sender, []))[1].append((one.draft, outcome))
        for sender, settled in by_sender.values():
            try:
                sender.settled(settled)
            except Exception:
                logger.exception("A sender failed to take what became of its messages")


def _delay_s(left_s: float) -> float:
    """Return how long to wait: never so short that the time does not change, which would not end."""
    return max(SHORTEST_WAIT_S, left_s) if left_s > 0 else 0.0


def _cancel(call: IDelayedCall | None) -> None:
    if call is not None and call.active():
        call.cancel()
