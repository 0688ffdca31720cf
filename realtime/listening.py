"""Where the server listens, and sockets that several processes share: a parent opens, workers adopt them.

Twisted's own endpoints understand the descriptions. In a parent they are given a "reactor" that only opens
sockets, in a worker one that takes over those opened there: so all of them, TLS too, are understood alike.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp, unix
from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.python.failure import Failure
from twisted.python.lockfile import FilesystemLock

from realtime.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint

BACKLOG = 4096
"""Connections that may wait to be accepted: after a restart all clients come at once."""

ANYBODY = 0o666


class NotStarted(Exception):  # noqa: N818  (what happened)
    """The server cannot run; the message says why, in one line."""


def endpoint(reactor: Any, description: str) -> IStreamServerEndpoint:
    """Return a Twisted endpoint; raise NotStarted where the description cannot be understood."""
    kind = description.partition(":")[0]
    ours = kind in {"tcp", "tcp4", "tcp6", "ssl", "unix"} and "backlog=" not in description
    backlog = f":backlog={BACKLOG}" if ours else ""
    try:
        understood: IStreamServerEndpoint = serverFromString(reactor, description + backlog)
    except Exception as error:  # noqa: BLE001 (endpoint parsers raise what they like)
        told = str(error) or type(error).__name__
        raise NotStarted(
            f"--listen {description!r} is no endpoint that Twisted understands: {told}"
        ) from None
    return understood


def make_way(path: Path) -> None:
    """Remove a UNIX socket on which nobody listens any more, and its lock.

    The lock names a process, and that number may be another's by now: in a container it always is.
    """
    with socket.socket(socket.AF_UNIX) as asking, suppress(OSError):
        asking.setblocking(False)  # noqa: FBT003 (the one argument)
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            # What is no socket at all refuses as well.
            if path.is_socket():
                path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
                path.unlink()


def told(error: BaseException, description: str) -> BaseException:
    """Return what to raise for an error of the start; one that only a bug explains stays as it is."""
    if isinstance(error, Unavailable):
        return NotStarted(error.detail)
    if isinstance(error, CannotListenError):
        if isinstance(error.socketError, str):  # of a UNIX socket whose lock another process holds
            return NotStarted(f"Cannot listen on {description}: another process listens there")
        error = error.socketError
    if isinstance(error, OSError | OverflowError):
        return NotStarted(f"Cannot listen on {description}: {getattr(error, 'strerror', None) or error}")
    return error


def url(description: str, address: Any) -> str:
    """Return where a browser finds what listens at an address."""
    scheme = "https" if description.startswith("ssl:") else "http"
    host, port = getattr(address, "host", None), getattr(address, "port", None)
    if host is None or port is None:
        return description
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"{scheme}://{shown}:{port}/"


class OwnReactor:
    """What the only process of a server gives its endpoints for a reactor: a dead one's sockets make way."""

    def __init__(self, reactor: Any) -> None:
        """Listen by this reactor."""
        self._reactor = reactor

    def __getattr__(self, name: str) -> Any:
        """Be the reactor in all else."""
        return getattr(self._reactor, name)

    def listenUNIX(self, address: str, *given: Any, **named: Any) -> IListeningPort:  # noqa: N802
        """Listen on a UNIX socket."""
        make_way(Path(address))
        listening: IListeningPort = self._reactor.listenUNIX(address, *given, **named)
        return listening


# In the parent


