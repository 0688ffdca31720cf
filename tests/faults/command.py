"""The command: chooses faults, runs each on each database, prints the table, writes it where asked."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tests.conftest import SITE_VARIABLES
from tests.faults import checker, reliability
from tests.faults.arena import Arena, CannotRun, Site
from tests.faults.catalogue import FAULTS
from tests.faults.fault import BOTH, POSTGRESQL, Fault, Measured
from tests.faults.history import Acknowledged, Received
from tests.faults.reliability import Row

SHORT_SLACK = 4.0
"""The short form runs beside other tests, and is about anomalies more than about times."""
SHORT_LEAST_S = 1.0
"""So a page that answers in 50 ms may take this long; one that waits for the database takes five times it."""


@dataclass(frozen=True)
class Form:
    """How a run is done."""

    seed: int = 1
    long: bool = False
    part: float = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for and return the exit code."""
    options = _options(arguments)
    for name in [name for name in os.environ if name.startswith("CHAT_") or name in SITE_VARIABLES]:
        del os.environ[name]
    chosen = [fault for fault in FAULTS if _wanted(fault, options)]
    databases = [options.database] if options.database else list(BOTH)
    rows: list[Row] = []
    for database in databases:
        here = [fault for fault in chosen if database in fault.databases]
        for row in run(here, database, Form(options.seed, not options.short, options.part)):
            rows.append(row)
            tell(row)
            if options.write:
                reliability.write(row)
    return int(any(row.bad for row in rows))


def run(faults: Iterable[Fault], database: str, form: Form) -> Iterable[Row]:
    """Yield what came of each fault."""
    with ExitStack() as stack:
        site: Site | None = None
        for fault in faults:
            begun_s = time.monotonic()
            try:
                site = site or Site.make(stack, on_postgresql=database == POSTGRESQL)
                yield outcome(fault, site, database, form)
            except CannotRun as reason:
                took_s = time.monotonic() - begun_s
                yield Row(fault.name, database, fault.demand, str(reason), "-", "not run", took_s)


def outcome(fault: Fault, site: Site, database: str, form: Form) -> Row:
    """Let one fault happen and return what came of it."""
    arena, measured = (
        Arena(site, form.seed, form.long, form.part),
        Measured() if form.long else Measured(SHORT_SLACK, SHORT_LEAST_S),
    )
    begun_s = time.monotonic()
    broken = ""
    try:
        asyncio.run(fault.run(arena, measured))
    except CannotRun:
        raise
    except Exception as error:  # noqa: BLE001 (told in the table; the other faults still run)
        broken = _why(error)
    judged = bool(arena.history.log) or not broken  # without the log's end nothing can be said to be lost
    anomalies = arena.anomalies() if judged else []
    for anomaly in anomalies[: 3 if fault.anomalous else 20]:
        sys.stderr.write(f"{fault.name} on {database}: {anomaly.kind.name}: {anomaly.told}\n")
    if (broken or measured.missed) and not fault.anomalous:
        for number, server in enumerate(arena.servers):
            sys.stderr.write("\n".join([f"server {number}:", *server.log[-15:], ""]))
    history = arena.history
    measured.tell(f"{history.count(Acknowledged)} sends, {history.count(Received)} deliveries")
    wrong = bool(measured.missed) or bool(anomalies) != fault.anomalous
    verdict = "missed" if wrong else "kept"
    if broken and not (fault.anomalous and anomalies):
        verdict = "broken"
    told = "; ".join([*([f"BROKEN: {broken}"] if broken else []), *measured.told])
    return Row(
        fault.name,
        database,
        fault.demand,
        told,
        checker.summary(anomalies) if judged else "not judged",
        verdict,
        time.monotonic() - begun_s,
    )


def _why(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return ", ".join(_why(one) for one in error.exceptions)
    return f"{type(error).__name__}: {error}"


def tell(row: Row) -> None:
    """Print a line of the table."""
    head = f"{row.verdict.upper():8} {row.fault} on {row.database} ({row.seconds:.0f} s)"
    sys.stdout.write(f"{head}\n  {row.demand}\n  {row.measured}; anomalies: {row.anomalies}\n")
    sys.stdout.flush()


def _wanted(fault: Fault, options: argparse.Namespace) -> bool:
    if options.only:
        return fault.name in options.only
    return fault.short or not options.short


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="The proof under faults.")
    parser.add_argument("--short", action="store_true", help="fewer faults, each for a few seconds")
    names = [fault.name for fault in FAULTS]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--database", choices=BOTH, help="one database (default: both)")
    parser.add_argument("--seed", type=int, default=1, help="what the dice begin with")
    parser.add_argument(
        "--part",
        type=float,
        default=1.0,
        help="how much of the long form, 0.1 to 1: the table tells what was done",
    )
    parser.add_argument("--write", action="store_true", help="write the table into docs/reliability.md")
    return parser.parse_args(arguments)
