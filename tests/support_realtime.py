"""Doubles for the realtime core: a log in memory, reads that a test lets happen, readers that remember."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from rooms.messages import (
    Access,
    Appended,
    Author,
    Code,
    Draft,
    Heads,
    Kind,
    Lock,
    Page,
    Posted,
    Refused,
    RoomBatch,
    RoomHead,
    Stored,
    UserId,
    Versions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from realtime.subscription import Subscription
    from realtime.tail import Batch

MAY_SEE = Access(see=True, post=True, moderate=False)
BANNED = Access(see=False, post=False, moderate=False, refusal=Code.FORBIDDEN)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def encode(posted: Posted) -> bytes:
    """Return a message as bytes in which tests can see its text."""
    return f"{posted.id}:{posted.kind}:{posted.body or ''}".encode()


class MemoryLog:
    """What the database holds, as far as the hub can tell."""

    def __init__(self) -> None:
        """Hold one epoch and no message."""
        self.epoch = "one"
        self.site = 1
        self.rows: dict[str, list[Posted]] = {}
        self.room_versions: dict[str, int] = {}
        self.banned: set[tuple[str, UserId | None]] = set()
        self.muted: set[tuple[str, UserId | None]] = set()
        self._ids = itertools.count(1)

    def post(self, room: str, *bodies: str) -> RoomBatch:
        """Commit messages together and return what the commit brought."""
        return self._commit(room, [self._row(room, Kind.MESSAGE, body) for body in bodies or ("text",)])

    def edit(self, room: str, target: int, body: str) -> RoomBatch:
        """Commit an edit."""
        row = self._row(room, Kind.EDIT, body, target)
        self._change(room, lambda m: m.id == target, body=body, edited_at=NOON, changed=row.id)
        return self._commit(room, [row])

    def redact(self, room: str, target: int) -> RoomBatch:
        """Commit a redaction: the text of the target and of its edits is gone."""
        row = self._row(room, Kind.REDACTION, "", target)
        self._change(room, lambda m: target in (m.id, m.target), body=None, redacted=True, changed=row.id)
        return self._commit(room, [row])

    def react(self, room: str, target: int, body: str) -> RoomBatch:
        """Commit a reaction: the target contains it."""
        row = self._row(room, Kind.REACTION, body, target)
        self._change(room, lambda m: m.id == target, changed=row.id)
        return self._commit(room, [row])

    def purge(self, room: str, *ids: int) -> None:
        """Remove rows; the room's head stays."""
        self.rows[room] = [replace(m, body="PURGED") if m.id in ids else m for m in self.rows[room]]

    def ban(self, room: str, user_id: UserId | None) -> None:
        """Withdraw a user's access."""
        self.banned.add((room, user_id))
        self.room_versions[room] = self.versions(room).room + 1

    def unban(self, room: str, user_id: UserId | None) -> None:
        """Give it back."""
        self.banned.discard((room, user_id))
        self.room_versions[room] = self.versions(room).room + 1

    def mute(self, room: str, user_id: UserId | None) -> None:
        """Let a user read, and not post."""
        self.muted.add((room, user_id))
        self.room_versions[room] = self.versions(room).room + 1

    def unmute(self, room: str, user_id: UserId | None) -> None:
        """Let them post again."""
        self.muted.discard((room, user_id))
        self.room_versions[room] = self.versions(room).room + 1

    def head(self, room: str) -> int:
        """Return the newest id of a room."""
        rows = self.rows.get(room)
        return rows[-1].id if rows else 0

    def ids_after(self, room: str, cursor: int) -> list[int]:
        """Return the ids that a reader at a cursor is to get."""
        return [m.id for m in self.rows.get(room, ()) if m.id > cursor and m.body != "PURGED"]

    def versions(self, room: str) -> Versions:
        """Return the versions now."""
        return Versions(self.epoch, self.site, self.room_versions.get(room, 1))

    def page(self, room: str, cursor: int, limit: int) -> Page:
        """Return what `rooms.history.after` would."""
        rows = [m for m in self.rows.get(room, ()) if m.id > cursor and m.body != "PURGED"]
        return Page(
            room,
            tuple(rows[:limit]),
            more=len(rows) > limit,
            start=cursor,
            head=self.head(room),
            versions=self.versions(room),
            access=MAY_SEE,
        )

    def heads(self, rooms: Collection[str]) -> Heads:
        """Return what `rooms.history.heads` would."""
        return Heads(
            self.epoch,
            self.site,
            {room: RoomHead(self.head(room), self.versions(room).room) for room in rooms},
        )

    def rights(
        self, room: str, readers: Collection[UserId | None]
    ) -> tuple[Versions, dict[UserId | None, Access]]:
        """Return what `rooms.permissions.who_may` would."""
        rights = {reader: self._access(room, reader) for reader in readers}
        return self.versions(room), rights

    def _access(self, room: str, reader: UserId | None) -> Access:
        if (room, reader) in self.banned:
            return BANNED
        return replace(MAY_SEE, post=(room, reader) not in self.muted)

    def _row(self, room: str, kind: Kind, body: str, target: int | None = None) -> Posted:
        key = next(self._ids)
        return Posted(key, room, kind, Author(1, "ana"), body or None, NOON, f"n{key}", target)

    def _change(self, room: str, which: Callable[[Posted], bool], **what: Any) -> None:
        self.rows[room] = [replace(m, **what) if which(m) else m for m in self.rows.get(room, ())]

    def _commit(self, room: str, rows: list[Posted]) -> RoomBatch:
        prev = self.head(room)
        self.rows.setdefault(room, []).extend(rows)
        return RoomBatch(room, prev, tuple(rows), self.versions(room))


