"""`runchat --reload`: a parent that watches the site's files and starts the server anew on a change."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FrameType
from typing import Protocol

logger = logging.getLogger(__name__)

CHILD = "CHAT_RELOADED_BY_PARENT"
SUFFIXES = (".py", ".html", ".txt")
LOOK_EVERY_S = 0.5
STOP_S = 15.0


def is_child(environ: Mapping[str, str]) -> bool:
    """Tell whether this process is the server itself, started by the parent."""
    return environ.get(CHILD) == "1"


def times(folders: Iterable[Path]) -> dict[Path, int]:
    """Return when each source file below these folders was last changed."""
    found: dict[Path, int] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.suffix in SUFFIXES and "__pycache__" not in path.parts:
                try:
                    found[path] = path.stat().st_mtime_ns
                except OSError:
                    continue
    return found


class Child(Protocol):
    """The server's process, as far as `subprocess.Popen` is needed."""

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code once it has ended; raise TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal."""


class Parent:
    """Runs the server as a child until it is told to stop."""

    def __init__(
        self, start: Callable[[], Child], look: Callable[[], dict[Path, int]], sleep: Callable[[float], None]
    ) -> None:
        """Start a child by `start`; `look` tells the state of the files."""
        self._start = start
        self._look = look
        self._sleep = sleep
        self._child: Child | None = None
        self._stopping = False

    def run(self) -> int:
        """Return the child's exit code when told to stop, or when it ended well by itself."""
        while not self._stopping:
            seen = self._look()
            self._child = self._start()
            code = self._watch(self._child, seen)
            if code is not None:
                return code
        return 0

    def stop(self, number: int, _frame: FrameType | None = None) -> None:
        """Pass a signal on to the child; where it has ended already, end too."""
        self._stopping = True
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def _watch(self, child: Child, seen: dict[Path, int]) -> int | None:
        """Return None when a file has changed and the child has ended; else how the child ended by itself."""
        told = False
        while True:
            code = child.poll()
            if code is not None and (self._stopping or code == 0):
                return code
            if code is not None and not told:
                logger.error("The server ended with %d; it is started again when a file changes", code)
                told = True
            if not self._stopping and self._look() != seen:
                logger.warning("A file has changed: starting again")
                self._end(child)
                return None
            self._sleep(LOOK_EVERY_S)

    @staticmethod
    def _end(child: Child) -> None:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def run_parent(command: list[str], app_paths: Iterable[str]) -> int:
    """Run `command` as a child, started again whenever a file of the site changes; return its exit code."""
    folders = site_folders(app_paths)
    environment = {**os.environ, CHILD: "1"}
    parent = Parent(
        lambda: subprocess.Popen(command, env=environment),  # noqa: S603 (it is our own command line)
        lambda: times(folders),
        time.sleep,  # noqa: TID251 (this process has nothing else to do)
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, parent.stop)
    return parent.run()


def site_folders(app_paths: Iterable[str]) -> list[Path]:
    """Return the folders of the apps that are the site's own, not installed ones."""
    installed = ("site-packages", "dist-packages")
    return [path for path in map(Path, app_paths) if not any(part in installed for part in path.parts)]
