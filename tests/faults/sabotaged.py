"""The proof's own proof: on a build that is broken on purpose, anomalies must be found."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from tests.faults.arena import Arena
from tests.faults.fault import POSTGRESQL, Fault, Measured
from tests.faults.workload import Plan

SETTINGS = "tests.faults.sabotage_settings"


class Sabotaged(Fault):
    """Three servers of a broken build, and nothing else goes wrong."""

    databases: ClassVar[tuple[str, ...]] = (POSTGRESQL,)
    short: ClassVar[bool] = True
    anomalous: ClassVar[bool] = True
    way: ClassVar[str]

    async def run(self, arena: Arena, measured: Measured) -> None:
        """Have a crowd at work in one room."""
        arena.site.rooms = arena.site.rooms[:1]
        plan = Plan(writers=8, readers=6, sends_a_second=25, catch_up_s=2)
        broken = {"DJANGO_SETTINGS_MODULE": SETTINGS, "FAULTS_SABOTAGE": self.way}
        async with arena.playing(plan, broken, servers=arena.times(3, 2)):
            await asyncio.sleep(arena.times(15, 4))


class Unlocked(Sabotaged):
    """No room lock."""

    name: ClassVar[str] = "broken-unlocked"
    demand: ClassVar[str] = "a build with the room lock off: anomalies are found"
    way: ClassVar[str] = "unlocked"


class Gaps(Sabotaged):
    """Feeds publish on a gap."""

    name: ClassVar[str] = "broken-gaps"
    demand: ClassVar[str] = "a build whose feeds publish on a gap: anomalies are found"
    way: ClassVar[str] = "gaps"


class EarlyIds(Sabotaged):
    """Ids are drawn before the lock."""

    name: ClassVar[str] = "broken-early-ids"
    demand: ClassVar[str] = "a build that takes ids before the lock: anomalies are found"
    way: ClassVar[str] = "early_ids"
