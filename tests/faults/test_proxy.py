"""The proxy breaks connections as it is told to: what each of two ends of a connection then sees."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.faults.proxy import HOST, Link, Proxy

LONG = bytes(range(256)) * 40
SOON_S = 10.0


class Ends:
    """Both ends of one connection through a proxy."""

    def __init__(self, proxy: Proxy) -> None:
        """Have no connection yet."""
        self.proxy = proxy
        self.at_server: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def connect(self) -> Link:
        """Connect, and have a word through it both ways."""
        self.reader, self.writer = await asyncio.open_connection(HOST, self.proxy.port)
        self.writer.write(b"hello")
        self.server_reader, self.server_writer = await self.at_server.get()
        assert await self.server_reader.readexactly(5) == b"hello"
        self.server_writer.write(b"welcome")
        assert await self.reader.readexactly(7) == b"welcome"
        [link] = self.proxy.links
        return link


@asynccontextmanager
async def ends() -> AsyncIterator[Ends]:
    """Make a proxy before a server that does nothing by itself."""
    made = Ends(Proxy(0))

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await made.at_server.put((reader, writer))

    server = await asyncio.start_server(accepted, HOST, 0)
    made.proxy.target = server.sockets[0].getsockname()[1]
    await made.proxy.start()
    try:
        yield made
    finally:
        for writer in (made.writer, made.server_writer):
            writer.transport.abort()
        await made.proxy.stop()
        server.close()


def run(story: Callable[[Ends], Awaitable[None]]) -> None:
    """Tell a story of a connection."""

    async def told() -> None:
        async with asyncio.timeout(SOON_S), ends() as both:
            await story(both)

    asyncio.run(told())


async def _silent(reader: asyncio.StreamReader) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await reader.read(1)


def test_a_cut_ends_both_sides_by_a_reset() -> None:
    async def story(both: Ends) -> None:
        (await both.connect()).cut()
        for reader in (both.reader, both.server_reader):
            with pytest.raises(ConnectionResetError):
                await reader.read(1)

    run(story)


def test_a_cut_in_mid_frame_lets_so_many_bytes_through() -> None:
    async def story(both: Ends) -> None:
        (await both.connect()).cut_after(1)
        both.server_writer.write(b"frame")
        got = []
        with pytest.raises(ConnectionResetError):
            got.append(await both.reader.readexactly(5))
        assert not got

    run(story)


def test_frozen_neither_side_hears_of_anything_not_even_the_end() -> None:
    async def story(both: Ends) -> None:
        link = await both.connect()
        link.freeze()
        both.server_writer.write(b"late")
        await _silent(both.reader)
        both.writer.transport.abort()
        await _silent(both.server_reader)

    run(story)


def test_what_waited_comes_after_a_thaw() -> None:
    async def story(both: Ends) -> None:
        link = await both.connect()
        link.freeze()
        both.server_writer.write(b"late")
        await _silent(both.reader)
        link.thaw()
        assert await both.reader.readexactly(4) == b"late"

    run(story)


def test_half_closed_the_other_direction_stays() -> None:
    async def story(both: Ends) -> None:
        link = await both.connect()
        link.half_close(link.server)
        assert await both.server_reader.read(1) == b""
        both.server_writer.write(b"still here")
        assert await both.reader.readexactly(10) == b"still here"

    run(story)


def test_slow_it_takes_as_long_as_the_bytes_need() -> None:
    async def story(both: Ends) -> None:
        link = await both.connect()
        link.bytes_a_second = 20 * len(LONG)
        begun_s = time.monotonic()
        both.server_writer.write(LONG)
        assert await both.reader.readexactly(len(LONG)) == LONG
        assert time.monotonic() - begun_s < SOON_S

    run(story)
