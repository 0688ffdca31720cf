"""How many uploads are on their way in, in all and from one address, and how long each may take."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from realtime.seats import origin_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from twisted.internet.interfaces import IAddress
    from twisted.web.server import Request

    from realtime.limits import UploadLimits
    from rooms.messages import Identity

PATH = re.compile(rb"/api/rooms/[a-z0-9-]{1,64}/files(\?|\Z)")


class Uploads:
    """The places of bodies that are larger than other calls': each is a file on disk while it comes in."""

    def __init__(
        self,
        limits: UploadLimits,
        most_bytes: int,
        *,
        by_address: bool,
        known: Callable[[Request], Awaitable[Identity | None]],
    ) -> None:
        """Take bodies of at most `most_bytes`; 0: none. Without `by_address` a proxy speaks for everybody.

        `known` returns whose a request is; who is nobody keeps no place.
        """
        self.known = known
        self.most_bytes = most_bytes
        self._limits = limits
        self._by_address = by_address
        self._taken = 0
        self._of_addresses: Counter[str] = Counter()

    def is_one(self, method: bytes, uri: bytes) -> bool:
        """Tell whether a request is an upload."""
        return bool(self.most_bytes) and method == b"POST" and PATH.match(uri) is not None

    def take(self, address: IAddress | None) -> Callable[[], None] | None:
        """Count one, and return what gives its place back (twice is once); None where there are too many."""
        origin = origin_of(address) if self._by_address else ""
        if self._taken >= self._limits.at_once:
            return None
        if origin and self._of_addresses[origin] >= self._limits.at_once_of_address:
            return None
        self._taken += 1
        self._of_addresses[origin] += 1
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self._taken -= 1
                self._of_addresses[origin] -= 1
                if not self._of_addresses[origin]:
                    del self._of_addresses[origin]

        return leave

    def patience_s(self, length_bytes: int | None) -> float:
        """Return how much longer than any other request a body may take, of this length or of unknown."""
        return (self.most_bytes if length_bytes is None else length_bytes) / self._limits.least_bytes_s
