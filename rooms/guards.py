"""Managers that keep Django's bulk operations from going around `rooms.log` and `rooms.filekeeping`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any, Never, TypeVar

from django.db import DEFAULT_DB_ALIAS, models

if TYPE_CHECKING:
    from rooms.models import Message

M_co = TypeVar("M_co", bound=models.Model, covariant=True)

FILES_STAY = (
    "A file goes into a message by rooms.log.post, from its readers by rooms.log.redact, "
    "and for good by rooms.filekeeping.discard."
)
"""Why the row of a file is neither changed nor deleted in another way."""


def here_alone(alias: str | None) -> None:
    """Refuse to write to another database than the default one: the locks, and the log, are there.

    Raises:
        TypeError: it is another.
    """
    if alias not in {None, DEFAULT_DB_ALIAS}:
        raise TypeError(f"Rooms and their log are in the default database, not in {alias!r}.")


class _OneByOne(models.Manager[M_co]):
    """Has what is added to a related row (`room.bans.add(ban)`) saved one by one, as if by `bulk=False`.

    Django's own `add` writes by an UPDATE of the base manager's, which nothing here hears of. It stands in
    the class that Django derives from a model's manager for each relation to it.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        add = vars(cls).get("add")
        if add is not None:
            cls.add = _one_by_one(add)  # type: ignore[attr-defined]  # (there, as was just seen)


def _one_by_one(add: Callable[..., None]) -> Callable[..., None]:
    @wraps(add)
    def one_by_one(self: Any, *rows: Any, bulk: bool = False) -> None:  # noqa: ARG001 (as Django calls it)
        add(self, *rows, bulk=False)

    return one_by_one


class GuardedQuerySet(models.QuerySet[Any]):
    """Rows that nothing changes unheard."""

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Store new rows.

        Raises:
            TypeError: they are to take the place of old ones, by an UPDATE that no guard sees.
        """
        after_ignore_conflicts = args[2:]
        if kwargs.get("update_conflicts") or any(after_ignore_conflicts):
            raise TypeError("update_conflicts: what is there already is changed by save() or update().")
        here_alone(self._db)  # type: ignore[attr-defined]  # (Django's stubs leave it out)
        return super().bulk_create(objs, *args, **kwargs)


class AccessQuerySet(GuardedQuerySet):
    """Rows that say who may do what in a room: each bulk change locks the rooms and raises their versions."""

    room_field = "room_id"

    def _rooms(self) -> list[int]:
        return list(self.order_by().values_list(self.room_field, flat=True).distinct())

    def _in(self, rooms: list[int]) -> AccessQuerySet:
        """Return those of the rows in these rooms: others may have come since it was asked which to lock."""
        return self.filter(**{f"{self.room_field}__in": rooms})

    def update(self, **values: Any) -> int:
        """Change the rows, under their rooms' locks.

        Raises:
            TypeError: they are to go to another room, whose readers would not be asked.
        """
        from rooms import log

        if {"room", "room_id"} & values.keys():
            raise TypeError("room: rows go to another room one by one, each saved by itself.")
        rooms = self._rooms()
        with log.changing_access(rooms):
            return super(AccessQuerySet, self._in(rooms)).update(**values)

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        """Remove the rows, under their rooms' locks."""
        from rooms import log

        rooms = self._rooms()
        with log.changing_access(rooms):
            return super(AccessQuerySet, self._in(rooms)).delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Store the rows, under their rooms' locks."""
        from rooms import log

        rows = list(objs)
        with log.changing_access(sorted({row.room_id for row in rows})):
            return super().bulk_create(rows, *args, **kwargs)


class TokenQuerySet(GuardedQuerySet):
    """Tokens: a bulk change raises the site's version. Of each that is deleted a signal tells."""

    def update(self, **values: Any) -> int:
        """Change the rows."""
        from rooms import log

        with log.changing_accounts():
            return super().update(**values)

    update.alters_data = True  # type: ignore[attr-defined]


