"""Compiles and runs the load generator."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "load.c"
PROGRAM = HERE / "load"
LONGEST_S = 240


class LoadError(Exception):
    """The generator could not do its work; the text says why."""


def build() -> None:
    """Compile the generator, where its source is newer.

    Raises:
        LoadError: there is no C compiler, or it refused.
    """
    if PROGRAM.exists() and PROGRAM.stat().st_mtime >= SOURCE.stat().st_mtime:
        return
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise LoadError("a C compiler is needed: cc, gcc or clang")
    done = subprocess.run(
        [compiler, "-O2", "-o", str(PROGRAM), str(SOURCE)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LoadError(done.stderr.strip())


def run(options: dict[str, object], *, at_height: Callable[[], None] | None = None) -> dict[str, Any]:
    """Run the generator and return what it printed.

    `at_height` is called once all connections are there: when a flow begins to be measured, or when the
    sockets of the mode `idle` are open, which wait for it.

    Raises:
        LoadError: it gave up, or did not end.
    """
    command = [str(PROGRAM), *(f"{name}={value}" for name, value in options.items() if value is not None)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline() if at_height else ""
            if line and at_height:
                at_height()
            rest, told = process.communicate("\n", timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise LoadError(f"it did not end within {LONGEST_S} s") from None
    if process.returncode:
        raise LoadError(told.strip() or f"it ended with {process.returncode}")
    found: dict[str, Any] = json.loads(line + rest)
    return found
