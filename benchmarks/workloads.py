"""What is measured, and the goals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks import load
from benchmarks.database import Databases
from benchmarks.servers import Kind, Running

MISSED = 100


@dataclass(frozen=True)
class Figure:
    """One number of a workload: its name in what the generator prints, its title, and which way is better."""

    key: str
    title: str
    more: bool = False


@dataclass(frozen=True)
class Goal:
    """What the ratio of ours to a peer is to be: at least, or at most, so much."""

    workload: str
    figure: str
    peer: str
    bound: float


@dataclass(frozen=True)
class Workload:
    """A workload: what the generator is told, and on how full a table."""

    name: str
    what: str
    figures: tuple[Figure, ...]
    options: Mapping[str, object] = field(default_factory=dict)
    rows: int = 10_000
    from_table: bool = False

    def run(
        self, kind: Kind, server: Running, databases: Databases, seconds: float
    ) -> dict[str, float | str]:
        """Run it once and return the generator's numbers.

        Raises:
            LoadError: the generator gave up.
        """
        options = self.told(kind, server, databases, seconds)
        if options["mode"] == "idle":
            return self._run_idle(server, options)
        return load.run(options)

    def told(self, kind: Kind, server: Running, databases: Databases, seconds: float) -> dict[str, object]:
        """Return what the generator is told."""
        options = {"port": server.port, "time_s": seconds, **kind.sayings(databases), **self.options}
        if self.from_table:
            options["cursors"] = databases.cursors(kind.schema, self.rows, MISSED)
        return options

    def _run_idle(self, server: Running, options: dict[str, object]) -> dict[str, float | str]:
        before, full = server.memory_kib(), 0

        def weigh() -> None:
            nonlocal full
            full = server.memory_kib()

        found = load.run(options, at_height=weigh)
        return {**found, "kib_each": (full - before) / int(str(options["conns"]))}


OWN = Figure("own_per_s", "messages/s", more=True)
DELIVERIES = Figure("deliveries_per_s", "deliveries/s", more=True)
P50 = Figure("delivery_p50_ms", "p50 ms")
P99 = Figure("delivery_p99_ms", "p99 ms")
P999 = Figure("delivery_p999_ms", "p99.9 ms")
EACH = Figure("each_p50_ms", "p50 ms")
EACH_P99 = Figure("each_p99_ms", "p99 ms")
ALL = Figure("all_ms", "all, ms")


def _flow(conns: int, rooms: int, senders: int, inflight: int) -> dict[str, object]:
    return {"mode": "flow", "conns": conns, "rooms": rooms, "senders": senders, "inflight": inflight}


def _fan_out(name: str, conns: int, inflight: int) -> Workload:
    what = f"a room of {conns:,}; 8 senders with {inflight} in flight"
    return Workload(name, what, (DELIVERIES, P50, P99), _flow(conns, 1, 8, inflight))


def _catch_up(rows: int, name: str) -> tuple[Workload, Workload]:
    options: dict[str, object] = {"mode": "catch_up", "missed": MISSED}
    return (
        Workload(
            f"W6-{name}",
            f"connect with a cursor, {MISSED} missed, a table of {name}",
            (EACH, EACH_P99),
            options,
            rows,
        ),
        Workload(
            f"W6m-{name}",
            f"the same, missed before the server started, a table of {name}",
            (EACH, EACH_P99),
            {**options, "pace_us": 3_000},
            rows,
            from_table=True,
        ),
    )


WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload("W1a", "64 senders, 64 rooms, 8 in flight", (OWN, P99), _flow(64, 64, 64, 8)),
        Workload("W1b", "100 senders, 10 rooms, 8 in flight", (OWN, P99), _flow(100, 10, 100, 8)),
        _fan_out("W2-100", 100, 4),
        _fan_out("W2-1000", 1_000, 4),
        _fan_out("W2-5000", 5_000, 4),
        _fan_out("W2x", 1_000, 32),
        Workload(
            "W3",
            "200 messages a second, open loop, a room of 100",
            (P50, P99, P999),
            {**_flow(100, 1, 10, 1), "rate": 200},
        ),
        Workload("W3-one", "one sender, one in flight, a room of 1", (P50, P99), _flow(1, 1, 1, 1)),
        Workload(
            "W4",
            "5,000 idle joined sockets",
            (Figure("kib_each", "KiB each"), Figure("accepted_per_s", "accepted/s", more=True)),
            {"mode": "idle", "conns": 5_000, "rooms": 50},
        ),
        Workload(
            "W5",
            "1,000 parked polls, one message: the last answer",
            (ALL,),
            {"mode": "polls", "conns": 1_000, "settle_s": 8},
        ),
        *_catch_up(10_000, "10^4"),
        *_catch_up(1_000_000, "10^6"),
        *_catch_up(10_000_000, "10^7"),
        Workload(
            "W7",
            f"2,000 clients drop, miss {MISSED}, come back at once: all caught up",
            (ALL, EACH),
            {"mode": "herd", "conns": 2_000, "missed": MISSED},
        ),
    )
}
LARGE = ("W6-10^7", "W6m-10^7")
"""Left out unless asked for: they fill two tables of ten million rows."""

GOALS = (
    Goal("W1a", "own_per_s", "bun", 1.25),
    Goal("W1b", "own_per_s", "bun", 1.5),
    Goal("W2-100", "deliveries_per_s", "bun", 1.2),
    Goal("W2-1000", "deliveries_per_s", "bun", 1.0),
    Goal("W2-5000", "deliveries_per_s", "bun", 0.95),
    Goal("W2x", "deliveries_per_s", "bun", 1.8),
    Goal("W3", "delivery_p50_ms", "node", 1.2),
    Goal("W3", "delivery_p99_ms", "node", 0.8),
    Goal("W4", "kib_each", "node", 0.9),
    Goal("W5", "all_ms", "node", 1.2),
    Goal("W6-10^4", "each_p50_ms", "bun", 1.1),
    Goal("W6-10^6", "each_p50_ms", "bun", 1.1),
    Goal("W6-10^7", "each_p50_ms", "bun", 1.1),
    Goal("W7", "all_ms", "bun", 0.4),
)
