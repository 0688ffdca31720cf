"""Gives what is new to all subscribers of a room in turn: some, then the reactor looks elsewhere, then more.

To give a message to 5,000 sockets takes a tenth of a second. Nobody else is heard meanwhile, if it is done in
one go: not the other rooms, and not the senders of this one, whose next messages could be on their way to the
database. What comes in the middle of a round goes to those who wait first, in one piece with what they wait
for: so a room that is written to faster than it can be told is told less often, not later and later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import OrderedDict
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from realtime.limits import HubLimits
    from realtime.subscription import Subscription
    from realtime.tail import Batch, Encoded


class Offering:
    """Offers the newest batch to subscriptions, `limits.offers_at_once` of them in a turn of the reactor.

    One that waits gets what it has missed from the tail. So that the tail still has it, a round is brought to
    its end at once before more comes than half a tail holds.
    """

    def __init__(
        self,
        subscriptions: OrderedDict[Subscription, None],
        may: Callable[[], bool],
        clock: IReactorTime,
        limits: HubLimits,
    ) -> None:
        """Offer to these as long as they `may` be given anything; those who wait stand first among them."""
        self._subscriptions = subscriptions
        self._may = may
        self._clock = clock
        self._limits = limits
        self._batch: Batch | None = None
        self._left = 0
        self._messages = 0
        self._bytes = 0
        self._next: IDelayedCall | None = None

    def expect(self, messages: Sequence[Encoded]) -> None:
        """Take note that these follow: whoever waits must not wait until the tail has dropped something."""
        if self._next is None:
            self._messages = self._bytes = 0
        self._messages += len(messages)
        self._bytes += sum(len(message.data) for message in messages)
        limits = self._limits
        if self._messages > limits.tail_messages // 2 or self._bytes > limits.tail_bytes // 2:
            self._go_on(self._left)

    def offer(self, batch: Batch) -> None:
        """Offer a batch, and whatever comes before it, to everybody."""
        self._batch, self._left = batch, len(self._subscriptions)
        if self._next is None:
            self._turn()

    def stop(self) -> None:
        """Offer nothing more."""
        self._left = 0
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _turn(self) -> None:
        self._next = None
        self._go_on(self._limits.offers_at_once)
        if self._left:
            self._next = self._clock.callLater(0, self._turn)

    def _go_on(self, most: int) -> None:
        for _one in range(min(most, self._left)):
            subscription = next(iter(self._subscriptions), None)
            if subscription is None or self._batch is None or not self._may():
                # Whoever lets them go on has all of them read on.
                self._left = 0
                return
            self._left -= 1
            self._subscriptions.move_to_end(subscription)
            subscription.offer(self._batch)
