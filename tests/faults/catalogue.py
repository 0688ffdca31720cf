"""All faults, in the order in which they are told."""

from __future__ import annotations

from tests.faults.connections import Cut, DeadPeers, Herd, Slow, SlowPages
from tests.faults.database import Full, Locked, ReadOnly, Restarted, Stopped, Terminated, WayBroken
from tests.faults.fault import Fault
from tests.faults.processes import ClockMoved, Killed, Replaced, Workers
from tests.faults.restored import FromBackup, Silent
from tests.faults.sabotaged import EarlyIds, Gaps, Unlocked
from tests.faults.vanished import HostGone

FAULTS: tuple[Fault, ...] = (
    Killed(),
    Terminated(),
    Restarted(),
    Stopped(),
    WayBroken(),
    Full(),
    ReadOnly(),
    Locked(),
    FromBackup(),
    Silent(),
    Replaced(),
    Workers(),
    Cut(),
    DeadPeers(),
    HostGone(),
    Slow(),
    SlowPages(),
    ClockMoved(),
    Herd(),
    Unlocked(),
    Gaps(),
    EarlyIds(),
)
