"""`runchat --workers N`: a parent that holds the listening sockets and sees to it that N workers serve.

It runs no reactor and no thread: what it does is start processes, wait, and pass signals on. Once, when the
first worker serves, it asks the database for the link of the first administrator, and for a moment only.
Which worker takes a connection is for the kernel to say: all of them accept on the same sockets.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from realtime.crew import Crew
from realtime.limits import WorkerLimits
from realtime.listening import SharedSockets
from realtime.worker import VARIABLE, Inheritance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from realtime.crew import Process


class Lines:
    """The lines to workers, and the signals: all that a parent waits for."""

    def __init__(self) -> None:
        """Wait for nothing yet."""
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)  # noqa: FBT003 (the one argument)
        self._selector.register(self._woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)

    def add(self, line: socket.socket, process: Process) -> None:
        """Own a line, and hear when the process at its other end says that it is ready, or ends."""
        line.setblocking(False)  # noqa: FBT003 (the one argument)
        self._selector.register(line, selectors.EVENT_READ, process)

    def wait(self, limit_s: float) -> list[Process]:
        """Return who got ready, once anything has happened at all, or the time is over."""
        ready = []
        for key, _events in self._selector.select(min(limit_s, 3600.0)):
            line: socket.socket = key.fileobj  # type: ignore[assignment]  # we add nothing else
            try:
                data = line.recv(4096)
            except OSError:
                data = b""
            if key.data is None:
                continue
            if data:
                ready.append(key.data)
            else:
                self._selector.unregister(line)
                line.close()
        return ready

    def close(self) -> None:
        """Let go of all: workers that are left hear that their parent is gone."""
        signal.set_wakeup_fd(-1)
        for key in tuple(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]  # we add nothing else
        self._wake.close()
        self._selector.close()


def spawn(command: Sequence[str], sockets: Sequence[socket.socket], lines: Lines) -> Process:
    """Start a worker that inherits the sockets and the other end of a new line."""
    ours, theirs = socket.socketpair()
    with theirs:
        left = Inheritance(theirs.fileno(), tuple(one.fileno() for one in sockets))
        try:
            process = subprocess.Popen(  # noqa: S603 (it is our own command line)
                list(command),
                env={**os.environ, VARIABLE: left.variable()},
                pass_fds=(left.line, *left.listening),
            )
        except OSError:
            ours.close()
            raise
    lines.add(ours, process)
    return process


def own_command() -> list[str]:
    """Return the command line by which this process was started."""
    return [sys.executable, *sys.orig_argv[1:]]


def run_parent(
    size: int, descriptions: Sequence[str], announce: Callable[[list[str]], None], command: Sequence[str]
) -> int:
    """Serve by `size` workers, each of them `command`, until SIGTERM or SIGINT; return the exit code.

    SIGHUP replaces the workers. `announce` gets the addresses once the first worker serves.

    Raises:
        NotStarted: an endpoint cannot be shared or cannot listen, or no worker ever gets ready.
    """
    shared = SharedSockets(descriptions)
    lines = Lines()
    crew = Crew(
        size,
        lambda: spawn(command, shared.sockets, lines),
        WorkerLimits(),
        when_first_ready=lambda: announce(shared.urls),
    )
    signal.signal(signal.SIGTERM, lambda *_: crew.stop())
    signal.signal(signal.SIGINT, lambda *_: crew.stop())
    signal.signal(signal.SIGHUP, lambda *_: crew.replace())
    signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake
    try:
        while True:
            left_s = crew.step(time.monotonic())
            if crew.over:
                break
            for process in lines.wait(left_s):
                crew.is_ready(process)
    except BaseException:
        crew.kill()
        raise
    finally:
        lines.close()
        shared.close()
    return crew.exit_code
