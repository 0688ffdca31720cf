"""The statements of every append that Django would build anew each time, at more than running them costs.

Their text is constant: tables and columns are the models' own, and what is asked for goes in as arguments,
never into the text, as one array (on SQLite as JSON) however many it is. Only the append, which one thread
writes, is worth this; all else is written as Django has it, and so are the messages themselves.
"""

# ruff: noqa: S608  (the texts are put together from names of the models, and nothing else)

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models.manager import BaseManager
from django.utils import timezone

from rooms.models import Ban, ChatRoom, Membership, Message, Mute, SiteState, Suspension

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from django.db.models import Model

BANNED, MUTED = "banned", "muted"
PATIENCE_MS = 250
"""How long an append that skips held rooms waits for any other row that somebody holds."""


def lock_rooms(slugs: Collection[str], *, skip_locked: bool) -> list[ChatRoom]:
    """Return the rooms, ascending, locked until the commit; held ones are waited for, or left out.

    Each has `chat_epoch` and `chat_site_version`, the site's as of the beginning of the statement.
    """
    text = _lock_rooms(connection.vendor, skip_locked=skip_locked)
    return list(ChatRoom._base_manager.raw(text, [_many(slugs)]))


def site_of(locked: Iterable[Any]) -> tuple[str, int] | None:
    """Return the site's epoch and access version as of when these rooms were locked, None if it has none."""
    for room in locked:
        if room.chat_epoch is not None:
            return room.chat_epoch, room.chat_site_version
    return None


def commit_without_a_wait() -> None:
    """Let the transaction that is open end without a wait for the disk: it locked rows, and stored nothing.

    Whoever is refused would else learn from that wait that a hidden room is there.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")


def people(manager: Any, keys: Collection[Any]) -> list[Any] | None:
    """Return the users of these keys, each with `chat_is_suspended`, or None where Django must be asked.

    That is so where the manager has a `get_queryset` of its own, which may leave some out, and where the
    model's fields lie in more tables than one.
    """
    model = manager.model
    if type(manager).get_queryset is not BaseManager.get_queryset or model._meta.parents:
        return None
    given = _many(_field(model, "pk").get_db_prep_value(key, connection) for key in keys)
    return list(manager.raw(_people(connection.vendor, model), [_now(), given]))


def kept_about(rooms: Collection[int], users: Iterable[Any]) -> list[tuple[int, Any, str]]:
    """Return the key of a room, of somebody, and a word: their role there, or a sanction that is in force."""
    field: Any = Membership._meta.get_field("user").target_field
    given = {field.get_db_prep_value(key, connection): key for key in users}
    among, now = (_many(rooms), _many(given)), _now()
    rows = _ask(_kept_about(connection.vendor), [*among, *among, now, *among, now])
    return [(room, given[user], word) for room, user, word in rows]


def repeated(of_people: Sequence[tuple[int, Any, str]], of_server: Sequence[tuple[int, str]]) -> list[int]:
    """Return the ids of the rows that have one of these nonces in that room, of that author or of none."""
    field: Any = Message._meta.get_field("author").target_field
    prepared = {
        key: field.get_db_prep_value(key, connection) for key in {key for _room, key, _nonce in of_people}
    }
    wanted = [(room, prepared[key], nonce) for room, key, nonce in of_people]
    text = _repeated(connection.vendor, server=bool(of_server))
    return [
        key for (key,) in _ask(text, [*_table_of(wanted, 3), *(_table_of(of_server, 2) if of_server else ())])
    ]


def move_heads(heads: Sequence[tuple[int, int]]) -> tuple[str, int]:
    """Set how far rooms' logs go, by their keys; return the site's epoch and access version as of then."""
    text = _move_heads(connection.vendor)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(text, _table_of(heads, 2))
        else:
            cursor.executemany(text, [(head, room) for room, head in heads])
            cursor.execute(_site(connection.vendor))
        found = cursor.fetchone()
    if found is not None and found[0] is not None:
        return str(found[0]), int(found[1])
    site = SiteState.current()
    return site.epoch, site.access_version


# Arguments: one for any number of values


def _now() -> Any:
    return _field(Suspension, "until").get_db_prep_value(timezone.now(), connection)


def _many(values: Iterable[Any]) -> Any:
    return list(values) if connection.vendor == "postgresql" else json.dumps(list(values))


def _table_of(rows: Sequence[tuple[Any, ...]], width: int) -> list[Any]:
    """Return rows as PostgreSQL's unnest takes them, a column each; as one text of JSON on SQLite."""
    if connection.vendor == "postgresql":
        return [[row[at] for row in rows] for at in range(width)]
    return [json.dumps(rows)]


