"""How many connections are open: in all, and from one address; and what those hear that are too many."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol

from realtime.errors import Unavailable
from realtime.transports.http import problem_response
from rooms import origins

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

logger = logging.getLogger(__name__)

COME_BACK_S = 10


class Seats:
    """How many connections are open, of those that may be."""

    def __init__(self, most: int, per_address: int = 0) -> None:
        """Have all of them free. `per_address` 0: an address may have all."""
        self.most = most
        self.taken = 0
        self._per_address = per_address
        self._of_addresses: Counter[str] = Counter()
        self._told = False
        self._waiting: list[Deferred[None]] = []

    @property
    def by_address(self) -> bool:
        """Whether addresses are counted: those of proxies speak for everybody."""
        return bool(self._per_address)

    def free(self, address: IAddress | None) -> bool:
        """Tell whether one more connection may come; the first refusal in a row is logged."""
        origin = origin_of(address)
        if self.taken >= self.most:
            self._tell("All %d connections (CHAT_CONNECTIONS) are taken: new ones are refused", self.most)
        elif origin and self._per_address and self._of_addresses.get(origin, 0) >= self._per_address:
            self._tell("More than CHAT_CONNECTIONS_PER_ADDRESS come from %s: they are refused", origin)
        else:
            self._told = False
            return True
        return False

    def take(self, address: IAddress | None) -> Seat:
        """Count one connection."""
        origin = origin_of(address)
        self.taken += 1
        self._of_addresses[origin] += 1
        return Seat(self, origin)

    def left(self, origin: str) -> None:
        """Count one connection less."""
        self.taken -= 1
        self._of_addresses[origin] -= 1
        if not self._of_addresses[origin]:
            del self._of_addresses[origin]
        if not self.taken:
            waiting, self._waiting = self._waiting, []
            for deferred in waiting:
                deferred.callback(None)

    def empty(self) -> Deferred[None]:
        """Return what fires when no connection is open."""
        if not self.taken:
            return succeed(None)
        self._waiting.append(Deferred())
        return self._waiting[-1]

    def _tell(self, text: str, what: object) -> None:
        if not self._told:
            logger.warning(text, what)
        self._told = True


class Seat:
    """One connection's place among all."""

    def __init__(self, seats: Seats, origin: str) -> None:
        """Belong to `seats`."""
        self._seats: Seats | None = seats
        self.origin = origin

    def leave(self) -> None:
        """Give the place back. Twice is once."""
        if self._seats is not None:
            seats, self._seats = self._seats, None
            seats.left(self.origin)


def origin_of(address: Any) -> str:
    """Return whom a connection counts for, "" where for nobody. Whom a proxy speaks for is not known yet."""
    return origins.network(str(getattr(address, "host", "")))


class TurnedAway(Protocol):
    """A connection that is one too many: hears 503 to whatever it asks, and is closed."""

    transport: Any

    def __init__(self, clock: IReactorTime, limit_s: float, left: Callable[[], None]) -> None:
        """Take `limit_s` in all; `left` is called at the end."""
        self._clock = clock
        self._limit_s = limit_s
        self._left = left
        self._end: IDelayedCall | None = None
        self._answered = False

    def connectionMade(self) -> None:
        """Wait for the request: an answer before it could be lost."""
        self._end = self._clock.callLater(self._limit_s, self._abort)

    def dataReceived(self, data: bytes) -> None:
        """Answer, once, and let the client read it."""
        if self._answered:
            return
        self._answered = True
        refusal = Unavailable("Too many are connected just now.", retry_after_s=COME_BACK_S)
        self.transport.write(problem_response(refusal))
        half_close = getattr(self.transport, "loseWriteConnection", None)
        if half_close is not None:
            half_close()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Be counted no more."""
        if self._end is not None and self._end.active():
            self._end.cancel()
        self._left()

    def _abort(self) -> None:
        self.transport.abortConnection()
