"""Three mistakes that a chat like this is easily built with. Each patches this process alone.

A commit here takes a little longer at random: as long as a busy disk or a network would make it.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Collection, Sequence
from typing import Any

from django.db import connection
from django.db.models import IntegerField, Value

from realtime.feed import Feed
from rooms import appending, known, log
from rooms.messages import Draft, Lock
from rooms.models import ChatRoom, Message

LONGEST_PAUSE_S = 0.03


def pause() -> None:
    """Take a while, in the writer's thread."""
    threading.Event().wait(random.uniform(0, LONGEST_PAUSE_S))


def unlocked() -> None:
    """Read the rooms of a batch without locking them."""

    def read(slugs: Collection[str], lock: Lock) -> dict[str, ChatRoom]:
        nothing = Value(None, output_field=IntegerField())  # of the site: nobody is remembered
        rooms = ChatRoom.objects.annotate(chat_epoch=nothing, chat_site_version=nothing)
        return {room.slug: room for room in rooms.filter(slug__in=slugs).order_by("pk")}

    whole = appending.Batch._insert

    def insert(self: appending.Batch, rows: Sequence[known.Row]) -> None:
        whole(self, rows)
        pause()

    _replace(log, "_locked", read)
    _replace(appending.Batch, "_insert", insert)


def gaps() -> None:
    """Publish what this process committed, whether or not it joins on to what was published before."""

    def joins_on(self: Feed, _batch: Any) -> bool:
        return self.readable

    _replace(Feed, "_joins_on", joins_on)


def early_ids() -> None:
    """Draw the ids of a batch before its rooms are locked."""
    drawn = threading.local()
    whole, insert = log._append, appending.Batch._insert

    def append(drafts: Sequence[Draft], _lock: Lock, _memory: object) -> Any:
        table = Message._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [table, len(drafts)],
            )
            drawn.ids = sorted(row[0] for row in cursor.fetchall())
        pause()
        return whole(drafts, Lock.WAIT, None)

    def insert_as_drawn(self: appending.Batch, rows: Sequence[known.Row]) -> None:
        for row, key in zip(rows, drawn.ids, strict=False):
            row.message.pk = key
        insert(self, rows)

    def check_nothing(_self: appending.Batch, _rows: Sequence[known.Row]) -> None:
        """Let ids pass that lie below a head: what is broken here would be noticed else."""

    _replace(log, "_append", append)
    _replace(appending.Batch, "_insert", insert_as_drawn)
    _replace(appending.Batch, "_check_drawn", check_nothing)


def _replace(owner: Any, name: str, by: Any) -> None:
    setattr(owner, name, by)
