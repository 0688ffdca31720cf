"""A `manage.py runchat` in a process of its own, on the database of the test run."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

START_S = 30
STOP_S = 12
ROOT = Path(__file__).resolve().parent.parent.parent


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RunningChat:
    """A server on a port that stays the same when it is started again."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        """Take options and settings of this server alone; it is started by `start` or by `with`."""
        self.folder = ROOT
        """Where the site's manage.py is."""
        self.port = free_port()
        self.log: list[str] = []
        self._arguments = arguments
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None
        self._drain: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start the server and wait until it serves."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Stop the server, where it still runs."""
        if self.running:
            self.kill()

    @property
    def url(self) -> str:
        """The server's origin."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process and return once it accepts connections."""
        listen = ("--listen", f"tcp:{self.port}:interface=127.0.0.1")
        command = [sys.executable, "manage.py", "runchat", *listen, *self._arguments]
        self._process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **self._environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._drain = threading.Thread(target=self._keep_log, args=(self._process,))
        self._drain.start()
        end = time.monotonic() + START_S
        while not self._accepts():
            assert self.running, "\n".join(["the server ended:", *self.log])
            assert time.monotonic() < end, "\n".join(["the server does not listen:", *self.log])
            time.sleep(0.01)  # noqa: TID251 (nothing but trying tells that another process listens)

    def tell(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask the process to end and return its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._end(STOP_S)

    def kill(self) -> None:
        """End the process with no chance to tidy up."""
        assert self._process is not None
        self._process.kill()
        self._end(STOP_S)

    def _end(self, timeout_s: float) -> int:
        assert self._process is not None
        code = self._process.wait(timeout_s)
        assert self._drain is not None
        self._drain.join(STOP_S)
        return code

    def _keep_log(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.log.append(line.rstrip("\n"))

    def _accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True
