"""A worker's side of `runchat --workers`: the sockets that it inherits, and the line to its parent."""

from __future__ import annotations

import logging
import os
import signal
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

logger = logging.getLogger(__name__)

VARIABLE = "CHAT_WORKER"
"""How a parent tells its workers which descriptors they inherit: `LINE:LISTENING,LISTENING…`."""
READY = b"ready"


@dataclass(frozen=True, slots=True)
class Inheritance:
    """Descriptors that a parent left to this process: the line to it, and the sockets that listen."""

    line: int
    listening: tuple[int, ...]

    def variable(self) -> str:
        """Return the value of the variable that tells of it."""
        return f"{self.line}:{','.join(map(str, self.listening))}"


def inherited(environ: MutableMapping[str, str]) -> Inheritance | None:
    """Return what a parent left to this process, None where it has none. No child of ours is told."""
    value = environ.pop(VARIABLE, None)
    if value is None:
        return None
    line, _colon, listening = value.partition(":")
    return Inheritance(int(line), tuple(int(one) for one in listening.split(",")))


@implementer(IReadDescriptor)
class Line:
    """The line to the parent: tells it that this worker is ready, and hears when the parent is no more."""

    def __init__(self, descriptor: int, reactor: Any, gone: Callable[[], None]) -> None:
        """Own the descriptor; `gone` is called once the parent has ended."""
        os.set_inheritable(descriptor, False)  # noqa: FBT003 (the one argument)
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)  # noqa: FBT003 (the one argument)
        self._reactor = reactor
        self._gone = gone

    def listen(self) -> None:
        """Hear from now on; and do not end at a hang-up, which asks the parent for new workers."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._reactor.addReader(self)

    def say_ready(self) -> None:
        """Tell that this worker accepts connections."""
        try:
            self._socket.send(READY)
        except OSError:
            logger.debug("The parent is gone before this worker was ready")

    # What the reactor asks

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Return what Twisted's log calls this."""
        return "parent"

    def doRead(self) -> None:
        """Take what comes: the parent says nothing, so it is the end."""
        try:
            data = self._socket.recv(64)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._reactor.removeReader(self)
            logger.warning("The parent is gone: this worker stops")
            self._gone()

    def connectionLost(self, reason: object) -> None:
        """Close: the reactor ends."""
        self._socket.close()
