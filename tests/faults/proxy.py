"""A TCP proxy that breaks connections on command: cuts, freezes, half-closes, slows, cuts in mid-frame."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Iterator

HOST = "127.0.0.1"
CHUNK_BYTES = 16_384
SLOW_BUFFER_BYTES = 2_048


class Link:
    """One connection through the proxy: a client's half and a server's half."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        """Take what is written to; all passes freely."""
        self.client = client
        self.server = server
        self.moving = asyncio.Event()
        self.moving.set()
        self.bytes_a_second: int | None = None
        self.left_to_client: int | None = None
        """How many more bytes go to the client before the link is cut."""

    def cut(self) -> None:
        """End both halves with a reset."""
        self.moving.set()
        for half in (self.client, self.server):
            _reset(half)

    def cut_after(self, count: int) -> None:
        """End both once so many more bytes went to the client: in the middle of a frame, as a rule."""
        self.left_to_client = count

    def freeze(self) -> None:
        """Pass nothing on, and keep both open."""
        self.moving.clear()

    def thaw(self) -> None:
        """Pass on again what waited."""
        self.moving.set()

    def half_close(self, half: asyncio.StreamWriter) -> None:
        """Say to one half that the other sends nothing more; the other direction stays."""
        with contextlib.suppress(OSError, RuntimeError):
            half.write_eof()


class Proxy:
    """Listens on a port of its own and passes everything on to another, as long as nothing is broken."""

    def __init__(self, target: int) -> None:
        """Take the port behind."""
        self.target = target
        self.port = 0
        self.links: set[Link] = set()
        self.slow_new_links: int | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accepted, HOST, self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut everything and listen no more."""
        if self._server is not None:
            self._server.close()
        self.cut_all()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut_all(self) -> int:
        """Cut every link and return how many there were."""
        links = tuple(self.links)
        for link in links:
            link.cut()
        return len(links)

    def some(self, rng: random.Random, share: float) -> Iterator[Link]:
        """Yield about that share of the links."""
        return (link for link in tuple(self.links) if rng.random() < share)

    async def _accepted(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        slow = self.slow_new_links
        try:
            from_server, server = await self._connect(slow=slow is not None)
        except OSError:
            _reset(client)
            return
        link = Link(client, server)
        link.bytes_a_second = slow
        self.links.add(link)
        ways = [
            asyncio.create_task(self._pass_on(reader, server, link, to_client=False)),
            asyncio.create_task(self._pass_on(from_server, client, link, to_client=True)),
        ]
        self._tasks.update(ways)
        await asyncio.gather(*ways, return_exceptions=True)
        self._tasks.difference_update(ways)
        self.links.discard(link)
        for half in (client, server):
            _reset(half)

    async def _connect(self, *, slow: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the server; for a slow link with small buffers, which else would take it all in."""
        if not slow:
            return await asyncio.open_connection(HOST, self.target, limit=CHUNK_BYTES)
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER_BYTES)
        made.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(made, (HOST, self.target))
        except BaseException:
            made.close()
            raise
        return await asyncio.open_connection(sock=made, limit=SLOW_BUFFER_BYTES)

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, link: Link, *, to_client: bool
    ) -> None:
        try:
            while data := await source.read(_at_once(link, to_client=to_client)):
                await link.moving.wait()
                left = link.left_to_client if to_client else None
                sink.write(data if left is None else data[:left])
                await sink.drain()
                if left is not None:
                    link.left_to_client = left - len(data)
                    if left <= len(data):
                        link.cut()
                if to_client and link.bytes_a_second:
                    await asyncio.sleep(len(data) / link.bytes_a_second)
            await link.moving.wait()
            sink.write_eof()
        except (OSError, RuntimeError):
            await link.moving.wait()  # the other half of what is frozen hears nothing
            link.cut()


def _at_once(link: Link, *, to_client: bool) -> int:
    if to_client and link.bytes_a_second:
        return max(1, link.bytes_a_second // 2)
    return CHUNK_BYTES


def _reset(half: asyncio.StreamWriter) -> None:
    made = half.get_extra_info("socket")
    if made is not None and made.fileno() != -1:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    half.transport.abort()


def break_link(link: Link, rng: random.Random) -> None:
    """Break a link in one of the ways that there are."""
    way = rng.randrange(6)
    if way <= 1:
        link.cut()
    elif way == 2:
        link.cut_after(rng.randint(1, 400))
    elif way == 3:
        link.freeze()
        asyncio.get_running_loop().call_later(rng.uniform(0.5, 8.0), link.cut)
    elif way == 4:
        link.half_close(link.client)
    else:
        link.half_close(link.server)
