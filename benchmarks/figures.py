"""Medians, and ratios paired within a round: on a shared machine only what ran side by side can be compared."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

SATURATED = 0.85
"""The share of one core above which a client may have measured itself."""


@dataclass(frozen=True)
class Sample:
    """What one run of one workload against one server gave in one round."""

    round: int
    workload: str
    server: str
    values: Mapping[str, float]
    cpu: float
    troubles: str = ""

    @property
    def saturated(self) -> bool:
        """Whether the client, not the server, may have been the limit."""
        return self.cpu >= SATURATED


@dataclass
class Samples:
    """All that was measured."""

    kept: list[Sample] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        """Keep a sample."""
        self.kept.append(sample)

    def of(self, workload: str, server: str) -> list[Sample]:
        """Return the samples of a workload against a server, in the order of their rounds."""
        return [s for s in self.kept if s.workload == workload and s.server == server]

    def servers(self, workload: str) -> list[str]:
        """Return which servers a workload was run against, in the order of their first runs."""
        return list(dict.fromkeys(s.server for s in self.kept if s.workload == workload))

    def median(self, workload: str, server: str, figure: str) -> float | None:
        """Return the median of a figure over the rounds, None where there is no round."""
        return median(s.values[figure] for s in self.of(workload, server) if figure in s.values)

    def ratio(self, workload: str, figure: str, server: str, peer: str) -> Ratio | None:
        """Return how a server stands to a peer, None where no round has both."""
        return self.between((workload, server), (workload, peer), figure)

    def between(self, one: tuple[str, str], other: tuple[str, str], figure: str) -> Ratio | None:
        """Return the ratio of one (workload, server) to another, None where no round has both."""
        return paired(self._by_round(*one, figure), self._by_round(*other, figure))

    def best(self, workload: str, figure: str, servers: Iterable[str], *, more: bool) -> str | None:
        """Return which of these servers has the best median: the highest if `more`, else the lowest."""
        medians = {
            name: found for name in servers if (found := self.median(workload, name, figure)) is not None
        }
        if not medians:
            return None
        return (max if more else min)(medians, key=lambda name: medians[name])

    def _by_round(self, workload: str, server: str, figure: str) -> dict[int, float]:
        return {s.round: s.values[figure] for s in self.of(workload, server) if figure in s.values}


@dataclass(frozen=True)
class Ratio:
    """The median of the rounds' ratios, their least and greatest, and how many rounds there were."""

    median: float
    least: float
    most: float
    rounds: int


def median(values: Iterable[float]) -> float | None:
    """Return the median, None of nothing."""
    found = list(values)
    return statistics.median(found) if found else None


def paired(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Ratio | None:
    """Return the ratio of two figures by round: of each round that has both, and where theirs is not 0."""
    ratios: Sequence[float] = [
        value / theirs[number] for number, value in sorted(ours.items()) if theirs.get(number)
    ]
    if not ratios:
        return None
    return Ratio(statistics.median(ratios), min(ratios), max(ratios), len(ratios))
