"""Who a credential is, remembered for a few seconds, and whether those of open connections still hold."""

from __future__ import annotations

import logging
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred

from realtime.errand import Errand, Outage
from realtime.limits import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from twisted.internet.interfaces import IReactorTime

    from realtime.limits import IdentityLimits
    from rooms.messages import Credential, Identity

logger = logging.getLogger(__name__)


class Accounts(Protocol):
    """What identities ask of the database."""

    async def identify(self, credential: Credential) -> Identity | None:
        """Return who this is, None where it does not hold."""

    async def still_valid(self, credentials: Collection[Credential]) -> dict[Credential, Identity | None]:
        """Return who these are now, None where one no longer holds."""


class Identities:
    """Knows who credentials belong to, at most `limits.keep_s` late, and tells whose no longer hold."""

    def __init__(self, accounts: Accounts, clock: IReactorTime, limits: IdentityLimits) -> None:
        """Ask `accounts`, tell the time by `clock`."""
        self._accounts = accounts
        self._clock = clock
        self._limits = limits
        self._known: OrderedDict[Credential, tuple[float, Identity | None]] = OrderedDict()
        self._asking: dict[Credential, list[Deferred[Identity | None]]] = {}
        self._watched: dict[Credential, dict[object, Callable[[], None]]] = {}
        self._wanted = 0
        self._checked = 0
        self._checking = Errand(self._check, clock, Backoff(), Outage("Checking who is connected"))

    async def identify(self, credential: Credential) -> Identity | None:
        """Return who this is, None where the credential does not hold.

        Raises:
            Unavailable: the database does not answer.
        """
        known = self._known.get(credential)
        if known is not None and self._clock.seconds() - known[0] < self._limits.keep_s:
            self._known.move_to_end(credential)
            return known[1]
        others = self._asking.get(credential)
        if others is not None:
            answer: Deferred[Identity | None] = Deferred()
            others.append(answer)
            return await answer
        return await self._ask(credential)

    def watch(self, credential: Credential, revoked: Callable[[], None]) -> Callable[[], None]:
        """Have `revoked` called once if the credential no longer holds. Return what ends the watch.

        Who was let in by it before something changed, and is watched only since, is asked about at once.
        """
        key = object()
        self._watched.setdefault(credential, {})[key] = revoked
        _since, identity = self._known.get(credential, (0.0, None))
        if identity is None:
            self.check()

        def unwatch() -> None:
            watchers = self._watched.get(credential, {})
            watchers.pop(key, None)
            if not watchers:
                self._watched.pop(credential, None)

        return unwatch

    def forget(self) -> None:
        """Remember nobody, and ask about all that are watched: accounts changed."""
        self._known.clear()
        # What is under way may have been read before the change: those who ask now ask anew.
        self._asking = {}
        self.check()

    def check(self) -> None:
        """Ask about all credentials that are watched, again and again until the database has answered."""
        self._wanted += 1
        self._checking.start()

    def stop(self) -> None:
        """Ask about nobody any more."""
        self._checking.stop()
        self._watched.clear()

    async def _ask(self, credential: Credential) -> Identity | None:
        asking, others = self._asking, self._asking.setdefault(credential, [])
        began_s = self._clock.seconds()
        try:
            identity = await self._accounts.identify(credential)
        except Exception as error:
            del asking[credential]
            for other in others:
                other.errback(error)
            raise
        del asking[credential]
        if asking is self._asking:
            self._remember(credential, began_s, identity)
        for other in others:
            other.callback(identity)
        return identity

    def _remember(self, credential: Credential, began_s: float, identity: Identity | None) -> None:
        self._known[credential] = (began_s, identity)
        self._known.move_to_end(credential)
        while len(self._known) > self._limits.keep_credentials:
            self._known.popitem(last=False)

    async def _check(self) -> None:
        while self._checked != self._wanted:
            wanted, memory = self._wanted, self._asking
            for some in _portions(tuple(self._watched), self._limits.at_once):
                began_s = self._clock.seconds()
                found = await self._accounts.still_valid(some)
                for credential in some:
                    if memory is self._asking:
                        self._remember(credential, began_s, found[credential])
                    if found[credential] is None:
                        self._revoke(credential)
            self._checked = wanted

    def _revoke(self, credential: Credential) -> None:
        for revoked in self._watched.pop(credential, {}).values():
            try:
                revoked()
            except Exception:
                logger.exception("A connection failed to end whose credential no longer holds")


def _portions(credentials: Collection[Credential], size: int) -> Iterator[tuple[Credential, ...]]:
    rest = iter(credentials)
    while some := tuple(islice(rest, size)):
        yield some
