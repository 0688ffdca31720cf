"""The servers that are measured: ours as shipped, and the peers, each as its own documentation has it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.database import PYTHON, ROOT, Databases

PEERS = ROOT / "benchmarks" / "peers"
BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
MODULES = PEERS / "node_modules"
START_S = 30
STOP_S = 5
POOLS = (10, 30, 60)

SAYINGS = {
    "join": '{"type":"join","room":"%r"}',
    "join_after": '{"type":"join","room":"%r","after":%a}',
    "send": '{"type":"send","room":"%r","body":"%b","nonce":"%n"}',
}


class ServerError(Exception):
    """A server did not start; the text is the end of its log."""


@dataclass(frozen=True)
class Kind:
    """A server: how it is started, and what is said to it."""

    name: str
    command: tuple[str, ...]
    schema: str = "peers"
    folder: Path = PEERS
    environment: Mapping[str, str] = field(default_factory=dict)
    poll: str = "/poll?room=%r&after=%a"
    authenticated: bool = False

    def sayings(self, databases: Databases) -> dict[str, object]:
        """Return the generator's templates."""
        tokens = {"tokens": databases.tokens} if self.authenticated else {}
        return {**SAYINGS, "poll": self.poll, **tokens}


OURS = Kind(
    "ours",
    (str(PYTHON), "manage.py", "runchat", "--listen", "tcp:{port}:interface=127.0.0.1"),
    schema="ours",
    folder=ROOT,
    poll="/api/rooms/%r/messages?after=%a&wait=60",
    authenticated=True,
)
VARIANTS = (
    replace(OURS, name="workers-2", command=(*OURS.command, "--workers", "2")),
    replace(OURS, name="sqlite", schema="sqlite"),
)
"""Ours in other ways, measured only where they are asked for."""
_UVICORN = (
    str(BENCH_PYTHON),
    "-m",
    "uvicorn",
    "channels_peer:application",
    "--port",
    "{port}",
    "--log-level",
    "warning",
)
_BUN = (str(MODULES / ".bin" / "bun"), "bun.mjs")
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        OURS,
        *VARIANTS,
        *(Kind(f"bun-{pool}", _BUN, environment={"POOL": str(pool)}) for pool in POOLS),
        Kind("node", ("node", "node.mjs")),
        Kind("channels", _UVICORN, environment={"CHANNEL_LAYER": "memory"}),
        Kind("channels-redis", _UVICORN, environment={"CHANNEL_LAYER": "redis"}),
    )
}


class Running:
    """A server that runs."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def memory_kib(self) -> int:
        """Return its proportional set size: what it alone holds, and its share of what it shares."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
        return 0

    def cpu_s(self) -> float:
        """Return the processor time it has taken."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(kind: Kind, databases: Databases, rows: int = 0) -> Iterator[Running]:
    """Start a server on its database, wait until it listens, and stop it after.

    Raises:
        ServerError: it does not start.
    """
    port = _free_port()
    url = databases.get(kind.schema, rows)
    log = databases.home / f"log-{kind.name}"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [part.format(port=port) for part in kind.command],
            cwd=kind.folder,
            env={
                **os.environ,
                **databases.environment(url),
                **_libpq(url),
                **kind.environment,
                "PORT": str(port),
            },
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        _wait(process, port, log)
        yield Running(process, port)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise ServerError(log.read_text(errors="replace")[-2_000:]) from None
            time.sleep(0.02)  # noqa: TID251 (nothing but trying tells that another process listens)
        else:
            return


def _libpq(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    found = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port or 5432),
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "PGDATABASE": parts.path.lstrip("/"),
    }
    return {name: value for name, value in found.items() if value}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
