"""A network that a test breaks: a proxy of real TCP connections between browsers and a site.

What Playwright does to a network leaves sockets that are open alone, and never cuts a frame in two.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from tests.faults.proxy import HOST, Link, Proxy

DONE_WITHIN_S = 10


class BadNetwork:
    """The proxy, in a loop and a thread of its own: a test's thread belongs to Playwright."""

    def __init__(self, target: int) -> None:
        """Take the port of the site."""
        self._loop = asyncio.new_event_loop()
        self._proxy = Proxy(target)
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.mend()

    @property
    def url(self) -> str:
        """The site's origin as who is behind this network sees it."""
        return f"http://{HOST}:{self._proxy.port}"

    def mend(self) -> None:
        """Let new connections through."""
        self._do(self._proxy.start())

    def fail(self) -> None:
        """Cut what is open and refuse what is tried, until it is mended."""
        self._do(self._proxy.stop())

    def slow(self, bytes_a_second: int | None) -> None:
        """Have new connections carry no more than that to the browser."""
        self._proxy.slow_new_links = bytes_a_second

    def each(self, breaks: Callable[[Link], None]) -> None:
        """Break every connection that is open in some way."""

        async def broken() -> None:
            for link in tuple(self._proxy.links):
                breaks(link)

        self._do(broken())

    def close(self) -> None:
        """Cut everything and end the thread."""
        self.fail()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DONE_WITHIN_S)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(DONE_WITHIN_S)


@contextmanager
def bad_network(port: int) -> Iterator[BadNetwork]:
    """Put a network that can be broken before the site at a port."""
    network = BadNetwork(port)
    try:
        yield network
    finally:
        network.close()