class SharedSockets:
    """Listening sockets, in the order of their descriptions, for workers to inherit."""

    def __init__(self, descriptions: Iterable[str]) -> None:
        """Open all of them.

        Raises:
            NotStarted: one cannot be understood, or cannot listen.
        """
        self.sockets: list[socket.socket] = []
        self.urls: list[str] = []
        self._files: list[Path] = []
        self._locks: list[FilesystemLock] = []
        try:
            for description in descriptions:
                self._open(description)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close what is open; the files of sockets go with it, those of our own alone."""
        for one in self.sockets:
            one.close()
        for path in self._files:
            with suppress(OSError):
                path.unlink()
        for lock in self._locks:
            lock.unlock()
        self.sockets, self._files, self._locks = [], [], []

    def _open(self, description: str) -> None:
        results: list[object] = []
        listening: Any = endpoint(self, description)
        maybeDeferred(listening.listen, None).addBoth(results.append)
        failure = results[0] if results else None
        if isinstance(failure, Failure):
            error: Any = failure.value
            if isinstance(error, AttributeError):
                raise NotStarted(f"--listen {description!r} cannot be shared by several workers.")
            raise told(error, description)
        opened = self.sockets[-1]
        opened.setblocking(False)  # noqa: FBT003 (the one argument)
        self.urls.append(url(description, _address(opened)))

    # What endpoints ask of a reactor

    def listenTCP(self, port: int, factory: object, backlog: int = 50, interface: str = "") -> None:  # noqa: N802
        """Open a TCP socket."""
        del factory
        family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        self.sockets.append(opened)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((interface, port))
        opened.listen(backlog)

    def listenSSL(  # noqa: N802
        self,
        port: int,
        factory: object,
        contextFactory: object,  # noqa: N803
        backlog: int = 50,
        interface: str = "",
    ) -> None:
        """Open a TCP socket; what speaks TLS on it is the worker."""
        self.listenTCP(port, factory, backlog, interface)

    def listenUNIX(  # noqa: N802
        self,
        address: str,
        factory: object,
        backlog: int = 50,
        mode: int = ANYBODY,
        wantPID: int = 0,  # noqa: N803
    ) -> None:
        """Open a UNIX socket, in the place of one that a process left behind that is no more."""
        del factory
        path = Path(address)
        make_way(path)
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sockets.append(opened)
        if wantPID:
            lock = FilesystemLock(f"{path}.lock")
            if not lock.lock():
                raise OSError(0, "another process listens there")
            self._locks.append(lock)
        opened.bind(str(path))
        self._files.append(path)
        path.chmod(mode)
        opened.listen(backlog)


def _address(opened: socket.socket) -> IPv4Address | IPv6Address | None:
    if opened.family == socket.AF_UNIX:
        return None
    host, port = opened.getsockname()[:2]
    kind = IPv6Address if opened.family == socket.AF_INET6 else IPv4Address
    return kind("TCP", host, port)


# In a worker


class AdoptingReactor:
    """What a worker gives its endpoints for a reactor: their sockets are open already, in their order."""

    def __init__(self, reactor: Any, descriptors: Sequence[int]) -> None:
        """Adopt these descriptors, which are closed here once adopted."""
        self._reactor = reactor
        self._descriptors = list(descriptors)

    def __getattr__(self, name: str) -> Any:
        """Be the reactor in all else."""
        return getattr(self._reactor, name)

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> IListeningPort:  # noqa: N802
        """Accept on the next socket."""
        del port, backlog
        family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
        descriptor = self._descriptors.pop(0)
        adopted: IListeningPort = self._reactor.adoptStreamPort(descriptor, family, factory)
        os.close(descriptor)
        return adopted

    def listenSSL(  # noqa: N802
        self,
        port: int,
        factory: Any,
        contextFactory: Any,  # noqa: N803
        backlog: int = 50,
        interface: str = "",
    ) -> IListeningPort:
        """Accept on the next socket, and speak TLS."""
        from twisted.protocols.tls import TLSMemoryBIOFactory

        secured = TLSMemoryBIOFactory(contextFactory, False, factory)  # noqa: FBT003 (Twisted's order)
        return self.listenTCP(port, secured, backlog, interface)

    def listenUNIX(  # noqa: N802
        self,
        address: str,
        factory: Any,
        backlog: int = 50,
        mode: int = ANYBODY,
        wantPID: int = 0,  # noqa: N803
    ) -> IListeningPort:
        """Accept on the next socket, whose file is the parent's."""
        del address, wantPID
        descriptor = self._descriptors.pop(0)
        port: Any = InheritedUnixPort._fromListeningDescriptor(self._reactor, descriptor, factory)  # noqa: SLF001 (what adoptStreamPort calls)
        os.close(descriptor)
        port.backlog, port.mode = backlog, mode
        port.startListening()
        listening: IListeningPort = port
        return listening


class InheritedUnixPort(unix.Port):
    """Twisted's shuts the socket down at its end, and removes its file: nobody could reach the others."""

    _shouldShutdown = False  # noqa: N815 (Twisted's spelling)
    """As adopted TCP ports have it."""

    def connectionLost(self, reason: Failure) -> None:
        """Leave the file alone."""
        tcp.Port.connectionLost(self, reason)
