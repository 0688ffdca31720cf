"""The index of words on SQLite: an FTS5 table without the texts, kept by triggers on the messages.

Its rows have the messages' ids, and FTS5 reads them in the order of ids, either way, as far as it is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Collection

    from rooms.search_words import Mark, Wanted

INDEX = "rooms_message_words"


def _marks(row: str) -> str:
    """Return the SQL for the marks of a row: words of letters and digits."""
    day = f"CAST(julianday(substr({row}.created_at, 1, 10)) - 2440587.5 AS INTEGER)"
    month = f"(substr({row}.created_at, 1, 4) * 12 + substr({row}.created_at, 6, 2) - 1)"
    author = f"hex(coalesce({row}.author_id, ''))"
    return f"'r' || {row}.room_id || ' a' || {author} || ' d' || {day} || ' m' || {month}"


def _found(row: str) -> str:
    return f"{row}.kind = 'message' AND {row}.body <> ''"


TABLE = f"""
CREATE VIRTUAL TABLE IF NOT EXISTS {INDEX} USING fts5(
    body, marks, content='', tokenize="unicode61 remove_diacritics 0 categories 'L* Nd'"
)
"""
FILL = f"""
INSERT INTO {INDEX}(rowid, body, marks)
SELECT m.id, m.body, {_marks("m")} FROM rooms_message m WHERE {_found("m")} ORDER BY m.id
"""  # noqa: S608  (all of it is written here)
ENTER = f"""
INSERT INTO {INDEX}(rowid, body, marks) VALUES (new.id, new.body, {_marks("new")});
"""  # noqa: S608  (all of it is written here)
LEAVE = f"""
INSERT INTO {INDEX}({INDEX}, rowid, body, marks) VALUES ('delete', old.id, old.body, {_marks("old")});
"""  # noqa: S608  (all of it is written here)
MATTERS = "id, room_id, kind, author_id, body, created_at"
TRIGGERS = {
    "inserted": ("AFTER INSERT", "new", ENTER),
    "deleted": ("AFTER DELETE", "old", LEAVE),
    # Before the change and after it, since triggers of one moment run in no order that SQLite promises.
    "changing": (f"BEFORE UPDATE OF {MATTERS}", "old", LEAVE),
    "changed": (f"AFTER UPDATE OF {MATTERS}", "new", ENTER),
}
"""By name: when, which state of the row must be one that is found, what then."""

READ = """
SELECT w.rowid FROM rooms_message_words w
WHERE rooms_message_words MATCH %s AND w.rowid BETWEEN %s AND %s {among}
ORDER BY w.rowid {order} LIMIT %s
"""
AMONG = "AND EXISTS (SELECT 1 FROM rooms_message m WHERE m.id = w.rowid AND m.room_id IN ({keys}))"


def make_index(database: Any) -> None:
    """Make the table with all the messages in it, and what keeps it."""
    with database.cursor() as cursor:
        cursor.execute(TABLE)
        cursor.execute(FILL)
    make_triggers(database)


def restore_triggers(database: Any) -> None:
    """Make the triggers anew where Django dropped them with the table, as it does to alter one on SQLite."""
    if database.vendor == "sqlite" and INDEX in database.introspection.table_names():
        make_triggers(database)


def make_triggers(database: Any) -> None:
    """Make the triggers that are not there."""
    with database.cursor() as cursor:
        for name, (when, row, what) in TRIGGERS.items():
            cursor.execute(
                f"CREATE TRIGGER IF NOT EXISTS {INDEX}_{name} {when} ON rooms_message"
                f" WHEN {_found(row)} BEGIN {what} END"
            )


def remove_index(database: Any) -> None:
    """Remove the table and what keeps it."""
    with database.cursor() as cursor:
        for name in TRIGGERS:
            cursor.execute(f"DROP TRIGGER IF EXISTS {INDEX}_{name}")
        cursor.execute(f"DROP TABLE {INDEX}")


def ids(
    wanted: Wanted,
    limit: int,
    *,
    low: int,
    high: int,
    ascending: bool = False,
    rooms: Collection[int] | None = None,
) -> list[int]:
    """Return the ids of messages that have all that is wanted, from `low` to `high`, in order.

    `rooms`, where given, are the only rooms that count: those too many for marks.
    """
    among = "" if rooms is None else AMONG.format(keys=", ".join(["%s"] * len(rooms)))
    statement = READ.format(among=among, order="ASC" if ascending else "DESC")
    with connection.cursor() as cursor:
        cursor.execute(statement, [_match(wanted), low, high, *(rooms or ()), limit])
        return [key for (key,) in cursor.fetchall()]


def _match(wanted: Wanted) -> str:
    """Return what FTS5 is asked: quoted words, which are no operators, and marks."""
    texts = [f'body : "{" ".join(phrase)}"' for phrase in wanted.phrases]
    groups = [f"marks : ({' OR '.join(map(_mark, group))})" for group in wanted.marks]
    return " AND ".join([*groups, *texts])


def _mark(mark: Mark) -> str:
    value = mark.value.encode().hex() if mark.letter == "a" else mark.value
    return f'"{mark.letter}{value}"'
