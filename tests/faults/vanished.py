"""A host that goes without a word. Needs network namespaces (ip-netns(8)), and so root.

    python -m tests.faults.vanished ADDRESS PORT ROOM     the token by the environment's TOKEN

Run so, it is the host: it opens sockets, streams and long polls, says so, and waits for its end.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from tests.faults.arena import Arena, CannotRun, in_thread
from tests.faults.connections import DEAD_PEER_S, descriptors
from tests.faults.fault import POSTGRESQL, Fault, Measured
from tests.faults.workload import until
from tests.system.server import ROOT, RunningChat, free_port

OURS, THEIRS = "10.99.71.1", "10.99.71.2"
MAC = "02:00:0a:63:47:02"
ESTABLISHED = "01"
EACH = 10
TRANSPORTS = 3
START_S = 30.0
OTHERS = 5
"""So many connections to the database may have come meanwhile."""
SETTLED_S = 3.0
WEBSOCKET = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
)
KEY = "x3JJHMbDL1EzLkh9GBhXDw=="


class HostGone(Fault):
    """A host with open sockets, streams and long polls vanishes."""

    name: ClassVar[str] = "vanished"
    demand: ClassVar[str] = (
        "a host vanishes: its WebSockets, streams and long polls are gone in 45 s, their descriptors too"
    )
    databases: ClassVar[tuple[str, ...]] = (POSTGRESQL,)
    short: ClassVar[bool] = False

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Have it open all, let it vanish, and count the server's descriptors."""
        with cable() as namespace:
            port = free_port()
            await in_thread(arena.site.fresh)
            listen = f"tcp:{port}:interface={OURS}"
            server = RunningChat("--listen", listen, **arena.site.environment)
            await in_thread(server.start)
            try:
                async with host(namespace, port, arena):
                    await until(lambda: connections(port) == TRANSPORTS * EACH, START_S)
                    await asyncio.sleep(SETTLED_S)  # until the database has all connections that it gets
                    at_work = descriptors(server)
                    ip("-n", namespace, "addr", "flush", "to", THEIRS)
                    # A long poll is answered after a minute at most; these have only just begun.
                    took_s = await until(
                        lambda: descriptors(server) <= at_work - TRANSPORTS * EACH + OTHERS, 2 * DEAD_PEER_S
                    )
                left = descriptors(server)
            finally:
                await in_thread(server.kill)
        measured.tell(f"{at_work} descriptors with {TRANSPORTS * EACH} connections, {left} at the end")
        measured.at_most("gone after", took_s, DEAD_PEER_S)


def connections(port: int) -> int:
    """Return how many connections to the server's port are established (proc(5), net/tcp)."""
    local = f"{int.from_bytes(socket.inet_aton(OURS), 'little'):08X}:{port:04X}"
    rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return sum(row.split()[1:4:2] == [local, ESTABLISHED] for row in rows)


@contextmanager
def cable() -> Iterator[str]:
    """Make a host with a cable to it, and yield its name.

    Its network address is known for good, so that what is sent to it once it is gone goes nowhere, as
    behind a router.
    """
    if os.geteuid() != 0 or shutil.which("ip") is None:
        raise CannotRun("only root may make a network namespace, with iproute2's ip")
    namespace, ours, theirs = (f"chat{sort}{os.getpid() % 100_000}" for sort in ("n", "a", "b"))
    try:
        ip("netns", "add", namespace)
    except subprocess.CalledProcessError:
        raise CannotRun("no network namespace can be made here") from None
    try:
        ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "address", MAC, "netns", namespace)
        ip("addr", "add", f"{OURS}/30", "dev", ours)
        ip("link", "set", ours, "up")
        ip("-n", namespace, "addr", "add", f"{THEIRS}/30", "dev", theirs)
        ip("-n", namespace, "link", "set", theirs, "up")
        ip("neigh", "replace", THEIRS, "lladdr", MAC, "dev", ours, "nud", "permanent")
        yield namespace
    finally:
        # The name goes at once; the host itself, and the cable, only with the last process there.
        with suppress(subprocess.CalledProcessError):
            ip("link", "del", ours)
        ip("netns", "del", namespace)


def ip(*arguments: str) -> None:
    """Set up the network."""
    subprocess.run(["ip", *arguments], check=True, stderr=subprocess.DEVNULL)


class host:  # noqa: N801  (reads as the place that it is)
    """The process on the other host."""

    def __init__(self, namespace: str, port: int, arena: Arena) -> None:
        """Call the server from there."""
        self._command = [
            "ip", "netns", "exec", namespace, sys.executable, "-m", "tests.faults.vanished",
            OURS, str(port), arena.site.rooms[0],
        ]  # fmt: skip
        self._token = arena.site.tokens[0]

    async def __aenter__(self) -> None:
        """Start it."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command, cwd=ROOT, env={**os.environ, "TOKEN": self._token}
        )

    async def __aexit__(self, *_error: object) -> None:
        """End it."""
        self._process.kill()
        await self._process.wait()


async def main(address: str, port: int, room: str) -> None:
    """Open all connections and hold them."""
    token = os.environ["TOKEN"]
    asked = [
        ("/ws", WEBSOCKET),
        (f"/api/rooms/{room}/events", ""),
        (f"/api/rooms/{room}/messages?after=0&wait=60", ""),
    ]
    async with AsyncExitStack() as stack:
        for path, more in asked * EACH:
            _reader, writer = await asyncio.open_connection(address, port)
            stack.callback(writer.close)
            head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
            writer.write(head.encode())
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
