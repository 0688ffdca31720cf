"""One room's feed: what was committed there, published in order to those who read it.

A feed publishes only what joins on to its head; it reads the rest from the database first. It gives
nothing to anybody while the permissions of its subscribers are in doubt, or its epoch is.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred

from realtime.flight import Flights
from realtime.judgement import Judgement, by_nothing, covers
from realtime.offering import Offering
from realtime.standings import Standings
from realtime.subscription import Reader, Subscription
from realtime.tail import Batch
from rooms.messages import Code, Page, Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from realtime.flight import Flight
    from realtime.surroundings import Surroundings
    from realtime.tail import Encoded
    from realtime.turns import Turns
    from rooms.messages import Access, Heads, RoomBatch, UserId

T = TypeVar("T")


class Closed(Exception):  # noqa: N818 (how a read ends whose feed was dropped; nobody is told)
    """The feed was dropped while it read."""


class Feed:
    """The log of one room as its subscribers read it.

    `head` is the last id published; `_told` the highest that is known to be committed. While there is a
    gap between them the feed reads, and the tail is not used, since a redaction may lie in the gap.
    """

    def __init__(self, room: str, around: Surroundings, unused: Callable[[Feed], None]) -> None:
        """Open the feed as soon as somebody subscribes. `unused` is told when nobody does any more."""
        self.room = room
        self.head = 0
        self._around = around
        self._unused = unused
        self._told = 0
        self._epoch: str | None = None
        self._questions = 1
        self._resolved = 0
        self._moved_s = around.clock.seconds()
        self._tail = around.tail(0)
        self._accounts = 0
        self._judgement = Judgement()
        self._standings = Standings(around.limits.standings)
        self._when_judged: list[Deferred[None]] = []
        self._subscriptions: OrderedDict[Subscription, None] = OrderedDict()
        self._offering = Offering(self._subscriptions, lambda: self.readable, around.clock, around.limits)
        self._flights = Flights(around, self._read_for, self._land)
        self._catching_up = around.errand(self._catch_up)
        self._asking = around.errand(self._ask)
        self._closed = False

    @property
    def used(self) -> bool:
        """Whether anybody is subscribed."""
        return bool(self._subscriptions)

    @property
    def behind(self) -> bool:
        """Whether the database is known to hold more, or it is not known where its log ends."""
        return not self._settled or self._told > self.head

    @property
    def readable(self) -> bool:
        """Whether anything may be given out now."""
        return self._settled and not self._judgement.doubtful and not self._closed

    @property
    def _settled(self) -> bool:
        """Whether the head and the epoch are known, and nothing speaks against them."""
        return self._questions == self._resolved

    def close(self) -> None:
        """Hold nothing and do nothing any more."""
        self._closed = True
        self._catching_up.stop()
        self._asking.stop()
        self._flights.stop()
        self._subscriptions.clear()
        self._tail = self._around.tail(self.head)
        self._offering.stop()

    # What it is told

    def page_at_hand(self, user_id: UserId | None, cursor: int, epoch: str | None) -> Page | None:
        """Return what a read of no messages would now tell somebody who stands at a cursor, if it is known.

        It is for who was judged by the newest permissions heard of, where the cursor is not beyond the head
        (another process may have told its reader more than has arrived here), in the epoch that they name.
        """
        newest = self._judgement.known
        if newest is None or self.behind or self._judgement.unanswered:
            return None
        found = self._standings.recall(user_id, newest)
        if found is None or cursor > self.head or epoch not in {None, self._epoch}:
            return None
        versions, access = found
        return Page(self.room, (), more=False, start=0, head=self.head, versions=versions, access=access)

    def add(
        self,
        reader: Reader,
        *,
        user_id: UserId | None,
        cursor: int,
        versions: Versions,
        limit: int,
        access: Access | None = None,
    ) -> Subscription:
        """Let one more read on from a cursor, judged by `versions`."""
        subscription = Subscription(
            self.room, self, reader, user_id=user_id, cursor=cursor, judged=versions, limit=limit
        )
        self._subscriptions[subscription] = None
        if access is not None:
            subscription.may_post = access.post
            self._standings.remember(user_id, versions, access)
        self._judgement.admit(versions)
        self._hear(versions)
        self.told(cursor)
        self._go_on()
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Let one go."""
        if subscription not in self._subscriptions:
            return
        del self._subscriptions[subscription]
        if not self._subscriptions:
            if self._judgement.unanswered:
                # The last ones may have come by what was read before the change.
                self._standings.forget()
            self._judgement.nobody_left()
            self._judgement_is_in()
            self._unused(self)

    def publish(self, batch: RoomBatch) -> None:
        """Take what a commit brought. Batches come in any order, and some never."""
        self._hear(batch.versions)
        if self._joins_on(batch):
            self._spread(self._around.encoded(batch.messages), batch.last_id)
        else:
            self.told(batch.last_id)

    def hinted(self, last_id: int, versions: Versions) -> None:
        """Take note of what another process says was committed up to this id, by these versions."""
        self._hear(versions)
        self.told(last_id)

    def told(self, last_id: int) -> None:
        """Take note that something up to this id is committed."""
        if last_id > self._told:
            self._told = last_id
            self._go_on()

    def access_changed(self) -> None:
        """Take note that permissions changed here."""
        self._standings.forget()
        self._judgement.told_of_change()
        self._go_on()

    def seen(self, heads: Heads, began_s: float) -> None:
        """Take what a poll read that began then. Where something went back, the feed looks for itself."""
        found, known = heads.rooms.get(self.room), self._judgement.known
        if self._epoch is None or known is None:
            return
        versions = Versions(heads.epoch, heads.site, found.access_version if found else known.room)
        went_back = (found is not None and found.last_id < self.head) or not covers(versions, known)
        if heads.epoch != self._epoch or (went_back and self._moved_s < began_s):
            self._question()
        else:
            self._hear(versions)
            self.told(found.last_id if found else 0)

    # What it gives

    def serve(self, subscription: Subscription) -> bool:
        """Give what follows a cursor from memory and return True, or have it read and return False."""
        place = subscription.place
        if not self.readable or place >= self.head:
            return False
        if self._told > self.head or place < self._tail.floor:
            self._flights.board(subscription)
            return False
        batch = self._tail.batch(self.room, subscription.cursor, place, subscription.limit)
        if batch is None:
            subscription.nothing_until = self.head
            return False
        subscription.give(batch)
        return True

    def _spread(self, messages: Sequence[Encoded], reached: int) -> None:
        """Publish what follows the head, which is `reached` then."""
        self._offering.expect(messages)
        prev, self.head = self.head, reached
        self._told = max(self._told, reached)
        self._moved_s = self._around.clock.seconds()
        for message in messages:
            self._tail.append(message)
            self._flights.published(message)
        if not messages:
            return
        self._offering.offer(Batch(self.room, prev, messages))

    def _wake_all(self) -> None:
        for subscription in tuple(self._subscriptions):
            subscription.read_on()

    # What it reads for itself

    def _go_on(self) -> None:
        """Do what is to be done. Without subscribers, nothing is worth a read."""
        if self._closed:
            return
        if self._subscriptions and self.behind:
            self._catching_up.start()
        elif self.behind:
            self._unused(self)
        if self._settled and self._judgement.doubtful:
            self._asking.start()

    def _joins_on(self, batch: RoomBatch) -> bool:
        return (
            self.readable
            and not self.behind
            and not self._catching_up.running
            and batch.prev == self.head
            and batch.versions.epoch == self._epoch
        )

    def _hear(self, versions: Versions) -> None:
        if self._epoch is None:
            return
        if versions.epoch != self._epoch:
            self._question()
        elif self._judgement.heard(versions):
            self._forget_names(versions)
            self._moved_s = self._around.clock.seconds()
            self._go_on()

    def _forget_names(self, versions: Versions) -> None:
        """Hold nothing encoded before accounts changed: an author who is gone has no name any more."""
        if versions.site > self._accounts:
            self._accounts = versions.site
            self._tail = self._around.tail(self.head)

    def _question(self) -> None:
        """Give nothing more before the database has been asked in which epoch its log ends, and where."""
        self._questions += 1
        self._judgement_is_in()
        self._go_on()

    async def _read(self, turns: Turns, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what a read brings that begins when its turn has come."""
        async with turns.one():
            self._raise_if_closed()
            answer = await begin()
        self._raise_if_closed()
        return answer

    def _raise_if_closed(self) -> None:
        if self._closed:
            raise Closed

    async def _catch_up(self) -> None:
        while self.behind and self._subscriptions:
            await (self._read_gap() if self._settled else self._look())
            self._if_caught_up()

    def _if_caught_up(self) -> None:
        if not self.behind:
            self._go_on()
            self._wake_all()

    async def _read_gap(self) -> None:
        """Read what follows the head; publish it once all were judged by the permissions of that time."""
        asked, head = self._told, self.head
        reads, limit = self._around.reads, self._around.limits.gap_messages
        page = await self._read(self._around.feed_turns, lambda: reads.after(self.room, head, limit))
        self._hear(page.versions)
        if page.head < asked:
            self._question()
        while self._settled and not self._judgement.allows(page.versions):
            judged = self._next_judgement()
            self._go_on()
            await judged
        if not self._settled:
            return
        self._told = max(self._told, page.head)
        messages = self._around.encoded(page.messages)
        reached = messages[-1].id if messages else head
        # All that was told of before the read began was committed then: what the last page lacks is purged.
        self._spread(messages, reached if page.more else max(reached, asked))

    async def _look(self) -> None:
        """Read where the log ends, in which epoch: to open the feed, or since it may have gone back."""
        questions, told, present = self._questions, self._told, tuple(self._subscriptions)
        known, head, epoch = self._judgement.known, self.head, self._epoch
        reads = self._around.reads
        heads = await self._read(self._around.feed_turns, lambda: reads.heads((self.room,)))
        found = heads.rooms.get(self.room)
        last_id = found.last_id if found else 0
        versions = Versions(heads.epoch, heads.site, found.access_version if found else 0)
        self._resolved = questions
        if self._told == told:
            self._told = last_id
        went_back = epoch == heads.epoch and last_id < head
        if epoch != heads.epoch or went_back:
            self._stand_at(last_id, heads.epoch)
        if epoch is not None and (epoch != heads.epoch or not covers(versions, known or versions)):
            self._standings.forget()
            self._judgement.start_over(versions)
            for subscription in present:
                subscription.judged = by_nothing(versions.epoch)
        self._hear_of_all(versions)
        self.told(last_id)
        for subscription in present:
            elsewhere = subscription.epoch != heads.epoch or subscription.cursor > last_id
            if (went_back or elsewhere) and not subscription.ended:
                subscription.reset(last_id, heads.epoch)
        if any(subscription.epoch != heads.epoch for subscription in self._subscriptions):
            # Who came meanwhile was judged in another epoch: an older one, or one newer than this answer.
            self._question()

    def _stand_at(self, last_id: int, epoch: str) -> None:
        """Go on from the end of the log, holding nothing of what was before."""
        self.head = last_id
        self._epoch = epoch
        self._accounts = 0
        self._moved_s = self._around.clock.seconds()
        self._tail = self._around.tail(last_id)
        self._flights.start_over()

    def _hear_of_all(self, versions: Versions) -> None:
        """Hear of these versions, and of those that subscribers were judged by who came meanwhile."""
        self._forget_names(versions)
        self._judgement.heard(versions)
        for subscription in self._subscriptions:
            if subscription.judged.epoch == versions.epoch:
                self._judgement.heard(subscription.judged)

    # Who may read on

    async def _ask(self) -> None:
        while self._settled and self._judgement.doubtful:
            question, asked, known = (
                self._judgement.question(),
                tuple(self._subscriptions),
                self._judgement.known,
            )
            readers = {subscription.user_id for subscription in asked}
            reads = self._around.reads
            versions, rights = await self._read(
                self._around.feed_turns, partial(reads.who_may, self.room, readers)
            )
            if known is None or not covers(versions, known):
                self._question()
                continue
            self._forget_names(versions)
            self._judge(asked, versions, rights)
            if self._subscriptions:
                newcomers = self._subscriptions.keys() - set(asked)
                self._judgement.answered(question, versions, [newcomer.judged for newcomer in newcomers])
            self._judgement_is_in()
            self._wake_all()

    def _judge(
        self, asked: Sequence[Subscription], versions: Versions, rights: dict[UserId | None, Access]
    ) -> None:
        for subscription in asked:
            access = rights[subscription.user_id]
            subscription.judged, subscription.may_post = versions, access.post
            self._standings.remember(subscription.user_id, versions, access)
            if not access.see:
                subscription.end(access.refusal or Code.NOT_FOUND)

    def _next_judgement(self) -> Deferred[None]:
        waiting: Deferred[None] = Deferred()
        self._when_judged.append(waiting)
        return waiting

    def _judgement_is_in(self) -> None:
        waiting, self._when_judged = self._when_judged, []
        for deferred in waiting:
            deferred.callback(None)

    # What it reads for its subscribers

    async def _read_for(self, flight: Flight) -> Page:
        return await self._read(self._around.reader_turns, partial(self._depart, flight))

    async def _depart(self, flight: Flight) -> Page:
        flight.begin(self._around.clock.seconds(), self.head)
        return await self._around.reads.after(self.room, flight.cursor, flight.limit)

    def _land(self, flight: Flight, waiting: Sequence[Subscription], page: Page) -> None:
        """Give a page to those who waited for it. Those who may not have it now are woken when they may."""
        self._hear(page.versions)
        if page.head < flight.head:
            self._question()
        if page.versions.epoch == self._epoch:
            self.told(page.head)
        if not self._judgement.allows(page.versions):
            return
        messages = () if flight.is_stale(page) else self._around.encoded(page.messages)
        most_bytes = self._around.limits.page_bytes
        batches: dict[int, Batch] = {}
        for subscription in waiting:
            cursor = subscription.cursor
            if not (self.readable and subscription.willing and flight.covers(cursor, subscription.limit)):
                continue
            if cursor not in batches:
                following = [message for message in messages if message.id > cursor]
                batches[cursor] = Batch(self.room, cursor, following).within(most_bytes)
            if batches[cursor].messages:
                subscription.give(batches[cursor])
            elif messages or not page.messages:
                subscription.nothing_until = max(subscription.nothing_until, flight.head)
            subscription.read_on()
