"""Long poll: a call that found nothing waits as a subscription, which ends at its first read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred

from realtime import wire
from realtime.errors import NotAuthenticated, Refusal, Reset, refusal
from realtime.transports.http import Answer
from rooms.messages import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReactorTime

    from realtime.departure import Departure
    from realtime.hub import Hub
    from realtime.places import Places
    from realtime.subscription import Subscription
    from realtime.tail import Batch
    from realtime.transports.http import Call
    from rooms.messages import Code, Credential, Page


class Watch(Protocol):
    """Tells when a credential no longer holds."""

    def watch(self, credential: Credential, revoked: Callable[[], None]) -> Callable[[], None]:
        """Have `revoked` called, at most once; what is returned ends the watch."""


class LongPolls:
    """Parks polls and answers them."""

    def __init__(
        self, hub: Hub, clock: IReactorTime, watch: Watch, departure: Departure, places: Places
    ) -> None:
        """Subscribe at `hub`, as far as there are places; answer all when the server departs."""
        self._hub = hub
        self._clock = clock
        self._watch = watch
        self._departure = departure
        self._places = places

    async def wait(self, call: Call, page: Page, limit: int, wait_s: float) -> Answer | None:
        """Answer with what comes after the page's end, within `wait_s`, else with an empty page."""
        poll = _Poll(page)
        user_id = call.caller.user_id if call.caller else None
        leave = self._places.take(user_id)
        call.exchange.when_gone(leave)
        poll.subscription = self._hub.attach(
            page.room, poll, user_id=user_id, cursor=page.start, versions=page.versions, limit=limit
        )
        self._departure.add(poll, poll.nothing)
        timer = self._clock.callLater(wait_s, poll.nothing)
        call.exchange.when_gone(poll.hang_up)
        unwatch = self._watch.watch(call.caller.credential, poll.revoked) if call.caller else _nothing
        try:
            poll.subscription.wake()
            return await poll.answer
        finally:
            unwatch()
            poll.subscription.end()
            self._departure.discard(poll)
            if timer.active():
                timer.cancel()


class _Poll:
    """One parked poll; the first thing that happens answers it."""

    subscription: Subscription

    def __init__(self, page: Page) -> None:
        self.answer: Deferred[Answer | None] = Deferred()
        self._page = page

    def messages(self, batch: Batch) -> None:
        more = not self.subscription.caught_up
        self._settle(self._answer([m.data for m in batch.messages], batch.last_id, more=more))

    def reset(self, _after: int, _epoch: str) -> None:
        self._refuse(Reset())

    def left(self, code: Code) -> None:
        self._refuse(refusal(Refused(code, "")))

    def revoked(self) -> None:
        self._refuse(NotAuthenticated())

    def nothing(self) -> None:
        self._settle(self._answer([], self._page.start, more=False))

    def hang_up(self) -> None:
        self._settle(None)

    def _answer(self, messages: list[bytes], last_id: int, *, more: bool) -> Answer:
        epoch = self._page.versions.epoch
        return Answer(200, wire.encode_page(self._page.room, epoch, messages, last_id=last_id, more=more))

    def _settle(self, answer: Answer | None) -> None:
        if not self.answer.called:
            self.answer.callback(answer)

    def _refuse(self, refused: Refusal) -> None:
        if not self.answer.called:
            self.answer.errback(refused)


def _nothing() -> None:
    """Have nothing to end: a guest has no credential to watch."""
