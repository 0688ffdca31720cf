"""Hears other processes: a reader of the reactor on a connection that listens, made anew where it breaks.

Only what is said while the connection holds is heard. So after every connect the rooms are looked at, and
since a connection may be dead without a sign, the listener must hear this process itself again and again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from realtime.errand import Outage
from realtime.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from twisted.internet.interfaces import IDelayedCall
    from twisted.python.failure import Failure

    from realtime.limits import ListenerLimits

logger = logging.getLogger(__name__)


class Line(Protocol):
    """A connection that listens."""

    def fileno(self) -> int:
        """Return the descriptor to wait on."""

    def take(self) -> list[str]:
        """Return what has come in, without waiting; raise Unavailable where the connection is dead."""

    def close(self) -> None:
        """Hang up."""


class Exchange(Protocol):
    """Where lines come from."""

    def listen(self) -> Awaitable[Line]:
        """Return a new line, the taker's own; raise Unavailable where the database does not answer."""


class Deaf:
    """The listener where there is nothing to hear."""

    def start(self) -> None:
        """Hear nothing."""

    def stop(self) -> None:
        """Have nothing to stop."""


class Listener:
    """Holds one line, or is about to have one."""

    def __init__(  # noqa: PLR0913 (whom it asks, and whom it tells)
        self,
        exchange: Exchange,
        reactor: Any,
        limits: ListenerLimits,
        *,
        take: Callable[[str], bool],
        ping: Callable[[], None],
        connected: Callable[[], None],
        random: Callable[[], float],
    ) -> None:
        """Give every payload to `take`, which returns whether it was this process's own.

        `ping` is to make something of this process's own come in; `connected` is called whenever something
        may have been missed. `random` returns a number from 0 to 1.
        """
        self._exchange = exchange
        self._reactor = reactor
        self._limits = limits
        self._take = take
        self._ping = ping
        self._connected = connected
        self._random = random
        self._outage = Outage("Listening to other processes")
        self._pause_s = limits.backoff.first_s
        self._ear: _Ear | None = None
        self._next: IDelayedCall | None = None
        self._heard_itself = False
        self._running = False

    def start(self) -> None:
        """Begin."""
        self._running = True
        self._begin()

    def stop(self) -> None:
        """Hear no more. A line that comes late is closed."""
        self._running = False
        self._hang_up()

    def _begin(self) -> None:
        Deferred.fromCoroutine(self._connect())

    async def _connect(self) -> None:
        try:
            line = await self._exchange.listen()
        except Exception as error:  # noqa: BLE001 (told once an outage, and tried again)
            self._again(error)
            return
        if self._running:
            self._have(line)
        else:
            line.close()

    def _have(self, line: Line) -> None:
        self._ear = _Ear(line, self._reactor, self._came, self._again)
        self._heard_itself = False
        self._ping()
        self._next = self._reactor.callLater(self._limits.hear_s, self._look)
        self._connected()

    def _came(self, payload: str) -> None:
        if self._take(payload):
            self._heard_itself = True
            self._pause_s = self._limits.backoff.first_s
            self._outage.over()

    def _look(self) -> None:
        """Go on, or have another line where not even this process was heard on this one."""
        self._next = None
        if not self._heard_itself:
            self._again(Unavailable("Nothing was heard on it, not even this process itself."))
            return
        self._heard_itself = False
        self._ping()
        self._next = self._reactor.callLater(self._limits.hear_s, self._look)

    def _again(self, error: BaseException) -> None:
        """Have another line after a pause: a random part of one that doubles, for not all to come at once."""
        if not self._running:
            return
        self._hang_up()
        self._outage.failed(error)
        self._next = self._reactor.callLater(self._pause_s * self._random(), self._begin)
        self._pause_s = min(2 * self._pause_s, self._limits.backoff.longest_s)

    def _hang_up(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None
        if self._ear is not None:
            self._ear.close()
            self._ear = None


@implementer(IReadDescriptor)
class _Ear:
    """A line among the reactor's readers."""

    def __init__(
        self, line: Line, reactor: Any, came: Callable[[str], None], lost: Callable[[BaseException], None]
    ) -> None:
        self._line = line
        self._reactor = reactor
        self._came = came
        self._lost = lost
        self._closed = False
        reactor.addReader(self)

    def fileno(self) -> int:
        return self._line.fileno()

    def logPrefix(self) -> str:
        return "Listener"

    def doRead(self) -> None:
        try:
            payloads = self._line.take()
        except Exception as error:  # noqa: BLE001 (the line is of no use any more)
            self._lost(error)
            return
        for payload in payloads:
            if self._closed:
                return
            try:
                self._came(payload)
            except Exception:
                logger.exception("What another process said could not be taken")

    def connectionLost(self, reason: Failure) -> None:
        if not self._closed:
            self._lost(reason.value or Unavailable())

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._reactor.removeReader(self)
            self._line.close()
