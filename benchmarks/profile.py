"""Where the time of our server goes in a workload: `python -m benchmarks.profile W1a W2-1000`.

Samples the server by py-spy while the load runs, and prints the functions by their share of all samples that were on a
processor: `total` with what they called, `self` without. With --flames it writes a flame graph for each workload.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks import load
from benchmarks.__main__ import DEFAULT_DATABASE
from benchmarks.database import Databases
from benchmarks.servers import BENCH_PYTHON, OURS, running
from benchmarks.workloads import WORKLOADS, Workload

PY_SPY = BENCH_PYTHON.with_name("py-spy")
RATE = 250
FLOWS = [name for name, workload in WORKLOADS.items() if workload.options["mode"] == "flow"]


def shares(stacks: Iterable[str]) -> tuple[Counter[str], Counter[str], int]:
    """Return samples by function, with and without what it called, and how many there are.

    A stack is a line `outermost;…;innermost COUNT`; a frame is `function (file:line)`.
    """
    total: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    count = 0
    for line in stacks:
        stack, _space, number = line.rpartition(" ")
        frames = [_function(frame) for frame in stack.split(";")]
        for frame in set(frames):
            total[frame] += int(number)
        alone[frames[-1]] += int(number)
        count += int(number)
    return total, alone, count


def _function(frame: str) -> str:
    """Return a frame without its line."""
    name, _bracket, place = frame.partition(" (")
    return f"{name} ({place.rpartition(':')[0]})" if ":" in place else frame


def table(stacks: Iterable[str], rows: int) -> str:
    """Return the functions with the greatest shares, as a table of Markdown."""
    total, alone, count = shares(stacks)
    lines = ["| total | self | function |", "| ---: | ---: | --- |"]
    lines += [
        f"| {samples / count:.1%} | {alone[name] / count:.1%} | `{name}` |"
        for name, samples in total.most_common(rows)
    ]
    return "\n".join(lines)


def record(workload: Workload, databases: Databases, seconds: float, flame: Path | None) -> list[str]:
    """Run a workload against our server and return the stacks seen, or write them as a flame graph."""
    raw = flame or databases.home / "stacks"
    form = "flamegraph" if flame else "raw"
    with running(OURS, databases, workload.rows) as server:
        command = [str(PY_SPY), "record", "--pid", str(server.pid), "--format", form, "--output", str(raw)]
        command += ["--rate", str(RATE), "--duration", str(int(seconds)), "--nonblocking"]
        spies: list[subprocess.Popen[bytes]] = []
        options = workload.told(OURS, server, databases, seconds)
        load.run(
            options,
            at_height=lambda: spies.append(
                subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ),
        )
        for spy in spies:
            spy.wait()
    if flame:
        # py-spy writes its own command, with paths of this machine, above the graph.
        flame.write_text(
            re.sub(
                r"py-spy record[^<]*|/[^ <\"]*/py-spy[^<]*", workload.what, flame.read_text(encoding="utf-8")
            ),
            encoding="utf-8",
        )
        return []
    return raw.read_text(encoding="utf-8").splitlines()


def main(arguments: Sequence[str]) -> None:
    """Profile as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("workloads", nargs="+", choices=FLOWS, metavar="WORKLOAD")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument(
        "--rows", type=int, default=60, help="how many functions to print (default: %(default)s)"
    )
    parser.add_argument("--flames", type=Path, metavar="FOLDER", help="write flame graphs there instead")
    parser.add_argument(
        "--database", default=os.environ.get("BENCH_DATABASE_URL", DEFAULT_DATABASE), metavar="URL"
    )
    options = parser.parse_args(arguments)
    databases = Databases(options.database)
    load.build()
    try:
        for name in options.workloads:
            flame = options.flames / f"flame-{name}.svg" if options.flames else None
            stacks = record(WORKLOADS[name], databases, options.seconds, flame)
            print(f"{name}: {flame or table(stacks, options.rows)}\n", flush=True)
    finally:
        databases.close()


if __name__ == "__main__":
    main(sys.argv[1:])
