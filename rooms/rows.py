"""New rows of messages, made and stored with no more of Django's work than they need.

An append of hundreds is bounded by what Django takes for each field of each row.
"""

from __future__ import annotations

from copy import copy
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.base import ModelState
from django.utils.functional import partition

from rooms.models import ChatRoom, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_EMPTY: dict[str, Any] = dict.fromkeys(field.attname for field in Message._meta.concrete_fields) | {
    "redacted": False
}

READY = {models.CharField, models.TextField, models.BooleanField, models.BigIntegerField}
"""Fields of which a value of Python's own type is what every database takes."""
ALIKE = {models.ForeignKey, models.DateTimeField}
"""Fields of which many rows of a batch have the same values."""


def make(room: ChatRoom, author: Any | None, **values: Any) -> Message:
    """Return an unsaved row; of the columns that are not named, those that may be are NULL.

    It is filled as Django's own `Model.__init__` would fill it, which takes five times as long; but no
    receiver of `pre_init` and `post_init` hears of it.
    """
    row = Message.__new__(Message)
    row.__dict__.update(_EMPTY, room_id=room.id, author_id=author.pk if author else None, **values)
    row._state = ModelState()
    row._state.fields_cache = {"room": room, "author": author}
    return row


def store(rows: Sequence[Message]) -> None:
    """Insert rows, in this order, and set their keys."""
    _Lean(Message).bulk_create(rows)


class _Lean(models.QuerySet[Message]):
    """Leaves out the columns that none of the rows fills, and prepares each value once, if at all."""

    def _prepare_for_bulk_create(self, objs: Sequence[Message]) -> tuple[list[Message], list[Message]]:
        """Prepare nothing: what `make` makes has no key, its room and author are stored, no column defaults.

        Django from version 6 on wants to know which have a key, and which have none.
        """
        without, keyed = partition(lambda row: bool(row.pk), objs)
        return keyed, without

    def _batched_insert(
        self, objs: Sequence[Message], fields: Sequence[Any], *given: Any, **options: Any
    ) -> Any:
        # This is what `bulk_create` itself calls. Were it to go away, Django would do all of its work again.
        filled = [field for field in fields if not field.null or _is_filled(field.attname, objs)]
        if len(objs) > 1:
            filled = [_lean(field) for field in filled]
        return super()._batched_insert(objs, filled, *given, **options)  # type: ignore[misc]  # (no stub)

    def _insert(self, *given: Any, **options: Any) -> Any:
        """Store values as they are: no field of ours makes others of them as they are stored."""
        return super()._insert(*given, **{**options, "raw": True})  # type: ignore[misc]  # (no stub)


def _is_filled(name: str, rows: Sequence[Message]) -> bool:
    return list(map(attrgetter(name), rows)).count(None) < len(rows)


def _lean(field: Any) -> Any:
    """Return a field that prepares the values of one batch as this one does, with less to do."""
    lean = copy(field)
    if type(field) in READY:
        lean.get_db_prep_save = _as_it_is
    elif type(field) in ALIKE:
        lean.get_db_prep_save = _once_each(field.get_db_prep_save)
    return lean


def _as_it_is(value: Any, connection: Any) -> Any:  # noqa: ARG001 (as the field calls it)
    return value


def _once_each(prepare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    prepared: dict[Any, Any] = {}

    def get_db_prep_save(value: Any, connection: Any) -> Any:
        if value not in prepared:
            ready = prepare(value, connection)
            # The driver would make a text of a moment, for each row anew.
            prepared[value] = ready.isoformat() if isinstance(ready, datetime) else ready
        return prepared[value]

    return get_db_prep_save