def _ask(text: str, arguments: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(text, arguments)
        return list(cursor.fetchall())


# Texts, by the kind of database


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(model: type[Model], name: str) -> str:
    return connection.ops.quote_name(_field(model, name).column)


def _field(model: type[Model], name: str) -> Any:
    return model._meta.pk if name == "pk" else model._meta.get_field(name)


def _array(model: type[Model], name: str) -> str:
    return f"%s::{_field(model, name).db_type(connection)}[]"


def _among(vendor: str, column: str) -> str:
    return (
        f"{column} = ANY(%s)" if vendor == "postgresql" else f"{column} IN (SELECT value FROM json_each(%s))"
    )


@cache
def _lock_rooms(vendor: str, *, skip_locked: bool) -> str:
    columns = ", ".join(_column(ChatRoom, field.name) for field in ChatRoom._meta.concrete_fields)
    lock = (
        ""
        if vendor != "postgresql"
        else "FOR NO KEY UPDATE SKIP LOCKED"
        if skip_locked
        else "FOR NO KEY UPDATE"
    )
    site = (
        f"({_site(vendor, 'epoch')}) AS chat_epoch, ({_site(vendor, 'access_version')}) AS chat_site_version"
    )
    if vendor == "postgresql" and skip_locked:
        # For the statements after this one, and the commit: foreign keys wait for whoever holds an account.
        site += f", set_config('lock_timeout', '{PATIENCE_MS}', true) AS chat_patience"
    return (
        f"SELECT {columns}, {site} FROM {_table(ChatRoom)} WHERE {_among(vendor, _column(ChatRoom, 'slug'))}"
        f" ORDER BY {_column(ChatRoom, 'pk')} {lock}"
    )


@cache
def _people(vendor: str, model: type[Model]) -> str:
    key, user, until = _column(model, "pk"), _column(Suspension, "user"), _column(Suspension, "until")
    columns = ", ".join(f"u.{_column(model, field.name)}" for field in model._meta.concrete_fields)
    suspended = f"SELECT 1 FROM {_table(Suspension)} s WHERE s.{user} = u.{key} AND {_in_force('s.' + until)}"
    return (
        f"SELECT {columns}, EXISTS({suspended}) AS chat_is_suspended"
        f" FROM {_table(model)} u WHERE {_among(vendor, 'u.' + key)}"
    )


def _in_force(until: str) -> str:
    return f"({until} IS NULL OR {until} > %s)"


@cache
def _kept_about(vendor: str) -> str:
    def part(model: type[Model], word: str) -> str:
        room, user = _column(model, "room"), _column(model, "user")
        return (
            f"SELECT {room}, {user}, {word} FROM {_table(model)}"
            f" WHERE {_among(vendor, room)} AND {_among(vendor, user)}"
        )

    def sanction(model: type[Model], word: str) -> str:
        return f"{part(model, repr(word))} AND {_in_force(_column(model, 'until'))}"

    parts = (part(Membership, _column(Membership, "role")), sanction(Ban, BANNED), sanction(Mute, MUTED))
    return " UNION ALL ".join(parts)


@cache
def _repeated(vendor: str, *, server: bool) -> str:
    return _nonces(vendor, "room", "author", "nonce") + (
        f" UNION ALL {_nonces(vendor, 'room', 'nonce')}" if server else ""
    )


def _nonces(vendor: str, *names: str) -> str:
    """Return the text that seeks each row in an index: a plain join might read the whole table instead."""
    table, key = _table(Message), _column(Message, "pk")
    unowned = "" if "author" in names else f" AND m.{_column(Message, 'author')} IS NULL"
    if vendor == "postgresql":
        given = ", ".join(_array(Message, name) for name in names)
        same = " AND ".join(f"m.{_column(Message, name)} = w.{name}" for name in names)
        return (
            f"SELECT hit.key FROM unnest({given}) AS w({', '.join(names)})"
            f" CROSS JOIN LATERAL (SELECT m.{key} AS key FROM {table} m WHERE {same}{unowned} OFFSET 0) hit"
        )
    same = " AND ".join(
        f"m.{_column(Message, name)} = json_extract(w.value, '$[{at}]')" for at, name in enumerate(names)
    )
    return f"SELECT m.{key} FROM json_each(%s) AS w CROSS JOIN {table} AS m WHERE {same}{unowned}"


@cache
def _move_heads(vendor: str) -> str:
    table, key, head = _table(ChatRoom), _column(ChatRoom, "pk"), _column(ChatRoom, "last_message_id")
    if vendor != "postgresql":
        return f"UPDATE {table} SET {head} = %s WHERE {key} = %s"
    given = f"unnest({_array(ChatRoom, 'last_message_id')}, {_array(ChatRoom, 'last_message_id')})"
    values = ", ".join(f"({_site(vendor, name)})" for name in ("epoch", "access_version"))
    return (
        f"UPDATE {table} SET {head} = w.head FROM {given} AS w(key, head)"
        f" WHERE {table}.{key} = w.key RETURNING {values}"
    )


@cache
def _site(_vendor: str, *names: str) -> str:
    columns = ", ".join(_column(SiteState, name) for name in names or ("epoch", "access_version"))
    return f"SELECT {columns} FROM {_table(SiteState)} WHERE {_column(SiteState, 'pk')} = {SiteState.THE_ONE}"
