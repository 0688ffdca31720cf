"""Two hundred readers who take a hundred bytes a second, in a process of their own.

    python -m tests.faults.slowly PORT ROOM COUNT     the token by the environment's TOKEN

They wait in their own process, at the lowest priority, so that what they cost the others is what they cost
the server. On standard input `behind ID` asks how many have not reached an id, `on ID` lets them all read
freely up to it; each is answered by one line of JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from contextlib import AsyncExitStack
from typing import Any

from tests.faults.clients import WebSocket
from tests.faults.proxy import Proxy

BYTES_A_SECOND = 100
PATIENCE_S = 600.0


class SlowReader:
    """Reads a room from its beginning, and keeps the ids and what was wrong with them."""

    def __init__(self, socket: WebSocket, room: str) -> None:
        """Join the room."""
        self.ids: list[int] = []
        self.wrong = ""
        self._socket = socket
        self._moved = asyncio.Condition()
        socket.send(type="join", room=room, after=0)

    @property
    def cursor(self) -> int:
        """The last id it was given."""
        return self.ids[-1] if self.ids else 0

    async def run(self) -> None:
        """Read on, for good."""
        while True:
            frame = await self._socket.receive(PATIENCE_S)
            if frame["type"] == "messages":
                await self._take(frame)

    async def _take(self, frame: dict[str, Any]) -> None:
        came = [message["id"] for message in frame["messages"]]
        if frame["prev"] != self.cursor or sorted({*came, self.cursor}) != [self.cursor, *came]:
            self.wrong = f"{came} came after {frame['prev']} at {self.cursor}"
        async with self._moved:
            self.ids += came
            self._moved.notify_all()

    async def at(self, last_id: int) -> None:
        """Return once the cursor is there."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.cursor >= last_id)

    def digest(self, last_id: int) -> str:
        """Return a digest of what it was given up to an id."""
        return digest(number for number in self.ids if number <= last_id)


def digest(ids: Any) -> str:
    """Return a digest of ids."""
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()


async def main(port: int, room: str, count: int) -> None:
    """Connect all, tell so, and answer what is asked."""
    proxy = Proxy(port)
    proxy.slow_new_links = BYTES_A_SECOND
    await proxy.start()
    asking = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(asking), sys.stdin
    )
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        sockets = await asyncio.gather(
            *(
                WebSocket.open(proxy.port, os.environ["TOKEN"], limit_s=PATIENCE_S, receive_bytes=2048)
                for _number in range(count)
            )
        )
        readers = [SlowReader(stack.enter_context(socket), room) for socket in sockets]
        reading = [tasks.create_task(reader.run()) for reader in readers]
        say({"connected": len(readers)})
        while line := (await asking.readline()).split():
            last_id = int(line[1])
            if line[0] == b"on":
                for link in proxy.links:
                    link.bytes_a_second = None
                await asyncio.gather(*(reader.at(last_id) for reader in readers))
            say(
                {
                    "behind": sum(reader.cursor < last_id for reader in readers),
                    "digests": sorted({reader.digest(last_id) for reader in readers}),
                    "wrong": sorted({reader.wrong for reader in readers if reader.wrong}),
                }
            )
        for task in reading:
            task.cancel()
    await proxy.stop()


def say(what: dict[str, Any]) -> None:
    """Answer."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.nice(19)
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
