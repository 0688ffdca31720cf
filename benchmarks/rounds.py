"""Who is measured when: rounds over workloads over servers, so that whatever else the machine does falls on all."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg2

from benchmarks.database import Databases
from benchmarks.figures import Sample, Samples
from benchmarks.load import LoadError
from benchmarks.servers import Kind, ServerError, running
from benchmarks.workloads import Workload


@dataclass(frozen=True)
class Plan:
    """What to measure: each workload for so many seconds, in each round, against each server."""

    workloads: Sequence[Workload]
    kinds: Sequence[Kind]
    rounds: int
    seconds: float


def measure(plan: Plan, databases: Databases) -> Samples:
    """Measure, and return what was found; Ctrl-C ends it early with what there is."""
    samples = Samples()
    try:
        for number in range(plan.rounds):
            for workload in plan.workloads:
                for kind in _turned(plan.kinds, number):
                    sample = _measure_one(plan, databases, workload, kind, number)
                    samples.add(sample)
                    _show(plan, sample)
    except KeyboardInterrupt:
        print("Ended early.", file=sys.stderr)
    return samples


def _turned(kinds: Sequence[Kind], number: int) -> list[Kind]:
    """Return them in an order in which each round begins with another."""
    start = number % len(kinds)
    return [*kinds[start:], *kinds[:start]]


def _measure_one(plan: Plan, databases: Databases, workload: Workload, kind: Kind, number: int) -> Sample:
    try:
        databases.get(kind.schema, workload.rows)
        databases.settle()
        with running(kind, databases, workload.rows) as server:
            found = workload.run(kind, server, databases, plan.seconds)
    except (LoadError, ServerError, psycopg2.Error) as error:
        return Sample(number, workload.name, kind.name, {}, 0.0, str(error).strip() or type(error).__name__)
    values = {name: value for name, value in found.items() if not isinstance(value, str)}
    return Sample(number, workload.name, kind.name, values, values.get("cpu", 0.0), _troubles(found))


def _troubles(found: dict[str, float | str]) -> str:
    told = [f"{found[name]:g} {name}" for name in ("lost", "errors", "failed") if found.get(name)]
    if found.get("first_error"):
        told.append(str(found["first_error"]))
    return ", ".join(told)


def _show(plan: Plan, sample: Sample) -> None:
    workload = next(w for w in plan.workloads if w.name == sample.workload)
    told = ", ".join(
        f"{sample.values[figure.key]:,.2f} {figure.title}"
        for figure in workload.figures
        if figure.key in sample.values
    )
    flag = " SATURATED" if sample.saturated else ""
    troubles = f" [{sample.troubles}]" if sample.troubles else ""
    print(
        f"{sample.round + 1}/{plan.rounds} {sample.workload:8} {sample.server:15} {told}"
        f" (client {sample.cpu:.0%}{flag}){troubles}",
        file=sys.stderr,
        flush=True,
    )
