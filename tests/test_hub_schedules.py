"""The hub under schedules that nobody would think of: each reader gets each message once, in order.

A machine of hypothesis commits, loses and reorders hints, lets the database look early and answer late,
fails reads, pauses readers, bans them, puts the database into other epochs. After each step it checks
what readers were given; at the end everything is let through, and each must have all that is theirs.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from twisted.internet.task import Clock

from realtime.errors import Unavailable
from realtime.hub import Batch, Hub
from realtime.limits import HubLimits
from rooms.messages import Code, Kind, Page, RoomBatch
from tests.support_realtime import MemoryLog, RememberingReader, StepReads, encode

ROOM = "r"
USERS = st.integers(1, 3)
CHOICE = st.integers(0, 1_000)


class WatchedReader(RememberingReader):
    """A reader whose every batch is checked against the log."""

    def __init__(self, stage: Schedules, user: int, cursor: int) -> None:
        super().__init__(cursor)
        self.user = user
        self.stage = stage

    def messages(self, batch: Batch) -> None:
        before = self.cursor
        super().messages(batch)
        self.stage.check(self, before, batch)


class Schedules(RuleBasedStateMachine):
    """One room, some readers, and a database with a mind of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.log = MemoryLog()
        self.reads = StepReads(self.log)
        limits = HubLimits(
            tail_messages=4, gap_messages=3, reader_reads=3, idle_s=5, offers_at_once=2, standings=2
        )
        self.hub = Hub(self.reads, self.clock, encode=encode, limits=limits)
        self.readers: list[WatchedReader] = []
        self.batches: list[RoomBatch] = []
        self.banned_at: dict[int, int] = {}
        self.epoch = 1

    @initialize()
    def begin(self) -> None:
        self.log.post(ROOM, "first")

    # What the database goes through

    @rule(count=st.integers(1, 4))
    def post(self, count: int) -> None:
        self.batches.append(self.log.post(ROOM, *["secret"] * count))

    @rule(choice=CHOICE, redact=st.booleans())
    def amend(self, choice: int, redact: bool) -> None:
        open_to_it = [m for m in self.log.rows[ROOM] if m.kind is Kind.MESSAGE and not m.redacted]
        if open_to_it:
            target = open_to_it[choice % len(open_to_it)].id
            change = self.log.redact(ROOM, target) if redact else self.log.edit(ROOM, target, "edited secret")
            self.batches.append(change)

    @rule(user=USERS, told=st.booleans())
    def ban(self, user: int, told: bool) -> None:
        self.log.ban(ROOM, user)
        self.banned_at.setdefault(user, self.log.head(ROOM))
        if told:
            self.hub.access_changed(frozenset({ROOM}))

    @rule(user=USERS)
    def unban(self, user: int) -> None:
        self.log.unban(ROOM, user)
        self.banned_at.pop(user, None)

    @precondition(lambda self: self.epoch < 3)
    @rule(lost=st.integers(0, 3))
    def restore(self, lost: int) -> None:
        """Put an older copy of the database in place and give it a new epoch."""
        self.epoch += 1
        self.log.epoch = f"epoch {self.epoch}"
        kept = len(self.log.rows[ROOM]) - lost
        self.log.rows[ROOM] = self.log.rows[ROOM][: max(1, kept)]
        for user, head in self.banned_at.items():
            self.banned_at[user] = min(head, self.log.head(ROOM))

    # What the hub hears

    @rule(choice=CHOICE, keep=st.booleans())
    def publish(self, choice: int, keep: bool) -> None:
        if self.batches:
            batch = self.batches[choice % len(self.batches)]
            if not keep:
                self.batches.remove(batch)
            self.hub.publish([batch])

    @rule()
    def publish_newest(self) -> None:
        if self.batches:
            self.hub.publish([self.batches.pop()])

    @rule(choice=CHOICE)
    def lose(self, choice: int) -> None:
        if self.batches:
            self.batches.pop(choice % len(self.batches))

    @rule()
    def hint(self) -> None:
        self.hub.told(ROOM, self.log.head(ROOM))

    @rule()
    def poll(self) -> None:
        self.clock.advance(0.01)
        self.hub.heads_seen(self.log.heads(self.hub.rooms()), self.clock.seconds())

    @rule(choice=CHOICE)
    def look(self, choice: int) -> None:
        if self.reads.asked:
            self.reads.asked[choice % len(self.reads.asked)].snapshot()

    @rule(choice=CHOICE)
    def answer(self, choice: int) -> None:
        if self.reads.asked:
            self.reads.asked.pop(choice % len(self.reads.asked)).fire()

    @rule(choice=CHOICE)
    def fail(self, choice: int) -> None:
        if self.reads.asked:
            self.reads.asked.pop(choice % len(self.reads.asked)).fail(Unavailable(detail="down"))

    @rule(seconds=st.sampled_from([0.05, 0.3, 3.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    # What readers do

    @rule(user=USERS, choice=CHOICE, limit=st.sampled_from([1, 2, 200]), awake=st.booleans())
    def attach(self, user: int, choice: int, limit: int, awake: bool) -> None:
        if (ROOM, user) in self.log.banned or len(self.readers) > 12:
            return
        ids = [0, *(m.id for m in self.log.rows[ROOM])]
        cursor = ids[choice % len(ids)]
        self._attach(user, cursor, limit, self.log.page(ROOM, cursor, 0), awake=awake)

    @rule(user=USERS, choice=CHOICE, limit=st.sampled_from([1, 2, 200]))
    def come_back(self, user: int, choice: int, limit: int) -> None:
        """Join by what the hub remembers, though it may not have heard of a ban or of another epoch yet."""
        ids = [0, *(m.id for m in self.log.rows[ROOM])]
        cursor = ids[choice % len(ids)]
        page = self.hub.page_at_hand(ROOM, user, cursor=cursor, epoch=None)
        if page is not None and len(self.readers) <= 12:
            self._attach(user, cursor, limit, page, awake=True)

    def _attach(self, user: int, cursor: int, limit: int, page: Page, *, awake: bool) -> None:
        reader = WatchedReader(self, user, cursor)
        reader.subscription = self.hub.attach(
            ROOM,
            reader,
            user_id=user,
            cursor=cursor,
            versions=page.versions,
            limit=limit,
            access=page.access,
        )
        self.readers.append(reader)
        if awake:
            reader.subscription.wake()

    @rule()
    def turn(self) -> None:
        self.clock.advance(0)

    @rule(choice=CHOICE, what=st.sampled_from(["pause", "resume", "wake", "end"]))
    def act(self, choice: int, what: str) -> None:
        if self.readers:
            reader = self.readers[choice % len(self.readers)]
            assert reader.subscription is not None
            getattr(reader.subscription, what)()
            if what == "end":
                self.readers.remove(reader)

    # What must hold

    def check(self, reader: WatchedReader, before: int, batch: Batch) -> None:
        """Check what a reader has just been given."""
        assert reader.subscription is not None
        given = [m.id for m in batch.messages]
        assert len(given) <= reader.subscription.limit
        if reader.subscription.epoch != self.log.epoch:
            return  # of a database that is gone; the reset that follows is checked at the end
        assert given == [i for i in self.log.ids_after(ROOM, before) if i <= batch.last_id], "a hole"
        assert batch.last_id <= self.banned_at.get(reader.user, batch.last_id), "given after a ban"
        published = self.hub._feeds[ROOM].head
        redacted = {m.target for m in self.log.rows[ROOM] if m.kind is Kind.REDACTION and m.id <= published}
        for message, row in zip(
            batch.messages, (m for m in self.log.rows[ROOM] if m.id in given), strict=True
        ):
            if {row.id, row.target} & redacted and row.kind is not Kind.REDACTION:
                assert b"secret" not in message.data, "a withheld text"

    def teardown(self) -> None:
        """Let everything through: each reader must have all that is theirs, or have been told to leave."""
        for reader in self.readers:
            assert reader.subscription is not None
            reader.subscription.resume()
            reader.subscription.wake()
        for _ in range(3):
            self.clock.advance(10)
            self.hub.heads_seen(self.log.heads(self.hub.rooms()))
            self.reads.fire_all()
        head = self.log.head(ROOM)
        for reader in self.readers:
            assert reader.subscription is not None
            if (ROOM, reader.user) in self.log.banned:
                assert reader.left_with is Code.FORBIDDEN
            elif reader.left_with is None:
                assert reader.subscription.epoch == self.log.epoch
                assert reader.cursor == head, f"stands at {reader.cursor} of {head}"
                assert reader.subscription.caught_up
        self.hub.stop()
        assert not self.clock.getDelayedCalls()


TestSchedules = Schedules.TestCase
TestSchedules.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
