"""How fast people may send: token buckets, by user and by address. No framework; the time is passed in."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from realtime.errors import RateLimited
from rooms import origins

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from realtime.config import Config
    from rooms.messages import Identity

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket's size, and how fast it fills."""

    per_minute: int
    burst: int


class Buckets:
    """A bucket for each key that took something lately. One that is full again is not kept.

    At most `most` are kept; beyond that the one that was used longest ago is forgotten, which is
    to say that it is full.
    """

    def __init__(self, seconds: Callable[[], float], most: int) -> None:
        """Tell the time by `seconds`, in seconds that never go back."""
        self._seconds = seconds
        self._most = most
        self._held: OrderedDict[Hashable, tuple[float, float, Rate]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._held)

    def wait_s(self, key: Hashable, rate: Rate) -> float:
        """Return how long it takes until there is a token; 0 where there is one."""
        lacking = 1.0 - self._tokens(key, rate)
        return max(0.0, lacking * MINUTE_S / rate.per_minute)

    def take(self, key: Hashable, rate: Rate) -> None:
        """Take a token that is there."""
        tokens = self._tokens(key, rate) - 1.0
        self._held[key] = (tokens, self._seconds(), rate)
        self._held.move_to_end(key)
        self._forget()

    def _tokens(self, key: Hashable, rate: Rate) -> float:
        held = self._held.get(key)
        if held is None:
            return float(rate.burst)
        tokens, at_s, _rate = held
        return min(rate.burst, tokens + (self._seconds() - at_s) * rate.per_minute / MINUTE_S)

    def _forget(self) -> None:
        while self._held:
            oldest, (_tokens, _at_s, rate) = next(iter(self._held.items()))
            if len(self._held) <= self._most and self._tokens(oldest, rate) < rate.burst:
                return
            del self._held[oldest]


class Sends:
    """Lets people send, as fast as the settings let them: whatever the transport, the room and the kind."""

    def __init__(
        self, config: Config, seconds: Callable[[], float], now: Callable[[], datetime], most: int
    ) -> None:
        """Count time by `seconds`, tell the time of day by `now`; keep at most `most` of each sort."""
        self._proxies = config.trusted_proxies
        self._new_for = timedelta(hours=config.new_account_hours)
        self._known = Rate(config.sends_per_minute, config.sends_burst)
        # Somebody new gets no more at once than in a minute, nor ever more than others.
        slow = min(config.sends_per_minute_new, config.sends_per_minute)
        self._new = Rate(slow, min(slow, config.sends_burst))
        each = config.sends_per_minute_address
        self._of_address = Rate(each, max(1, each // 2)) if each else None
        self._now = now
        self._users = Buckets(seconds, most)
        self._addresses = Buckets(seconds, most)

    def origin(self, peer: str, forwarded: str) -> str:
        """Return whom a request counts for: the peer's address, or what our proxies say it was."""
        return origins.origin(peer, forwarded, self._proxies)

    def take(self, caller: Identity, origin: str) -> None:
        """Count one send. One that is refused is not counted.

        Raises:
            RateLimited: that is too many; says when the next may come.
        """
        rate = self._new if self._is_new(caller) else self._known
        wait_s = self._users.wait_s(caller.user_id, rate)
        if wait_s > 0:
            raise _too_many("You send", rate, wait_s)
        if origin and self._of_address:
            wait_s = self._addresses.wait_s(origin, self._of_address)
            if wait_s > 0:
                raise _too_many("Your address sends", self._of_address, wait_s)
            self._addresses.take(origin, self._of_address)
        self._users.take(caller.user_id, rate)

    def _is_new(self, caller: Identity) -> bool:
        return caller.since is not None and self._now() - caller.since < self._new_for


def _too_many(who: str, rate: Rate, wait_s: float) -> RateLimited:
    after_s = max(1, math.ceil(wait_s))
    return RateLimited(
        f"{who} more than {rate.per_minute} times a minute. Send it again, with the same nonce, later.",
        retry_after_s=after_s,
    )
