"""Work that goes on until it succeeds, and one line in the log for an outage."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from realtime.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from realtime.limits import Backoff

logger = logging.getLogger(__name__)


class Outage:
    """Says once that something fails and once that it works again, however often it is tried.

    A failure of another kind than the last one is told too: it may be a bug that hides behind an outage.
    """

    def __init__(self, what: str) -> None:
        """Take the name of what may fail, as the log shows it."""
        self._what = what
        self._kind: type[BaseException] | None = None

    def failed(self, error: BaseException) -> None:
        """Take note of a failure."""
        if type(error) is not self._kind:
            expected = isinstance(error, Unavailable)
            logger.error(
                "%s: failed, and is tried again: %s",
                self._what,
                error.__cause__ or error,
                exc_info=None if expected else error,
            )
        self._kind = type(error)

    def over(self) -> None:
        """Take note of a success."""
        if self._kind is not None:
            logger.warning("%s: works again", self._what)
        self._kind = None


class Errand:
    """A job that is never done twice at once and that, where it fails, is done again after a pause.

    The job must look for itself what there is to do, until nothing is left: `start` while it runs,
    or waits for another try, does nothing.
    """

    def __init__(
        self,
        job: Callable[[], Coroutine[Any, Any, None]],
        clock: IReactorTime,
        backoff: Backoff,
        outage: Outage,
    ) -> None:
        """Take the job, and what its failures and successes are told to."""
        self._job = job
        self._clock = clock
        self._backoff = backoff
        self._outage = outage
        self._pause_s = backoff.first_s
        self._retry: IDelayedCall | None = None
        self._stopped = False
        self.running = False

    def start(self) -> None:
        """Do the job, where it is not being done already."""
        if self.running or self._stopped:
            return
        self.running = True
        self._begin()

    def stop(self) -> None:
        """Never begin again. What is under way ends by itself: failures of it are no longer told."""
        self._stopped = True
        self.running = False
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _begin(self) -> None:
        self._retry = None
        Deferred.fromCoroutine(self._once())

    async def _once(self) -> None:
        try:
            await self._job()
        except Exception as error:  # noqa: BLE001 (whatever it was: it is told, and tried again)
            if self._stopped:
                return
            self._outage.failed(error)
            self._retry = self._clock.callLater(self._pause_s, self._begin)
            self._pause_s = min(2 * self._pause_s, self._backoff.longest_s)
        else:
            self.running = False
            self._pause_s = self._backoff.first_s
            self._outage.over()