@dataclass(eq=False)
class Asked:
    """A read that waits for the test. `look` is what the database would answer now."""

    what: str
    room: str
    look: Callable[[], Any]
    answer: Deferred[Any]
    seen: Any = None

    def snapshot(self) -> None:
        """Let the database look now and answer later."""
        if self.seen is None:
            self.seen = self.look()

    def fire(self) -> None:
        """Answer, with what was seen before or what is there now."""
        self.snapshot()
        self.answer.callback(self.seen)

    def fail(self, error: Exception) -> None:
        """Answer that the database failed."""
        self.answer.errback(error)


class StepReads:
    """Reads that happen when the test says so, in whatever order it likes."""

    def __init__(self, log: MemoryLog) -> None:
        """Read from this log."""
        self.log = log
        self.asked: list[Asked] = []
        self.count = 0

    async def after(self, slug: str, cursor: int, limit: int) -> Page:
        """Return what follows a cursor, later."""
        page: Page = await self._later("after", slug, lambda: self.log.page(slug, cursor, limit))
        return page

    async def who_may(
        self, slug: str, readers: Collection[UserId | None]
    ) -> tuple[Versions, dict[UserId | None, Access]]:
        """Return what readers may do, later."""
        asked = frozenset(readers)
        found: tuple[Versions, dict[UserId | None, Access]] = await self._later(
            "who_may", slug, lambda: self.log.rights(slug, asked)
        )
        return found

    async def heads(self, slugs: Collection[str]) -> Heads:
        """Return how far rooms go, later."""
        asked = tuple(slugs)
        found: Heads = await self._later("heads", ",".join(asked), lambda: self.log.heads(asked))
        return found

    def fire(self, what: str | None = None) -> None:
        """Answer the oldest read, or the oldest of a sort."""
        asked = next(a for a in self.asked if what in (None, a.what))
        self.asked.remove(asked)
        asked.fire()

    def fire_all(self) -> None:
        """Answer reads until none is left."""
        for _ in range(10_000):
            if not self.asked:
                return
            self.fire()
        raise AssertionError("The reads do not end.")

    def fail(self, error: Exception) -> None:
        """Let the oldest read fail."""
        self.asked.pop(0).fail(error)

    async def _later(self, what: str, room: str, look: Callable[[], Any]) -> Any:
        answer: Deferred[Any] = Deferred()
        self.count += 1
        self.asked.append(Asked(what, room, look, answer))
        return await answer


class RememberingReader:
    """Keeps what it was given, and checks that each batch joins on to the cursor."""

    def __init__(self, cursor: int = 0) -> None:
        """Stand at a cursor."""
        self.cursor = cursor
        self.ids: list[int] = []
        self.texts: dict[int, bytes] = {}
        self.batches: list[Batch] = []
        self.resets: list[tuple[int, str]] = []
        self.left_with: Code | None = None
        self.subscription: Subscription | None = None
        self.then: Callable[[Batch], None] = lambda _batch: None

    def messages(self, batch: Batch) -> None:
        """Take a batch."""
        assert self.left_with is None, "given something after left"
        assert batch.prev == self.cursor, f"{batch.prev} does not join on to {self.cursor}"
        assert batch.messages
        self.cursor = batch.last_id
        self.ids += [m.id for m in batch.messages]
        self.texts.update((m.id, m.data) for m in batch.messages)
        self.batches.append(batch)
        self.then(batch)

    def reset(self, after: int, epoch: str) -> None:
        """Take another cursor."""
        self.resets.append((after, epoch))
        self.cursor = after
        self.ids.clear()

    def left(self, code: Code) -> None:
        """Take note of the end."""
        assert self.left_with is None, "left twice"
        self.left_with = code


class StepAppend:
    """An append whose outcomes the test gives."""

    def __init__(self) -> None:
        """Wait for drafts."""
        self.calls: list[tuple[list[Draft], Lock]] = []
        self.running: Deferred[Appended] | None = None
        self.ids = itertools.count(1)

    async def __call__(self, drafts: Sequence[Draft], lock: Lock) -> Appended:
        """Take a batch; one at a time."""
        assert self.running is None, "two appends at once"
        self.calls.append((list(drafts), lock))
        self.running = Deferred()
        try:
            return await self.running
        finally:
            self.running = None

    @property
    def nonces(self) -> list[str]:
        """The nonces of the last batch."""
        return [draft.nonce for draft in self.calls[-1][0]]

    @property
    def lock(self) -> Lock:
        """How the last batch was to be locked."""
        return self.calls[-1][1]

    def answer(self, *outcomes: Any) -> None:
        """Settle the batch in hand so."""
        assert self.running is not None
        self.running.callback(Appended(outcomes, ()))

    def store(self) -> None:
        """Store all of the batch in hand."""
        self.answer(*(self.stored(draft) for draft in self.calls[-1][0]))

    def stored(self, draft: Draft, *, fresh: bool = True) -> Stored:
        """Return the outcome of a stored draft."""
        posted = Posted(next(self.ids), draft.room, draft.kind, None, draft.body, NOON, draft.nonce)
        return Stored(posted, fresh)

    def fail(self, error: Exception) -> None:
        """Let the batch in hand fail."""
        assert self.running is not None
        self.running.errback(error)


class RememberingSender:
    """Keeps what became of its drafts."""

    def __init__(self) -> None:
        """Have heard nothing."""
        self.calls: list[list[tuple[str, Stored | Refused]]] = []

    def settled(self, outcomes: Sequence[tuple[Draft, Stored | Refused]]) -> None:
        """Take outcomes."""
        self.calls.append([(draft.nonce, outcome) for draft, outcome in outcomes])

    @property
    def outcomes(self) -> dict[str, Stored | Refused]:
        """What is known so far, by nonce."""
        return dict(itertools.chain.from_iterable(self.calls))
