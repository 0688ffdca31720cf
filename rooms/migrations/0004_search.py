"""The index of words: what a search for text goes by, on either database.

It covers rows of kind `message` whose text is not withheld, and follows every change by itself. Beside
its words each message has marks: its room, its author, its day and month (UTC), and, on PostgreSQL, which
blocks of ids it lies in. `rooms.search_postgresql` and `rooms.search_sqlite` read it, and say what marks are
for.

On a table with rows this reads them all: about half a minute for each million, during which nobody writes.
"""

from typing import Any

from django.db import migrations

from rooms import search_sqlite

COLLATIONS = ("und-x-icu", "pg_c_utf8", "C.utf8")
"""What folds the letters of all scripts, the best first: a database's own collation may know only ASCII."""

FOLDED = """
CREATE FUNCTION rooms_folded(body text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(lower(body COLLATE "{collation}"), '[^[:alnum:]\\u0300-\\u0331]+', ' ', 'g')
"""
WORDS = """
CREATE FUNCTION rooms_message_words(id bigint, room bigint, author text, sent timestamptz, body text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('simple'::regconfig, rooms_folded(body)) || array_to_tsvector(ARRAY[
    'r:' || room::text,
    'a:' || coalesce(author, ''),
    'd:' || ((sent AT TIME ZONE 'UTC')::date - DATE '1970-01-01')::text,
    'm:' || (extract(year FROM sent AT TIME ZONE 'UTC') * 12
             + extract(month FROM sent AT TIME ZONE 'UTC') - 1)::integer::text,
    '10:' || (id >> 10)::text,
    '14:' || (id >> 14)::text,
    '18:' || (id >> 18)::text
])
"""
INDEX = """
CREATE INDEX rooms_message_words ON rooms_message
USING gin (rooms_message_words(id, room_id, author_id::text, created_at, body))
WITH (fastupdate = off)
WHERE kind = 'message' AND body <> ''
"""


def index(_apps: Any, editor: Any) -> None:
    """Make the index, with all that is there in it."""
    if editor.connection.vendor == "sqlite":
        search_sqlite.make_index(editor.connection)
    elif editor.connection.vendor == "postgresql":
        with editor.connection.cursor() as cursor:
            cursor.execute(FOLDED.format(collation=_collation(cursor)))
            cursor.execute(WORDS)
            cursor.execute(INDEX)


def _collation(cursor: Any) -> str:
    cursor.execute(
        "SELECT collname FROM pg_collation WHERE collname = ANY(%s)"
        " AND collencoding IN (-1, pg_char_to_encoding(getdatabaseencoding()))",
        [list(COLLATIONS)],
    )
    there = {name for (name,) in cursor.fetchall()}
    return next((name for name in COLLATIONS if name in there), "default")


def remove(_apps: Any, editor: Any) -> None:
    """Remove the index and what made it."""
    if editor.connection.vendor == "sqlite":
        search_sqlite.remove_index(editor.connection)
    elif editor.connection.vendor == "postgresql":
        with editor.connection.cursor() as cursor:
            cursor.execute("DROP INDEX rooms_message_words")
            cursor.execute("DROP FUNCTION rooms_message_words(bigint, bigint, text, timestamptz, text)")
            cursor.execute("DROP FUNCTION rooms_folded(text)")


class Migration(migrations.Migration):
    """Index the words of all messages."""

    dependencies = [("rooms", "0003_people_and_moderation")]
    operations = [migrations.RunPython(index, remove)]
