"""What a fault is, and what came of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from tests.faults.arena import Arena

POSTGRESQL = "postgresql"
SQLITE = "sqlite"
BOTH = (POSTGRESQL, SQLITE)


@dataclass
class Measured:
    """What was measured, in words, and which demands were missed."""

    slack: float = 1.0
    """By how much times may be longer: more than 1 where the machine is not ours alone."""
    least_s: float = 0.0
    """What a time may be in any case: a beat of a machine that others keep busy is no fault of ours."""
    told: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def tell(self, what: str) -> None:
        """Add what was measured."""
        self.told.append(what)

    def demand(self, kept: bool, what: str) -> None:
        """Add what was measured, and whether that is what is demanded."""
        self.told.append(what)
        if not kept:
            self.missed.append(what)

    def at_most(self, what: str, value_s: float, limit_s: float) -> None:
        """Demand a time in seconds."""
        shown = f"{value_s * 1000:.0f} ms" if value_s < 1 else f"{value_s:.1f} s"
        self.demand(value_s <= max(limit_s * self.slack, self.least_s), f"{what} {shown}")


class Fault(Protocol):
    """Something that goes wrong while a crowd is at work."""

    name: ClassVar[str]
    demand: ClassVar[str]
    databases: ClassVar[tuple[str, ...]]
    short: ClassVar[bool]
    """Whether it belongs to the short form."""
    anomalous: ClassVar[bool] = False
    """Whether anomalies are what it is to show."""

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Break things while the arena plays, and measure.

        Raises:
            CannotRun: this machine lacks what it needs.
        """
