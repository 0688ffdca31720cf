"""`python -m benchmarks`: measures, prints tables, writes docs/performance.md if asked to."""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks import load, plots, report
from benchmarks.database import DatabaseError, Databases
from benchmarks.figures import Sample, Samples
from benchmarks.rounds import Plan, measure
from benchmarks.servers import KINDS, OURS, VARIANTS, Kind
from benchmarks.workloads import LARGE, WORKLOADS, Workload

DEFAULT_DATABASE = "postgresql://postgres@127.0.0.1:5432/postgres"
ROUNDS_APART = 1_000
QUICK = ("W1a", "W2-1000", "W3", "W6-10^4", "W7")


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", metavar="W1a,W2", help=f"these workloads, or all that begin so: {', '.join(WORKLOADS)}"
    )
    parser.add_argument(
        "--peers", metavar="bun,node", help=f"these servers besides ours: bun, {', '.join(KINDS)}"
    )
    parser.add_argument(
        "--before",
        type=Path,
        metavar="FOLDER",
        help="also an earlier state of ours, in a work tree there (git worktree add); alone unless --peers",
    )
    parser.add_argument("--rounds", type=int, help="how often all is measured (default: 5; quick: 1)")
    parser.add_argument("--seconds", type=float, help="how long each flow is measured (default: 5; quick: 2)")
    parser.add_argument(
        "--quick", action="store_true", help=f"two minutes: {', '.join(QUICK)} against bun-30 and node"
    )
    parser.add_argument(
        "--large", action="store_true", help="also the tables of 10^7 messages; fills them for an hour"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument(
        "--again", type=Path, nargs="+", metavar="FILE", help="tables of what was saved, instead of measuring"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep every single figure, as JSON")
    parser.add_argument(
        "--database",
        default=os.environ.get("BENCH_DATABASE_URL", DEFAULT_DATABASE),
        metavar="URL",
        help="a PostgreSQL that may make databases, with fsync on (default: BENCH_DATABASE_URL, or %(default)s)",
    )
    return parser.parse_args(arguments)


def chosen_workloads(options: argparse.Namespace) -> list[Workload]:
    """Return the workloads that the options name."""
    asked = options.only.split(",") if options.only else QUICK if options.quick else ["W"]
    found = [
        workload
        for name, workload in WORKLOADS.items()
        if any(_names(wanted, name) for wanted in asked) and (options.large or name not in LARGE)
    ]
    if not found:
        raise SystemExit(f"There is no workload {options.only}.")
    return found


def _names(wanted: str, name: str) -> bool:
    """Tell whether a workload is meant: by its name, else by how that begins."""
    return name == wanted if wanted in WORKLOADS else name.startswith(wanted)


def chosen_kinds(options: argparse.Namespace) -> list[Kind]:
    """Return ours, what it was before, and the peers that the options name."""
    before = [replace(OURS, name="before", folder=options.before.resolve())] if options.before else []
    if before and not options.peers:
        return [OURS, *before]
    asked = options.peers.split(",") if options.peers else ["bun-30", "node"] if options.quick else _peers()
    names = ["ours", *(name for name in KINDS for wanted in asked if name == wanted or _is_bun(name, wanted))]
    return [*(KINDS[name] for name in dict.fromkeys(names)), *before]


def _peers() -> list[str]:
    return [name for name, kind in KINDS.items() if kind not in VARIANTS]


def _is_bun(name: str, wanted: str) -> bool:
    return wanted == "bun" and name.startswith("bun-")


def kept(files: Sequence[Path]) -> Samples:
    """Return what was saved; the rounds of one file are not those of another."""
    samples = Samples()
    for number, file in enumerate(files):
        for sample in json.loads(file.read_text(encoding="utf-8")):
            samples.add(Sample(**{**sample, "round": sample["round"] + number * ROUNDS_APART}))
    return samples


def main(arguments: Sequence[str]) -> None:
    """Measure as the arguments say."""
    options = parsed(arguments)
    plan = Plan(
        chosen_workloads(options),
        chosen_kinds(options),
        options.rounds or (1 if options.quick else 5),
        options.seconds or (2 if options.quick else 5),
    )
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    databases = Databases(options.database)
    try:
        postgresql = databases.check()
        if options.again:
            samples = kept(options.again)
        else:
            load.build()
            samples = measure(plan, databases)
    except (DatabaseError, load.LoadError) as error:
        raise SystemExit(str(error)) from None
    finally:
        databases.close()
    if options.save:
        options.save.write_text(json.dumps([asdict(s) for s in samples.kept], indent=1), encoding="utf-8")
    told = report.whole(samples, plan.workloads, postgresql)
    print(told)
    if options.write:
        report.write(told)
        plots.write(samples, report.IMAGES)


if __name__ == "__main__":
    main(sys.argv[1:])