class AccountQuerySet(TokenQuerySet):
    """Rows that say whose account holds: each bulk change raises the site's version."""

    def delete(self) -> tuple[int, dict[str, int]]:
        """Remove the rows."""
        from rooms import log

        with log.changing_accounts():
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Store the rows."""
        from rooms import log

        with log.changing_accounts():
            return super().bulk_create(objs, *args, **kwargs)


class TrailQuerySet(GuardedQuerySet):
    """The audit trail: written, never changed."""

    def update(self, **_values: Any) -> Never:
        """Refuse.

        Raises:
            TypeError: always.
        """
        raise TypeError("The audit trail is never changed.")

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> Never:
        """Refuse.

        Raises:
            TypeError: always.
        """
        raise TypeError("The audit trail is never deleted.")

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class RoomQuerySet(AccessQuerySet):
    """Rooms: a bulk change may not touch what `rooms.log` keeps, and no room is ever deleted."""

    room_field = "pk"

    def update(self, **values: Any) -> int:
        """Change rooms, under their locks.

        Raises:
            TypeError: a value is one that never changes or that `rooms.log` alone writes.
        """
        from rooms.models import LOG_KEEPS

        if kept := LOG_KEEPS & values.keys():
            raise TypeError(f"{', '.join(sorted(kept))}: not written by an update; rooms.log alone does.")
        return super().update(**values)

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> Never:
        """Refuse: an address is never given again.

        Raises:
            ProtectedError: always.
        """
        raise models.ProtectedError("Rooms are archived (archived_at), never deleted.", set(self))

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Store new rooms; nobody reads them yet."""
        return GuardedQuerySet.bulk_create(self, objs, *args, **kwargs)


class MessageQuerySet(models.QuerySet["Message"]):
    """Messages: new ones go through the log, old ones are left alone."""

    def bulk_create(self, objs: Iterable[Message], *args: Any, **kwargs: Any) -> list[Message]:
        """Append new messages to their rooms' logs, in the order given, one transaction a room.

        Raises:
            TypeError: an option of Django's that the log does not know (conflicts are nonces there), or
                another database.
            rooms.log.Refusal: the log did not take one; what is in other rooms may be stored.
        """
        from rooms import log

        here_alone(self._db)  # type: ignore[attr-defined]  # (Django's stubs leave it out)
        kwargs.pop("batch_size", None)
        if args or any(kwargs.values()):
            raise TypeError("Messages are appended by rooms.log, which takes no options of bulk_create.")
        rows = list(objs)
        log.append_rows(rows)
        return rows

    def update(self, **_values: Any) -> Never:
        """Refuse: readers would never hear of it.

        Raises:
            TypeError: always.
        """
        raise TypeError("Messages in the log are not updated: call rooms.log.edit or rooms.log.redact.")

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(
        self, objs: Iterable[Message], fields: Iterable[str], batch_size: int | None = None
    ) -> Never:
        """Refuse, as `update` does.

        Raises:
            TypeError: always.
        """
        self.update()

    def delete(self) -> Never:
        """Refuse: readers resume by these ids.

        Raises:
            TypeError: always.
        """
        raise TypeError("Messages in the log are not deleted: call rooms.log.redact.")

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class FileQuerySet(GuardedQuerySet):
    """Files: `rooms.uploading` writes their rows, `rooms.attaching` and `rooms.filekeeping` change them."""

    def update(self, **_values: Any) -> Never:
        """Refuse: the messages that they are in would tell of them as they were.

        Raises:
            TypeError: always.
        """
        raise TypeError(FILES_STAY)

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> Never:
        """Refuse: nobody would know of their bytes.

        Raises:
            TypeError: always.
        """
        raise TypeError(FILES_STAY)

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


AccessManager = _OneByOne.from_queryset(AccessQuerySet)
AccountManager = _OneByOne.from_queryset(AccountQuerySet)
TokenManager = _OneByOne.from_queryset(TokenQuerySet)
TrailManager = _OneByOne.from_queryset(TrailQuerySet)
RoomManager = _OneByOne.from_queryset(RoomQuerySet)
MessageManager = _OneByOne.from_queryset(MessageQuerySet)
FileManager = _OneByOne.from_queryset(FileQuerySet)
