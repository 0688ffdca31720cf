"""What processes on one PostgreSQL tell each other by NOTIFY, as text. Standard library only; no database.

A payload is JSON, `{"from": ORIGIN, "said": [ITEM, …]}`: who says it, and items, each a list whose first
entry names its sort. A sort that a process does not know is passed over, so that versions may differ.

    ["at", ROOM, LAST_ID, EPOCH, SITE, ACCESS]  committed up to this id, by these versions
    ["access", ROOM]                            who may do what has changed there
    ["accounts"]                                the same everywhere, and who is who

Any of it may be lost. See https://www.postgresql.org/docs/current/sql-notify.html.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rooms.messages import RoomBatch

CHANNEL = "chat"
PAYLOAD_BYTES = 7_900
"""PostgreSQL takes less than 8,000 in one."""

Item = tuple[object, ...]


def of_commit(batches: Iterable[RoomBatch]) -> Iterator[Item]:
    """Yield what a commit brought: up to which id, in each room."""
    for batch in batches:
        by = batch.versions
        yield ("at", batch.room, batch.last_id, by.epoch, by.site, by.room)


def of_access(rooms: Iterable[str] | None) -> Iterator[Item]:
    """Yield that rights changed in these rooms; None: accounts did."""
    if rooms is None:
        yield ("accounts",)
    else:
        for room in rooms:
            yield ("access", room)


def payloads(origin: str, items: Iterable[Item], limit_bytes: int = PAYLOAD_BYTES) -> Iterator[str]:
    """Yield the items in their order, in as few payloads as hold them. One too large for any is left out."""
    head = f'{{"from":{json.dumps(origin)},"said":['
    part: list[str] = []
    size = room_for_head = len(head) + 2
    for item in items:
        # In ASCII, so that characters are bytes, and whatever a name holds is text for PostgreSQL.
        text = json.dumps(item, separators=(",", ":"))
        if room_for_head + len(text) > limit_bytes:
            continue
        if part and size + len(text) + 1 > limit_bytes:
            yield f"{head}{','.join(part)}]}}"
            part, size = [], room_for_head
        part.append(text)
        size += len(text) + 1
    if part:
        yield f"{head}{','.join(part)}]}}"
